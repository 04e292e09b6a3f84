/* SPDX-License-Identifier: MIT */
#include "cli/attach.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/claim.h"
#include "cli/contact.h"
#include "cli/locate.h"
#include "cli/oom.h"
#include "cli/recorder.h"
#include "cli/target.h"
#include "cli/words.h"
#include "os/clock.h"
#include "os/process.h"
#include "stats/fields.h"

enum { OWN_FAILURE = 125 }; /* as memlog run has it */

struct attach {
    struct ml_recorder_settings settings;
    const char *word; /* the process, as it was said */
    uint64_t duration_ns; /* 0: to its end */
    bool quiet;
    bool columns_said; /* not only by the environment */

    struct ml_target target;
    char membership[64]; /* a file that outlives the process's own; "": there is none */
    uint64_t oom_kills;
    int signals; /* a descriptor: readable when it is time to go */
    bool is_told; /* that its memory can't be looked into */
    bool is_claimed;

    /* Of the program that the process runs now. */
    struct ml_contact contact; /* large */
    struct ml_board_slot slot; /* large; what the program under a memlog run would say itself */
    struct ml_recorder *recorder;
};

/* ---- options -------------------------------------------------------------------- */

enum { KEY_COLUMNS = 0x100, KEY_MAX_BYTES, KEY_DURATION };

