/* SPDX-License-Identifier: MIT */
/* test_http_guard.c - whom the pages answer, and whose browser was sent by another page. */
#include <string.h>

#include "http/guard.h"
#include "unit.h"

static const struct ml_guard plain = { "box", NULL, false };

static bool takes_host(const struct ml_guard *guard, const char *host)
{
    return ml_guard_refuses(guard, &(struct ml_guard_claims){ .host = host }) == NULL;
}

START_TEST(numbers_localhost_and_the_machines_name_are_answered)
{
    static const char *const good[] = { "127.0.0.1:6060", "127.0.0.1", "10.1.2.3:80", "[::1]:6060", "[::1]",
                                        "localhost:6060", "LocalHost", "app.localhost:1", "localhost.",
                                        "box:6060", "BOX" };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ck_assert_msg(takes_host(&plain, good[i]), "%s is refused", good[i]);
    ck_assert(ml_guard_refuses(&plain, &(struct ml_guard_claims){ 0 }) == NULL);
}
END_TEST

/* A name that an attacker may have made to point here. */
START_TEST(other_names_are_refused)
{
    static const char *const bad[] = { "evil.example", "evil.example:6060", "127.0.0.1.evil.example",
                                       "xlocalhost", "localhost.evil.example", "", ":6060", "[::1", "[",
                                       "[]:1", "[::1]x", "1.2.3", "0x7f000001", "boxer", "box.example" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!takes_host(&plain, bad[i]), "%s is answered", bad[i]);
    char longest[400];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert(!takes_host(&plain, longest));
}
END_TEST

START_TEST(names_can_be_listed)
{
    const struct ml_guard listed = { "box", "app, app.example.com,, other", false }, all = { "box", "*", false };
    ck_assert(takes_host(&listed, "app:6060"));
    ck_assert(takes_host(&listed, "APP.example.com"));
    ck_assert(takes_host(&listed, "other"));
    ck_assert(!takes_host(&listed, "ap"));
    ck_assert(!takes_host(&listed, "apple"));
    ck_assert(!takes_host(&listed, "example.com"));
    ck_assert(takes_host(&all, "anything.example"));
}
END_TEST

START_TEST(nobody_gets_to_a_file_by_a_name)
{
    const struct ml_guard file = { "box", NULL, true };
    ck_assert(takes_host(&file, "whatever"));
}
END_TEST

START_TEST(another_sites_page_is_refused)
{
    struct ml_guard_claims claims = { .host = "127.0.0.1:6060", .origin = "http://127.0.0.1:6060" };
    ck_assert_ptr_null(ml_guard_refuses(&plain, &claims));
    static const char *const others[] = { "http://evil.example", "null", "", "http://127.0.0.1:6061",
                                          "http://127.0.0.1", "http://127.0.0.1:6060.evil.example" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        claims.origin = others[i];
        ck_assert_msg(ml_guard_refuses(&plain, &claims) != NULL, "Origin %s is answered", others[i]);
    }
    claims = (struct ml_guard_claims){ .origin = "http://127.0.0.1:6060" };
    ck_assert_ptr_nonnull(ml_guard_refuses(&plain, &claims));
}
END_TEST

START_TEST(a_link_may_be_followed_and_nothing_else)
{
    struct ml_guard_claims claims = { .host = "localhost", .fetch_site = "same-origin", .fetch_mode = "cors" };
    ck_assert_ptr_null(ml_guard_refuses(&plain, &claims));
    claims.fetch_site = "none";
    ck_assert_ptr_null(ml_guard_refuses(&plain, &claims));
    claims.fetch_site = "cross-site";
    ck_assert_ptr_nonnull(ml_guard_refuses(&plain, &claims));
    claims.fetch_mode = "no-cors"; /* an image */
    ck_assert_ptr_nonnull(ml_guard_refuses(&plain, &claims));
    claims.fetch_mode = NULL;
    ck_assert_ptr_nonnull(ml_guard_refuses(&plain, &claims));
    claims.fetch_mode = "navigate";
    ck_assert_ptr_null(ml_guard_refuses(&plain, &claims));
    claims.fetch_dest = "document";
    ck_assert_ptr_null(ml_guard_refuses(&plain, &claims));
    claims.fetch_dest = "iframe";
    ck_assert_ptr_nonnull(ml_guard_refuses(&plain, &claims));
}
END_TEST

UNIT_MAIN("http guard", numbers_localhost_and_the_machines_name_are_answered, other_names_are_refused,
          names_can_be_listed, nobody_gets_to_a_file_by_a_name, another_sites_page_is_refused,
          a_link_may_be_followed_and_nothing_else)
