/* SPDX-License-Identifier: MIT */
/* http_snapshots.h - snapshots made by hand, of a program with a few functions at known
 * addresses.
 */
#ifndef MEMLOG_TESTS_HTTP_SNAPSHOTS_H
#define MEMLOG_TESTS_HTTP_SNAPSHOTS_H

#include "image/snapshot.h"
#include "http/names.h"

/* Return addresses: of calls in functions of 256 bytes each. */
enum {
    IN_MALLOC = 0x10010,
    IN_PARSE = 0x10110,
    IN_SERVE = 0x10210,
    IN_MAIN = 0x10310,
    ELSEWHERE = 0x90010
};

static const uintptr_t snapshot_parse[] = { IN_MALLOC, IN_PARSE, IN_SERVE, IN_MAIN },
                       snapshot_serve[] = { IN_SERVE, IN_MAIN },
                       snapshot_else[] = { ELSEWHERE, IN_MAIN };

static struct ml_snapshot_mapping snapshot_mappings[] = {
    { 0x10000, 0x20000, 0x1000, (char *)"/usr/bin/demo", "0123456789abcdef" },
    { 0x30000, 0x40000, 0, (char *)"[vdso]", "" },
};

static inline struct ml_snapshot make_snapshot(struct ml_snapshot_bucket *buckets, size_t count,
                                               uint64_t rate)
{
    return (struct ml_snapshot){ .time_ns = UINT64_C(1700000000000000000), .rate = rate,
                                 .buckets = buckets, .buckets_count = count,
                                 .mappings = snapshot_mappings, .mappings_count = 2 };
}

/* parse is inlined in serve. */
static inline void name_by_hand(void *unused, uintptr_t address, ml_name_taker *take,
                                void *argument)
{
    static const char *const functions[] = { "malloc", "parse", "serve", "main" };
    uintptr_t number = (address - 0x10000) >> 8;
    unsigned line = (unsigned)number * 10 + 1;
    (void)unused;
    if (number >= 4)
        return;
    if (number == 2)
        take(&(struct ml_name){ "check;all", address & 255, "demo.h", 7 }, argument);
    take(&(struct ml_name){ functions[number], address & 255, "demo.c", line }, argument);
}

static const struct ml_namer namer_by_hand = { NULL, name_by_hand };

#endif
