/* SPDX-License-Identifier: MIT */
#include "preload/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"
#include "gc/asleep.h"
#include "heap/threadcache.h"
#include "log/place.h"
#include "memlog.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/process.h"
#include "os/thread.h"

enum phase { NEVER, WAITING, BEGINNING };

static struct {
    uint32_t phase;
    pid_t pid;         /* of the process that waits */
    pid_t parent;      /* whose child it is, of those that may log there; 0: nobody's */
    bool is_forked;    /* from it, and runs the same program */
    uint64_t begin_ns; /* monotonic */
    bool children;     /* MEMLOG_CHILDREN */
    int fd;            /* with the lock; -1: none */
    char pattern[ML_PATH_BYTES];
} waiting = { .fd = -1 };

static bool is_waiting(void)
{
    return __atomic_load_n(&waiting.phase, __ATOMIC_RELAXED) == WAITING;
}
static void set_phase(enum phase phase)
{
    __atomic_store_n(&waiting.phase, phase, __ATOMIC_RELAXED);
}

/* ---- what was asked for ------------------------------------------------------------- */

/* The working directory, where the name is relative to it; as a part of a pattern. */
static void add_directory(struct ml_text *text)
{
    char directory[ML_PATH_BYTES];
    if (syscall(SYS_getcwd, directory, sizeof(directory)) < 0)
        return;
    for (const char *at = directory; *at != '\0'; at++)
        ml_text_string(text, *at == '%' ? "%%" : (char[]){ *at, '\0' });
    ml_text_char(text, '/');
}

static bool remember_pattern(const char *file)
{
    struct ml_text text;
    ml_text_init(&text, waiting.pattern, sizeof(waiting.pattern));
    if (file[0] != '/')
        add_directory(&text);
    ml_text_string(&text, file);
    return ml_text_finish(&text) < sizeof(waiting.pattern);
}

static bool is_yes(const char *value)
{
    return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "yes") == 0 ||
                             strcmp(value, "on") == 0 || strcmp(value, "true") == 0);
}

/* Whether a process was started with this library and the same MEMLOG_FILE. One that may not be looked
 * at was not. */
static bool has_same_file(pid_t pid, const char *file)
{
    enum { MOST = 256 << 10 };
    static const char LIBRARY[] = "libmemlog-preload";
    char path[64], wanted[ML_PATH_BYTES];
    struct ml_text text;
    ml_text_init(&text, path, sizeof(path));
    ml_text_string(&text, "/proc/");
    ml_text_i64(&text, pid);
    ml_text_string(&text, "/environ");
    ml_text_finish(&text);
    ml_text_init(&text, wanted, sizeof(wanted));
    ml_text_string(&text, "MEMLOG_FILE=");
    ml_text_string(&text, file);
    size_t length = ml_text_finish(&text) + 1; /* with its NUL */
    char *environment = ml_os_map(MOST);
    if (environment == NULL)
        return false;
    ssize_t count = length > sizeof(wanted) ? 0 : ml_os_read_file(path, environment, MOST);
    const char *found = count <= 0 ? NULL : memmem(environment, (size_t)count, wanted, length);
    bool has = found != NULL && (found == environment || found[-1] == '\0') &&
               memmem(environment, (size_t)count, LIBRARY, sizeof(LIBRARY) - 1) != NULL;
    ml_os_unmap(environment, MOST);
    return has;
}

/* In a forked child: a log that has begun is its parent's, and a lock too. */
static void after_fork_child(void)
{
    if (waiting.fd >= 0)
        close(waiting.fd);
    waiting.fd = -1;
    waiting.parent = waiting.pid;
    waiting.is_forked = true;
    waiting.pid = ml_os_pid();
}

void ml_preload_log_prepare(void)
{
    const char *file = ml_os_getenv("MEMLOG_FILE");
    if (file == NULL || !ml_asleep_at_start() || !remember_pattern(file))
        return;
    waiting.children = is_yes(ml_os_getenv("MEMLOG_CHILDREN"));
    waiting.pid = ml_os_pid();
    waiting.parent = has_same_file(getppid(), file) ? getppid() : 0;
    waiting.begin_ns = ml_os_monotonic_ns();
    (void)pthread_atfork(NULL, NULL, after_fork_child);
    set_phase(WAITING);
}

