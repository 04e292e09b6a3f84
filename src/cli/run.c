/* SPDX-License-Identifier: MIT */
#include "cli/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/alert.h"
#include "cli/answers.h"
#include "cli/arguments.h"
#include "cli/board.h"
#include "cli/child.h"
#include "cli/family.h"
#include "cli/oom.h"
#include "cli/pages.h"
#include "cli/preload.h"
#include "cli/program.h"
#include "cli/recorder.h"
#include "os/clock.h"
#include "os/process.h"

enum { OWN_FAILURE = 125 }; /* as env and nohup have it */

struct run {
    struct ml_recorder_settings settings;
    bool quiet;
    bool children;
    bool control; /* who asks for the numbers gets them */
    const char *interval; /* as it was said; NULL: it was not */
    const char *http; /* where the pages are to be; NULL: nowhere */
    char **arguments; /* the program and its own */
    struct ml_alerts alerts;

    struct ml_program program;
    struct ml_board *board;
    struct ml_child child;
    struct ml_recorder *recorder;
    struct ml_answerer *answerer; /* NULL: nobody can ask */
    struct ml_pages *pages;       /* NULL: there are none */
    struct ml_family *family; /* NULL without --children */
    uint64_t begun_ns; /* monotonic: of the program */
    uint64_t first_ns; /* monotonic: of the ticks; 0 before the first sample */
    uint64_t oom_kills;
};

/* ---- options -------------------------------------------------------------------- */

enum { KEY_COLUMNS = 0x100, KEY_CHILDREN, KEY_COLLECTIONS, KEY_MAX_BYTES, KEY_ALERT, KEY_EXEC, KEY_HTTP };

