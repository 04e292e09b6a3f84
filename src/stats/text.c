/* SPDX-License-Identifier: MIT */
/* text.c - the statistics for a person, out of the one table. */
#include "stats/text.h"

#include <string.h>

#include "base/bits.h"
#include "os/clock.h"
#include "stats/fields.h"

/* --- numbers with a unit ---------------------------------------------------- */

struct scale {
    const char *name;
    uint64_t one; /* 1 of it in the smallest */
};

/* Largest first; the last one is told in whole numbers. */
static const struct scale binary[] = {
    { "GiB", UINT64_C(1) << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "bytes", 1 }
};
static const struct scale decimal[] = { { "MB", 1000 * 1000 }, { "kB", 1000 }, { "bytes", 1 } };
static const struct scale times[] = {
    { "s", ML_NS_PER_SECOND }, { "ms", ML_NS_PER_MS }, { "us", 1000 }, { "ns", 1 }
};

static const struct scale *const byte_scales[] = { [ML_TEXT_GIB] = &binary[0],
                                                   [ML_TEXT_MIB] = &binary[1],
                                                   [ML_TEXT_KIB] = &binary[2],
                                                   [ML_TEXT_BYTES] = &binary[3],
                                                   [ML_TEXT_MB] = &decimal[0] };

enum { HUNDREDTHS = 100 };

/* Rounded to the nearest. No product is larger than 100 times the scale. */
static void split(uint64_t value, uint64_t one, uint64_t *whole, unsigned *hundredths)
{
    uint64_t rest = (value % one * HUNDREDTHS + one / 2) / one;
    *whole = value / one + rest / HUNDREDTHS;
    *hundredths = (unsigned)(rest % HUNDREDTHS);
}

/* "12.5": at most two decimals, none that says nothing. */
static void write_decimal(struct ml_text *text, uint64_t whole, unsigned hundredths)
{
    ml_text_u64(text, whole);
    if (hundredths == 0)
        return;
    ml_text_char(text, '.');
    if (hundredths % 10 == 0)
        ml_text_u64(text, hundredths / 10);
    else
        ml_text_u64_padded(text, hundredths, 2);
}

/* In that scale; where the number would be lost, in the first one after it that it fills. */
static void write_scaled(struct ml_text *text, uint64_t value, const struct scale *scale)
{
    uint64_t whole;
    unsigned hundredths;
    split(value, scale->one, &whole, &hundredths);
    while (value != 0 && whole == 0 && hundredths == 0) {
        do
            scale++;
        while (value < scale->one);
        split(value, scale->one, &whole, &hundredths);
    }
    write_decimal(text, whole, hundredths);
    ml_text_char(text, ' ');
    ml_text_string(text, value == 1 && strcmp(scale->name, "bytes") == 0 ? "byte" : scale->name);
}

static void write_bytes(struct ml_text *text, uint64_t bytes, enum ml_text_unit unit)
{
    write_scaled(text, bytes, byte_scales[unit]);
}

/* Milliseconds are what pauses are compared in; a second's worth of them and more is read better
 * in seconds from ten on. */
static void write_span(struct ml_text *text, uint64_t ns)
{
    const struct scale *scale = times;
    if (ns < 10 * UINT64_C(1000000000))
        scale++;
    while (scale->one > 1 && ns < scale->one)
        scale++;
    write_scaled(text, ns, ns == 0 ? &times[1] : scale);
}

static void write_moment(struct ml_text *text, uint64_t ns_since_1970)
{
    if (ns_since_1970 == 0)
        ml_text_string(text, "never");
    else
        ml_text_utc(text, (int64_t)(ns_since_1970 / ML_NS_PER_SECOND));
}

/* A share of 1, as percent. */
static void write_fraction(struct ml_text *text, double fraction)
{
    enum { PARTS_OF_A_PERCENT = HUNDREDTHS, PARTS = 100 * PARTS_OF_A_PERCENT };
    unsigned parts = (unsigned)(fraction * PARTS + 0.5);
    if (parts == 0 && fraction > 0)
        ml_text_string(text, "under 0.01");
    else
        write_decimal(text, parts / PARTS_OF_A_PERCENT, parts % PARTS_OF_A_PERCENT);
    ml_text_string(text, " %");
}

