/* SPDX-License-Identifier: MIT */
#include "cli/exporter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "os/clock.h"
#include "os/process.h"

enum { FAILURE = 2 };

void ml_exporter_read(struct ml_exporter *exporter, const struct ml_log_visitor *visitor)
{
    int error = ml_log_visit_again(&exporter->log, exporter->source.file, visitor);
    if (error == 0) {
        exporter->damage = *ml_log_damage(exporter->log);
        return;
    }
    ml_os_complain(exporter->source.name, ": ", ml_os_error_text(-error), NULL);
    exit(FAILURE);
}

void ml_exporter_enter(struct ml_exporter *exporter, const struct ml_log_run *run)
{
    const char *bad;
    size_t length = 0;
    bool is_first = exporter->columns.count == 0 && !exporter->is_complete;
    if (is_first)
        ml_columns_add(&exporter->columns, run);
    if (is_first && exporter->names != NULL &&
        !ml_columns_choose(&exporter->columns, exporter->names, &bad, &length))
        ml_exporter_refuse(exporter, bad, length);
    unsigned others = ml_columns_enter(&exporter->columns, run);
    if (others == 0 || exporter->is_complete || exporter->names != NULL ||
        exporter->has_told_columns)
        return;
    exporter->has_told_columns = true;
    fprintf(stderr,
            "memlog: %s: run %u has columns that the first has not: they are left out, since what "
            "comes in a pipe is read once\n",
            exporter->source.name, run->number);
}

void ml_exporter_refuse(const struct ml_exporter *exporter, const char *name, size_t length)
{
    static char names[1024], word[ML_LINE_NAME_BYTES];
    snprintf(word, sizeof(word), "%.*s", (int)length, name);
    ml_columns_names(&exporter->columns, names, sizeof(names));
    if (length == 0)
        ml_os_complain("--columns: name some of ", names, NULL);
    else
        ml_os_complain(exporter->source.name, ": there is no column \"", word, "\": there are ",
                       names, NULL);
    exit(FAILURE);
}

void ml_exporter_check(struct ml_exporter *exporter)
{
    if (!ferror(exporter->out))
        return;
    ml_os_complain("cannot write ", exporter->output, ": ", ml_os_error_text(errno), NULL);
    exit(FAILURE);
}

void ml_exporter_split(const struct ml_log_sample *sample, struct ml_word *words)
{
    const char *at = sample->text, *end = at + sample->length;
    while (end > at && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    for (unsigned i = 0; i <= ML_LINE_COLUMNS; i++) {
        words[i].length = ml_line_word(&at, end);
        words[i].at = at;
        if (words[i].length == 0 && i > sample->count)
            return; /* nobody asks for more */
        at += words[i].length;
    }
}

const char *ml_exporter_iso(int64_t time_ns, const struct ml_word *word, char *text)
{
    const char *point = memchr(word->at, '.', word->length);
    size_t digits = point == NULL ? 0 : (size_t)(word->at + word->length - point - 1);
    uint64_t fraction = (uint64_t)time_ns % ML_NS_PER_SECOND;
    struct ml_text iso;
    ml_text_init(&iso, text, ML_EXPORTER_TIME_BYTES);
    ml_text_utc(&iso, time_ns / ML_NS_PER_SECOND);
    if (digits > 0 && digits <= 9) {
        for (size_t i = digits; i < 9; i++)
            fraction /= 10;
        iso.length--; /* the Z */
        ml_text_char(&iso, '.');
        ml_text_u64_padded(&iso, fraction, (unsigned)digits);
        ml_text_char(&iso, 'Z');
    }
    ml_text_finish(&iso);
    return text;
}
