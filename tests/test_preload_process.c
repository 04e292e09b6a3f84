/* SPDX-License-Identifier: MIT */
/* test_preload_process.c - processes: forks out of threaded programs, vfork and
 * spawn, the end, a limit on address space, plug-ins; and what the heap says of
 * itself. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "preload_unit.h"

extern char **environ;

static void ends_well(pid_t child)
{
    int status = -1;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", status);
}

/* ---- fork ------------------------------------------------------------------------------- */

static volatile bool stop_churning;

static void *churn(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    void *kept[200] = { NULL };
    while (!stop_churning) {
        random = random * 1103515245 + 12345;
        unsigned at = (random >> 8) % 200;
        free(kept[at]);
        kept[at] = malloc((random >> 16) % ((random & 0x70) == 0 ? 100000 : 2000));
    }
    for (int i = 0; i < 200; i++)
        free(kept[i]);
    return NULL;
}

/* What children do that should not, and do. */
static void use_the_heap(void)
{
    static void *objects[1000];
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++)
            objects[i] = memset(malloc(i * 20 + 1), 1, i * 20 + 1);
        for (size_t i = 0; i < 1000; i++)
            free(objects[i]);
    }
    setenv("PRELOAD_TEST", "a value", 1);
    void *thread_stack = hide(malloc(1 << 20));
    free(thread_stack);
}

static void *in_thread(void *unused)
{
    use_the_heap();
    return unused;
}

START_TEST(children_of_threaded_parents_allocate)
{
    enum { THREADS = 4, CHILDREN = 60 };
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, (void *)(i + 1)), 0);
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            if (extra_now().threads != 1) /* the others' caches are given back */
                _exit(3);
            use_the_heap();
            pthread_t thread;
            if (pthread_create(&thread, NULL, in_thread, NULL) != 0 ||
                pthread_join(thread, NULL) != 0)
                _exit(2);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                use_the_heap();
                _exit(0);
            }
            int status;
            waitpid(grandchild, &status, 0);
            exit(status != 0);
        }
        ends_well(child);
    }
    stop_churning = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/* The numbers go on in the child from where they were. */
START_TEST(children_count_on)
{
    void *object = hide(malloc(5000));
    struct memlog_memstats before = stats_now();
    pid_t child = fork();
    if (child == 0) {
        struct memlog_memstats here = stats_now();
        free(object);
        struct memlog_memstats after = stats_now();
        _exit(here.mallocs < before.mallocs || after.frees != here.frees + 1);
    }
    ends_well(child);
    free(object);
}
END_TEST

enum { FORKS = 40 };
static volatile sig_atomic_t forks;

static void fork_from_handler(int signal)
{
    (void)signal;
    if (forks++ >= FORKS)
        return;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

/* In the middle of whatever the heap was doing. */
START_TEST(a_handler_forks)
{
    struct sigaction action = { .sa_handler = fork_from_handler };
    struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
    static void *objects[3000];
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    while (forks < FORKS) {
        for (size_t i = 0; i < 3000; i++)
            objects[i] = malloc(i % 2 == 0 ? 50000 : i % 700);
        for (size_t i = 0; i < 3000; i++)
            free(objects[i]);
    }
    setitimer(ITIMER_REAL, &never, NULL);
}
END_TEST

START_TEST(vfork_and_spawn)
{
    for (volatile int i = 0; i < 20; i++) {
        pid_t child = vfork();
        if (child == 0) {
            free(hide(malloc(100))); /* shares our memory, and we wait */
            execl("/bin/true", "true", (char *)NULL);
            _exit(1);
        }
        ends_well(child);
        char *arguments[] = { (char *)(uintptr_t)"true", NULL };
        ck_assert_int_eq(posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ), 0);
        ends_well(child);
    }
    ck_assert_int_eq(system("exit 3") >> 8, 3);
}
END_TEST

/* ---- the end -------------------------------------------------------------------------------- */

static void *of_handler;
static void at_the_end(void)
{
    free(of_handler);
    of_handler = malloc(1000);
    free(hide(malloc(100000)));
}
__attribute__((destructor)) static void at_the_very_end(void)
{
    free(of_handler);
    free(hide(calloc(10, 10)));
}