/* --- one number a field ------------------------------------------------------- */

static uint64_t whole_number(const struct ml_field *field, const void *value)
{
    return field->type == ML_TYPE_U32 ? *(const uint32_t *)value : *(const uint64_t *)value;
}

static void write_number(struct ml_text *text, const struct ml_field *field, const void *value,
                         enum ml_text_unit unit)
{
    switch ((enum ml_field_unit)field->unit) {
    case ML_UNIT_BYTES:
        if (ml_field_is_no_limit(field, whole_number(field, value)))
            ml_text_string(text, "none");
        else
            write_bytes(text, whole_number(field, value), unit);
        break;
    case ML_UNIT_COUNT:
        ml_text_u64(text, whole_number(field, value));
        break;
    case ML_UNIT_NANOSECONDS:
        write_span(text, whole_number(field, value));
        break;
    case ML_UNIT_UNIX_NANOSECONDS:
        write_moment(text, whole_number(field, value));
        break;
    case ML_UNIT_FRACTION:
        write_fraction(text, *(const double *)value);
        break;
    case ML_UNIT_PERCENT:
        if (*(const int64_t *)value < 0) {
            ml_text_string(text, "off");
            break;
        }
        ml_text_i64(text, *(const int64_t *)value);
        ml_text_string(text, " %");
        break;
    case ML_UNIT_FLAG:
        ml_text_string(text, *(const bool *)value ? "true" : "false");
        break;
    }
}

/* --- more than one number a field ---------------------------------------------- */

/* The newest few of the last 256, which would drown the rest: the histograms tell of all. */
static void write_ring(struct ml_text *text, const struct ml_field *field, const uint64_t *ring,
                       uint32_t written)
{
    enum { SHOWN = 5 };
    unsigned shown = ml_min(written, SHOWN);
    if (shown == 0)
        ml_text_string(text, "none");
    for (unsigned i = 0; i < shown; i++) {
        uint64_t value = ring[(written - 1 - i) % MEMLOG_PAUSES];
        ml_text_string(text, i == 0 ? "" : ", ");
        if (field->unit == ML_UNIT_UNIX_NANOSECONDS)
            write_moment(text, value);
        else
            write_span(text, value);
    }
    if (shown > 1)
        ml_text_string(text, " (newest first)");
}

/* Only size classes that were ever used, a line each below the field's. */
static void write_by_size(struct ml_text *text, const struct memlog_by_size *classes,
                          enum ml_text_unit unit)
{
    unsigned used = 0;
    for (unsigned i = 0; i < MEMLOG_BY_SIZE; i++)
        used += classes[i].mallocs != 0;
    ml_text_u64(text, used);
    ml_text_string(text, used == 1 ? " size class in use" : " size classes in use");
    for (unsigned i = 0; i < MEMLOG_BY_SIZE; i++) {
        const struct memlog_by_size *class = &classes[i];
        uint64_t objects = class->mallocs - class->frees;
        if (class->mallocs == 0)
            continue;
        ml_text_string(text, "\n  ");
        ml_text_u64(text, class->size);
        ml_text_string(text, " bytes: ");
        ml_text_u64(text, objects);
        ml_text_string(text, objects == 1 ? " object, " : " objects, ");
        write_bytes(text, objects * class->size, unit);
        ml_text_string(text, " (mallocs ");
        ml_text_u64(text, class->mallocs);
        ml_text_string(text, ", frees ");
        ml_text_u64(text, class->frees);
        ml_text_char(text, ')');
    }
}

/* The bucket in which so many percent of all are reached, counted from the shortest on. */
static unsigned bucket_of(const struct memlog_histogram *histogram, uint64_t all, unsigned percent)
{
    uint64_t wanted = all / 100 * percent + (all % 100 * percent + 99) / 100;
    uint64_t seen = 0;
    unsigned bucket = 0;
    while (bucket < MEMLOG_HISTOGRAM - 1 && (seen += histogram->counts[bucket]) < wanted)
        bucket++;
    return bucket;
}

/* Buckets are known, not their contents: a time that is not exceeded. The last bucket has
 * everything that is too long for the one before it. */
