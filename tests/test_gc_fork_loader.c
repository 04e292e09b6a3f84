/* SPDX-License-Identifier: MIT */
/* test_gc_fork_loader.c - a child that was forked while another thread was at
 * the loader collects all the same, or says that it does not; it never waits
 * for a lock that nobody will give back. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "captured.h"
#include "gc_objects.h"
#include "os/loader.h"
#include "os/thread.h"
#include "unit.h"

static uint32_t collections(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    return stats.num_gc;
}

/* ---- threads of memlog's own in children ------------------------------------------- */

/* None where libraries come and go: the C library's tables of thread-local
 * variables may be half written then, and starting any thread ends the child by
 * an assertion of the loader's (glibc 2.36, one in ten thousand); and a lock of
 * AddressSanitizer's allocator may be lost, without which no thread starts. */
static bool no_own_threads;

int __real_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument);
int __wrap_ml_os_thread_start(struct ml_os_thread *thread, const char *name, void (*run)(void *),
                              void *argument)
{
    return no_own_threads ? -EAGAIN : __real_ml_os_thread_start(thread, name, run, argument);
}

/* ---- what children do ------------------------------------------------------------------ */

enum { WELL = 0, LOST_OBJECTS = 1, COLLECTED = 2, DID_NOT_COLLECT = 3, NOT_WHOLE = 4, NO_FORK = 5 };

/* Objects that only a library's variables refer to. */
static hidden_t hidden[OBJECTS];

static void fill_library(void)
{
    void *library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    void **(*slots)(void) = (void **(*)(void))dlsym(library, "library_data");
    fill(slots(), hidden, OBJECTS, 48, ML_SCAN);
    collect();
    assert_all_alive(hidden, OBJECTS);
}

/* A process that waits for ever is ended. */
static void end_in_time(void)
{
    signal(SIGALRM, SIG_DFL);
    alarm(30);
}

static int collect_in_child(void)
{
    end_in_time();
    uint32_t before = collections();
    for (int i = 0; i < 1000; i++)
        memlog_keep_alive(memlog_malloc((size_t)i));
    collect();
    collect();
    if (collections() - before < 2)
        return DID_NOT_COLLECT;
    if (count_alive(hidden, OBJECTS) != OBJECTS)
        return LOST_OBJECTS;
    return ml_heap_audit() == NULL ? WELL : NOT_WHOLE;
}

static int stay_without_collections(void)
{
    end_in_time();
    uint32_t before = collections();
    for (int i = 0; i < 100; i++) {
        memlog_keep_alive(memlog_malloc(100000));
        memlog_gc();
    }
    if (collections() != before)
        return COLLECTED;
    return ml_heap_audit() == NULL ? WELL : NOT_WHOLE;
}

static int outcome_of(pid_t child)
{
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return NO_FORK;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int in_child(int (*body)(void))
{
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    return outcome_of(child);
}

static int collect_in_grandchild_too(void)
{
    int outcome = collect_in_child();
    return outcome != WELL ? outcome : in_child(collect_in_child);
}

/* ---- a thread that loads and unloads all the time ------------------------------------ */

static uint32_t over;

static void *load_and_unload(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_ACQUIRE)) {
        void *library = dlopen(LIBRARIES "/library_tls.so", RTLD_NOW);
        if (library == NULL)
            ck_abort_msg("%s", dlerror());
        dlclose(library);
    }
    return unused;
}

static int live_on(void)
{
    close(STDERR_FILENO); /* it says every time that it does not collect */
    no_own_threads = true;
    return ml_os_loader_is_usable() ? collect_in_child() : stay_without_collections();
}

START_TEST(children_while_libraries_come_and_go)
{
    const char *full = getenv("MEMLOG_FULL");
    int children = full != NULL && full[0] == '1' ? 3000 : 300;
    pthread_t loader;
    fill_library();
    ck_assert_int_eq(pthread_create(&loader, NULL, load_and_unload, NULL), 0);
    for (int i = 0; i < children; i++) {
        ck_assert_int_eq(in_child(live_on), WELL);
        usleep((unsigned)i * 37 % 300);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    pthread_join(loader, NULL);
}
END_TEST

/* ---- a thread that walks over the list --------------------------------------------------- */

static sem_t reached, go_on;

static void wait_for(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0) {
    }
}

