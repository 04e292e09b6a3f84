/* SPDX-License-Identifier: MIT */
/* test_cli_space.c - the memory of a process is that of the program which it ran when it was
 * opened, and of no other.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/locate.h"
#include "cli/space.h"
#include "memlog.h"
#include "stats/root.h"

static char word[] = "there";
static int go[2];
static struct ml_space space;

/* A child that lives until the pipe's end, and then execs, or ends. */
static pid_t begin(bool execs)
{
    char byte;
    ck_assert_int_eq(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) == 0 && execs)
            execl("/bin/sleep", "sleep", "60", NULL);
        _exit(0);
    }
    ck_assert_int_eq(ml_space_open(&space, child), 0);
    return child;
}

static int read_word(char text[sizeof(word)])
{
    return ml_space_read(&space, (uintptr_t)word, text, sizeof(word));
}

START_TEST(what_is_there_is_read)
{
    char text[sizeof(word)];
    pid_t child = begin(false);
    ck_assert_int_eq(read_word(text), 0);
    ck_assert_str_eq(text, "there");
    ck_assert_int_eq(ml_space_read(&space, 8, text, 1), -EFAULT);
    ck_assert(!ml_space_was_left(&space));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ml_space_close(&space);
}
END_TEST

START_TEST(what_has_ended_is_gone)
{
    char text[sizeof(word)];
    pid_t child = begin(false);
    kill(child, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    ck_assert_int_eq(read_word(text), -ESRCH); /* a zombie, too */
    ck_assert(!ml_space_was_left(&space));
    waitpid(child, NULL, 0);
    ck_assert_int_eq(read_word(text), -ESRCH);
    ck_assert(!ml_space_was_left(&space));
    ml_space_close(&space);
}
END_TEST

START_TEST(nothing_of_another_program_is_read)
{
    char text[sizeof(word)];
    pid_t child = begin(true);
    close(go[1]);
    while (!ml_space_was_left(&space))
        usleep(1000);
    ck_assert_int_eq(read_word(text), -ESTALE);
    ml_space_close(&space);
    ck_assert_int_eq(ml_space_open(&space, child), 0);
    ck_assert(!ml_space_was_left(&space));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ml_space_close(&space);
}
END_TEST

START_TEST(the_root_is_found_where_it_is)
{
    memlog_free(memlog_malloc(1)); /* memlog is in it, as in a program that uses it */
    pid_t child = begin(true);
    ck_assert_uint_eq(ml_locate_root(&space), (uintptr_t)&memlog_root);
    close(go[1]);
    while (!ml_space_was_left(&space))
        usleep(1000);
    ck_assert_uint_eq(ml_locate_root(&space), 0);
    ml_space_close(&space);
    ck_assert_int_eq(ml_space_open(&space, child), 0);
    ck_assert_uint_eq(ml_locate_root(&space), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ml_space_close(&space);
}
END_TEST

UNIT_MAIN("cli space", what_is_there_is_read, what_has_ended_is_gone, nothing_of_another_program_is_read,
          the_root_is_found_where_it_is)
