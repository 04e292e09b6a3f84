/* SPDX-License-Identifier: MIT */
/* thread_linux.c - futexes, and memlog's own threads over pthread_create.
 *
 * Own threads come from the C library's pthread_create and not from the one
 * that libmemlog puts before it: a program's threads are registered with the
 * collector and stopped by it, memlog's never are. They are real pthreads all
 * the same, since the C library's calls need a thread-local block of its making.
 */
#include "os/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/bits.h"
#include "base/publish.h"
#include "os/behind.h"
#include "os/clock.h"
#include "os/pages.h"
#include "os/syscall_linux.h"

/* What our threads' calls need, with room for the C library's own. */
enum { OWN_STACK_BYTES = 256 * 1024 };

/* --- waiting ------------------------------------------------------------ */

void ml_os_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
    struct timespec deadline = { .tv_sec = (time_t)(deadline_ns / ML_NS_PER_SECOND),
                                 .tv_nsec = (long)(deadline_ns % ML_NS_PER_SECOND) };
    /* WAIT_BITSET takes the time as absolute, and of CLOCK_MONOTONIC unless told otherwise. */
    ml_syscall6(SYS_futex, (long)word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, (long)value,
                (long)(deadline_ns == 0 ? NULL : &deadline), 0, (long)FUTEX_BITSET_MATCH_ANY);
}

void ml_os_futex_wake(const uint32_t *word, int count)
{
    ml_syscall3(SYS_futex, (long)word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count);
}

/* Most locks here are held for less than the two microseconds or so that
 * this takes; sleeping and being woken costs several times that. */
static bool acquire_by_spinning(struct ml_lock *lock)
{
    enum { LOOKS = 40 };
    for (int look = 0; look < LOOKS; look++) {
        if (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) == 0 && ml_trylock(lock))
            return true;
        __builtin_ia32_pause();
    }
    return false;
}

void ml_lock_slow(struct ml_lock *lock)
{
    if (acquire_by_spinning(lock))
        return;
    /* Whoever slept takes the lock as 2: it can't know whether others still
     * sleep. At worst one wake finds nobody. */
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
        ml_os_futex_wait(&lock->word, 2, 0);
}

void ml_unlock_slow(struct ml_lock *lock)
{
    ml_os_futex_wake(&lock->word, 1);
}

/* --- who we are, whom we signal ------------------------------------------ */

pid_t ml_os_pid(void)
{
    return (pid_t)ml_syscall3(SYS_getpid, 0, 0, 0);
}

pid_t ml_os_tid(void)
{
    return (pid_t)ml_syscall3(SYS_gettid, 0, 0, 0);
}

int ml_os_signal_thread(pid_t pid, pid_t tid, int signal)
{
    return (int)ml_syscall3(SYS_tgkill, pid, tid, signal);
}

/* The process's state in /proc is that of its first thread: the letter after
 * the program's name, which stands in parentheses and may hold any others. */
static bool first_thread_has_ended(void)
{
    char line[128]; /* the name has 15 bytes at most */
    int fd = ml_sys_open_read("/proc/self/stat");
    if (fd < 0)
        return false;
    long count = ml_sys_read(fd, line, sizeof(line));
    ml_sys_close(fd);
    while (count > 0 && line[count - 1] != ')')
        count--;
    return count > 0 && count + 1 < (long)sizeof(line) && line[count + 1] == 'Z';
}

bool ml_os_thread_has_ended(pid_t pid, pid_t tid)
{
    return ml_os_signal_thread(pid, tid, 0) == -ESRCH || (tid == pid && first_thread_has_ended());
}

void ml_os_unblock_signals(uint64_t signals)
{
    ml_sys_sigmask(SIG_UNBLOCK, &signals, NULL);
}

uint64_t ml_os_block_signals_but(uint64_t signals)
{
    static const uint8_t never[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT,
                                     32, 33 /* cancellation, setuid of all threads */ };
    uint64_t blocked = ~signals, before = 0;
    for (size_t i = 0; i < sizeof(never); i++)
        blocked &= ~((uint64_t)1 << (never[i] - 1));
    ml_sys_sigmask(SIG_BLOCK, &blocked, &before);
    return before;
}

void ml_os_restore_signals(uint64_t blocked) { ml_sys_sigmask(SIG_SETMASK, &blocked, NULL); }

/* XRSTOR gives those parts of the processor's state that are asked for, and that
 * the header does not say were saved, their first contents (Intel SDM, volume 1,
 * section 13.8); MXCSR comes from its place in the area. No function expects
 * anything to be left in these registers by one that it has called. */
