/* SPDX-License-Identifier: MIT */
#include "cli/diffwords.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/plaintext.h"
#include "cli/units.h"
#include "os/clock.h"

/* ---- numbers -------------------------------------------------------------------------- */

static double size_of(double value) { return value < 0 ? -value : value; }

static void write_span(double ns, char *text)
{
    static const char *const units[] = { "ns", "us", "ms", "s" };
    unsigned unit = 0;
    for (; ns >= 1000 && unit < 3; unit++)
        ns /= 1000;
    snprintf(text, ML_WORDS_CELL, "%.4g %s", ns, units[unit]);
}

/* Of a size, without a sign. */
static void write_size(double size, const struct ml_field *field, char *text)
{
    enum ml_field_unit unit = field == NULL ? ML_UNIT_COUNT : (enum ml_field_unit)field->unit;
    if (unit == ML_UNIT_BYTES && size < (double)UINT64_MAX)
        (void)ml_bytes_text((uint64_t)(size + 0.5), text, ML_WORDS_CELL - 8);
    else if (unit == ML_UNIT_NANOSECONDS)
        write_span(size, text);
    else if (size >= 1000 && size < 1e15)
        snprintf(text, ML_WORDS_CELL, "%.0f", size);
    else
        snprintf(text, ML_WORDS_CELL, "%.4g", size);
}

static const char *write_value(double value, const char *sign, const struct ml_field *field,
                               enum ml_statistic statistic, char *text)
{
    char size[ML_WORDS_CELL];
    if (isnan(value))
        return strcpy(text, "-");
    write_size(size_of(value), field, size);
    snprintf(text, ML_WORDS_CELL, "%s%.32s%s", sign, size,
             statistic == ML_STATISTIC_RATE ? "/s" : "");
    return text;
}

const char *ml_words_value(double value, const struct ml_field *field, enum ml_statistic statistic,
                           char *text)
{
    return write_value(value, value < 0 ? "-" : "", field, statistic, text);
}

const char *ml_words_change(double change, const struct ml_field *field,
                            enum ml_statistic statistic, char *text)
{
    return write_value(change, change < 0 ? "-" : change > 0 ? "+" : "", field, statistic, text);
}

const char *ml_words_percent(double percent, char *text)
{
    text[0] = '\0';
    if (size_of(percent) < 0.05)
        return strcpy(text, "0.0 %");
    if (isfinite(percent))
        snprintf(text, ML_WORDS_CELL, size_of(percent) < 1e6 ? "%+.1f %%" : "%+.3g %%", percent);
    return text;
}

const char *ml_words_duration(int64_t ns, char *text)
{
    int64_t seconds = (ns + ML_NS_PER_SECOND / 2) / ML_NS_PER_SECOND;
    if (ns < 60 * (int64_t)ML_NS_PER_SECOND)
        snprintf(text, ML_WORDS_CELL, "%.4g s", (double)ns / ML_NS_PER_SECOND);
    else if (seconds < 3600)
        snprintf(text, ML_WORDS_CELL, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, ML_WORDS_CELL, "%" PRId64 " h %" PRId64 " min", seconds / 3600,
                 seconds / 60 % 60);
    else
        snprintf(text, ML_WORDS_CELL, "%" PRId64 " d %" PRId64 " h", seconds / 86400,
                 seconds / 3600 % 24);
    return text;
}

/* ---- sentences ---------------------------------------------------------------------------- */

static const char *threshold_words(const struct ml_verdict *verdict)
{
    if (verdict->threshold == NULL)
        return "";
    return verdict->is_exceeded ? " That is above the threshold of " : " The threshold is ";
}

