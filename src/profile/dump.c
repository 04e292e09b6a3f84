/* SPDX-License-Identifier: MIT */
#include "profile/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h> /* rename() lives here */
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"
#include "heap/threadcache.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "profile/nearlimit.h"
#include "profile/ownstack.h"
#include "profile/pprof.h"
#include "profile/text.h"
#include "stats/memstats.h"

enum { PATH_BYTES = 4096, NAME_BYTES = 64, STACK_NEEDED = 64 << 10 };

static char pattern[PATH_BYTES], directory[PATH_BYTES], path[PATH_BYTES], part[PATH_BYTES];
static const char *comment;
static bool at_exit, is_for_each_process;
static pid_t first_process;

static pid_t writer;     /* the process in which somebody is at it; of another: nobody */
static uint32_t pending; /* signals that nobody has answered */

/* ---- names ------------------------------------------------------------------------------ */

/* 0, -EINVAL, -ENAMETOOLONG. */
static int expand(char *name, const char *suffix)
{
    char program[NAME_BYTES];
    struct ml_text text;
    ml_text_init(&text, name, PATH_BYTES);
    if (pattern[0] != '/') {
        ml_text_string(&text, directory);
        ml_text_char(&text, '/');
    }
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '%') {
            ml_text_char(&text, *at);
            continue;
        }
        switch (*++at) {
        case 'p': ml_text_i64(&text, ml_os_pid()); break;
        case 'e': ml_text_bytes(&text, program, ml_os_program_name(program, sizeof(program))); break;
        case '%': ml_text_char(&text, '%'); break;
        default: return -EINVAL;
        }
    }
    ml_text_string(&text, suffix);
    return ml_text_finish(&text) < PATH_BYTES ? 0 : -ENAMETOOLONG;
}

static bool is_text(void)
{
    size_t length = strlen(pattern);
    return length >= 4 && strcmp(pattern + length - 4, ".txt") == 0;
}

/* ---- writing ---------------------------------------------------------------------------- */

static int write_to(int fd)
{
    return is_text() ? ml_profile_text_write(fd) : ml_pprof_write(fd, comment);
}

static int write_file(const char *suffix)
{
    char partial[NAME_BYTES];
    struct ml_text text;
    ml_text_init(&text, partial, sizeof(partial));
    ml_text_string(&text, suffix);
    ml_text_string(&text, ".part");
    ml_text_finish(&text);
    int error = expand(path, suffix);
    if (error == 0)
        error = expand(part, partial);
    if (error != 0)
        return error;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0)
        return -errno;
    error = write_to(fd);
    close(fd);
    if (error == 0 && rename(part, path) != 0)
        error = -errno;
    if (error != 0)
        unlink(part);
    return error;
}

/* A forked child's file would be its parent's, but where the name has the pid. */
static bool is_ours(void)
{
    return first_process != 0 && (is_for_each_process || ml_os_pid() == first_process);
}

static bool begin(void)
{
    pid_t here = ml_os_pid(), before = __atomic_load_n(&writer, __ATOMIC_RELAXED);
    return before != here && __atomic_compare_exchange_n(&writer, &before, here, false,
                                                         __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void end(void) { __atomic_store_n(&writer, 0, __ATOMIC_RELEASE); }

/* By who has begun. */
static void write_now(const char *suffix)
{
    static bool has_complained;
    int saved_errno = errno, cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    int error = write_file(suffix);
    pthread_setcancelstate(cancel, NULL);
    if (error != 0 && !has_complained) {
        has_complained = true;
        ml_os_complain("the profile can't be written to ", path, ": ", ml_os_error_text(-error),
                       "; MEMLOG_PROFILE_FILE says where to", NULL);
    }
    errno = saved_errno;
}

/* False: somebody else is at one. */
static bool dump(const char *suffix)
{
    if (!is_ours())
        return true;
    if (!begin())
        return false;
    write_now(suffix);
    end();
    return true;
}

/* ---- when ------------------------------------------------------------------------------- */

static bool has_room(void)
{
    uintptr_t end;
    return ml_own_stack_room((uintptr_t)__builtin_frame_address(0), &end) > STACK_NEEDED;
}

static bool may_write(void)
{
    return ml_thread_attached() && ml_thread_self->inside == 0 && has_room();
}

static void answer(void)
{
    if (!may_write())
        return;
    __atomic_store_n(&pending, 0, __ATOMIC_RELAXED);
    if (!dump(""))
        __atomic_store_n(&pending, 1, __ATOMIC_RELAXED);
}

static void handle(int signal)
{
    (void)signal;
    __atomic_store_n(&pending, 1, __ATOMIC_RELAXED);
    answer();
}

/* Those that come while the last one is still paid for wait. */
static void dump_new_peak(void)
{
    enum { SHARE = 20, LEAST_BYTES = 1 << 20 };
    static uint64_t peak, not_before_ns;
    struct memlog_memstats stats;
    uint64_t now = ml_os_monotonic_ns();
    if (now < __atomic_load_n(&not_before_ns, __ATOMIC_RELAXED))
        return;
    ml_stats_read(&stats);
    if (stats.alloc < LEAST_BYTES || stats.alloc / 21 * 20 < __atomic_load_n(&peak, __ATOMIC_RELAXED))
        return;
    __atomic_store_n(&peak, stats.alloc, __ATOMIC_RELAXED);
    (void)dump(".peak");
    uint64_t took = ml_os_monotonic_ns() - now;
    __atomic_store_n(&not_before_ns, now + took * SHARE, __ATOMIC_RELAXED);
}

static void look_at_limit(void)
{
    if (!is_ours()) {
        ml_nearlimit_put_off();
        return;
    }
    if (!begin())
        return;
    unsigned mark = ml_nearlimit_look();
    if (mark != 0)
        write_now(mark == 80 ? ".limit80" : ".limit95");
    end();
}

void ml_dump_notice(bool sampled)
{
    if (ml_likely(first_process == 0))
        return;
    if (__atomic_load_n(&pending, __ATOMIC_RELAXED) != 0)
        answer();
    if (at_exit && ml_nearlimit_is_due(sampled) && may_write())
        look_at_limit();
    if (sampled && at_exit && may_write())
        dump_new_peak();
}

void ml_dump_at_exit(void)
{
    if (at_exit && ml_thread_attached() && ml_thread_self->inside == 0)
        (void)dump("");
}

int ml_dump_prepare(const char *file, int signal, int64_t memory_limit, const char *its_comment)
{
    comment = its_comment;
    ml_nearlimit_prepare(memory_limit);
    const char *name = file != NULL ? file : "memlog.heap";
    if (strlen(name) >= sizeof(pattern))
        return -ENAMETOOLONG;
    strcpy(pattern, name);
    if (syscall(SYS_getcwd, directory, sizeof(directory)) < 0)
        directory[0] = '\0';
    int error = expand(path, ".limit95.part");
    if (error == 0 && signal != 0) {
        struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
        error = sigaction(signal, &action, NULL) == 0 ? 0 : -errno;
    }
    if (error != 0)
        return error;
    at_exit = file != NULL;
    is_for_each_process = strstr(pattern, "%p") != NULL;
    first_process = ml_os_pid();
    return 0;
}
