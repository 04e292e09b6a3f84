/* SPDX-License-Identifier: MIT */
#include "log/record.h"

#include <errno.h>
#include <string.h>

#include "os/clock.h"

enum { NS_PER_US = 1000 };
#define NS_PER_MINUTE (UINT64_C(60) * ML_NS_PER_SECOND)

void ml_record_init(struct ml_record *record, uint64_t interval_ns)
{
    memset(record, 0, sizeof(*record));
    record->interval_ns = interval_ns;
    if (interval_ns % ML_NS_PER_SECOND == 0)
        record->fraction_digits = 0;
    else if (interval_ns % ML_NS_PER_MS == 0)
        record->fraction_digits = 3;
    else if (interval_ns % NS_PER_US == 0)
        record->fraction_digits = 6;
    else
        record->fraction_digits = 9;
}

/* ---- columns ---------------------------------------------------------- */

static bool is_always_there(const struct ml_field *field)
{
    return field->home == ML_HOME_MEMSTATS &&
           (field->offset == offsetof(struct memlog_memstats, alloc) ||
            field->offset == offsetof(struct memlog_memstats, sys));
}

bool ml_record_has_column(const struct ml_record *record, const struct ml_field *field)
{
    for (size_t i = 0; i < record->column_count; i++)
        if (record->columns[i] == field)
            return true;
    return is_always_there(field);
}

/* Where the system has it. */
static unsigned usage_source(const struct ml_field *field)
{
    switch (field->offset) {
    case offsetof(struct ml_os_usage, pss):
    case offsetof(struct ml_os_usage, swap):
        return ML_OS_USAGE_ROLLUP;
    case offsetof(struct ml_os_usage, fds):
        return ML_OS_USAGE_FDS;
    case offsetof(struct ml_os_usage, cgroup_current):
        return ML_OS_USAGE_CGROUP;
    default:
        return ML_OS_USAGE_STAT;
    }
}

void ml_record_need(struct ml_record *record, const struct ml_field *field)
{
    record->needs_extra |= field->home == ML_HOME_EXTRA;
    if (field->home == ML_HOME_USAGE)
        record->usage_sources |= usage_source(field);
}

static int add_column(struct ml_record *record, const char *name, size_t length)
{
    const struct ml_field *field = ml_field_find(name, length);
    if (field == NULL)
        return -ENOENT;
    if (!ml_field_is_one_number(field))
        return -EINVAL;
    if (record->without_heap && ml_field_is_of_heap(field))
        return -ENXIO;
    if (ml_record_has_column(record, field))
        return 0;
    if (record->column_count == ML_RECORD_COLUMNS)
        return -E2BIG;
    record->columns[record->column_count++] = field;
    ml_record_need(record, field);
    return 0;
}

int ml_record_add_columns(struct ml_record *record, const char *list, const char **bad,
                          size_t *bad_length)
{
    static const char separators[] = ", \t\n";

    for (;;) {
        list += strspn(list, separators);
        size_t length = strcspn(list, separators);
        if (length == 0)
            return 0;
        int error = add_column(record, list, length);
        if (error != 0) {
            *bad = list;
            *bad_length = length;
            return error;
        }
        list += length;
    }
}

void ml_record_init_without_heap(struct ml_record *record, uint64_t interval_ns)
{
    static const char *const names[] = { "rss", "pss", "swap" };
    ml_record_init(record, interval_ns);
    record->without_heap = true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)add_column(record, names[i], strlen(names[i]));
}

/* ---- the header ------------------------------------------------------- */

static void add_interval(struct ml_text *text, uint64_t interval_ns)
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {
        { NS_PER_MINUTE, "m" }, { ML_NS_PER_SECOND, "s" }, { ML_NS_PER_MS, "ms" },
        { NS_PER_US, "us" },    { 1, "ns" },
    };
    size_t i = 0;

    while (interval_ns % units[i].ns != 0)
        i++;
    ml_text_u64(text, interval_ns / units[i].ns);
    ml_text_string(text, units[i].name);
}

void ml_record_header(struct ml_text *text, const struct ml_record *record,
                      const struct ml_record_run *run)
{
    ml_text_string(text, "# memlog 1 pid=");
    ml_text_i64(text, run->pid);
    ml_text_string(text, " start=");
    ml_text_utc(text, (int64_t)(run->start_ns / ML_NS_PER_SECOND));
    ml_text_string(text, " interval=");
    add_interval(text, record->interval_ns);
    if (run->gc != NULL) {
        ml_text_string(text, " gc=");
        ml_text_string(text, run->gc);
    }
    if (run->command != NULL) {
        ml_text_string(text, " command=\"");
        ml_text_string(text, run->command);
        ml_text_char(text, '"');
    }
    ml_text_string(text, record->without_heap ? "\n# timestamp" : "\n# timestamp Alloc Sys");
    for (size_t i = 0; i < record->column_count; i++) {
        ml_text_char(text, ' ');
        /* Those of Go's style stand behind Go's. */
        ml_text_string(text, record->without_heap ? record->columns[i]->name
                                                  : record->columns[i]->go_name);
    }
    ml_text_char(text, '\n');
}

/* ---- a sample --------------------------------------------------------- */

static void add_timestamp(struct ml_text *text, uint64_t now_ns, unsigned digits)
{
    uint64_t fraction = now_ns % ML_NS_PER_SECOND;

    ml_text_u64(text, now_ns / ML_NS_PER_SECOND);
    if (digits == 0)
        return;
    for (unsigned dropped = digits; dropped < 9; dropped++)
        fraction /= 10;
    ml_text_char(text, '.');
    ml_text_u64_padded(text, fraction, digits);
}

