/* SPDX-License-Identifier: MIT */
/* reportmarkdown.c - a report for a pull request: a table, and the verdict in bold. */
#include <inttypes.h>
#include <string.h>

#include "cli/plaintext.h"
#include "cli/reportparts.h"

/* What a name holds must not become a table's end, a tag or emphasis. */
static void print_escaped(FILE *to, const char *text)
{
    const char *shown;
    for (size_t left = strlen(text), bytes; left != 0; text += bytes, left -= bytes) {
        bytes = ml_plain_next(text, left, &shown);
        if (shown == NULL && strchr("\\`*_{}[]<>#|~!&$", *text) != NULL)
            fputc('\\', to);
        fwrite(shown == NULL ? text : shown, 1, shown == NULL ? bytes : 1, to);
    }
}

static void print_sentence(void *context, enum ml_topic topic, const char *sentence)
{
    FILE *to = context;
    bool is_verdict = topic == ML_TOPIC_VERDICT;
    fputs(is_verdict ? "**" : "- ", to);
    print_escaped(to, sentence);
    fputs(is_verdict ? "**\n\n" : "\n", to);
}

static void print_row(const struct ml_report *report, FILE *to, unsigned column)
{
    const struct ml_numbers *numbers = &report->study->numbers[column];
    const char *name = report->study->run.names[column];
    const double values[] = { numbers->least, ml_numbers_mean(numbers),
                              ml_numbers_quantile(numbers, 0.95), numbers->peak };
    bool is_moment = ml_column_is_moment(name); /* the last is all that there is to say */
    char text[ML_VALUE_BYTES];
    fputs("| ", to);
    print_escaped(to, name);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        fprintf(to, " | %s", is_moment ? "" : ml_value_text(name, values[i], text));
    fprintf(to, " | %s", is_moment ? "" : ml_moment_text(numbers->peak_ns, text));
    fprintf(to, " | %s |\n", ml_value_text(name, numbers->last, text));
}

static void print_notes(const struct ml_survey *survey, FILE *to)
{
    char when[ML_VALUE_BYTES];
    for (size_t i = 0; i < survey->notes_count; i++) {
        const struct ml_note *note = &survey->notes[i];
        fprintf(to, "%s- %s %s ", i == 0 ? "\n" : "",
                note->kind == ML_EVENT_MARK ? "mark" : "alert",
                note->has_time ? ml_moment_text(note->time_ns, when) : "at the start");
        print_escaped(to, note->text);
        fputc('\n', to);
    }
    if (survey->notes_more > 0)
        fprintf(to, "- and %zu more marks and alerts\n", survey->notes_more);
}

void ml_report_markdown(const struct ml_report *report, FILE *to)
{
    const struct ml_study *study = report->study;
    char from[ML_VALUE_BYTES], span[ML_VALUE_BYTES];
    fputs("### Memory: ", to);
    print_escaped(to, report->file);
    fprintf(to, "\n\nRun %u of %u, from %s for %s, %" PRIu64 " samples.\n\n", study->run.number,
            report->survey->runs, ml_moment_text(study->first_ns, from),
            ml_span_text(ml_study_hours(study) * 3600, span), study->samples);
    ml_report_say(report, print_sentence, to);
    fputs("\n| column | least | mean | p95 | peak | at | last "
          "|\n|---|---:|---:|---:|---:|---|---:|\n",
          to);
    for (unsigned i = 0; i < study->columns; i++)
        if (study->numbers[i].count > 0)
            print_row(report, to, i);
    print_notes(report->survey, to);
}