START_TEST(handlers_at_exit_allocate)
{
    pid_t child = fork();
    if (child == 0) {
        of_handler = malloc(10);
        atexit(at_the_end);
        exit(0);
    }
    ends_well(child);
    child = fork();
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, churn, (void *)1); /* goes on until the process ends */
        atexit(at_the_end);
        exit(0);
    }
    ends_well(child);
}
END_TEST

static void *exit_after_first(void *first)
{
    pthread_join(*(pthread_t *)first, NULL);
    use_the_heap();
    exit(0);
}

START_TEST(the_first_thread_ends_first)
{
    pid_t child = fork();
    if (child == 0) {
        static pthread_t self, thread;
        self = pthread_self();
        pthread_create(&thread, NULL, exit_after_first, &self);
        pthread_exit(NULL);
    }
    ends_well(child);
}
END_TEST

/* ---- limits ------------------------------------------------------------------------------------ */

/* LIMIT is set when the program starts: the reservation has to be small. */
static void run_under_limit(const char *megabytes)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = { (rlim_t)atoi(megabytes) << 20, (rlim_t)atoi(megabytes) << 20 };
        setrlimit(RLIMIT_AS, &limit);
        setenv("PRELOAD_TEST_LIMIT", megabytes, 1);
        execl("/proc/self/exe", "limited", (char *)NULL);
        _exit(1);
    }
    ends_well(child);
}

static int limited(void)
{
    size_t total = 0;
    void *last = NULL, *object;
    errno = 0;
    for (; (object = malloc(50000)) != NULL; total += 50000) {
        *(void **)object = last;
        last = object;
    }
    if (errno != ENOMEM || total < ((size_t)atoi(getenv("PRELOAD_TEST_LIMIT")) << 20) / 4)
        return 1;
    for (; last != NULL; last = object) {
        object = *(void **)last;
        free(last);
    }
    return malloc(100) == NULL;
}

__attribute__((constructor(65535))) static void be_limited(int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "limited") == 0)
        _exit(limited());
}

START_TEST(a_limit_on_address_space)
{
    run_under_limit("64");
    run_under_limit("300");
    run_under_limit("3000");
}
END_TEST

/* ---- plug-ins ------------------------------------------------------------------------------------ */

START_TEST(a_library_with_a_binding_of_its_own)
{
    void *library = dlopen(LIBRARIES "/library_preload.so", RTLD_NOW | RTLD_DEEPBIND);
    ck_assert_msg(library != NULL, "%s", dlerror());
    int (*churns)(void) = (int (*)(void))dlsym(library, "library_preload_churns");
    ck_assert_int_eq(churns(), 0);
    dlclose(library);
    use_the_heap();
}
END_TEST

START_TEST(libraries_come_and_go)
{
    for (int i = 0; i < 50; i++) {
        void *library = dlopen(LIBRARIES "/library_preload.so", RTLD_NOW);
        ck_assert_msg(library != NULL, "%s", dlerror());
        int (*churns)(void) = (int (*)(void))dlsym(library, "library_preload_churns");
        ck_assert_int_eq(churns(), 0);
        dlclose(library);
    }
    ck_assert_ptr_null(dlopen("/no such library.so", RTLD_NOW));
    ck_assert_ptr_nonnull(dlerror());
}
END_TEST

/* ---- what the heap says -------------------------------------------------------------------------- */

START_TEST(mallinfo_tells_the_truth)
{
    enum { SMALL = 1000, LARGE = 10 };
    static void *small[SMALL], *large[LARGE];
    struct mallinfo2 before = mallinfo2();
    for (int i = 0; i < SMALL; i++)
        small[i] = malloc(1000);
    for (int i = 0; i < LARGE; i++)
        large[i] = malloc(1 << 20);
    struct memlog_memstats stats = stats_now();
    struct mallinfo2 full = mallinfo2();
    struct mallinfo narrow = mallinfo();
    for (int i = 0; i < LARGE; i++)
        free(large[i]);
    for (int i = 0; i < SMALL; i++)
        free(small[i]);
    struct mallinfo2 after = mallinfo2();
    ck_assert_uint_eq(full.uordblks - before.uordblks, SMALL * 1024);
    ck_assert_uint_eq(full.hblks - before.hblks, LARGE);
    ck_assert_uint_eq(full.hblkhd - before.hblkhd, LARGE << 20);
    ck_assert_uint_eq(full.uordblks + full.hblkhd, stats.alloc);
    ck_assert_uint_eq(full.arena + full.hblkhd, stats.heap_sys - stats.heap_released);
    ck_assert_uint_eq(full.uordblks + full.fordblks, full.arena);
    ck_assert_int_eq(narrow.hblkhd, (int)full.hblkhd);
    ck_assert_int_eq(narrow.uordblks, (int)full.uordblks);
    ck_assert_uint_eq(after.uordblks, before.uordblks);
    ck_assert_uint_eq(after.hblks, before.hblks);
    ck_assert_int_eq(mallopt(M_MMAP_THRESHOLD, 1 << 20), 1);
}
END_TEST

