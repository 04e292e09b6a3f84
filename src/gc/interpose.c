/* SPDX-License-Identifier: MIT */
#include "gc/interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "gc/mutator.h"
#include "gc/stopworld.h"
#include "heap/alloc.h"
#include "heap/metadata.h"
#include "os/process.h"

#define EXPORT __attribute__((visibility("default")))

/* The C library's function of that name, looked up once. */
#define REAL(type, name)                                          \
    ({                                                            \
        static type real_;                                        \
        type found_ = __atomic_load_n(&real_, __ATOMIC_RELAXED);  \
        if (found_ == NULL) {                                     \
            found_ = (type)dlsym(RTLD_NEXT, name);                \
            __atomic_store_n(&real_, found_, __ATOMIC_RELAXED);   \
        }                                                         \
        found_;                                                   \
    })

/* ---- threads: their arguments and results ------------------------------------ */

enum record_state { STARTING, RUNNING, ENDED };

/* What is kept of a thread that was started through us. */
struct record {
    struct record *next, *previous;
    void *(*start)(void *);
    int (*start_c11)(void *);
    void *value; /* the argument while starting, the result when ended: a root */
    pthread_t handle;
    enum record_state state;
    bool detached;
};

static struct ml_lock records_lock;
static struct record *records;
static __thread struct record *self_record;

/* The records' lock is only held inside, so no stopped thread holds it. */
static void lock_records(void)
{
    if (ml_thread_attached())
        ml_heap_enter(ml_thread_self);
    ml_lock(&records_lock);
}

static void unlock_records(void)
{
    ml_unlock(&records_lock);
    if (ml_thread_attached())
        ml_heap_leave(ml_thread_self);
}

static struct record *new_record(void *argument)
{
    /* The creating thread must be known: it holds the argument until now. */
    if (ml_heap_init() != 0)
        return NULL;
    lock_records();
    struct record *record = ml_metadata_alloc(ML_POOL_GC, sizeof(*record));
    if (record != NULL) {
        record->value = argument;
        record->next = records;
        if (records != NULL)
            records->previous = record;
        records = record;
    }
    unlock_records();
    return record;
}

static void drop_locked(struct record *record)
{
    if (record->previous != NULL)
        record->previous->next = record->next;
    else
        records = record->next;
    if (record->next != NULL)
        record->next->previous = record->previous;
    ml_metadata_free(ML_POOL_GC, record, sizeof(*record));
}

static void drop_record(struct record *record)
{
    lock_records();
    drop_locked(record);
    unlock_records();
}

static struct record *find_locked(pthread_t handle, bool ended)
{
    struct record *record = records;
    while (record != NULL && !(record->state != STARTING && record->handle == handle &&
                               (!ended || record->state == ENDED)))
        record = record->next;
    return record;
}

/* The thread runs: it is known to the collector now and holds its argument. */
static void begin(struct record *record)
{
    if (ml_thread_attach(false) != 0 || ml_mutator_self == NULL)
        ml_os_complain("no memory to register a thread with the collector: what only it "
                       "refers to will be collected", NULL);
    self_record = record;
    pthread_t handle = pthread_self();
    lock_records();
    /* A thread with this handle has ended and was joined in a way that did
     * not pass through here. */
    struct record *stale = find_locked(handle, true);
    if (stale != NULL)
        drop_locked(stale);
    record->handle = handle;
    record->state = RUNNING;
    record->value = NULL;
    unlock_records();
}

static void end(struct record *record, void *result)
{
    self_record = NULL;
    lock_records();
    if (record->detached) {
        drop_locked(record);
    } else {
        record->value = result;
        record->state = ENDED;
    }
    unlock_records();
}

void ml_interpose_thread_ends(void)
{
    if (self_record != NULL) /* cancelled: there is no result */
        end(self_record, NULL);
}

static void *run_thread(void *argument)
{
    struct record *record = argument;
    void *own_argument = record->value;
    begin(record);
    void *result = record->start(own_argument);
    end(record, result);
    return result;
}

static int run_c11_thread(void *argument)
{
    struct record *record = argument;
    void *own_argument = record->value;
    begin(record);
    int result = record->start_c11(own_argument);
    record->detached = true; /* an int is no root: nothing to keep */
    end(record, NULL);
    return result;
}

static bool is_detached(const pthread_attr_t *attributes)
{
    int state = PTHREAD_CREATE_JOINABLE;
    return attributes != NULL && pthread_attr_getdetachstate(attributes, &state) == 0 &&
           state == PTHREAD_CREATE_DETACHED;
}

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int c11_create_function(thrd_t *, thrd_start_t, void *);

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                          void *(*start)(void *), void *restrict argument)
{
    create_function *real = REAL(create_function *, "pthread_create");
    struct record *record = new_record(argument);
    if (record == NULL)
        return EAGAIN;
    record->start = start;
    record->detached = is_detached(attributes);
    int error = real(thread, attributes, run_thread, record);
    if (error != 0)
        drop_record(record);
    return error;
}

EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *argument)
{
    c11_create_function *real = REAL(c11_create_function *, "thrd_create");
    struct record *record = new_record(argument);
    if (record == NULL)
        return thrd_nomem;
    record->start_c11 = start;
    int outcome = real(thread, run_c11_thread, record);
    if (outcome != thrd_success)
        drop_record(record);
    return outcome;
}

