/* SPDX-License-Identifier: MIT */
/* json.c - MemStats as Go's encoding/json writes it: no spaces, every array at
 * full length, the keys in the struct's order.
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

static void write_ring(struct ml_text *text, const uint64_t ring[MEMLOG_PAUSES])
{
    for (unsigned i = 0; i < MEMLOG_PAUSES; i++) {
        ml_text_char(text, i == 0 ? '[' : ',');
        ml_text_u64(text, ring[i]);
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
        write_ring(text, value);
        break;
    case ML_TYPE_BY_SIZE:
        write_by_size(text, value);
        break;
    case ML_TYPE_HISTOGRAM:
        break; /* MemStats has none */
    }
}

void ml_json_memstats(struct ml_text *text, const struct memlog_memstats *stats)
{
    char before = '{';

    for (size_t i = 0; i < ml_fields_count; i++) {
        const struct ml_field *field = &ml_fields[i];
        if (field->home != ML_HOME_MEMSTATS)
            continue;
        ml_text_char(text, before);
        write_key(text, field->go_name);
        write_value(text, (enum ml_field_type)field->type, ml_field_at(field, stats, NULL, NULL));
        before = ',';
    }
    ml_text_char(text, '}');
}