START_TEST(malloc_trim_gives_back)
{
    enum { BLOCKS = 200, SMALL = 20000 };
    static char *blocks[BLOCKS], *small[SMALL];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = memset(malloc(100000), 1, 100000);
    for (int i = 0; i < SMALL; i++)
        small[i] = memset(malloc(100), 1, 100);
    for (int i = 0; i < SMALL; i++)
        free(small[i]);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    uint64_t before = extra_now().rss;
    int first = malloc_trim(0);
    uint64_t after = extra_now().rss;
    struct memlog_memstats stats = stats_now();
    int second = malloc_trim(0);
    ck_assert_int_eq(first, 1);
    ck_assert_int_eq(second, 0);
    ck_assert_uint_ge(before, after + 15000000);
    ck_assert_uint_eq(stats.heap_idle, stats.heap_released);
    ck_assert_uint_le(stats.heap_inuse, stats.alloc + (160 << 10)); /* nor is it with the thread */
}
END_TEST

/* Who frees much and does nothing more keeps little. */
START_TEST(what_is_very_large_goes_at_once)
{
    char *block = malloc(300 << 20);
    memset(block, 1, 300 << 20);
    free(block);
    struct memlog_memstats stats = stats_now();
    ck_assert_uint_le(stats.heap_idle - stats.heap_released, 80 << 20);
}
END_TEST

/* Idle memory goes back also in a program that no thread of memlog's is in. */
START_TEST(idle_memory_goes_in_time)
{
    enum { BLOCKS = 3000 };
    static char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = memset(malloc(20000), 1, 20000);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    struct memlog_memstats stats = stats_now();
    for (int i = 0; i < 1200 && stats.heap_idle - stats.heap_released > 20 << 20; i++) {
        usleep(20000);
        for (int k = 0; k < 50; k++)
            free(hide(malloc(80000))); /* the slow paths are taken */
        stats = stats_now();
    }
    ck_assert_uint_le(stats.heap_idle - stats.heap_released, 20 << 20);
}
END_TEST

START_TEST(malloc_info_and_stats_tell_the_same)
{
    char text[16384] = "", expected[128];
    FILE *file = tmpfile();
    void *object = hide(malloc(1000));
    ck_assert_int_eq(malloc_info(0, file), 0);
    struct mallinfo2 info = mallinfo2();
    rewind(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    ck_assert_int_eq(strncmp(text, "<malloc version=\"1\"", 19), 0);
    ck_assert_ptr_nonnull(strstr(text, "</malloc>\n"));
    ck_assert_ptr_nonnull(strstr(text, "<size bytes=\"1024\" count=\""));
    snprintf(expected, sizeof(expected), "<total type=\"large\" count=\"%zu\" size=\"%zu\"/>",
             info.hblks, info.hblkhd);
    ck_assert_msg(strstr(text, expected) != NULL, "%s: %s", expected, text);
    ck_assert_int_eq(malloc_info(1, stdout), EINVAL);

    int before = dup(2), ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    dup2(ends[1], 2);
    malloc_stats();
    dup2(before, 2);
    close(ends[1]);
    text[read(ends[0], text, sizeof(text) - 1)] = '\0';
    info = mallinfo2();
    snprintf(expected, sizeof(expected), "large bytes = %zu\n", info.hblkhd);
    ck_assert_msg(strstr(text, expected) != NULL, "%s: %s", expected, text);
    free(object);
}
END_TEST

UNIT_MAIN("preload process", children_of_threaded_parents_allocate, children_count_on,
          a_handler_forks, vfork_and_spawn, handlers_at_exit_allocate,
          the_first_thread_ends_first, a_limit_on_address_space,
          a_library_with_a_binding_of_its_own, libraries_come_and_go, mallinfo_tells_the_truth,
          malloc_trim_gives_back, what_is_very_large_goes_at_once, idle_memory_goes_in_time,
          malloc_info_and_stats_tell_the_same)
