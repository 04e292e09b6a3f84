/* SPDX-License-Identifier: MIT */
#include "cli/stat.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/contact.h"
#include "cli/screen.h"
#include "cli/target.h"
#include "os/clock.h"
#include "os/process.h"
#include "stats/json.h"
#include "stats/text.h"

enum { OWN_FAILURE = 125 }; /* as memlog run and attach have it */

struct view {
    const char *word; /* the process, as it was said */
    bool all, json;
    const char *unit_said;
    enum ml_text_unit unit;
    uint64_t interval_ns; /* 0: once */
    uint64_t count;       /* 0: to its end */

    struct ml_target target;
    struct ml_contact contact; /* large */
    bool on_screen;
    bool was_amid;   /* when it was looked at last: in the middle of an update */
    bool was_silent; /* it did not answer */
    struct memlog_memstats stats;
    struct memlog_extra extra;
};

/* ---- options -------------------------------------------------------------------- */

static const struct argp_option options[] = {
    { "all", 'a', NULL, 0, "also the size classes, and what memlog counts and Go does not", 0 },
    { "unit", 'u', "UNIT", 0, "of bytes: bytes, KiB, MiB (2^20, unless said otherwise), GiB, MB (10^6)", 0 },
    { "json", 'j', NULL, 0,
      "MemStats as Go's encoding/json writes it; with --all {\"memstats\":..., \"memlog\":...}", 0 },
    { "watch", 'w', "TIME", 0,
      "again and again: every 1s, 100ms, 2m; on a terminal in the same place", 0 },
    { "count", 'n', "N", 0, "with --watch: so many times", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static void check(const struct view *view, struct argp_state *state)
{
    if (view->word == NULL)
        argp_error(state, "which process? memlog stat [OPTION...] PID");
    if (view->count != 0 && view->interval_ns == 0)
        argp_error(state, "--count: with --watch TIME only");
    if (view->unit_said != NULL && view->json)
        argp_error(state, "--unit: JSON has bytes only");
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct view *view = state->input;
    switch (key) {
    case 'a':
        view->all = true;
        return 0;
    case 'j':
        view->json = true;
        return 0;
    case 'u':
        view->unit_said = argument;
        if (!ml_text_unit_parse(argument, &view->unit))
            argp_error(state, "--unit: \"%s\" is none of bytes, KiB, MiB, GiB, MB", argument);
        return 0;
    case 'w':
        ml_take_interval(&view->interval_ns, "watch", argument, state);
        return 0;
    case 'n':
        if (!ml_parse_count(argument, &view->count) || view->count == 0)
            argp_error(state, "--count: \"%s\" is not a number from 1 on", argument);
        return 0;
    case ARGP_KEY_ARG:
        ml_take_word(&view->word, "process", argument, state);
        return 0;
    case ARGP_KEY_END:
        check(view, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "PID",
    .doc = "Print the statistics of a running process that has memlog in it (memlog run, LD_PRELOAD, "
           "or linked)."
           "\vThe process is not stopped or changed. The exit status is 0, also when the process ends "
           "while it is watched; 125 when its numbers can't be had, or can't be written.",
};

/* ---- the numbers ------------------------------------------------------------------ */

static void tell(const struct view *view, const char *what, const char *more)
{
    ml_os_complain("process ", view->word, ": ", what, more, NULL);
}

static const char *words_for(const struct view *view, int error)
{
    switch (error) {
    case -ENOENT:
        return "there is no memlog in it: start it with memlog run, or link it with memlog";
    case -ENOTSUP:
        return "it has another version of memlog in it";
    case -ESRCH:
        return "it has ended";
    case -ETIMEDOUT:
    case -ECONNREFUSED:
        return "nobody answers for it";
    case -EPERM:
        break;
    default:
        return ml_os_error_text(-error);
    }
    if (geteuid() == 0)
        return "its memory may not be read, not even by root (a container without CAP_SYS_PTRACE?), "
               "and nobody answers for it";
    return ml_target_is_own(&view->target)
               ? "its memory may not be read (kernel.yama.ptrace_scope?), and nobody answers for it: "
                 "try sudo, or start it with memlog run"
               : "it is another user's: try sudo";
}

/* What is wrong while a program begins is right a moment later. */
static int open_contact(struct view *view)
{
    int error = ml_contact_open(&view->contact, view->target.pid);
    if (error == 0 || error == -EPERM || error == -ESRCH)
        return error;
    if (ml_target_wait_for_loader(&view->target, -1) == ML_TARGET_ENDED)
        return -ESRCH;
    ml_contact_close(&view->contact);
    return ml_contact_open(&view->contact, view->target.pid);
}

/* A thread that was interrupted in the middle of an update goes on soon, unless all stand. */
static int read_numbers(struct view *view)
{
    enum { TRIES = 10 };
    for (int tries = 1;; tries++) {
        view->extra.size = sizeof(view->extra);
        int error = ml_contact_read(&view->contact, &view->stats, &view->extra);
        const struct ml_image *image = error == 0 ? view->contact.image : NULL;
        bool is_amid = image != NULL && ml_image_met_update(image);
        if (!is_amid || tries == TRIES || ml_target_stands(&view->target) || !ml_image_is_torn(image))
            return error;
        (void)ml_target_wait(&view->target, -1, ml_os_monotonic_ns() + 10 * ML_NS_PER_MS);
    }
}

/* Once while it lasts; what is on a screen is wiped the next time. */
static void tell_of_update(struct view *view)
{
    const struct ml_image *image = view->contact.image;
    bool stands = image != NULL && ml_image_met_update(image) && ml_target_stands(&view->target);
    bool is_amid = stands || (image != NULL && ml_image_is_torn(image));
    if (is_amid && (!view->was_amid || view->on_screen))
        tell(view, stands ? "it was stopped in the middle of an update" : "an update in it does not end",
             ": the numbers are as they stand, and may not fit together");
    view->was_amid = is_amid;
}

/* Memlog is looked for again where the process runs another program now, or nobody answers. */
static int look(struct view *view)
{
    enum { TRIES = 5 };
    bool is_there = view->contact.pid != 0 && !ml_space_was_left(&view->contact.space);
    int error = is_there ? read_numbers(view) : -ESTALE;
    for (int tries = 0; tries < TRIES; tries++) {
        if (error != -ESTALE && error != -EFAULT && error != -ECONNREFUSED)
            break;
        ml_contact_close(&view->contact);
        error = open_contact(view);
        error = error == 0 ? read_numbers(view) : error;
    }
    return error;
}

/* ---- what is printed ---------------------------------------------------------------- */

static void write_json(struct ml_text *text, const struct view *view)
{
    if (view->all)
        ml_json_all(text, &view->stats, &view->extra);
    else
        ml_json_memstats(text, &view->stats);
    ml_text_char(text, '\n');
}

static void write_numbers(struct ml_text *text, const struct view *view)
{
    if (view->json)
        write_json(text, view);
    else if (view->all)
        ml_text_stats(text, &view->stats, &view->extra, view->unit);
    else
        ml_text_memstats(text, &view->stats, view->unit);
}

/* One write. False after words of what is wrong with the standard output. */
static bool print(struct view *view, bool is_first)
{
    enum { MOST = 48 * 1024 }; /* with all numbers at their widest: half of it */
    static char numbers[MOST], screen[2 * MOST];
    unsigned rows, columns;
    struct ml_text text;
    ml_text_init(&text, numbers, sizeof(numbers));
    if (!is_first && !view->json && !view->on_screen)
        ml_text_char(&text, '\n');
    write_numbers(&text, view);
    ml_text_finish(&text);
    if (view->on_screen) {
        ml_text_init(&text, screen, sizeof(screen));
        ml_screen_size(STDOUT_FILENO, &rows, &columns);
        ml_screen_write(&text, numbers, rows, columns);
        ml_text_finish(&text);
    }
    int error = ml_os_write_all(STDOUT_FILENO, text.buffer, text.length);
    if (error != 0)
        ml_os_complain("cannot write the statistics: ", ml_os_error_text(-error), NULL);
    tell_of_update(view);
    return error == 0;
}

/* ---- until the end -------------------------------------------------------------------- */

/* What has become of it since it was looked at last. */
static int tell_end(const struct view *view, int error)
{
    bool is_another = error == -ENOENT || error == -ENOTSUP;
    tell(view, is_another ? "it runs another program now: " : "", words_for(view, error));
    return is_another || error == -ESRCH ? 0 : OWN_FAILURE;
}

static bool has_ended(const struct view *view)
{
    return ml_target_wait(&view->target, -1, 0) == ML_TARGET_ENDED;
}

/* While its thread that answers stands there is nothing new. */
static void tell_of_silence(struct view *view, bool is_silent)
{
    if (is_silent && !view->was_silent)
        tell(view, "it does not answer: was it stopped?", NULL);
    view->was_silent = is_silent;
}

static int watch(struct view *view)
{
    uint64_t first = ml_os_monotonic_ns();
    for (uint64_t shown = 1; shown != view->count;) {
        uint64_t due = ml_log_next_tick(first, view->interval_ns, ml_os_monotonic_ns());
        (void)ml_target_wait(&view->target, -1, due);
        int error = has_ended(view) ? -ESRCH : look(view);
        if (error != 0 && has_ended(view))
            error = -ESRCH;
        tell_of_silence(view, error == -ETIMEDOUT);
        if (error == -ETIMEDOUT)
            continue;
        if (error != 0)
            return tell_end(view, error);
        if (!print(view, false))
            return OWN_FAILURE;
        shown++;
    }
    return 0;
}

/* Ctrl-C, in the middle of anything, be it a write that nobody reads. */
_Noreturn static void leave(int unused)
{
    (void)unused;
    _exit(0);
}

static int run_it(struct view *view)
{
    if (!ml_target_open(&view->target, view->word))
        return OWN_FAILURE;
    int error = look(view);
    if (error != 0) {
        tell(view, words_for(view, error), NULL);
        return OWN_FAILURE;
    }
    if (view->interval_ns != 0)
        signal(SIGINT, leave);
    view->on_screen = view->interval_ns != 0 && !view->json && ml_screen_is(STDOUT_FILENO);
    if (!print(view, true))
        return OWN_FAILURE;
    return view->interval_ns == 0 ? 0 : watch(view);
}

int ml_cli_stat(int argc, char **argv)
{
    static struct view view = { .contact = ML_CONTACT_NONE }; /* large */
    ml_arguments_take(&argp, "memlog stat", OWN_FAILURE, 0, argc, argv, &view);
    return run_it(&view);
}