static const struct argp_option options[] = {
    { "output", 'o', "FILE", 0, "the log (memory.log; %p is the pid, %e the program)", 0 },
    { "interval", 'i', "TIME", 0, "between two samples: 100ms, 1s (the default), 2m", 0 },
    { "columns", KEY_COLUMNS, "NAMES", 0,
      "more columns, with commas: any field of the statistics", 0 },
    { "children", KEY_CHILDREN, NULL, 0,
      "each process under it in FILE.PID, all of them in FILE.total", 0 },
    { "collections", KEY_COLLECTIONS, NULL, 0,
      "a line for each collection, in programs that collect", 0 },
    { "max-bytes", KEY_MAX_BYTES, "SIZE", 0,
      "above it the log is renamed to FILE.1 and begun anew", 0 },
    { "alert", KEY_ALERT, "CONDITION", 0,
      "tell when it comes true: 'sys>90%' of the limit, 'fds>99'", 0 },
    { "exec", KEY_EXEC, "COMMAND", 0, "behind an --alert: what /bin/sh is to do then", 0 },
    { "http", KEY_HTTP, "ADDRESS", 0,
      "debug pages there: 127.0.0.1:6060, unix:/run/x.sock", 0 },
    { "quiet", 'q', NULL, 0, "no words at the beginning and the end", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct run *run = state->input;
    char why[ML_CONDITION_WHY_BYTES];
    switch (key) {
    case 'o':
        run->settings.file = argument;
        return 0;
    case 'i':
        ml_take_interval(&run->settings.interval_ns, "interval", argument, state);
        run->interval = argument;
        return 0;
    case KEY_CHILDREN:
        run->children = true;
        return 0;
    case KEY_COLUMNS:
        run->settings.columns = argument;
        return 0;
    case KEY_COLLECTIONS:
        run->settings.tell_cycles = true;
        return 0;
    case KEY_MAX_BYTES:
        ml_take_bytes(&run->settings.max_bytes, "max-bytes", argument, state);
        return 0;
    case KEY_ALERT:
        if (!ml_alerts_add(&run->alerts, argument, why))
            argp_error(state, "--alert: %s", why);
        return 0;
    case KEY_EXEC:
        if (!ml_alerts_add_command(&run->alerts, argument, why))
            argp_error(state, "--exec: %s", why);
        return 0;
    case KEY_HTTP:
        run->http = argument;
        return 0;
    case 'q':
        run->quiet = true;
        return 0;
    case ARGP_KEY_ARG: /* the first word that is no option is the program */
        run->arguments = state->argv + state->next - 1;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which program? memlog run [OPTION...] PROGRAM [ARGUMENT...]");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "PROGRAM [ARGUMENT...]",
    .doc = "Run a program, unchanged, on memlog's heap, and write what it uses to memory.log."
           "\vThe exit status is the program's; 128 and the number of the signal that ended it; "
           "127 when there is no such program, 126 when it can't be run with memlog in it, 125 "
           "when memlog itself can't go on. MEMLOG_* variables say what the options do not.",
};

/* ---- the environment ----------------------------------------------------------------- */

/* What goes before what is there. False when there is no memory. */
static bool prepend(const char *variable, const char *value)
{
    const char *old = getenv(variable);
    char *both = NULL;
    if (old == NULL || *old == '\0')
        return setenv(variable, value, 1) == 0;
    if (asprintf(&both, "%s:%s", value, old) < 0)
        return false;
    bool done = setenv(variable, both, 1) == 0;
    free(both);
    return done;
}

static bool tell(const char *variable, const char *value)
{
    return value == NULL || setenv(variable, value, 1) == 0;
}

/* MEMLOG_FILE would have the program write a log of its own, and MEMLOG_HTTP want pages where ours are. The
 * rest is for a process that goes on when we are gone. */
static bool set_environment(const struct run *run, const char *library)
{
    unsetenv("MEMLOG_FILE");
    unsetenv("MEMLOG_HTTP");
    return prepend("LD_PRELOAD", library) && tell(ML_BOARD_VARIABLE, ml_board_path()) &&
           tell("MEMLOG_INTERVAL", run->interval) && tell("MEMLOG_COLUMNS", run->settings.columns);
}

/* ---- running ---------------------------------------------------------------------------- */

/* Two descriptors for each process under the program. Its own limit, which it has inherited
 * by now, stays. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool begin_log(void *argument, pid_t pid)
{
    struct run *run = argument;
    if (run->children)
        raise_descriptor_limit();
    run->board->first_pid = run->board->pids[0] = (uint32_t)pid;
    if (ml_recorder_open(&run->recorder, &run->settings, run->program.path, pid, run->arguments,
                         &run->board->slots[0]) != 0)
        return false;
    if (run->children)
        run->family = ml_family_open(run->board, &run->settings, run->recorder);
    ml_alerts_watch(&run->alerts, pid, ml_recorder_lines(run->recorder),
                    run->family == NULL ? NULL : ml_family_lines(run->family));
    run->answerer = ml_answers_add(pid, run->recorder);
    return !run->children || run->family != NULL;
}

/* When to look next. Until memlog in the program has said where it is: soon; but it may
 * never do that. */
static uint64_t next_look(const struct run *run, uint64_t now)
{
    enum { SOON_NS = ML_NS_PER_MS };
    uint64_t interval = run->settings.interval_ns;
    if (run->first_ns == 0)
        return now + (now - run->begun_ns < ML_NS_PER_SECOND ? SOON_NS : interval);
    return run->first_ns + ((now - run->first_ns) / interval + 1) * interval;
}

static void look(struct run *run)
{
    bool sampled = ml_recorder_sample(run->recorder);
    if (sampled && run->first_ns == 0)
        run->first_ns = ml_os_monotonic_ns();
    if (sampled && run->family != NULL)
        ml_family_sample(run->family);
    if (sampled)
        ml_alerts_look(&run->alerts);
}

static void take_other_end(void *argument, pid_t pid, int status)
{
    struct run *run = argument;
    ml_alerts_take_end(&run->alerts, pid, status);
}

static void wait_until(const struct run *run, uint64_t due)
{
    uint64_t now = ml_os_monotonic_ns();
    uint64_t left = due > now ? due - now : 0;
    struct timespec span = { (time_t)(left / ML_NS_PER_SECOND), (long)(left % ML_NS_PER_SECOND) };
    struct pollfd either[] = { { .fd = run->child.signals, .events = POLLIN },
                               { .fd = ml_answers_fd(), .events = POLLIN } };
    (void)ppoll(either, 2, &span, NULL);
}

static void record_until_the_end(struct run *run)
{
    run->begun_ns = ml_os_monotonic_ns();
    uint64_t due = next_look(run, run->begun_ns);
    while (!run->child.ended) {
        wait_until(run, due);
        ml_child_handle_signals(&run->child);
        ml_answers_give();
        uint64_t now = ml_os_monotonic_ns();
        if (run->child.ended || now < due)
            continue;
        look(run);
        due = next_look(run, now);
    }
}

/* "reason=exit status=1", "reason=SIGKILL oom_kill=1" */
static void tell_end(struct run *run)
{
    char reason[96];
    int status = run->child.status;
    uint64_t oom_kills = ml_oom_kills() - run->oom_kills;
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        int length = name != NULL
                         ? snprintf(reason, sizeof(reason), "reason=SIG%s", name)
                         : snprintf(reason, sizeof(reason), "reason=signal%d", WTERMSIG(status));
        if (WTERMSIG(status) == SIGKILL && oom_kills != 0 && oom_kills < UINT32_MAX)
            snprintf(reason + length, sizeof(reason) - (size_t)length, " oom_kill=%u",
                     (unsigned)oom_kills);
    } else {
        snprintf(reason, sizeof(reason), "reason=exit status=%d", WEXITSTATUS(status));
    }
    ml_recorder_end(run->recorder, reason);
}

static int fail(const char *what, int error)
{
    ml_os_complain(what, ": ", ml_os_error_text(error), NULL);
    return OWN_FAILURE;
}

static int run_it(struct run *run)
{
    char library[PATH_MAX];
    int status = ml_program_find(&run->program, run->arguments[0]);
    if (status != 0) {
        ml_os_complain(run->program.why, NULL);
        return status;
    }
    if (!ml_preload_find(library, sizeof(library)))
        return OWN_FAILURE;
    run->board = ml_board_make(run->children, run->settings.file);
    if (run->board == NULL)
        return fail("cannot share memory with the program", errno);
    if (ml_command_remember(&run->alerts.origin) != 0 || !set_environment(run, library))
        return fail("cannot set the program's environment", ENOMEM);
    run->oom_kills = ml_oom_kills();
    ml_answers_open(run->control);
    int error = ml_child_start(&run->child, run->program.path, run->arguments, environ, begin_log,
                               run);
    if (error < 0)
        return OWN_FAILURE;
    if (error != 0) {
        ml_os_complain(run->program.path, ": ", ml_os_error_text(error), NULL);
        return error == ENOENT ? 127 : 126;
    }
    /* Who reads what we say may have gone: the status is the program's all the same. */
    signal(SIGPIPE, SIG_IGN);
    run->child.other_ended = take_other_end;
    run->child.argument = run;
    /* Not before the program begins: it inherits nothing of the server's. Without it all goes on. */
    if (run->http != NULL)
        run->pages = ml_pages_open(run->http, run->child.pid, run->recorder, run->quiet);
    record_until_the_end(run);
    ml_family_close(run->family);
    tell_end(run);
    if (!run->quiet)
        ml_recorder_sum_up(run->recorder);
    return ml_child_exit_status(&run->child);
}

/* What the environment says, until an option says something else. */
static bool take_environment(struct run *run)
{
    struct ml_log_settings settings;
    if (ml_options_log(NULL, &settings) != 0)
        return false;
    run->settings = (struct ml_recorder_settings){
        .file = settings.file,
        .columns = settings.columns,
        .interval_ns = settings.interval_ns,
        .max_bytes = settings.max_bytes,
        .tell_cycles = settings.tell_cycles,
        .show_command = settings.show_command,
    };
    run->http = ml_os_getenv("MEMLOG_HTTP");
    run->children = settings.children;
    run->control = settings.control;
    return true;
}

int ml_cli_run(int argc, char **argv)
{
    static struct run run; /* large */
    if (!take_environment(&run))
        return OWN_FAILURE;
    ml_arguments_take(&argp, "memlog run", OWN_FAILURE, ARGP_IN_ORDER, argc, argv, &run);
    int status = run_it(&run);
    ml_answers_remove(run.answerer);
    ml_pages_close(run.pages);
    ml_recorder_close(run.recorder);
    return status;
}