static const struct argp_option options[] = {
    { "output", 'o', "FILE", 0, "the log (memory.%p.log; %p is the pid, %e the program)", 0 },
    { "interval", 'i', "TIME", 0, "between two samples: 100ms, 1s (the default), 2m", 0 },
    { "columns", KEY_COLUMNS, "NAMES", 0,
      "more columns, with commas: as memlog run; without memlog in the process "
      "majflt, process_threads, fds, cgroup_current, cgroup_limit", 0 },
    { "duration", KEY_DURATION, "TIME", 0, "detach when so much time has gone by", 0 },
    { "max-bytes", KEY_MAX_BYTES, "SIZE", 0,
      "above it the log is renamed to FILE.1 and begun anew", 0 },
    { "quiet", 'q', NULL, 0, "no summary at the end", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct attach *attach = state->input;
    switch (key) {
    case 'o':
        attach->settings.file = argument;
        return 0;
    case 'i':
        ml_take_interval(&attach->settings.interval_ns, "interval", argument, state);
        return 0;
    case KEY_COLUMNS:
        attach->settings.columns = argument;
        attach->columns_said = true;
        return 0;
    case KEY_DURATION:
        if (!ml_parse_duration(argument, &attach->duration_ns) || attach->duration_ns == 0)
            argp_error(state, "--duration: \"%s\" is not a time (try 30s, 10m, 72h)", argument);
        return 0;
    case KEY_MAX_BYTES:
        ml_take_bytes(&attach->settings.max_bytes, "max-bytes", argument, state);
        return 0;
    case 'q':
        attach->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        ml_take_word(&attach->word, "process", argument, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which process? memlog attach [OPTION...] PID");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "PID",
    .doc = "Write what a running process uses to memory.PID.log, until it ends or until Ctrl-C. "
           "With memlog in it (memlog run, LD_PRELOAD, or linked) Alloc, Sys and further columns; "
           "else what the system knows: rss, pss and swap."
           "\vThe process is not stopped or changed. The exit status is 0; 125 when there is no "
           "such process, or it may not be looked at. MEMLOG_INTERVAL, MEMLOG_COLUMNS, "
           "MEMLOG_MAX_BYTES and MEMLOG_COMMAND say what the options do not.",
};

/* ---- which numbers there are ------------------------------------------------------ */

enum source { FROM_HEAP, FROM_SYSTEM, FROM_NOBODY };

static void tell(struct attach *attach, const char *what)
{
    if (!attach->is_told)
        ml_os_complain("process ", attach->word, ": ", what, NULL);
    attach->is_told = true;
}

/* Since it was waited for: who answered for it has ended with it then. */
static bool has_ended(const struct attach *attach)
{
    return ml_target_wait(&attach->target, attach->signals, 0) == ML_TARGET_ENDED;
}

/* The answer goes where a recorder finds the numbers of a thread inside. */
static bool ask(struct attach *attach)
{
    struct ml_board_numbers *inside = &attach->slot.inside;
    int error = ml_contact_read(&attach->contact, &inside->stats, &inside->extra);
    if (error == -ECONNREFUSED && !has_ended(attach))
        tell(attach, "nobody answers for it any more: nothing is recorded");
    if (error != 0)
        return false;
    inside->when_ns = attach->contact.answer.when_ns;
    attach->slot.inside_sequence += 2;
    attach->slot.images += attach->slot.images == 0;
    return true;
}

/* Its memory may not be read. Its mappings may, where only tracing is restricted. */
static enum source choose_refused(struct attach *attach)
{
    if (attach->contact.space.maps < 0) {
        tell(attach, "it is another user's, or keeps its memory to itself: only rss is known "
                     "(try sudo)");
        return FROM_SYSTEM;
    }
    if (!ml_locate_library(&attach->contact.space))
        return FROM_SYSTEM;
    tell(attach, "its memory may not be read (kernel.yama.ptrace_scope?): try sudo, or start it "
                 "with memlog run");
    return FROM_NOBODY;
}

static enum source choose(struct attach *attach)
{
    int error = ml_contact_open(&attach->contact, attach->target.pid);
    if (error == -EPERM)
        return choose_refused(attach);
    if (attach->contact.is_asked)
        return ask(attach) ? FROM_HEAP : FROM_NOBODY;
    attach->slot.root = attach->contact.root;
    attach->slot.images++;
    if (error == -ENOTSUP)
        tell(attach, "it has another version of memlog in it: only what the system knows is "
                     "recorded");
    return error == 0 ? FROM_HEAP : FROM_SYSTEM;
}

/* ---- one program's part of the log --------------------------------------------------- */

/* The columns of the list that a process without memlog has, too. To be freed. */
static char *columns_without_heap(const char *list)
{
    static const char separators[] = ", \t\n";
    char *kept = calloc(1, strlen(list) + 1), *end = kept;
    for (list += strspn(list, separators); kept != NULL && *list != '\0';
         list += strspn(list, separators)) {
        size_t length = strcspn(list, separators);
        const struct ml_field *field = ml_field_find(list, length);
        if (field == NULL || !ml_field_is_of_heap(field)) /* an unknown one is complained of */
            end += sprintf(end, "%s%.*s", end == kept ? "" : ",", (int)length, list);
        list += length;
    }
    return kept;
}

static bool open_log(struct attach *attach)
{
    static struct ml_words words; /* large */
    struct ml_recorder_settings settings = attach->settings;
    /* Later the program may be another, and none of its columns is forgotten by whoever
     * asked for them. */
    bool may_drop = settings.without_heap && (!attach->columns_said || attach->is_claimed);
    char *kept = NULL;
    if (may_drop && settings.columns != NULL)
        kept = columns_without_heap(settings.columns);
    settings.columns = kept != NULL ? kept : settings.columns;
    ml_words_read(&words, attach->target.pid);
    const char *name = words.list[0] == NULL ? "?" : words.list[0];
    int error = ml_recorder_open(&attach->recorder, &settings, name, attach->target.pid, words.list,
                                 &attach->slot);
    free(kept);
    if (error == 0 && !attach->is_claimed)
        attach->is_claimed = ml_claim_log(ml_recorder_path(attach->recorder), attach->target.pid);
    return error == 0 && attach->is_claimed;
}

static bool begin(struct attach *attach)
{
    enum source source = choose(attach);
    attach->settings.without_heap = source == FROM_SYSTEM;
    if (source == FROM_NOBODY || !open_log(attach))
        return false;
    (void)ml_recorder_sample(attach->recorder);
    return true;
}

/* Who does not answer has nothing new. */
static void look(struct attach *attach)
{
    if (!attach->contact.is_asked || ask(attach))
        (void)ml_recorder_sample(attach->recorder);
}

static void finish(struct attach *attach, const char *reason)
{
    ml_recorder_end(attach->recorder, reason);
    if (!attach->quiet)
        ml_recorder_sum_up(attach->recorder);
    ml_recorder_close(attach->recorder);
    ml_contact_close(&attach->contact);
    attach->recorder = NULL;
}

/* ---- its cgroup ---------------------------------------------------------------------------- */

static uint64_t kills_so_far(const struct attach *attach)
{
    return ml_oom_kills_under(attach->membership, "/sys/fs/cgroup");
}

/* /proc/PID/cgroup is gone with the process, and its last moment is what matters. */
static void remember_membership(struct attach *attach)
{
    char path[64], groups[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)attach->target.pid);
    ssize_t bytes = ml_os_read_file(path, groups, sizeof(groups));
    int fd = memfd_create("memlog-cgroup", MFD_CLOEXEC);
    if (fd >= 0 && bytes > 0 && write(fd, groups, (size_t)bytes) == bytes)
        snprintf(attach->membership, sizeof(attach->membership), "/proc/self/fd/%d", fd);
}

/* ---- until the end ---------------------------------------------------------------------- */

static enum ml_target_event watch(struct attach *attach)
{
    uint64_t first = ml_os_monotonic_ns();
    uint64_t stop = attach->duration_ns == 0 ? UINT64_MAX : first + attach->duration_ns;
    for (uint64_t due = first;;) {
        due = ml_log_next_tick(first, attach->settings.interval_ns, ml_os_monotonic_ns());
        enum ml_target_event event =
            ml_target_wait(&attach->target, attach->signals, due < stop ? due : stop);
        if (event == ML_TARGET_TIME && due >= stop)
            event = ML_TARGET_LEFT;
        if (event == ML_TARGET_TIME && ml_space_was_left(&attach->contact.space)) {
            finish(attach, "reason=exec");
            event = ml_target_wait_for_loader(&attach->target, attach->signals);
            if (event == ML_TARGET_TIME && !begin(attach))
                return ML_TARGET_LEFT;
        } else if (event != ML_TARGET_ENDED) {
            look(attach);
        }
        if (event != ML_TARGET_TIME)
            return event;
    }
}

static void tell_end(struct attach *attach, enum ml_target_event event)
{
    char reason[64] = "reason=detached";
    if (attach->recorder == NULL)
        return;
    uint64_t kills = event == ML_TARGET_ENDED ? kills_so_far(attach) - attach->oom_kills : 0;
    if (event == ML_TARGET_ENDED && kills == 0)
        strcpy(reason, "reason=gone");
    else if (event == ML_TARGET_ENDED)
        snprintf(reason, sizeof(reason), "reason=gone oom_kill=%" PRIu64, kills);
    finish(attach, reason);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run_it(struct attach *attach)
{
    if (!ml_target_open(&attach->target, attach->word))
        return OWN_FAILURE;
    remember_membership(attach);
    attach->oom_kills = kills_so_far(attach);
    attach->signals = open_signals();
    enum ml_target_event event = ml_target_wait_for_loader(&attach->target, attach->signals);
    if (event == ML_TARGET_TIME && !begin(attach))
        return OWN_FAILURE;
    if (event == ML_TARGET_ENDED)
        tell(attach, "it has ended before there was a sample");
    tell_end(attach, event == ML_TARGET_TIME ? watch(attach) : event);
    return 0;
}

/* Its log is another than that of a program which MEMLOG_FILE has write one. */
static bool take_environment(struct attach *attach)
{
    struct ml_log_settings settings;
    if (ml_options_log(NULL, &settings) != 0)
        return false;
    attach->settings = (struct ml_recorder_settings){
        .file = "memory.%p.log",
        .columns = settings.columns,
        .interval_ns = settings.interval_ns,
        .max_bytes = settings.max_bytes,
        .show_command = settings.show_command,
    };
    return true;
}

int ml_cli_attach(int argc, char **argv)
{
    static struct attach attach = { /* large */
        .signals = -1,
        .contact = ML_CONTACT_NONE,
    };
    if (!take_environment(&attach))
        return OWN_FAILURE;
    ml_arguments_take(&argp, "memlog attach", OWN_FAILURE, 0, argc, argv, &attach);
    return run_it(&attach);
}
