/* SPDX-License-Identifier: MIT */
/* test_http_address.c - what an address of the pages may look like, and who gets to it. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "captured.h"
#include "http/address.h"
#include "unit.h"

static const struct {
    const char *address, *host, *port; /* host NULL: it is refused */
} written[] = {
    { "127.0.0.1:6060", "127.0.0.1", "6060" },
    { "localhost:0", "localhost", "0" },
    { ":6060", "127.0.0.1", "6060" },
    { "6060", "127.0.0.1", "6060" },
    { "[::1]:80", "::1", "80" },
    { "*:65535", "", "65535" },
    { "0.0.0.0:1", "0.0.0.0", "1" },
    { "", NULL, NULL },
    { "host", NULL, NULL },
    { "host:", NULL, NULL },
    { "host:http", NULL, NULL },
    { "host:65536", NULL, NULL },
    { "host:-1", NULL, NULL },
    { "host: 1", NULL, NULL },
    { "host:000080", NULL, NULL },
    { "::1:6060", NULL, NULL },
    { "[::1]6060", NULL, NULL },
    { "[::1", NULL, NULL },
    { "[::1]:", NULL, NULL },
};

START_TEST(addresses_are_taken_apart)
{
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        struct ml_address_parts parts;
        const char *why = ml_address_parse(written[i].address, &parts);
        ck_assert_msg((why == NULL) == (written[i].host != NULL), "%s: %s", written[i].address,
                      why == NULL ? "taken" : why);
        if (why != NULL)
            continue;
        ck_assert(!parts.is_unix);
        ck_assert_str_eq(parts.host, written[i].host);
        ck_assert_str_eq(parts.port, written[i].port);
    }
}
END_TEST

START_TEST(paths_are_taken_whole_or_not_at_all)
{
    struct ml_address_parts parts;
    char longest[5 + sizeof(parts.path) + 1] = "unix:";
    ck_assert_ptr_null(ml_address_parse("unix:/run/a:b.sock", &parts));
    ck_assert(parts.is_unix);
    ck_assert_str_eq(parts.path, "/run/a:b.sock");
    ck_assert_ptr_nonnull(ml_address_parse("unix:", &parts));
    memset(longest + 5, 'x', sizeof(parts.path));
    ck_assert_ptr_nonnull(ml_address_parse(longest, &parts));
    longest[5 + sizeof(parts.path) - 1] = '\0';
    ck_assert_ptr_null(ml_address_parse(longest, &parts));
}
END_TEST

START_TEST(a_long_host_is_refused)
{
    struct ml_address_parts parts;
    char address[NI_MAXHOST + 10];
    memset(address, 'h', NI_MAXHOST);
    strcpy(address + NI_MAXHOST, ":80");
    ck_assert_ptr_nonnull(ml_address_parse(address, &parts));
}
END_TEST

static bool is_loopback(int fd)
{
    struct sockaddr_in name;
    socklen_t length = sizeof(name);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    return ntohl(name.sin_addr.s_addr) >> 24 == 127;
}

START_TEST(without_a_host_it_is_this_machine_alone)
{
    struct ml_listener listener;
    ck_assert_int_eq(ml_listener_open(&listener, ":0"), 0);
    ck_assert(is_loopback(listener.fd));
    ck_assert(!listener.is_open_to_others);
    ck_assert_int_eq(strncmp(listener.shown, "http://127.0.0.1:", 17), 0);
    ck_assert_str_ne(listener.shown + 17, "0");
    ml_listener_close(&listener);
}
END_TEST

START_TEST(all_addresses_are_told_to_be_open_to_others)
{
    struct ml_listener listener;
    ck_assert_int_eq(ml_listener_open(&listener, "0.0.0.0:0"), 0);
    ck_assert(listener.is_open_to_others);
    ml_listener_close(&listener);
}
END_TEST

