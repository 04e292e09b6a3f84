/* SPDX-License-Identifier: MIT */
/* test_log_fork.c - the log in forked children: ticker.h's fork functions,
 * and the log that goes on in a daemon.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "log_running.h"

/* The thread sanitizer refuses to start threads in children of threaded
 * programs, which is what a log that goes on in a child is. */
#if defined(__SANITIZE_THREAD__)
static const bool children_can_have_threads = false;
#else
static const bool children_can_have_threads = true;
#endif

static void handle_forks(void)
{
    wait_for_thread();
    pthread_atfork(ml_log_before_fork, ml_log_after_fork_parent, ml_log_after_fork_child);
}

static void start_with_fork_handlers(uint64_t interval_ns)
{
    start(interval_ns);
    handle_forks();
}

/* A log whose children log too. */
static void start_family(void)
{
    prepare(HOUR);
    settings.children = true;
    ck_assert_int_eq(ml_log_start(&settings), 0);
    handle_forks();
}

/* The exit status of a child that runs body. */
static int in_child(int (*body)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* 0 when nothing of the parent's log works, else which thing does. */
static int try_everything(void)
{
    if (ml_log_sample() != -ENOTCONN)
        return 1;
    if (ml_log_mark("child") != -ENOTCONN)
        return 2;
    if (ml_log_stop() != -ENOTCONN)
        return 3;
    ml_log_comment("child");
    ml_log_at_exit();
    if (samples_now() != 0)
        return 4;
    return fcntl(64, F_GETFD) < 0 ? 0 : 5;
}

START_TEST(child_does_not_write_into_its_parents_log)
{
    start_with_fork_handlers(HOUR);
    ck_assert_int_eq(fcntl(64, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(in_child(try_everything), 0);
    ck_assert_int_eq(ml_log_sample(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 2);
    ck_assert(!log_has(scratch_log, "child"));
}
END_TEST

START_TEST(child_without_fork_handlers_does_not_either)
{
    start(HOUR);
    pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) {
        ml_log_at_exit();
        _exit(ml_log_sample() == -ENOTCONN && ml_log_stop() == -ENOTCONN ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
}
END_TEST

/* Give the path of the file that this process logs to as a child. */
static const char *own_log(pid_t pid)
{
    static char path[160];
    snprintf(path, sizeof(path), "%s.%d", scratch_log, (int)pid);
    return path;
}

static int log_and_tell(void)
{
    char header[64];
    if (ml_log_sample() != 0)
        return 1;
    ml_log_at_exit();
    struct count count = count_lines(own_log(getpid()));
    snprintf(header, sizeof(header), "# memlog 1 pid=%d ", (int)getpid());
    if (strncmp(scratch_contents(own_log(getpid())), header, strlen(header)) != 0)
        return 2;
    return count.samples >= 3 && count.headers == 1 ? 0 : 3;
}

static int fork_and_log(void)
{
    wait_for_thread();
    return in_child(log_and_tell);
}

START_TEST(children_log_to_files_of_their_own_when_wanted)
{
    if (!children_can_have_threads)
        return;
    start_family();
    ck_assert_int_eq(in_child(log_and_tell), 0);
    ck_assert_int_eq(in_child(fork_and_log), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
}
END_TEST

static int start_again(void)
{
    if (ml_log_start(&settings) != 0)
        return 10;
    return log_and_tell();
}

START_TEST(child_that_starts_its_parents_log_gets_its_own)
{
    if (!children_can_have_threads)
        return;
    start_with_fork_handlers(HOUR);
    ck_assert_int_eq(in_child(start_again), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
}
END_TEST

/* Poll as an allocating daemon would, until the log has begun. */
static int go_on_alone(void)
{
    for (int i = 0; i < 6000; i++) {
        ml_log_poll_orphan();
        if (samples_now() > 0)
            return log_and_tell();
        sleep_ms(10);
    }
    return 20;
}

/* Leave a process behind that runs go_on_alone and writes its result and pid. */
static pid_t leave_daemon(int forks, int to)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    if (forks > 1) {
        leave_daemon(forks - 1, to);
        _exit(0);
    }
    int result[2] = { go_on_alone(), getpid() };
    _exit(write(to, result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

/* The logged process exits; its child, or its child's child, is left. */
static void expect_daemon_to_log(int forks)
{
    int ends[2], result[2];
    if (!children_can_have_threads)
        return;
    scratch_begin();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t logged = fork();
    if (logged == 0) {
        settings = (struct ml_log_settings){ .file = scratch_log, .interval_ns = HOUR };
        if (ml_log_start(&settings) != 0)
            _exit(1);
        wait_for_thread();
        pthread_atfork(ml_log_before_fork, ml_log_after_fork_parent, ml_log_after_fork_child);
        leave_daemon(forks, ends[1]);
        _exit(0);
    }
    close(ends[1]); /* the end of what is read, should the daemon die */
    ck_assert_int_eq(read(ends[0], result, sizeof(result)), sizeof(result));
    ck_assert_int_eq(result[0], 0);
    ck_assert(log_has(own_log(result[1]), "# end reason=exit"));
    ck_assert_uint_eq(count_lines(scratch_log).samples, 1);
    waitpid(logged, NULL, 0);
}

START_TEST(child_that_outlives_its_parent_goes_on)
{
    expect_daemon_to_log(1);
}
END_TEST

START_TEST(daemon_of_two_forks_goes_on)
{
    expect_daemon_to_log(2);
}
END_TEST

static int poll_in_vain(void)
{
    for (int i = 0; i < 30; i++) {
        ml_log_poll_orphan();
        sleep_ms(10);
    }
    return samples_now() == 0 ? 0 : 1;
}

static int fork_and_poll_in_vain(void)
{
    return in_child(poll_in_vain);
}

START_TEST(child_of_a_living_parent_stays_silent)
{
    start_with_fork_handlers(HOUR);
    ck_assert_int_eq(in_child(poll_in_vain), 0);
    ck_assert_int_eq(in_child(fork_and_poll_in_vain), 0);
}
END_TEST

START_TEST(child_of_an_unlogged_process_stays_silent)
{
    start_with_fork_handlers(HOUR);
    ml_log_stop();
    ck_assert_int_eq(in_child(try_everything), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, 2);
}
END_TEST

static int sample_in_vain(void)
{
    return ml_log_sample() == -ENOTCONN ? 0 : 1;
}

START_TEST(fork_while_others_write_hangs_nobody)
{
    pthread_t writers[2];
    start_with_fork_handlers(MS);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&writers[i], NULL, write_samples, NULL), 0);
    for (int i = 0; i < 30; i++)
        ck_assert_int_eq(in_child(sample_in_vain), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i], NULL);
    ck_assert_int_eq(ml_log_stop(), 0);
    ck_assert_uint_eq(count_lines(scratch_log).samples, samples_now());
}
END_TEST

static void allow_descriptors(rlim_t most)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int log_later(void)
{
    if (ml_log_sample() != -ENOTCONN)
        return 4;
    allow_descriptors(RLIM_INFINITY);
    while (ml_log_sample() != 0)
        sleep_ms(10);
    return log_and_tell();
}

/* No descriptor was free when it was born. */
START_TEST(childs_log_that_could_not_be_begun_is_tried_again)
{
    if (!children_can_have_threads)
        return;
    start_family();
    allow_descriptors(3);
    ck_assert_int_eq(in_child(log_later), 0);
    allow_descriptors(RLIM_INFINITY);
}
END_TEST

UNIT_MAIN("log fork", child_does_not_write_into_its_parents_log,
          child_without_fork_handlers_does_not_either,
          children_log_to_files_of_their_own_when_wanted,
          child_that_starts_its_parents_log_gets_its_own, child_that_outlives_its_parent_goes_on,
          daemon_of_two_forks_goes_on, child_of_a_living_parent_stays_silent,
          child_of_an_unlogged_process_stays_silent,
          childs_log_that_could_not_be_begun_is_tried_again, fork_while_others_write_hangs_nobody)