static void write_bucket(struct ml_text *text, unsigned bucket)
{
    bool is_last = bucket == MEMLOG_HISTOGRAM - 1;
    ml_text_string(text, is_last ? "over " : "up to ");
    write_span(text, memlog_histogram_ns(is_last ? bucket - 1 : bucket));
}

static void write_histogram(struct ml_text *text, const struct memlog_histogram *histogram)
{
    static const struct {
        unsigned percent;
        const char *name;
    } parts[] = { { 50, "half " }, { 90, ", 90 % " }, { 99, ", 99 % " }, { 100, ", all " } };
    uint64_t all = 0;
    for (unsigned i = 0; i < MEMLOG_HISTOGRAM; i++)
        all += histogram->counts[i];
    if (all == 0) {
        ml_text_string(text, "none");
        return;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ml_text_string(text, parts[i].name);
        write_bucket(text, bucket_of(histogram, all, parts[i].percent));
    }
}

/* --- the lines ------------------------------------------------------------------ */

/* The value's own unit follows it, and need not be in the name. */
static void write_name(struct ml_text *text, const struct ml_field *field)
{
    size_t length = strlen(field->go_name);
    if (field->unit == ML_UNIT_NANOSECONDS && strcmp(field->go_name + length - 2, "Ns") == 0)
        length -= 2;
    ml_text_bytes(text, field->go_name, length);
    ml_text_string(text, ": ");
}

static void write_line(struct ml_text *text, const struct ml_field *field,
                       const struct memlog_memstats *stats, const struct memlog_extra *extra,
                       enum ml_text_unit unit)
{
    const void *value = ml_field_at(field, stats, extra, NULL);
    write_name(text, field);
    switch ((enum ml_field_type)field->type) {
    case ML_TYPE_U64:
    case ML_TYPE_I64:
    case ML_TYPE_U32:
    case ML_TYPE_DOUBLE:
    case ML_TYPE_BOOL:
        write_number(text, field, value, unit);
        break;
    case ML_TYPE_U64_RING:
        write_ring(text, field, value, stats->num_gc);
        break;
    case ML_TYPE_BY_SIZE:
        write_by_size(text, value, unit);
        break;
    case ML_TYPE_HISTOGRAM:
        write_histogram(text, value);
        break;
    }
    ml_text_char(text, '\n');
}

/* What is looked for most often, and stands first. */
static const char *const first[] = { "alloc", "total_alloc", "sys", "num_gc", "heap_objects" };
enum { FIRST = sizeof(first) / sizeof(first[0]) };

static bool is_among_first(const struct ml_field *field)
{
    for (unsigned i = 0; i < FIRST; i++)
        if (strcmp(field->name, first[i]) == 0)
            return true;
    return false;
}

static bool is_in_short(const struct ml_field *field)
{
    return field->home == ML_HOME_MEMSTATS && field->type != ML_TYPE_BY_SIZE;
}

static bool is_in_all(const struct ml_field *field) { return field->home != ML_HOME_USAGE; }

static void write_lines(struct ml_text *text, bool (*is_told)(const struct ml_field *field),
                        const struct memlog_memstats *stats, const struct memlog_extra *extra,
                        enum ml_text_unit unit)
{
    for (unsigned i = 0; i < FIRST; i++)
        write_line(text, ml_field_find(first[i], strlen(first[i])), stats, extra, unit);
    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (is_told(field) && !is_among_first(field) && ml_field_is_known(field, extra))
            write_line(text, field, stats, extra, unit);
    }
}

void ml_text_stats(struct ml_text *text, const struct memlog_memstats *stats,
                   const struct memlog_extra *extra, enum ml_text_unit unit)
{
    write_lines(text, is_in_all, stats, extra, unit);
}

void ml_text_memstats(struct ml_text *text, const struct memlog_memstats *stats, enum ml_text_unit unit)
{
    write_lines(text, is_in_short, stats, NULL, unit);
}

/* --- units by name ----------------------------------------------------------------- */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool is_same_word(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

bool ml_text_unit_parse(const char *name, enum ml_text_unit *unit)
{
    for (unsigned i = 0; i < sizeof(byte_scales) / sizeof(byte_scales[0]); i++)
        if (is_same_word(name, byte_scales[i]->name)) {
            *unit = (enum ml_text_unit)i;
            return true;
        }
    return false;
}
