/* SPDX-License-Identifier: MIT */
#include "cli/export.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/exporter.h"
#include "os/process.h"
#include "reading/newest.h"
#include "reading/when.h"

enum { FAILURE = 2 };

struct format {
    const char *name;
    void (*write)(struct ml_exporter *exporter);
    bool is_repeated; /* the log is read several times */
};

static const struct format formats[] = {
    { "csv", ml_export_csv, false },
    { "json", ml_export_json, false },
    { "openmetrics", ml_export_metrics, true },
};

struct request {
    const struct format *format;
    const char *log, *output, *from, *to, *time;
    struct ml_exporter exporter; /* large */
};

/* ---- options ------------------------------------------------------------------------- */

enum { FROM = 256, TO, TIME }; /* no letters */

static const struct argp_option options[] = {
    { "format", 'f', "FORMAT", 0,
      "csv (as it is without this option), json (an object a line, events too), openmetrics (for "
      "promtool tsdb create-blocks-from openmetrics)", 0 },
    { "output", 'o', "FILE", 0, "write to FILE instead of the standard output", 0 },
    { "columns", 'c', "LIST", 0, "only these, separated by commas, in this order", 0 },
    { "from", FROM, "TIME", 0,
      "from then on: 2026-11-21T08:00, 08:00, @1294926363, -2h before the end, +10m behind the "
      "beginning, mark:NAME", 0 },
    { "to", TO, "TIME", 0, "until then", 0 },
    { "time", TIME, "FORM", 0,
      "log (as the log has it, seconds since 1970) or iso (2026-11-21T08:00:00Z)", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static const struct format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(name, formats[i].name) == 0)
            return &formats[i];
    return NULL;
}

