/* SPDX-License-Identifier: MIT */
/* fields.h - ONE table of every number: its names, unit, kind, place and help.
 *
 * JSON, text, log columns, metrics and (later) gdb all walk this table,
 * so that two renderings can't disagree.
 */
#ifndef ML_STATS_FIELDS_H
#define ML_STATS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memlog_stats.h"
#include "os/usage.h"

enum ml_field_kind { ML_GAUGE, ML_TOTAL };
enum ml_field_unit {
    ML_UNIT_BYTES,
    ML_UNIT_COUNT,
    ML_UNIT_NANOSECONDS,      /* a span of time */
    ML_UNIT_UNIX_NANOSECONDS, /* a moment: since 1970 */
    ML_UNIT_FRACTION,
    ML_UNIT_PERCENT,
    ML_UNIT_FLAG
};
enum ml_field_type {
    ML_TYPE_U64,
    ML_TYPE_I64,
    ML_TYPE_U32,
    ML_TYPE_DOUBLE,
    ML_TYPE_BOOL,     /* from here on: more than one number */
    ML_TYPE_U64_RING, /* uint64_t[MEMLOG_PAUSES] */
    ML_TYPE_BY_SIZE,  /* struct memlog_by_size[MEMLOG_BY_SIZE] */
    ML_TYPE_HISTOGRAM /* struct memlog_histogram */
};
/* The last: what the system says; for the log only. */
enum ml_field_home { ML_HOME_MEMSTATS, ML_HOME_EXTRA, ML_HOME_USAGE };

struct ml_field {
    const char *name;    /* "heap_alloc": the struct's member */
    const char *go_name; /* "HeapAlloc"; for memlog_extra the same style: "LargeMallocs" */
    const char *metric;  /* "memlog_heap_alloc_bytes", as Prometheus wants names; NULL: none */
    const char *help;    /* one sentence, no full stop */
    uint16_t offset;     /* in its struct */
    uint8_t home;        /* enum ml_field_home */
    uint8_t type, unit, kind;
};

/* memlog_memstats' fields in Go's order, then memlog_extra's, then the system's. */
extern const struct ml_field ml_fields[];
extern const size_t ml_fields_count;

/* The field of that name (either spelling, exact case), or NULL. */
const struct ml_field *ml_field_find(const char *name, size_t length);

/* A number of memlog's heap or collector: a process without memlog has none. */
bool ml_field_is_of_heap(const struct ml_field *field);

/* Whether its value is known: what the system says is not, of a process that is dead or hidden, and
 * extra->rss is 0 there and nowhere else. extra: NULL where no such field is asked about. */
bool ml_field_is_known(const struct ml_field *field, const struct memlog_extra *extra);

/* A field in bytes has the value of a limit that is not set: the largest number, or 0 in
 * cgroup_limit. */
bool ml_field_is_no_limit(const struct ml_field *field, uint64_t bytes);

/* Not an array or a histogram. */
static inline bool ml_field_is_one_number(const struct ml_field *field)
{
    return field->type <= ML_TYPE_BOOL;
}

/* Where the field's value is, in whichever of the structs is its home. */
static inline const void *ml_field_at(const struct ml_field *field,
                                      const struct memlog_memstats *stats,
                                      const struct memlog_extra *extra,
                                      const struct ml_os_usage *usage)
{
    const char *homes[] = { [ML_HOME_MEMSTATS] = (const char *)stats,
                            [ML_HOME_EXTRA] = (const char *)extra,
                            [ML_HOME_USAGE] = (const char *)usage };
    return homes[field->home] + field->offset;
}

#endif
