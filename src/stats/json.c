/* SPDX-License-Identifier: MIT */
/* json.c - MemStats as Go's encoding/json writes it: no spaces, every array at
 * full length, the keys in the struct's order; and memlog_extra in the same way.
 *
 * Walks the field table; what is new there appears here by itself.
 */
#include "stats/json.h"

#include "stats/fields.h"

/* "Key": - no key holds a character that JSON would want escaped. */
static void write_key(struct ml_text *text, const char *key)
{
    ml_text_char(text, '"');
    ml_text_string(text, key);
    ml_text_string(text, "\":");
}

static void write_array(struct ml_text *text, const uint64_t *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        ml_text_char(text, i == 0 ? '[' : ',');
        ml_text_u64(text, numbers[i]);
    }
    ml_text_char(text, ']');
}

static void write_by_size(struct ml_text *text, const struct memlog_by_size by_size[MEMLOG_BY_SIZE])
{
    for (unsigned i = 0; i < MEMLOG_BY_SIZE; i++) {
        ml_text_string(text, i == 0 ? "[{" : ",{");
        write_key(text, "Size");
        ml_text_u64(text, by_size[i].size);
        ml_text_char(text, ',');
        write_key(text, "Mallocs");
        ml_text_u64(text, by_size[i].mallocs);
        ml_text_char(text, ',');
        write_key(text, "Frees");
        ml_text_u64(text, by_size[i].frees);
        ml_text_char(text, '}');
    }
    ml_text_char(text, ']');
}

static void write_histogram(struct ml_text *text, const struct memlog_histogram *histogram)
{
    ml_text_char(text, '{');
    write_key(text, "Counts");
    write_array(text, histogram->counts, MEMLOG_HISTOGRAM);
    ml_text_char(text, ',');
    write_key(text, "SumNs");
    ml_text_u64(text, histogram->sum_ns);
    ml_text_char(text, '}');
}

static void write_value(struct ml_text *text, enum ml_field_type type, const void *value)
{
    switch (type) {
    case ML_TYPE_U64:
        ml_text_u64(text, *(const uint64_t *)value);
        break;
    case ML_TYPE_I64:
        ml_text_i64(text, *(const int64_t *)value);
        break;
    case ML_TYPE_U32:
        ml_text_u64(text, *(const uint32_t *)value);
        break;
    case ML_TYPE_DOUBLE:
        ml_text_double_json(text, *(const double *)value);
        break;
    case ML_TYPE_BOOL:
        ml_text_string(text, *(const bool *)value ? "true" : "false");
        break;
    case ML_TYPE_U64_RING:
        write_array(text, value, MEMLOG_PAUSES);
        break;
    case ML_TYPE_BY_SIZE:
        write_by_size(text, value);
        break;
    case ML_TYPE_HISTOGRAM:
        write_histogram(text, value);
        break;
    }
}

static void write_object(struct ml_text *text, enum ml_field_home home, const struct memlog_memstats *stats,
                         const struct memlog_extra *extra)
{
    char before = '{';

    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (field->home != home || !ml_field_is_known(field, extra))
            continue;
        ml_text_char(text, before);
        write_key(text, field->go_name);
        write_value(text, (enum ml_field_type)field->type, ml_field_at(field, stats, extra, NULL));
        before = ',';
    }
    ml_text_char(text, '}');
}

void ml_json_memstats(struct ml_text *text, const struct memlog_memstats *stats)
{
    write_object(text, ML_HOME_MEMSTATS, stats, NULL);
}

void ml_json_extra(struct ml_text *text, const struct memlog_extra *extra)
{
    write_object(text, ML_HOME_EXTRA, NULL, extra);
}

void ml_json_all(struct ml_text *text, const struct memlog_memstats *stats, const struct memlog_extra *extra)
{
    ml_text_char(text, '{');
    write_key(text, "memstats");
    ml_json_memstats(text, stats);
    ml_text_char(text, ',');
    write_key(text, "memlog");
    ml_json_extra(text, extra);
    ml_text_char(text, '}');
}