/* What is said on stderr, and *result. */
static const char *open_and_listen(const char *address, int *result)
{
    struct ml_listener listener;
    capture_begin();
    *result = ml_listener_open(&listener, address);
    if (*result == 0)
        ml_listener_close(&listener);
    return capture_end();
}

START_TEST(a_taken_port_is_one_clear_error)
{
    struct ml_listener first;
    ck_assert_int_eq(ml_listener_open(&first, "127.0.0.1:0"), 0);
    const char *address = first.shown + strlen("http://");
    int result;
    const char *said = open_and_listen(address, &result);
    ck_assert_int_eq(result, -EADDRINUSE);
    ck_assert_ptr_nonnull(strstr(said, "Address already in use; choose another port"));
    ck_assert_ptr_nonnull(strstr(said, address));
    ml_listener_close(&first);
}
END_TEST

START_TEST(nonsense_is_one_clear_error)
{
    int result;
    const char *said = open_and_listen("somewhere", &result);
    ck_assert_int_eq(result, -EINVAL);
    ck_assert_ptr_nonnull(strstr(said, "no pages at somewhere: behind the last colon stands a port"));
}
END_TEST

/* ---- in the file system ---------------------------------------------------------------- */

static char folder[] = "/tmp/test_http_address.XXXXXX", path[100], unix_address[110];
static void make_folder(void)
{
    strcpy(folder + sizeof(folder) - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pages", folder);
    snprintf(unix_address, sizeof(unix_address), "unix:%s", path);
}
static void remove_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(a_socket_file_is_for_its_owner_and_goes_with_the_pages)
{
    make_folder();
    struct ml_listener listener;
    struct stat status;
    mode_t mask = umask(0);
    ck_assert_int_eq(ml_listener_open(&listener, unix_address), 0);
    umask(mask);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ml_listener_close(&listener);
    ck_assert_int_ne(stat(path, &status), 0);
    remove_folder();
}
END_TEST

START_TEST(one_that_is_in_use_stays)
{
    make_folder();
    struct ml_listener listener;
    ck_assert_int_eq(ml_listener_open(&listener, unix_address), 0);
    int result;
    (void)open_and_listen(unix_address, &result);
    ck_assert_int_eq(result, -EADDRINUSE);
    ck_assert_int_eq(access(path, F_OK), 0);
    ml_listener_close(&listener);
    remove_folder();
}
END_TEST

START_TEST(what_a_killed_one_left_is_replaced)
{
    make_folder();
    struct ml_listener listener;
    ck_assert_int_eq(ml_listener_open(&listener, unix_address), 0);
    close(listener.fd); /* as a kill does: the file stays */
    int result;
    (void)open_and_listen(unix_address, &result);
    ck_assert_int_eq(result, 0);
    remove_folder();
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays)
{
    make_folder();
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    int result;
    (void)open_and_listen(unix_address, &result);
    ck_assert_int_eq(result, -EADDRINUSE);
    ck_assert_int_eq(access(path, F_OK), 0);
    remove_folder();
}
END_TEST

START_TEST(somebody_elses_socket_is_not_taken_away_at_the_end)
{
    make_folder();
    struct ml_listener first, second;
    ck_assert_int_eq(ml_listener_open(&first, unix_address), 0);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(ml_listener_open(&second, unix_address), 0);
    ml_listener_close(&first);
    ck_assert_int_eq(access(path, F_OK), 0);
    ml_listener_close(&second);
    remove_folder();
}
END_TEST

UNIT_MAIN("http address", addresses_are_taken_apart, paths_are_taken_whole_or_not_at_all,
          a_long_host_is_refused, without_a_host_it_is_this_machine_alone,
          all_addresses_are_told_to_be_open_to_others, a_taken_port_is_one_clear_error,
          nonsense_is_one_clear_error, a_socket_file_is_for_its_owner_and_goes_with_the_pages,
          one_that_is_in_use_stays, what_a_killed_one_left_is_replaced, a_file_that_is_no_socket_stays,
          somebody_elses_socket_is_not_taken_away_at_the_end)