EXPORT _Noreturn void pthread_exit(void *result)
{
    typedef void exit_function(void *);
    exit_function *real = REAL(exit_function *, "pthread_exit");
    if (self_record != NULL)
        end(self_record, result);
    real(result);
    __builtin_unreachable();
}

/* The result is with whoever joined. */
static void joined(pthread_t handle, int error)
{
    if (error != 0)
        return;
    lock_records();
    struct record *record = find_locked(handle, false);
    if (record != NULL)
        drop_locked(record);
    unlock_records();
}

EXPORT int pthread_join(pthread_t thread, void **result)
{
    typedef int join_function(pthread_t, void **);
    int error = REAL(join_function *, "pthread_join")(thread, result);
    joined(thread, error);
    return error;
}

EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
    typedef int join_function(pthread_t, void **);
    int error = REAL(join_function *, "pthread_tryjoin_np")(thread, result);
    joined(thread, error);
    return error;
}

EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    typedef int join_function(pthread_t, void **, const struct timespec *);
    int error = REAL(join_function *, "pthread_timedjoin_np")(thread, result, until);
    joined(thread, error);
    return error;
}

EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                const struct timespec *until)
{
    typedef int join_function(pthread_t, void **, clockid_t, const struct timespec *);
    int error = REAL(join_function *, "pthread_clockjoin_np")(thread, result, clock, until);
    joined(thread, error);
    return error;
}

EXPORT int pthread_detach(pthread_t thread)
{
    typedef int detach_function(pthread_t);
    /* Looked up before: afterwards the handle may be another thread's. */
    lock_records();
    struct record *record = find_locked(thread, false);
    if (record != NULL && record->state == ENDED)
        drop_locked(record);
    else if (record != NULL)
        record->detached = true;
    unlock_records();
    return REAL(detach_function *, "pthread_detach")(thread);
}

void ml_interpose_each_root(void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                            void *argument)
{
    for (struct record *record = records; record != NULL; record = record->next)
        visit((uintptr_t)&record->value, (uintptr_t)(&record->value + 1), argument);
}

void ml_interpose_before_fork(void) { ml_lock(&records_lock); }
void ml_interpose_after_fork(void) { ml_unlock(&records_lock); }

void ml_interpose_after_fork_child(void)
{
    for (struct record *record = records, *next; record != NULL; record = next) {
        next = record->next;
        if (record != self_record)
            drop_locked(record);
    }
    ml_unlock(&records_lock);
}

/* ---- signals: ours stays deliverable ------------------------------------------- */

enum { KERNEL_SIGSET_BYTES = 8, LIBC_FIRST = 32, LIBC_LAST = 33 };

/* A copy of the set without the stop signal. */
static const sigset_t *without_ours(const sigset_t *set, sigset_t *copy)
{
    int signal = ml_stopworld_signal();
    if (set == NULL || signal == 0)
        return set;
    *copy = *set;
    (void)sigdelset(copy, signal);
    return copy;
}

/* As the C library does it: its own two signals can't be blocked either. */
static int change_mask(int how, const sigset_t *set, sigset_t *old)
{
    sigset_t copy;
    if (set != NULL && how != SIG_UNBLOCK) {
        copy = *set;
        uint64_t bits;
        memcpy(&bits, &copy, sizeof(bits));
        bits &= ~(((uint64_t)1 << (LIBC_FIRST - 1)) | ((uint64_t)1 << (LIBC_LAST - 1)));
        if (ml_stopworld_signal() != 0)
            bits &= ~((uint64_t)1 << (ml_stopworld_signal() - 1));
        memcpy(&copy, &bits, sizeof(bits));
        set = &copy;
    }
    if (old != NULL)
        memset(old, 0, sizeof(*old));
    return syscall(SYS_rt_sigprocmask, how, set, old, KERNEL_SIGSET_BYTES) == 0 ? 0 : errno;
}

EXPORT int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int saved_errno = errno;
    int error = change_mask(how, set, old);
    errno = saved_errno;
    return error;
}

EXPORT int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
    int saved_errno = errno;
    int error = change_mask(how, set, old);
    errno = error != 0 ? error : saved_errno;
    return error != 0 ? -1 : 0;
}

EXPORT int sigwait(const sigset_t *restrict set, int *restrict signal)
{
    typedef int wait_function(const sigset_t *, int *);
    sigset_t copy;
    return REAL(wait_function *, "sigwait")(without_ours(set, &copy), signal);
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    typedef int wait_function(const sigset_t *, siginfo_t *);
    sigset_t copy;
    return REAL(wait_function *, "sigwaitinfo")(without_ours(set, &copy), info);
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info,
                        const struct timespec *restrict timeout)
{
    typedef int wait_function(const sigset_t *, siginfo_t *, const struct timespec *);
    sigset_t copy;
    return REAL(wait_function *, "sigtimedwait")(without_ours(set, &copy), info, timeout);
}

int ml_real_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    typedef int action_function(int, const struct sigaction *, struct sigaction *);
    return REAL(action_function *, "sigaction")(signal, action, old);
}

EXPORT int sigaction(int signal, const struct sigaction *restrict action,
                     struct sigaction *restrict old)
{
    if (signal != 0 && signal == ml_stopworld_signal()) {
        errno = EINVAL; /* as for the C library's own signals */
        return -1;
    }
    return ml_real_sigaction(signal, action, old);
}
