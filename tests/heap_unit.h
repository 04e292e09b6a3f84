/* SPDX-License-Identifier: MIT */
/* heap_unit.h - what the heap's tests have in common: whole or not, random
 * numbers that repeat, any size through the heap's door, and a child's last
 * words. */
#ifndef MEMLOG_TESTS_HEAP_UNIT_H
#define MEMLOG_TESTS_HEAP_UNIT_H

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/alloc.h"
#include "heap/audit.h"
#include "heap/pageheap.h"
#include "unit.h"

#define assert_heap_is_whole()                                                 \
    do {                                                                       \
        const char *broken_ = ml_heap_audit();                                 \
        ck_assert_msg(broken_ == NULL, "broken: %s", broken_);                 \
    } while (0)

static inline const char *pageheap_checked(void)
{
    ml_lock(&ml_pageheap_lock);
    const char *broken = ml_pageheap_check();
    ml_unlock(&ml_pageheap_lock);
    return broken;
}

#define assert_pageheap_is_whole()                                             \
    do {                                                                       \
        const char *broken_ = pageheap_checked();                              \
        ck_assert_msg(broken_ == NULL, "broken: %s", broken_);                 \
    } while (0)

/* xorshift64*: the same on every run. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return random_next(state) % limit;
}

/* An object of any size, as the collecting door gets it, but not zeroed; for
 * forked children too, where check's macros would call malloc. */
static inline void *allocate(size_t bytes, enum ml_kind kind)
{
    bool zeroed;
    if (ml_heap_init() != 0)
        return NULL;
    if (bytes > ML_SMALL_MAX)
        return ml_heap_alloc_large(bytes, 0, kind, &zeroed);
    unsigned class = ml_sizeclass_of(bytes);
    void *slot = ml_heap_pop(class, kind);
    return slot != NULL ? slot : ml_heap_alloc_slow(ml_bin_of(class, kind));
}

/* The calling thread leaves the heap, as a thread does that ends. */
static inline void detach_self(void)
{
    struct ml_thread *self = ml_thread_self;
    if (self == &ml_thread_none)
        return;
    ml_thread_self = &ml_thread_none;
    ml_thread_detach(self);
}

/* Run in a child; what it wrote to stderr goes to said. The wait status. */
static inline int child_says(void (*run)(void *), void *argument, char *said, size_t capacity)
{
    int pipe_ends[2];
    ck_assert_int_eq(pipe(pipe_ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        dup2(pipe_ends[1], STDERR_FILENO);
        close(pipe_ends[0]);
        run(argument);
        _exit(0);
    }
    close(pipe_ends[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(pipe_ends[0], said + length, capacity - 1 - length)) > 0)
        length += (size_t)got;
    said[length] = '\0';
    close(pipe_ends[0]);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

static inline void assert_child_dies(void (*run)(void *), void *argument, const char *line)
{
    char said[4096];
    int status = child_says(run, argument, said, sizeof(said));
    ck_assert_str_eq(said, line);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGABRT);
}

static inline void assert_child_is_fine(void (*run)(void *), void *argument)
{
    char said[4096];
    int status = child_says(run, argument, said, sizeof(said));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d: %s", status, said);
}

/* In a child: a line on stderr that assert_child_is_fine shows, and the end. */
#define child_asserts(condition)                                               \
    do {                                                                       \
        if (!(condition)) {                                                    \
            static const char line_[] = #condition "\n";                       \
            (void)!write(STDERR_FILENO, line_, sizeof(line_) - 1);             \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

#endif