ML_NOINLINE void ml_os_clear_vector_registers(void)
{
    enum { OSXSAVE = 1 << 27, SSE = 1 << 1, AVX = 1 << 2, AVX512 = 7 << 5 };
    unsigned unused, features;
    __asm__("cpuid" : "=a"(unused), "=c"(features) : "0"(1), "1"(0) : "rbx", "rdx");
    if (!(features & OSXSAVE))
        return;
    struct {
        uint32_t legacy[128]; /* MXCSR is its seventh word */
        uint64_t header[8];
    } area __attribute__((aligned(64))) = { .legacy[6] = __builtin_ia32_stmxcsr() };
    __asm__ volatile("xrstor64 %0" : : "m"(area), "a"(SSE | AVX | AVX512), "d"(0));
}

/* The CPUs of the process, which are its first thread's: the calling one may
 * have been bound to a few by the program. */
struct cpus {
    uint64_t mask[8192 / 64]; /* the most that an x86_64 kernel can be built for */
    long bytes;               /* that the kernel has filled, or -errno */
};

static void process_cpus(struct cpus *cpus)
{
    cpus->bytes = ml_syscall3(SYS_sched_getaffinity, ml_os_pid(), (long)sizeof(cpus->mask),
                              (long)cpus->mask);
}

unsigned ml_os_online_cpus(void)
{
    struct cpus cpus;
    unsigned count = 0;
    process_cpus(&cpus);
    for (long i = 0; i < cpus.bytes / (long)sizeof(cpus.mask[0]); i++)
        count += ml_popcount64(cpus.mask[i]);
    return count == 0 ? 1 : count;
}

bool ml_os_is_scheduled_as_first(void)
{
    enum { OF_A_THREAD = 0 };
    pid_t first = ml_os_pid(), self = ml_os_tid();
    return ml_syscall3(SYS_sched_getscheduler, self, 0, 0) ==
               ml_syscall3(SYS_sched_getscheduler, first, 0, 0) &&
           ml_syscall3(SYS_getpriority, OF_A_THREAD, self, 0) ==
               ml_syscall3(SYS_getpriority, OF_A_THREAD, first, 0);
}

/* --- own threads --------------------------------------------------------- */

/* RW bytes of the stacks that exist. Any thread that starts or joins writes it. */
static uint64_t own_stack_bytes;
ML_PUBLISH("thread.own_stack_bytes", own_stack_bytes);

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int join_function(pthread_t, void **);

/* The C library's function of that name, behind libmemlog's own. */
static void *find_behind_us(void **cached, const char *name)
{
    void *found = __atomic_load_n(cached, __ATOMIC_RELAXED);
    if (found != NULL)
        return found;
    found = ml_os_behind(name);
    if (found == NULL)
        found = dlsym(RTLD_DEFAULT, name);
    __atomic_store_n(cached, found, __ATOMIC_RELAXED);
    return found;
}

static create_function *find_pthread_create(void)
{
    static void *cached;
    return (create_function *)find_behind_us(&cached, "pthread_create");
}

static join_function *find_pthread_join(void)
{
    static void *cached;
    return (join_function *)find_behind_us(&cached, "pthread_join");
}

static int add_static_tls(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)size;
    size_t *bytes = argument;
    for (int i = 0; i < object->dlpi_phnum; i++)
        if (object->dlpi_phdr[i].p_type == PT_TLS)
            *bytes += object->dlpi_phdr[i].p_memsz + object->dlpi_phdr[i].p_align;
    return 0;
}

/* The C library puts the thread-local blocks of a program and the libraries
 * it is linked with at the top of the stack: they must not eat it up. What is
 * loaded later gets blocks elsewhere, so that once is enough; and a forked
 * child does not ask the loader, whose lock may be lost. */
static size_t stack_bytes_needed(void)
{
    static size_t cached;
    size_t bytes = __atomic_load_n(&cached, __ATOMIC_RELAXED);
    if (bytes != 0)
        return bytes;
    bytes = OWN_STACK_BYTES;
    size_t blocks = 0;
    dl_iterate_phdr(add_static_tls, &blocks);
    /* The usual few hundred bytes are in the fixed size. */
    if (blocks > OWN_STACK_BYTES / 8)
        bytes += ml_align_up(blocks, ml_os_page_bytes());
    __atomic_store_n(&cached, bytes, __ATOMIC_RELAXED);
    return bytes;
}

/* One page without access below the stack: running over ends in a fault and
 * not in somebody's memory. */
static int map_stack(struct ml_os_thread *thread)
{
    size_t guard = ml_os_page_bytes();
    size_t bytes = stack_bytes_needed();
    char *mapping = ml_os_map(guard + bytes);
    if (mapping == NULL)
        return -ENOMEM;
    int saved = errno;
    mprotect(mapping, guard, PROT_NONE);
    errno = saved;
    thread->stack = mapping + guard;
    thread->stack_bytes = bytes;
    __atomic_fetch_add(&own_stack_bytes, bytes, __ATOMIC_RELAXED);
    return 0;
}