static void stay_here(void)
{
    sem_post(&reached);
    wait_for(&go_on);
}

static int stay_in_walk(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)object, (void)size, (void)unused;
    stay_here();
    return 1;
}

static void *walk(void *unused)
{
    dl_iterate_phdr(stay_in_walk, NULL);
    return unused;
}

/* Go on once the thread is in the middle. */
static pthread_t start_and_wait(void *(*run)(void *))
{
    pthread_t thread;
    sem_init(&reached, 0, 0);
    sem_init(&go_on, 0, 0);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
    wait_for(&reached);
    return thread;
}

static void let_go(pthread_t thread)
{
    sem_post(&go_on);
    pthread_join(thread, NULL);
}

START_TEST(a_child_of_a_program_that_walks_over_the_list)
{
    fill_library();
    pthread_t walker = start_and_wait(walk);
    int outcome = in_child(collect_in_grandchild_too);
    let_go(walker);
    ck_assert_int_eq(outcome, WELL);
    ck_assert_int_eq(collect_in_child(), WELL); /* the parent itself */
}
END_TEST

static int fork_in_walk(struct dl_phdr_info *object, size_t size, void *outcome)
{
    (void)object, (void)size;
    *(int *)outcome = in_child(collect_in_grandchild_too);
    return 1;
}

START_TEST(a_child_that_is_forked_in_a_walk_over_the_list)
{
    int outcome = -1;
    fill_library();
    dl_iterate_phdr(fork_in_walk, &outcome);
    ck_assert_int_eq(outcome, WELL);
}
END_TEST

/* ---- a library in the middle of being unloaded ------------------------------------------- */

struct image {
    uintptr_t inside; /* an address in it */
    uintptr_t begin, end;
};

static int find_image(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)size;
    struct image *image = argument;
    uintptr_t begin = UINTPTR_MAX, end = 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        uintptr_t at = object->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD)
            continue;
        begin = at < begin ? at : begin;
        end = at + header->p_memsz > end ? at + header->p_memsz : end;
    }
    if (image->inside < begin || image->inside >= end)
        return 0;
    image->begin = begin & ~(uintptr_t)4095;
    image->end = (end + 4095) & ~(uintptr_t)4095;
    return 1;
}

static int lose_the_list(void)
{
    return ml_os_loader_is_usable() ? COLLECTED : stay_without_collections();
}

static int lose_the_list_in_grandchild_too(void)
{
    int outcome = lose_the_list();
    return outcome != WELL ? outcome : in_child(lose_the_list);
}

/* As dlclose leaves it for a moment: its memory is gone and it is on the list. */
static int unmap_and_fork(bool map_others)
{
    void *library = dlopen(LIBRARIES "/library_tls.so", RTLD_NOW);
    struct image image = { .inside = (uintptr_t)((struct link_map *)library)->l_ld };
    dl_iterate_phdr(find_image, &image);
    start_and_wait(walk);
    munmap((void *)image.begin, image.end - image.begin);
    if (map_others) /* which may come at once, in another thread */
        mmap((void *)image.begin, image.end - image.begin, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return in_child(lose_the_list_in_grandchild_too);
}

static int unmap_and_leave(void) { return unmap_and_fork(false); }
static int unmap_and_map(void) { return unmap_and_fork(true); }

static unsigned lines_of(const char *text)
{
    unsigned lines = 0;
    for (; *text != '\0'; text++)
        lines += *text == '\n';
    return lines;
}

static void assert_said_once_each(int (*body)(void))
{
    capture_begin();
    int outcome = in_child(body);
    const char *text = capture_end();
    ck_assert_int_eq(outcome, WELL);
    ck_assert_ptr_nonnull(strstr(text, "nothing is collected"));
    ck_assert_uint_eq(lines_of(text), 1);
}

START_TEST(a_child_with_a_library_that_is_half_gone)
{
    assert_said_once_each(unmap_and_leave);
    assert_said_once_each(unmap_and_map);
}
END_TEST

UNIT_MAIN("gc fork loader", children_while_libraries_come_and_go,
          a_child_of_a_program_that_walks_over_the_list,
          a_child_that_is_forked_in_a_walk_over_the_list, a_child_with_a_library_that_is_half_gone)