static void check(struct request *request, struct argp_state *state)
{
    bool is_iso = request->time != NULL && strcmp(request->time, "iso") == 0;
    if (request->time != NULL && !is_iso && strcmp(request->time, "log") != 0)
        argp_error(state, "--time: \"%s\" is none of log, iso", request->time);
    if (is_iso && request->format->is_repeated)
        argp_error(state, "--time: OpenMetrics has seconds since 1970 only");
    request->exporter.iso = is_iso;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'f':
        request->format = find_format(argument);
        if (request->format == NULL)
            argp_error(state, "--format: \"%s\" is none of csv, json, openmetrics", argument);
        return 0;
    case 'o':
        request->output = argument;
        return 0;
    case 'c':
        request->exporter.names = argument;
        return 0;
    case FROM:
        request->from = argument;
        return 0;
    case TO:
        request->to = argument;
        return 0;
    case TIME:
        request->time = argument;
        return 0;
    case ARGP_KEY_ARG:
        ml_take_word(&request->log, "log", argument, state);
        return 0;
    case ARGP_KEY_END:
        check(request, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "[LOG]",
    .doc = "Print a log in a format that other programs read. LOG: - for the standard input; the "
           "newest log in this folder where none is named."
           "\vNumbers are those of the log, digit by digit. The exit status is 0; 2 when something "
           "can't be read or written, or there is no sample.",
};

/* ---- the output ------------------------------------------------------------------------ */

/* A file is emptied when it is known to be another than the log, and no log at all. */
static FILE *open_output(const struct request *request)
{
    static char buffer[1 << 16];
    const struct ml_exporter *exporter = &request->exporter;
    struct stat at;
    bool is_log = request->output != NULL && ml_is_log(request->output);
    int fd = request->output == NULL ? STDOUT_FILENO
                                     : open(request->output, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    bool is_own = fd >= 0 && ml_source_is_file(&exporter->source, fd);
    if (is_own || is_log) {
        ml_os_complain(exporter->output, is_own ? " is the log itself" : " is a log",
                       ": name another file", NULL);
        return NULL;
    }
    if (fd >= 0 && request->output != NULL && fstat(fd, &at) == 0 && S_ISREG(at.st_mode) &&
        ftruncate(fd, 0) != 0)
        fd = -1;
    FILE *out = fd < 0 ? NULL : fd == STDOUT_FILENO ? stdout : fdopen(fd, "w");
    if (out == NULL)
        ml_os_complain("cannot write ", exporter->output, ": ", ml_os_error_text(errno), NULL);
    else
        setvbuf(out, buffer, _IOFBF, sizeof(buffer));
    return out;
}

static bool close_output(struct ml_exporter *exporter)
{
    int failed = fflush(exporter->out) != 0 ? errno : 0;
    if (exporter->out != stdout && fclose(exporter->out) != 0 && failed == 0)
        failed = errno;
    if (failed != 0)
        ml_os_complain("cannot write ", exporter->output, ": ", ml_os_error_text(failed), NULL);
    return failed == 0;
}

/* ---- all of it --------------------------------------------------------------------------- */

static bool is_relative(const char *said)
{
    struct ml_when when;
    return said != NULL && ml_when_parse(said, &when) && ml_when_is_relative(&when);
}

static bool open_log(struct request *request)
{
    struct ml_exporter *exporter = &request->exporter;
    bool is_repeated =
        request->format->is_repeated || is_relative(request->from) || is_relative(request->to);
    return ml_source_open(&exporter->source, request->log) &&
           (!is_repeated || ml_source_keep(&exporter->source)) &&
           ml_when_range(request->from, request->to, exporter->source.file, exporter->source.name,
                         &exporter->from_ns, &exporter->to_ns);
}

/* ---- a first look: which columns there are, and how many samples ---- */

static void see_run(void *context, const struct ml_log_run *run)
{
    struct ml_exporter *exporter = context;
    ml_columns_add(&exporter->columns, run);
}

static void see_sample(void *context, const struct ml_log_sample *sample)
{
    struct ml_exporter *exporter = context;
    exporter->samples += ml_exporter_wants(exporter, sample->time_ns);
}

static void look(struct ml_exporter *exporter)
{
    const struct ml_log_visitor visitor = { .context = exporter,
                                            .run = see_run,
                                            .sample = see_sample };
    const char *bad;
    size_t length = 0;
    if (exporter->source.is_stream)
        return;
    ml_exporter_read(exporter, &visitor);
    exporter->is_complete = true;
    if (exporter->names != NULL && exporter->columns.count != 0 &&
        !ml_columns_choose(&exporter->columns, exporter->names, &bad, &length))
        ml_exporter_refuse(exporter, bad, length);
}

static int tell_none(const struct request *request)
{
    ml_os_complain(request->exporter.source.name, ": there is no sample in it",
                   request->from != NULL || request->to != NULL ? " at that time" : NULL, NULL);
    return FAILURE;
}

static int run_it(struct request *request)
{
    struct ml_exporter *exporter = &request->exporter;
    exporter->output = request->output == NULL ? "the standard output" : request->output;
    if (!open_log(request))
        return FAILURE;
    look(exporter);
    if (exporter->is_complete && exporter->samples == 0) {
        ml_damage_tell(&exporter->damage, exporter->source.name, stderr);
        return tell_none(request);
    }
    if ((exporter->out = open_output(request)) == NULL)
        return FAILURE;
    request->format->write(exporter);
    ml_damage_tell(&exporter->damage, exporter->source.name, stderr);
    if (!close_output(exporter))
        return FAILURE;
    int status = exporter->samples == 0 ? tell_none(request) : 0;
    ml_log_close(exporter->log);
    ml_source_close(&exporter->source);
    return status;
}

int ml_cli_export(int argc, char **argv)
{
    static struct request request = { .format = &formats[0],
                                      .exporter.source.copy = -1 }; /* large */
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error like others */
    ml_arguments_take(&argp, "memlog export", FAILURE, 0, argc, argv, &request);
    return run_it(&request);
}
