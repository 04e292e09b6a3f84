/* SPDX-License-Identifier: MIT */
#include "cli/difffigures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/process.h"

/* ---- the statistics ------------------------------------------------------------------ */

double ml_figure(const struct ml_figures *figures, enum ml_statistic statistic)
{
    if (figures->count == 0)
        return NAN;
    switch (statistic) {
    case ML_STATISTIC_MEAN:
        return (double)(figures->sum / figures->count);
    case ML_STATISTIC_P95:
        return ml_quantiles_at(&figures->quantiles, 0.95);
    case ML_STATISTIC_PEAK:
        return figures->peak;
    case ML_STATISTIC_LAST:
        return figures->last;
    case ML_STATISTIC_RATE:
        return figures->span_ns == 0
                   ? NAN
                   : figures->increase / ((double)figures->span_ns / ML_NS_PER_SECOND);
    case ML_STATISTIC_INCREASE:
        return figures->increase;
    case ML_STATISTICS:
        break;
    }
    return NAN;
}

double ml_growth_percent(double a, double b)
{
    if (isnan(a) || isnan(b))
        return NAN;
    if (a == 0)
        return b == 0 ? 0 : b > 0 ? INFINITY : -INFINITY;
    return (b - a) / (a < 0 ? -a : a) * 100;
}

/* ---- one part's samples ---------------------------------------------------------------- */

struct gather {
    struct ml_comparison *comparison;
    unsigned side;
    int64_t from_ns, to_ns;    /* steadily */
    struct ml_columns columns; /* those that are compared, in their order */
    bool has_memory;
};

static void begin_run(void *context, const struct ml_log_run *run)
{
    struct gather *gather = context;
    (void)ml_columns_enter(&gather->columns, run);
    for (unsigned i = 0; i < gather->comparison->count; i++)
        gather->comparison->list[i].figures[gather->side].has_before = false;
}

/* What is no limit is no number to compare with. */
static bool is_number(const struct ml_field *field, double value)
{
    if (isnan(value))
        return false;
    if (field == NULL || field->unit != ML_UNIT_BYTES || value < 0)
        return true;
    return !ml_field_is_no_limit(field, value >= (double)INT64_MAX ? INT64_MAX : (uint64_t)value);
}

static void take_total(struct ml_figures *figures, double value, int64_t ns)
{
    if (figures->has_before && ns > figures->before_ns && value >= figures->before) {
        figures->increase += value - figures->before;
        figures->span_ns += ns - figures->before_ns;
    }
    figures->has_before = true;
    figures->before = value;
    figures->before_ns = ns;
}

static bool take(struct ml_figures *figures, double value)
{
    figures->sum += value;
    figures->last = value;
    if (figures->count == 1 || value > figures->peak)
        figures->peak = value;
    return ml_quantiles_add(&figures->quantiles, value);
}

static void take_sample(void *context, const struct ml_log_sample *sample)
{
    struct gather *gather = context;
    if (sample->steady_ns < gather->from_ns || sample->steady_ns > gather->to_ns)
        return;
    for (unsigned i = 0; i < gather->columns.count; i++) {
        const struct ml_column *column = &gather->columns.list[i];
        struct ml_compared *compared = &gather->comparison->list[i];
        struct ml_figures *figures = &compared->figures[gather->side];
        double value = column->place < 0 ? NAN : sample->values[column->place];
        if (!is_number(column->field, value))
            continue;
        figures->count++;
        if (ml_compared_is_total(compared))
            take_total(figures, value, sample->steady_ns);
        else
            gather->has_memory &= take(figures, value);
    }
}

/* False after one line on stderr. */
static bool has_columns(const struct ml_comparison *comparison)
{
    if (comparison->count == 0)
        ml_os_complain("no column has numbers in both ", comparison->parts[0].said, " and ",
                       comparison->parts[1].said, NULL);
    return comparison->count != 0;
}

static bool gather_side(struct ml_comparison *comparison, unsigned side,
                        const struct ml_columns *columns)
{
    static struct gather gather; /* large */
    const struct ml_log_visitor visitor = { .context = &gather,
                                            .run = begin_run,
                                            .sample = take_sample };
    int64_t zero = comparison->zero_ns[side];
    gather = (struct gather){ .comparison = comparison,
                               .side = side,
                               .columns = *columns,
                               .has_memory = true,
                               .from_ns = comparison->is_whole ? INT64_MIN : zero,
                               .to_ns = comparison->is_whole ? INT64_MAX
                                                             : zero + comparison->length_ns };
    if (!ml_part_visit(&comparison->parts[side], &visitor))
        return false;
    if (!gather.has_memory)
        ml_os_complain("there is not enough memory to compare them", NULL);
    return gather.has_memory;
}