void ml_preload_log_outlive(const char *file, pid_t parent)
{
    static const char end[] = ".%p";
    size_t length = strlen(file);
    if (length == 0 || length + sizeof(end) > sizeof(waiting.pattern))
        return;
    memcpy(waiting.pattern, file, length);
    memcpy(waiting.pattern + length, end, sizeof(end));
    waiting.pid = ml_os_pid();
    waiting.parent = parent;
    waiting.is_forked = parent != 0;
    waiting.begin_ns = parent == 0 ? 0 : ml_os_monotonic_ns();
    set_phase(WAITING);
}

/* ---- whose file it is ----------------------------------------------------------------- */

/* Out of the way of the numbers that a program expects from its own open(). */
static int open_high(const char *path)
{
    enum { OUT_OF_THE_WAY = 64 };
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
    if (fd >= 0)
        close(fd);
    return high;
}

/* Somebody has: a process that only waited for others has nothing to add. */
static bool is_written_since_start(const struct stat *status)
{
    uint64_t age = ml_os_monotonic_ns() - waiting.begin_ns;
    uint64_t written = (uint64_t)status->st_mtim.tv_sec * ML_NS_PER_SECOND +
                       (uint64_t)status->st_mtim.tv_nsec;
    return status->st_size != 0 && written >= ml_os_realtime_ns() - age;
}

/* False: another process logs there, or, for one that ends, has done so. What can't
 * be locked is nobody's, and what can't be opened is for memlog_log_start to
 * complain about. */
static bool take_file(bool at_end)
{
    char program[ML_PLACE_PROGRAM_BYTES], path[ML_PATH_BYTES];
    const char *bad;
    struct stat status;
    ml_os_program_name(program, sizeof(program));
    if (ml_place_expand(waiting.pattern, program, waiting.pid, path, sizeof(path), &bad) != 0)
        return true;
    int fd = open_high(path);
    if (fd < 0)
        return true;
    bool is_taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    bool is_regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    is_taken |= at_end && is_regular && is_written_since_start(&status);
    if (!is_taken && is_regular)
        waiting.fd = fd;
    else
        close(fd);
    return !is_taken;
}

/* Behind the name, for a process that is not the file's. False: it is too long. */
static bool append_pid(void)
{
    static const char end[] = ".%p";
    size_t length = strlen(waiting.pattern);
    if (length + sizeof(end) > sizeof(waiting.pattern))
        return false;
    memcpy(waiting.pattern + length, end, sizeof(end));
    return true;
}

/* ---- the beginning ---------------------------------------------------------------------- */

static bool has_living_parent(void)
{
    return waiting.parent != 0 && getppid() == waiting.parent;
}

static bool is_for_this_process(void)
{
    if (waiting.pid != ml_os_pid())
        return false; /* a child that shares our memory, by vfork */
    return waiting.children || !waiting.is_forked || !has_living_parent();
}

static bool claim(void)
{
    uint32_t expected = WAITING;
    return __atomic_compare_exchange_n(&waiting.phase, &expected, BEGINNING, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void begin(void *at_end)
{
    bool has_own = waiting.children && has_living_parent();
    if ((!has_own && take_file(at_end != NULL)) || (waiting.children && append_pid())) {
        struct memlog_log_options options = { .size = sizeof(options), .file = waiting.pattern };
        (void)memlog_log_start(&options); /* it has said why not */
    }
    set_phase(NEVER);
}

/* By a thread that is there for that alone: who allocates may have a small stack. */
static void begin_elsewhere(void)
{
    static struct ml_os_thread thread;
    if (claim() && ml_os_thread_start_for_program(&thread, "memlog-log", begin, NULL) != 0)
        set_phase(WAITING); /* there may be room for one later */
}

static bool is_time(void)
{
    enum { LOOK_EVERY = 8, AGE_MS = 100 };
    static uint32_t looks;
    uint32_t look = __atomic_load_n(&looks, __ATOMIC_RELAXED) + 1;
    __atomic_store_n(&looks, look, __ATOMIC_RELAXED); /* one may get lost */
    return look % LOOK_EVERY == 0 &&
           ml_os_monotonic_ns() - waiting.begin_ns >= AGE_MS * (uint64_t)ML_NS_PER_MS;
}

void ml_preload_log_notice(void)
{
    if (ml_unlikely(is_waiting()) && is_time() && is_for_this_process())
        begin_elsewhere();
}

/* Before the one that ends the log (api/init.c), which has the last number. Not for
 * a handler that has interrupted the heap and calls exit(): starting a thread
 * allocates. */
__attribute__((destructor)) static void finish(void)
{
    if (is_waiting() && is_for_this_process() && ml_thread_self->inside == 0 &&
        (waiting.parent == 0 || waiting.children) && claim())
        begin(&waiting);
}
