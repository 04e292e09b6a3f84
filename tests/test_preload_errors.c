/* SPDX-License-Identifier: MIT */
/* test_preload_errors.c - a bad pointer ends the program with a line that names the
 * function it called, what is wrong, and where. */
#include <dlfcn.h>
#include <malloc.h>
#include <signal.h>
#include <sys/wait.h>

#include "preload_unit.h"

static char output[2048];

/* What misdeed() says in a child, which must end by abort(). */
static const char *said_by(void (*misdeed)(void))
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        misdeed();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], output + length, sizeof(output) - 1 - length)) > 0;)
        length += (size_t)got;
    output[length] = '\0';
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x, said: %s",
                  status, output);
    ck_assert_msg(strchr(output, '\n') == output + length - 1, "not one line: %s", output);
    return output;
}

static void check(void (*misdeed)(void), const char *function, const char *words)
{
    char begin[64];
    const char *said = said_by(misdeed);
    snprintf(begin, sizeof(begin), "memlog: %s: 0x", function);
    ck_assert_msg(strncmp(said, begin, strlen(begin)) == 0, "%s", said);
    ck_assert_msg(strstr(said, words) != NULL, "%s", said);
}

static void free_twice(void)
{
    void *object = hide(malloc(40));
    free(object);
    free(hide(object));
}
static void free_large_twice(void)
{
    void *object = hide(malloc(100000)), *volatile other = malloc(100000);
    (void)other;
    free(object);
    free(hide(object));
}
static void free_stack(void)
{
    int here;
    free(hide(&here));
}
static void free_text(void) { free(hide((void *)(uintptr_t)"text")); }
static void free_middle(void) { free((char *)hide(malloc(1000)) + 160); }
static void free_misaligned(void) { free((char *)hide(malloc(1000)) + 3); }
static void free_middle_of_large(void) { free((char *)hide(malloc(100000)) + 8192); }
static void realloc_freed(void)
{
    void *object = hide(malloc(40));
    free(object);
    hide(realloc(hide(object), 80));
}
static void realloc_to_nothing_twice(void)
{
    volatile size_t zero = 0;
    void *object = hide(malloc(40));
    free(object);
    hide(realloc(hide(object), zero));
}
static void reallocarray_stack(void)
{
    int here;
    hide(reallocarray(hide(&here), 10, 10));
}
static void usable_freed(void)
{
    void *object = hide(malloc(40));
    free(object);
    volatile size_t size = malloc_usable_size(hide(object));
    (void)size;
}
static void *deleted;
static void delete_twice(void)
{
    void (*delete)(void *) = (void (*)(void *))dlsym(RTLD_DEFAULT, "_ZdlPv");
    deleted = hide(malloc(40));
    delete(deleted);
    delete(deleted);
}
static void delete_array_twice(void)
{
    void (*delete)(void *, size_t) = (void (*)(void *, size_t))dlsym(RTLD_DEFAULT, "_ZdaPvm");
    deleted = hide(malloc(40));
    delete(deleted, 40);
    delete(deleted, 40);
}

START_TEST(a_second_free_is_caught)
{
    check(free_twice, "free", "double free of an object of 48 bytes");
    check(free_large_twice, "free", "freed before");
    check(delete_twice, "operator delete", "double free of an object of 48 bytes");
    check(delete_array_twice, "operator delete[]", "double free");
}
END_TEST

START_TEST(a_foreign_pointer_is_caught)
{
    check(free_stack, "free", "is not memlog's: it did not come from malloc\n");
    check(free_text, "free", "is not memlog's: it did not come from malloc\n");
    check(reallocarray_stack, "reallocarray", "is not memlog's: it did not come from malloc\n");
}
END_TEST

START_TEST(a_pointer_into_an_object_is_caught)
{
    check(free_middle, "free", "points into the middle of the object at 0x");
    check(free_misaligned, "free", "points into the middle of the object at 0x");
    check(free_middle_of_large, "free", "points into the middle of the object at 0x");
}
END_TEST

START_TEST(others_than_free_look_too)
{
    check(realloc_freed, "realloc", "double free"); /* an object that is there no more */
    check(realloc_to_nothing_twice, "realloc", "double free");
    check(usable_freed, "malloc_usable_size", "double free");
}
END_TEST

UNIT_MAIN("preload errors", a_second_free_is_caught, a_foreign_pointer_is_caught,
          a_pointer_into_an_object_is_caught, others_than_free_look_too)