/* ---- both ---------------------------------------------------------------------------------- */

/* Moments are left out: a mean of them, or a change in percent, says nothing. */
static void find_common(struct ml_comparison *comparison, struct ml_columns *columns)
{
    const struct ml_columns *own = &comparison->parts[0].columns,
                            *other = &comparison->parts[1].columns;
    columns->count = comparison->count = 0;
    for (unsigned i = 0; i < own->count; i++) {
        const struct ml_column *column = &own->list[i];
        bool is_moment = column->field != NULL && column->field->unit == ML_UNIT_UNIX_NANOSECONDS;
        if (is_moment || ml_columns_find(other, column->name, strlen(column->name)) < 0)
            continue;
        columns->list[columns->count++] = *column;
        comparison->list[comparison->count++] =
            (struct ml_compared){ .name = column->name, .field = column->field };
    }
}

static int64_t interval_of(const struct ml_comparison *comparison)
{
    uint64_t a = comparison->parts[0].run.interval_ns, b = comparison->parts[1].run.interval_ns;
    return (int64_t)(a > b ? a : b);
}

/* Less than the time between two samples is no difference in length: of both the last one counts,
 * in which a program that has ended may have freed all. */
static void align(struct ml_comparison *comparison)
{
    int64_t length[2];
    for (int side = 0; side < 2; side++) {
        const struct ml_part *part = &comparison->parts[side];
        comparison->zero_ns[side] = comparison->mark != NULL ? part->mark_ns : part->first_ns;
        length[side] = part->last_ns - comparison->zero_ns[side];
    }
    bool is_a_shorter = length[0] < length[1];
    comparison->length_ns = is_a_shorter ? length[0] : length[1];
    if (length[is_a_shorter] - length[!is_a_shorter] < interval_of(comparison))
        comparison->length_ns = length[is_a_shorter];
}

/* Without those that neither part has a number of: a limit that is not set, say. */
static void drop_empty(struct ml_comparison *comparison)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < comparison->count; i++)
        if (comparison->list[i].figures[0].count + comparison->list[i].figures[1].count != 0)
            comparison->list[kept++] = comparison->list[i];
    comparison->count = kept;
}

static double growth(const struct ml_compared *compared)
{
    enum ml_statistic by = ml_compared_is_total(compared) ? ML_STATISTIC_RATE : ML_STATISTIC_MEAN;
    double percent = ml_growth_percent(ml_figure(&compared->figures[0], by),
                                       ml_figure(&compared->figures[1], by));
    return isnan(percent) ? -INFINITY : percent;
}

/* By how much they grew; those that grew alike stay as they are in the log. */
static void sort(struct ml_comparison *comparison)
{
    for (unsigned i = 1; i < comparison->count; i++) {
        struct ml_compared moved = comparison->list[i];
        double by = growth(&moved);
        unsigned at = i;
        for (; at > 0 && growth(&comparison->list[at - 1]) < by; at--)
            comparison->list[at] = comparison->list[at - 1];
        comparison->list[at] = moved;
    }
}

bool ml_comparison_fill(struct ml_comparison *comparison)
{
    static struct ml_columns columns; /* large */
    for (int side = 0; side < 2; side++)
        if (!ml_part_look(&comparison->parts[side], comparison->mark))
            return false;
    find_common(comparison, &columns);
    if (!has_columns(comparison))
        return false;
    align(comparison);
    if (!gather_side(comparison, 0, &columns) || !gather_side(comparison, 1, &columns))
        return false;
    drop_empty(comparison);
    sort(comparison);
    return has_columns(comparison);
}

const struct ml_compared *ml_comparison_find(const struct ml_comparison *comparison,
                                             const char *name, size_t length)
{
    const struct ml_field *field = ml_field_find(name, length);
    for (unsigned i = 0; i < comparison->count; i++) {
        const struct ml_compared *compared = &comparison->list[i];
        bool is_spelled =
            strlen(compared->name) == length && memcmp(compared->name, name, length) == 0;
        if (field != NULL ? compared->field == field : is_spelled)
            return compared;
    }
    return NULL;
}