static void unmap_stack(struct ml_os_thread *thread)
{
    if (thread->stack == NULL)
        return;
    size_t guard = ml_os_page_bytes();
    ml_os_unmap((char *)thread->stack - guard, guard + thread->stack_bytes);
    __atomic_fetch_sub(&own_stack_bytes, thread->stack_bytes, __ATOMIC_RELAXED);
    thread->stack = NULL;
    thread->stack_bytes = 0;
}

static void *enter_thread(void *argument)
{
    struct ml_os_thread *thread = argument;
    /* Fails only for a bad address. */
    ml_syscall3(SYS_prctl, PR_SET_NAME, (long)thread->name, 0);
    struct cpus cpus;
    process_cpus(&cpus); /* and not those of whoever started it */
    if (cpus.bytes > 0)
        ml_syscall3(SYS_sched_setaffinity, 0, cpus.bytes, (long)cpus.mask);
    thread->run(thread->argument);
    return NULL;
}

/* All but the two signals that the C library sends between threads itself:
 * setuid() waits until every thread has taken the second. (glibc 2.36 keeps
 * both open in new threads whatever it is told; others may not.) */
static uint64_t all_signals_of_programs(void)
{
    enum { C_LIBRARY_CANCEL = 32, C_LIBRARY_SETXID = 33 };
    return ~((UINT64_C(1) << (C_LIBRARY_CANCEL - 1)) | (UINT64_C(1) << (C_LIBRARY_SETXID - 1)));
}

/* The new thread has the mask from its first moment on, as an attribute. The
 * calling thread's stays as it is: while it waits for a lock of the C library
 * that a stopped thread holds, the collector's signal has to reach it. */
static int create_with(pthread_attr_t *attributes, struct ml_os_thread *thread, pthread_t *handle)
{
    uint64_t all = all_signals_of_programs();
    sigset_t mask;
    memset(&mask, 0, sizeof(mask));
    memcpy(&mask, &all, sizeof(all));
    int error = pthread_attr_setsigmask_np(attributes, &mask);
    return error != 0 ? -error : -find_pthread_create()(handle, attributes, enter_thread, thread);
}

static int create_on_own_stack(struct ml_os_thread *thread, pthread_t *handle)
{
    int error = map_stack(thread);
    if (error != 0)
        return error;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    error = -pthread_attr_setstack(&attributes, thread->stack, thread->stack_bytes);
    if (error == 0)
        error = create_with(&attributes, thread, handle);
    pthread_attr_destroy(&attributes);
    if (error != 0)
        unmap_stack(thread);
    return error;
}

static int create_on_its_stack(struct ml_os_thread *thread, int detach_state, pthread_t *handle)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, detach_state);
    int error = create_with(&attributes, thread, handle);
    pthread_attr_destroy(&attributes);
    return error;
}

static int create_joinable(struct ml_os_thread *thread, pthread_t *handle)
{
    int error = create_on_own_stack(thread, handle);
    /* More thread-local memory than our stack holds: the C library knows how much. */
    return error != -EINVAL ? error
                            : create_on_its_stack(thread, PTHREAD_CREATE_JOINABLE, handle);
}

static int create_detached(struct ml_os_thread *thread, pthread_t *handle)
{
    return create_on_its_stack(thread, PTHREAD_CREATE_DETACHED, handle);
}

static int start(struct ml_os_thread *thread, int (*create)(struct ml_os_thread *, pthread_t *))
{
    if (find_pthread_create() == NULL || find_pthread_join() == NULL)
        return -ENOTSUP;
    int saved = errno;
    pthread_t handle = 0;
    int error = create(thread, &handle);
    errno = saved;
    if (error == 0)
        thread->handle = (uint64_t)handle;
    return error;
}

void ml_os_thread_prepare(void)
{
    (void)find_pthread_create();
    (void)find_pthread_join();
    (void)stack_bytes_needed();
}

int ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                       void *argument)
{
    *thread = (struct ml_os_thread){ .run = run, .argument = argument, .name = name };
    return start(thread, create_joinable);
}

int ml_os_thread_start_for_program(struct ml_os_thread *thread, const char *name,
                                   void (*run)(void *), void *argument)
{
    *thread = (struct ml_os_thread){ .run = run, .argument = argument, .name = name };
    return start(thread, create_detached);
}

void ml_os_thread_join(struct ml_os_thread *thread)
{
    /* A program's thread that is cancelled in here would leave the stack to nobody. */
    int cancellable;
    int saved = errno;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellable);
    find_pthread_join()((pthread_t)thread->handle, NULL);
    pthread_setcancelstate(cancellable, NULL);
    errno = saved;
    unmap_stack(thread);
    thread->handle = 0;
}

void ml_os_thread_forget(struct ml_os_thread *thread)
{
    unmap_stack(thread);
    thread->handle = 0;
}

uint64_t ml_os_thread_stack_bytes(void)
{
    return __atomic_load_n(&own_stack_bytes, __ATOMIC_RELAXED);
}
