/* SPDX-License-Identifier: MIT */
/* plot.c - memlog plot: what is asked for. */
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/plotdraw.h"
#include "cli/screen.h"
#include "cli/tools.h"
#include "os/process.h"
#include "reading/newest.h"
#include "reading/when.h"

enum { OWN_FAILURE = 125, WIDTH = 1200, HEIGHT = 600, SIXEL_WIDTH = 800, SIXEL_HEIGHT = 400 };
enum { KEY_FROM = 256, KEY_TO, KEY_ALIGN, KEY_OPEN, KEY_WIDTH, KEY_HEIGHT, KEY_DATA };
enum align { ALIGN_AS_FITS, ALIGN_CLOCK, ALIGN_START };

struct request {
    const char *files[ML_PLOT_LOGS];
    unsigned count;
    bool has_format, is_live, is_quiet, opens, is_data;
    enum align align;
    const char *zone;
    unsigned width, height; /* 0: not said */
    struct ml_plot_want want;
    struct ml_plot_task task;
    struct ml_plot plot; /* large */
};

/* ---- options -------------------------------------------------------------------- */

static const struct argp_option options[] = {
    { "format", 'f', "FORMAT", 0,
      "png, svg, pdf, html, or in the terminal term, dumb, sixel, or window; unless said, what the "
      "output's ending says, else png", 0 },
    { "output", 'o', "FILE", 0, "the picture's file, - the standard output; unless said, LOG with its "
      "ending changed", 0 },
    { "live", 'l', NULL, 0, "follow the log until its program ends: term, dumb, sixel or window", 0 },
    { "from", KEY_FROM, "TIME", 0, "from then on: 2026-11-21T08:00, 08:00, -2h, +10m, mark:NAME", 0 },
    { "to", KEY_TO, "TIME", 0, "up to then", 0 },
    { "columns", 'c', "LIST", 0, "these instead of Alloc,Sys; counts stand on the right", 0 },
    { "align", KEY_ALIGN, "HOW", 0,
      "several logs: by the clock, or each from its start; unless said, by the clock where they "
      "overlap", 0 },
    { "zone", 'z', "ZONE", 0, "of the time axis: UTC, Europe/Berlin, +02:00; unless said, TZ's", 0 },
    { "open", KEY_OPEN, NULL, 0, "show the picture, with xdg-open or $BROWSER", 0 },
    { "width", KEY_WIDTH, "N", 0, "in pixels, 1200 unless said; term and dumb: in columns", 0 },
    { "height", KEY_HEIGHT, "N", 0, "in pixels, 600 unless said; dumb: in lines", 0 },
    { "quiet", 'q', NULL, 0, "neither the picture's name, nor what is damaged or missing in the log", 0 },
    { "gnuplot-data", KEY_DATA, NULL, 0, "print what mem.plot loads, and draw nothing", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static unsigned parse_size(const char *argument, const char *name, struct argp_state *state)
{
    enum { MOST = 32000 };
    uint64_t number;
    if (!ml_parse_count(argument, &number) || number < 10 || number > MOST)
        argp_error(state, "--%s: \"%s\" is not a number from 10 to %d", name, argument, MOST);
    return (unsigned)number;
}

static void take_when(const char **to, const char *argument, const char *name, struct argp_state *state)
{
    struct ml_when when;
    if (!ml_when_parse(argument, &when))
        argp_error(state, "--%s: \"%s\" is no time (try 2026-11-21T08:00, 08:00, -2h, +10m, mark:NAME)",
                   name, argument);
    *to = argument;
}

static void take_align(struct request *request, const char *argument, struct argp_state *state)
{
    if (strcmp(argument, "clock") == 0)
        request->align = ALIGN_CLOCK;
    else if (strcmp(argument, "start") == 0)
        request->align = ALIGN_START;
    else
        argp_error(state, "--align: \"%s\" is neither clock nor start", argument);
}

static bool is_on_terminal(enum ml_plot_format format)
{
    return format == ML_PLOT_TERM || format == ML_PLOT_DUMB || format == ML_PLOT_SIXEL;
}

static void check(struct request *request, struct argp_state *state)
{
    struct ml_plot_task *task = &request->task;
    if (!request->has_format && request->is_live)
        task->format = ML_PLOT_TERM;
    else if (!request->has_format && task->out != NULL && strcmp(task->out, "-") != 0 &&
             !ml_plot_format_of(task->out, &task->format) && strrchr(task->out, '.') != NULL)
        argp_error(state, "--output: the ending of \"%s\" is none of .png, .svg, .pdf, .html: say "
                   "--format too", task->out);
    if (request->is_live && !is_on_terminal(task->format) && task->format != ML_PLOT_WINDOW)
        argp_error(state, "--live draws term, dumb, sixel or in a window, not %s",
                   ml_plot_format_name(task->format));
    if (request->is_live && request->count > 1)
        argp_error(state, "--live: one log at a time");
    if (request->is_live && request->count == 1 && strcmp(request->files[0], "-") == 0)
        argp_error(state, "--live: a log in a file, not the standard input");
    if (request->is_live && task->out != NULL)
        argp_error(state, "--live: to the terminal only, without --output");
    if (request->opens && (task->format > ML_PLOT_PAGE || (task->out != NULL && strcmp(task->out, "-") == 0)))
        argp_error(state, "--open: for a picture in a file");
    request->want.goes_on = request->is_live;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case 'f':
        request->has_format = true;
        if (!ml_plot_format_parse(argument, &request->task.format))
            argp_error(state, "--format: \"%s\" is none of png, svg, pdf, html, term, dumb, sixel, window",
                       argument);
        return 0;
    case 'o':
        request->task.out = argument;
        return 0;
    case 'l':
        request->is_live = true;
        return 0;
    case KEY_FROM:
        take_when(&request->want.from, argument, "from", state);
        return 0;
    case KEY_TO:
        take_when(&request->want.to, argument, "to", state);
        return 0;
    case 'c':
        request->want.columns = argument;
        return 0;
    case KEY_ALIGN:
        take_align(request, argument, state);
        return 0;
    case 'z':
        request->zone = argument;
        if (!ml_plot_zone_choose(argument))
            argp_error(state, "--zone: there is no zone \"%s\" (try UTC, Europe/Berlin, +02:00)", argument);
        return 0;
    case KEY_OPEN:
        request->opens = true;
        return 0;
    case KEY_WIDTH:
        request->width = parse_size(argument, "width", state);
        return 0;
    case KEY_HEIGHT:
        request->height = parse_size(argument, "height", state);
        return 0;
    case 'q':
        request->is_quiet = true;
        return 0;
    case KEY_DATA:
        request->is_data = true;
        return 0;
    case ARGP_KEY_ARG:
        if (request->count == ML_PLOT_LOGS)
            argp_error(state, "at most %d logs in one picture", ML_PLOT_LOGS);
        request->files[request->count++] = argument;
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
    .args_doc = "[LOG...]",
    .doc = "Draw logs: memory in use against memory from the system. Without LOG the newest in this "
           "folder; - is the standard input; several are drawn into one picture."
           "\vpng, svg, pdf, dumb and sixel are drawn by gnuplot ($GNUPLOT, or the one in PATH). The "
           "exit status is 0, and 125 when there is nothing to draw or it cannot be written.",
};

/* ---- how large ------------------------------------------------------------------- */

static bool is_ascii(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool is_utf8 = locale != (locale_t)0 && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    if (locale != (locale_t)0)
        freelocale(locale);
    return !is_utf8;
}

static unsigned number_of(const char *variable, unsigned otherwise)
{
    uint64_t number;
    const char *said = getenv(variable);
    return said != NULL && ml_parse_count(said, &number) && number >= 10 && number < 10000
               ? (unsigned)number
               : otherwise;
}

/* What is said; the terminal's; what the shell exports. */
static void choose_size(struct request *request)
{
    struct ml_plot_task *task = &request->task;
    bool is_text = task->format == ML_PLOT_TERM || task->format == ML_PLOT_DUMB;
    bool is_sixel = task->format == ML_PLOT_SIXEL;
    unsigned rows = 0, columns = 0;
    ml_screen_size(STDOUT_FILENO, &rows, &columns);
    task->size.width = !is_text && request->width != 0 ? request->width : is_sixel ? SIXEL_WIDTH : WIDTH;
    task->size.height = !is_text && request->height != 0 ? request->height : is_sixel ? SIXEL_HEIGHT : HEIGHT;
    task->size.columns = task->size.width / 8;
    task->size.lines = task->size.height / 12;
    if (is_text) {
        task->size.columns = request->width != 0 ? request->width
                                                 : columns != 0 ? columns : number_of("COLUMNS", 80);
        task->size.lines = request->height != 0 ? request->height : rows != 0 ? rows : number_of("LINES", 24);
    }
    const char *plain = getenv("NO_COLOR");
    task->is_coloured = ml_screen_is(STDOUT_FILENO) && (plain == NULL || plain[0] == '\0');
    task->is_ascii = is_ascii();
}

/* ---- the logs ----------------------------------------------------------------------- */

/* A curve that is in none of the logs is left out, which nobody would see who named it wrongly. */
static void tell_absent(const struct ml_plot *plot)
{
    for (unsigned i = 0; !plot->is_default && i < plot->column_count; i++) {
        bool is_there = false;
        for (unsigned log = 0; log < plot->log_count; log++)
            is_there |= plot->logs[log].has_column[i];
        if (!is_there)
            ml_os_complain("--columns: there is no ", plot->columns[i].name, " in ",
                           plot->log_count == 1 ? plot->logs[0].file : "any of the logs", NULL);
    }
}

static bool load(struct request *request)
{
    struct ml_plot *plot = &request->plot;
    if (!ml_plot_begin(plot, &request->want))
        return false;
    for (unsigned i = 0; i < request->count; i++) {
        if (!ml_plot_add(plot, &request->want, request->files[i])) {
            ml_plot_progress_end();
            return false;
        }
        const struct ml_plot_log *log = &plot->logs[i];
        ml_plot_progress_end();
        if (!request->is_quiet)
            ml_damage_tell(&log->damage, log->file, stderr);
        if (log->samples == 0 && !request->is_live && !request->is_data) {
            ml_os_complain(log->file, request->want.from != NULL || request->want.to != NULL
                                          ? ": has no samples in that span" : ": has no samples", NULL);
            return false;
        }
        if (log->samples != 0 && !ml_plot_has_numbers(plot, log) && !request->is_live && !request->is_data) {
            ml_os_complain(log->file, ": has no number in what is to be drawn", NULL);
            return false;
        }
    }
    if (!request->is_quiet && !request->is_live)
        tell_absent(plot);
    return true;
}

/* Whether together they are one span without a gap. */
static bool do_overlap(const struct ml_plot *plot)
{
    bool is_in[ML_PLOT_LOGS] = { true };
    int64_t first = plot->logs[0].first_ns, last = plot->logs[0].last_ns;
    unsigned count = 1;
    for (unsigned i = 0; i < plot->log_count; i++) {
        const struct ml_plot_log *log = &plot->logs[i];
        if (is_in[i] || log->first_ns > last || log->last_ns < first)
            continue;
        is_in[i] = true;
        count++;
        first = log->first_ns < first ? log->first_ns : first;
        last = log->last_ns > last ? log->last_ns : last;
        i = UINT_MAX; /* those before it once more */
    }
    return count == plot->log_count;
}

/* ---- drawing -------------------------------------------------------------------------- */

static bool write_page(const struct ml_plot *plot, const char *out)
{
    if (ml_tools_load() == NULL)
        return false;
    bool is_stdout = strcmp(out, "-") == 0;
    FILE *to = is_stdout ? stdout : fopen(out, "w");
    int error = to == NULL ? -errno : ml_plot_html(plot, to);
    if (to != NULL && (is_stdout ? fflush(to) : fclose(to)) != 0 && error == 0)
        error = -errno;
    if (error != 0)
        ml_os_complain(out, ": cannot be written: ", ml_os_error_text(-error), NULL);
    return error == 0;
}

static bool write_text(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    FILE *to = task->out == NULL || strcmp(task->out, "-") == 0 ? stdout : fopen(task->out, "w");
    if (to != NULL)
        ml_plot_term(plot, task, to);
    if (to != NULL && (to == stdout ? fflush(to) : fclose(to)) == 0)
        return true;
    ml_os_complain("cannot write the picture: ", ml_os_error_text(errno), NULL);
    return false;
}

static bool draw(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    switch (task->format) {
    case ML_PLOT_PAGE:
        return write_page(plot, task->out);
    case ML_PLOT_TERM:
        return write_text(plot, task);
    default:
        return ml_plot_gnuplot(plot, task);
    }
}

static void show(const struct ml_plot_task *task)
{
    extern char **environ;
    pid_t pid;
    const char *browser = task->format == ML_PLOT_PAGE ? getenv("BROWSER") : NULL;
    const char *program = browser != NULL && browser[0] != '\0' ? browser : "xdg-open";
    char *words[] = { (char *)program, (char *)task->out, NULL };
    int error = posix_spawnp(&pid, program, NULL, NULL, words, environ);
    if (error == ENOENT)
        ml_os_complain("there is no ", program, " to show ", task->out, " with (Debian: xdg-utils)", NULL);
    else if (error != 0)
        ml_os_complain("cannot start ", program, ": ", ml_os_error_text(error), NULL);
}

static int draw_once(struct request *request)
{
    struct ml_plot *plot = &request->plot;
    struct ml_plot_task *task = &request->task;
    plot->from_start = request->align == ALIGN_START ||
                       (request->align == ALIGN_AS_FITS && plot->log_count > 1 && !do_overlap(plot));
    ml_plot_settle(plot);
    bool is_file = task->format <= ML_PLOT_PAGE;
    if (is_file && task->out == NULL) {
        const char *log = strcmp(plot->logs[0].file, "-") == 0 ? "memory.log" : plot->logs[0].file;
        task->out = ml_plot_output_name(log, task->format);
    }
    if (!ml_plot_output_check(plot, task->out))
        return OWN_FAILURE;
    bool is_new = task->out != NULL && strcmp(task->out, "-") != 0 && access(task->out, F_OK) != 0;
    if (!draw(plot, task)) {
        if (is_new)
            unlink(task->out); /* half of a picture */
        return OWN_FAILURE;
    }
    if (is_file && strcmp(task->out, "-") != 0 && !request->is_quiet)
        printf("%s\n", task->out);
    if (request->opens)
        show(task);
    return 0;
}

static int run_it(struct request *request)
{
    char *newest = request->count == 0 ? ml_newest_log() : NULL;
    if (request->count == 0 && newest == NULL) {
        ml_os_complain("there is no log in this folder: run a program that writes one (memlog run PROG), "
                       "or name it", NULL);
        return OWN_FAILURE;
    }
    if (newest != NULL)
        request->files[request->count++] = newest;
    choose_size(request);
    if (request->task.format == ML_PLOT_PAGE) {
        request->want.slices = ML_PLOT_PAGE_SLICES / request->count;
        request->want.means = true;
    }
    if (!request->is_quiet && !request->is_data && !request->is_live)
        request->want.progress = ml_plot_progress;
    if (!load(request))
        return OWN_FAILURE;
    if (request->is_live)
        return ml_plot_live(&request->plot, &request->want, &request->task);
    if (!request->is_data)
        return draw_once(request);
    ml_plot_settle(&request->plot);
    ml_plot_put_memory(stdout, &request->plot, &request->task.size);
    if (fflush(stdout) == 0)
        return 0;
    ml_os_complain("the numbers cannot be written: ", ml_os_error_text(errno), NULL);
    return OWN_FAILURE;
}

int ml_cli_plot(int argc, char **argv)
{
    static struct request request;
    ml_arguments_take(&argp, "memlog plot", OWN_FAILURE, 0, argc, argv, &request);
    int status = run_it(&request);
    ml_plot_end(&request.plot);
    return status;
}
