/* SPDX-License-Identifier: MIT */
#include "gc/interpose.h"

#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

#include "base/publish.h"
#include "gc/asleep.h"
#include "gc/mutator.h"
#include "gc/real.h"
#include "heap/alloc.h"
#include "heap/metadata.h"
#include "os/clock.h"

/* ---- threads: their arguments and results ------------------------------------ */

enum record_state { STARTING, RUNNING, ENDED };

/* What is kept of a thread that was started through us. */
struct record {
    struct record *next, *previous;
    void *(*start)(void *);
    int (*start_c11)(void *);
    void *value; /* the argument while starting, the result when ended: a root */
    pthread_t handle;   /* 0: not known yet */
    uint64_t serial;    /* tells it from a later thread's with the same handle */
    /* What registering the thread takes, obtained while pthread_create can
     * still fail. NULL: the thread has it. */
    struct ml_thread *cache;
    struct ml_mutator *mutator;
    enum record_state state;
    bool detached;
    bool joining; /* its handle may be a later thread's by now */
};

static struct ml_lock records_lock;
static struct record *records;
ML_PUBLISH("interpose.records", records);
ML_PUBLISH_STRUCT(record);
ML_PUBLISH_MEMBER(record, next);
ML_PUBLISH_MEMBER(record, value);
ML_PUBLISH_MEMBER(record, state);
ML_PUBLISH_NUMBER(thread_starting, STARTING);
ML_PUBLISH_NUMBER(thread_ended, ENDED);
static uint64_t last_serial;
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

static void free_record(struct record *record)
{
    if (record->cache != NULL)
        ml_thread_unreserve(record->cache);
    if (record->mutator != NULL)
        ml_mutator_unreserve(record->mutator);
    ml_metadata_free(ML_POOL_GC, record, sizeof(*record));
}

static struct record *allocate_record(void)
{
    struct record *record = ml_metadata_alloc(ML_POOL_GC, sizeof(*record));
    if (record == NULL)
        return NULL;
    record->cache = ml_thread_reserve();
    record->mutator = ml_mutator_reserve();
    if (record->cache != NULL && record->mutator != NULL)
        return record;
    free_record(record);
    return NULL;
}

static struct record *new_record(void *argument)
{
    /* The creating thread must be known: it holds the argument until now. */
    if (ml_heap_init() != 0)
        return NULL;
    lock_records();
    struct record *record = allocate_record();
    if (record != NULL) {
        record->value = argument;
        record->serial = ++last_serial;
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
    free_record(record);
}

static void drop_record(struct record *record)
{
    lock_records();
    drop_locked(record);
    unlock_records();
}

static struct record *find_locked(pthread_t handle)
{
    struct record *record = records;
    while (record != NULL && record->handle != handle)
        record = record->next;
    return record;
}

static struct record *find_serial_locked(uint64_t serial)
{
    struct record *record = records;
    while (record != NULL && record->serial != serial)
        record = record->next;
    return record;
}

/* A thread with that handle has ended, and was joined in a way that did not
 * pass through here, or its joiner is not back yet. */
static void drop_stale_locked(pthread_t handle)
{
    struct record *stale = find_locked(handle);
    if (stale != NULL)
        drop_locked(stale);
}

/* Become known to the collector. */
static void attach(struct record *record)
{
    lock_records(); /* a forked child finds the memory in one place only */
    struct ml_thread *cache = record->cache;
    ml_mutator_use(record->mutator);
    record->cache = NULL;
    record->mutator = NULL;
    unlock_records();
    ml_thread_attach_to(cache, false);
}

/* The thread runs: it is known to the collector now and holds its argument. */
static void begin(struct record *record)
{
    ml_os_clear_vector_registers(); /* the creator's: a thread may sleep at once, and for long */
    attach(record);
    self_record = record;
    lock_records();
    drop_stale_locked(pthread_self());
    record->handle = pthread_self();
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
    struct record *record = self_record;
    if (record == NULL)
        return;
    if (record->start_c11 != NULL) /* by thrd_exit */
        record->detached = true;
    end(record, NULL); /* cancelled: there is no result */
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
    if (ml_gc_is_asleep()) {
        ml_asleep_note_thread();
        return real(thread, attributes, start, argument);
    }
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
    if (ml_gc_is_asleep()) {
        ml_asleep_note_thread();
        return real(thread, start, argument);
    }
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

static bool some_start_locked(uint64_t most_serial)
{
    for (struct record *record = records; record != NULL; record = record->next)
        if (record->state == STARTING && record->serial <= most_serial)
            return true;
    return false;
}

/* The thread's record, with the lock held; NULL when it is none of ours. Its
 * handle is known once it runs: wait for those that were started before. */
static struct record *lock_and_find(pthread_t handle)
{
    static const uint32_t never;
    lock_records();
    uint64_t most_serial = last_serial;
    struct record *record;
    while (((record = find_locked(handle)) == NULL || record->joining) &&
           some_start_locked(most_serial)) {
        unlock_records();
        ml_os_futex_wait(&never, 0, ml_os_monotonic_ns() + 50 * 1000);
        lock_records();
    }
    return record;
}

/* Which record a join is about: looked up before, since afterwards the handle
 * may be another thread's. 0: none of ours. */
static uint64_t about_to_join(pthread_t handle)
{
    struct record *record = lock_and_find(handle);
    uint64_t serial = record == NULL ? 0 : record->serial;
    if (record != NULL)
        record->joining = true;
    unlock_records();
    return serial;
}

/* The result is with whoever joined. */
static int joined(uint64_t serial, int error)
{
    if (serial == 0)
        return error;
    lock_records();
    struct record *record = find_serial_locked(serial);
    if (record != NULL && error == 0)
        drop_locked(record);
    else if (record != NULL)
        record->joining = false;
    unlock_records();
    return error;
}

EXPORT int pthread_join(pthread_t thread, void **result)
{
    typedef int join_function(pthread_t, void **);
    uint64_t serial = about_to_join(thread);
    return joined(serial, REAL(join_function *, "pthread_join")(thread, result));
}

EXPORT int pthread_tryjoin_np(pthread_t thread, void **result)
{
    typedef int join_function(pthread_t, void **);
    uint64_t serial = about_to_join(thread);
    return joined(serial, REAL(join_function *, "pthread_tryjoin_np")(thread, result));
}

EXPORT int pthread_timedjoin_np(pthread_t thread, void **result, const struct timespec *until)
{
    typedef int join_function(pthread_t, void **, const struct timespec *);
    uint64_t serial = about_to_join(thread);
    return joined(serial, REAL(join_function *, "pthread_timedjoin_np")(thread, result, until));
}

EXPORT int pthread_clockjoin_np(pthread_t thread, void **result, clockid_t clock,
                                const struct timespec *until)
{
    typedef int join_function(pthread_t, void **, clockid_t, const struct timespec *);
    uint64_t serial = about_to_join(thread);
    return joined(serial, REAL(join_function *, "pthread_clockjoin_np")(thread, result, clock, until));
}

EXPORT int pthread_detach(pthread_t thread)
{
    typedef int detach_function(pthread_t);
    /* Looked up before: afterwards the handle may be another thread's. */
    struct record *record = lock_and_find(thread);
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
    /* No stopped thread holds the lock, but one that the collector does not
     * know may come by. */
    ml_lock(&records_lock);
    for (struct record *record = records; record != NULL; record = record->next)
        visit((uintptr_t)&record->value, (uintptr_t)(&record->value + 1), argument);
    ml_unlock(&records_lock);
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
