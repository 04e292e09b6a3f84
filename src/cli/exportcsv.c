/* SPDX-License-Identifier: MIT */
/* exportcsv.c - a log as comma-separated values, as RFC 4180 has them, but for lines that end as
 * all lines here do: a row of names, then one for each sample, of all runs. A run without some
 * column, and what the system did not say, leave the cell empty.
 */
#include "cli/exporter.h"

#include <string.h>

#include "cli/exportnames.h"

struct csv {
    struct ml_exporter *exporter;
    char end[16];   /* of each line of this run */
    bool has_names; /* the first row is written */
};

static void write_cell(FILE *out, const char *text, size_t length)
{
    bool is_plain = true;
    for (size_t i = 0; i < length && is_plain; i++)
        is_plain = strchr("\",\r\n", text[i]) == NULL || text[i] == '\0';
    if (is_plain) {
        fwrite_unlocked(text, 1, length, out);
        return;
    }
    putc_unlocked('"', out);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '"')
            putc_unlocked('"', out);
        putc_unlocked(text[i], out);
    }
    putc_unlocked('"', out);
}

/* What a spreadsheet would compute begins with ' there, so that it is text. Numbers may have a sign. */
static void write_name(FILE *out, const char *name)
{
    static const char *const ours[] = { "timestamp", "run", NULL };
    if (strchr("=+-@", *name) != NULL)
        putc_unlocked('\'', out);
    write_cell(out, name, strlen(name));
    if (ml_export_is_ours(name, strlen(name), ours))
        putc_unlocked('_', out); /* such a name has nothing to be quoted */
}

static void write_names(struct csv *csv)
{
    const struct ml_columns *columns = &csv->exporter->columns;
    FILE *out = csv->exporter->out;
    if (csv->has_names)
        return;
    csv->has_names = true;
    fputs("timestamp", out);
    for (unsigned i = 0; i < columns->count; i++) {
        putc_unlocked(',', out);
        write_name(out, columns->list[i].name);
    }
    fputs(",run\n", out);
}

static void begin_run(void *context, const struct ml_log_run *run)
{
    struct csv *csv = context;
    snprintf(csv->end, sizeof(csv->end), ",%u\n", run->number);
    ml_exporter_enter(csv->exporter, run);
    write_names(csv);
}

static void write_sample(void *context, const struct ml_log_sample *sample)
{
    struct csv *csv = context;
    struct ml_exporter *exporter = csv->exporter;
    const struct ml_columns *columns = &exporter->columns;
    struct ml_word words[ML_LINE_COLUMNS + 1];
    char text[ML_EXPORTER_TIME_BYTES];
    FILE *out = exporter->out;
    if (!ml_exporter_wants(exporter, sample->time_ns))
        return;
    ml_exporter_split(sample, words);
    if (exporter->iso)
        fputs(ml_exporter_iso(sample->time_ns, &words[0], text), out);
    else
        write_cell(out, words[0].at, words[0].length);
    for (unsigned i = 0; i < columns->count; i++) {
        const struct ml_word *word = &words[columns->list[i].place + 1];
        putc_unlocked(',', out);
        if (columns->list[i].place >= 0 && !(word->length == 1 && *word->at == '-'))
            write_cell(out, word->at, word->length);
    }
    fputs(csv->end, out);
    exporter->samples++;
    ml_exporter_check(exporter);
}

void ml_export_csv(struct ml_exporter *exporter)
{
    struct csv csv = { .exporter = exporter };
    const struct ml_log_visitor visitor = { .context = &csv,
                                            .run = begin_run,
                                            .sample = write_sample };
    exporter->samples = 0;
    ml_exporter_read(exporter, &visitor);
    write_names(&csv);
}
