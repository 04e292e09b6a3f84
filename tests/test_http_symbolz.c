/* SPDX-License-Identifier: MIT */
/* test_http_symbolz.c - addresses out of whatever was posted. */
#include "http/symbolz.h"

#include <stdio.h>
#include <string.h>

#include "http_snapshots.h"
#include "unit.h"

/* All that are found, one behind the other; from memory that ends where the text ends. */
static const char *found(const char *query, size_t length)
{
    static char list[1000];
    char *copy = malloc(length + (length == 0)), *to = list;
    const char *at = copy;
    uint64_t address;
    memcpy(copy, query, length);
    list[0] = '\0';
    while (ml_symbolz_next(&at, copy + length, &address))
        to += sprintf(to, "%llx ", (unsigned long long)address);
    ck_assert_ptr_eq(at, copy + length);
    free(copy);
    return list;
}

START_TEST(addresses_stand_between_anything)
{
    static const char *const queries[][2] = {
        { "", "" },
        { "0x55d1+0x55a0", "55d1 55a0 " },
        { "0x55d1 0X55A0\n", "55d1 55a0 " },
        { "+++0x1", "1 " },
        { "0xffffffffffffffff", "ffffffffffffffff " },
        { "0x10000000000000000+0x2", "2 " }, /* 65 bits */
        { "0x+0xg+0x3", "3 " },
        { "0", "" },
        { "0x", "" },
        { "00x5", "5 " },
        { "12345678", "" },
        { "0x0", "0 " },
    };
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        ck_assert_str_eq(found(queries[i][0], strlen(queries[i][0])), queries[i][1]);
    ck_assert_str_eq(found("0x1\0" "0x2", 7), "1 2 ");
}
END_TEST

START_TEST(any_bytes_do_no_harm)
{
    static const char letters[] = "0xXaF9+ \n\0\xff";
    uint64_t random = 7;
    for (int i = 0; i < 100000; i++) {
        char query[20];
        for (size_t k = 0; k < sizeof(query); k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            query[k] = letters[(random >> 33) % (sizeof(letters) - 1)];
        }
        (void)found(query, (random >> 20) % sizeof(query));
    }
}
END_TEST

static void name_plainly(void *unused, uintptr_t address, ml_name_taker *take, void *argument)
{
    (void)unused;
    if (address == 0x10)
        take(&(struct ml_name){ "two\nlines", 0, NULL, 0 }, argument);
    if (address == 0x20)
        take(&(struct ml_name){ "main", 0x20, NULL, 0 }, argument);
}

START_TEST(known_names_are_told)
{
    const struct ml_namer namer = { NULL, name_plainly };
    struct ml_buffer reply = { 0 };
    ml_symbolz_write("", 0, &namer, &reply);
    ck_assert_str_eq(reply.bytes, "num_symbols: 1\n");
    ml_buffer_free(&reply);
    ml_symbolz_write("0x20+0x30+0x10", 14, &namer, &reply);
    ck_assert_str_eq(reply.bytes, "num_symbols: 1\n0x20 main\n0x10 two?lines\n");
    ml_buffer_free(&reply);
}
END_TEST

UNIT_MAIN("http symbolz", addresses_stand_between_anything, any_bytes_do_no_harm,
          known_names_are_told)