static bool is_unknown(const struct ml_field *field, const void *value)
{
    return field->home == ML_HOME_USAGE && *(const uint64_t *)value == ML_OS_USAGE_UNKNOWN;
}

static void add_value(struct ml_text *text, const struct ml_field *field, const void *value)
{
    if (is_unknown(field, value)) {
        ml_text_char(text, '-');
        return;
    }
    switch ((enum ml_field_type)field->type) {
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
        ml_text_double_go(text, *(const double *)value);
        break;
    case ML_TYPE_BOOL:
        ml_text_char(text, *(const bool *)value ? '1' : '0');
        break;
    case ML_TYPE_U64_RING:
    case ML_TYPE_BY_SIZE:
    case ML_TYPE_HISTOGRAM:
        break; /* add_column lets none in */
    }
}

void ml_record_sample(struct ml_text *text, const struct ml_record *record, uint64_t now_ns,
                      const struct memlog_memstats *stats, const struct memlog_extra *extra,
                      const struct ml_os_usage *usage)
{
    add_timestamp(text, now_ns, record->fraction_digits);
    if (!record->without_heap) {
        ml_text_char(text, ' ');
        ml_text_u64(text, stats->alloc);
        ml_text_char(text, ' ');
        ml_text_u64(text, stats->sys);
    }
    for (size_t i = 0; i < record->column_count; i++) {
        const struct ml_field *field = record->columns[i];
        ml_text_char(text, ' ');
        add_value(text, field, ml_field_at(field, stats, extra, usage));
    }
    ml_text_char(text, '\n');
}

/* ---- collections ------------------------------------------------------ */

static void add_pair(struct ml_text *text, const char *name, uint64_t value)
{
    ml_text_char(text, ' ');
    ml_text_string(text, name);
    ml_text_char(text, '=');
    ml_text_u64(text, value);
}

static const char *reason_name(uint64_t reason)
{
    switch ((enum ml_gc_reason)reason) {
    case ML_GC_PACED:
        return "paced";
    case ML_GC_NO_MEMORY:
        return "memory";
    case ML_GC_IDLE:
        return "idle";
    case ML_GC_STRESS:
        return "stress";
    case ML_GC_FORCED:
        return "forced";
    }
    return "?";
}

static void begin_cycle(struct ml_text *text, uint64_t number)
{
    ml_text_string(text, "# gc ");
    ml_text_u64(text, number);
}

void ml_record_cycle(struct ml_text *text, const struct ml_gc_record *cycle)
{
    enum { MICROSECONDS = 6 };

    begin_cycle(text, cycle->number);
    ml_text_string(text, " end=");
    add_timestamp(text, cycle->ended_ns, MICROSECONDS);
    ml_text_string(text, cycle->along ? " how=along why=" : " how=stopped why=");
    ml_text_string(text, reason_name(cycle->reason));
    add_pair(text, "before", cycle->taken_bytes);
    add_pair(text, "live", cycle->live_bytes);
    if (cycle->goal_bytes != INT64_MAX)
        add_pair(text, "goal", cycle->goal_bytes);
    add_pair(text, "pauses", cycle->pauses);
    add_pair(text, "first", cycle->first_ns);
    add_pair(text, "last", cycle->last_ns);
    add_pair(text, "longest", cycle->longest_ns);
    add_pair(text, "stopped", cycle->stopped_ns);
    add_pair(text, "stand", cycle->stand_ns);
    add_pair(text, "took", cycle->took_ns);
    add_pair(text, "cpu", cycle->cpu_ns);
    add_pair(text, "rounds", cycle->rounds);
    add_pair(text, "pages", cycle->last.pages);
    add_pair(text, "roots", cycle->root_bytes);
    add_pair(text, "slices", cycle->slices);
    ml_text_char(text, '\n');
}

void ml_record_missed_cycles(struct ml_text *text, uint64_t last, uint64_t count)
{
    begin_cycle(text, last);
    add_pair(text, "missed", count);
    ml_text_char(text, '\n');
}

/* ---- comments --------------------------------------------------------- */

void ml_record_limit(struct ml_text *text, uint64_t bytes)
{
    ml_text_string(text, "# limit ");
    ml_text_u64(text, bytes);
    ml_text_char(text, '\n');
}

void ml_record_lost(struct ml_text *text, uint64_t samples, const char *reason)
{
    ml_text_string(text, "# lost ");
    ml_text_u64(text, samples);
    ml_text_string(text, " samples (");
    ml_text_string(text, reason);
    ml_text_string(text, ")\n");
}

/* How much of words fits, without cutting a UTF-8 character in two. */
static size_t comment_length(const char *words)
{
    size_t length = strnlen(words, ML_RECORD_COMMENT_BYTES + 1);

    if (length <= ML_RECORD_COMMENT_BYTES)
        return length;
    length = ML_RECORD_COMMENT_BYTES;
    while (length > 0 && ((unsigned char)words[length] & 0xC0) == 0x80)
        length--;
    return length;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

void ml_record_comment(struct ml_text *text, const char *keyword, const char *words)
{
    size_t length = comment_length(words);

    ml_text_string(text, "# ");
    ml_text_string(text, keyword);
    for (size_t i = 0; i < length; i++)
        ml_text_char(text, is_control(words[i]) ? ' ' : words[i]);
    ml_text_char(text, '\n');
}