const char *ml_words_headline(const struct ml_verdict *verdict, char *text)
{
    static const char *const before[ML_STATISTICS] = { "mean ",      "95th percentile of ",
                                                       "peak ",      "last ",
                                                       "growth of ", "increase of " };
    const struct ml_compared *column = verdict->column;
    double change = verdict->b - verdict->a;
    char value[ML_WORDS_CELL], percent[ML_WORDS_CELL], where[ML_WORDS_CELL * 3];
    ml_words_percent(size_of(ml_growth_percent(verdict->a, verdict->b)), percent);
    ml_words_value(size_of(change), column->field, verdict->statistic, value);
    if (isnan(change))
        snprintf(where, sizeof(where), "is not known of both");
    else if (change == 0)
        snprintf(where, sizeof(where), "is the same as A's: %s",
                 ml_words_value(verdict->b, column->field, verdict->statistic, value));
    else
        snprintf(where, sizeof(where), "is %s%s%s%s %s A's", value, percent[0] == '\0' ? "" : " (",
                 percent + (percent[0] == '+'), percent[0] == '\0' ? "" : ")",
                 change > 0 ? "above" : "below");
    snprintf(text, ML_WORDS_SENTENCE, "B's %s%s %s.%s%s%s", before[verdict->statistic],
             column->name, where, threshold_words(verdict),
             verdict->threshold == NULL ? "" : verdict->threshold,
             verdict->threshold == NULL ? "" : ".");
    return text;
}

const char *ml_words_extent(const struct ml_comparison *comparison, char *text)
{
    char length[ML_WORDS_CELL];
    ml_words_duration(comparison->length_ns, length);
    if (comparison->is_whole)
        snprintf(text, ML_WORDS_SENTENCE, "Compared: all of both.");
    else if (comparison->mark != NULL)
        snprintf(text, ML_WORDS_SENTENCE, "Compared: %s from the mark \"%.300s\" on in each.",
                 length, comparison->mark);
    else
        snprintf(text, ML_WORDS_SENTENCE, "Compared: the first %s of each.", length);
    return text;
}

static size_t add(char *text, size_t length, const char *words)
{
    if (length < ML_WORDS_SENTENCE)
        snprintf(text + length, ML_WORDS_SENTENCE - length, "%s%s", length == 0 ? "" : ", ", words);
    return length + strlen(text + length);
}

/* Into a line, whatever is in it, and not a long one. No character is cut in two. */
static void write_command(const char *command, char *text)
{
    enum { LONGEST = 40 };
    size_t length = strnlen(command, LONGEST + 1);
    bool is_cut = length > LONGEST;
    if (is_cut)
        for (length = LONGEST - 3; length > 0 && (command[length] & 0xc0) == 0x80;)
            length--;
    snprintf(text, LONGEST + 1, "%.*s%s", (int)length, command, is_cut ? "..." : "");
    ml_plain(text);
}

const char *ml_words_part(const struct ml_part *part, char *text)
{
    char words[128];
    time_t begin = (time_t)(part->begin_ns / ML_NS_PER_SECOND);
    struct tm local;
    text[0] = '\0';
    size_t length = add(text, 0, part->source.name);
    if (part->runs > 1)
        snprintf(words, sizeof(words), "%u of %u runs", part->runs, part->all_runs);
    else
        snprintf(words, sizeof(words), "run %u of %u", part->run.number, part->all_runs);
    if (part->all_runs > 1)
        length = add(text, length, words);
    if (localtime_r(&begin, &local) != NULL && strftime(words, sizeof(words), "%F %T", &local) != 0)
        length = add(text, length, words);
    length = add(text, length, ml_words_duration(part->last_ns - part->first_ns, words));
    snprintf(words, sizeof(words), "%" PRIu64 " sample%s", part->samples,
             part->samples == 1 ? "" : "s");
    length = add(text, length, words);
    write_command(part->run.command, words);
    if (words[0] != '\0')
        (void)add(text, length, words);
    return text;
}

const char *ml_words_only(const struct ml_comparison *comparison, int side, char *text)
{
    const struct ml_columns *own = &comparison->parts[side].columns;
    const struct ml_columns *other = &comparison->parts[1 - side].columns;
    size_t length = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < own->count; i++)
        if (ml_columns_find(other, own->list[i].name, strlen(own->list[i].name)) < 0)
            length = add(text, length, own->list[i].name);
    return text;
}
