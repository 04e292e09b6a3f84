/* SPDX-License-Identifier: MIT */
/* test_os_mailbox.c - letters: whole, from whom, and never a wait or somebody else's file. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/mailbox.h"

static char name[ML_MAILBOX_NAME_BYTES];
static struct ml_mailbox box, other;
static struct ml_address to;

static void open_two(bool by_whom)
{
    snprintf(name, sizeof(name), "memlog-test/%d", (int)getpid());
    ck_assert_int_eq(ml_mailbox_open(&box, name, by_whom), 0);
    ck_assert_int_eq(ml_mailbox_open(&other, NULL, false), 0);
    ml_address_of(&to, name);
}

static void close_two(void)
{
    ml_mailbox_close(&box);
    ml_mailbox_close(&other);
}

START_TEST(a_letter_arrives_whole_and_once)
{
    char letter[6000], got[8000];
    open_two(false);
    memset(letter, 'x', sizeof(letter));
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), -EAGAIN);
    ck_assert_int_eq(ml_mailbox_send(&other, &to, letter, sizeof(letter)), 0);
    ck_assert_int_eq(ml_mailbox_send(&other, &to, "", 0), 0);
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), sizeof(letter));
    ck_assert_mem_eq(got, letter, sizeof(letter));
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), 0);
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), -EAGAIN);
    close_two();
}
END_TEST

START_TEST(a_letter_says_by_whom_it_is_and_can_be_answered)
{
    char got[16];
    uid_t user = 12345;
    struct ml_address from;
    open_two(true);
    ck_assert_int_eq(ml_mailbox_send(&other, &to, "ask", 4), 0);
    ck_assert_int_eq(ml_mailbox_take(&box, got, sizeof(got), &user, &from), 4);
    ck_assert_uint_eq(user, getuid());
    ck_assert_int_eq(ml_mailbox_send(&box, &from, "answer", 7), 0);
    ck_assert_int_eq(ml_mailbox_read(&other, got, sizeof(got)), 7);
    ck_assert_str_eq(got, "answer");
    ck_assert_int_eq(ml_mailbox_take(&box, got, sizeof(got), &user, &from), -EAGAIN);
    close_two();
}
END_TEST

START_TEST(another_user_is_told)
{
    char got[16];
    uid_t user = 0;
    struct ml_address from;
    if (getuid() != 0)
        return;
    open_two(true);
    pid_t child = fork();
    if (child == 0)
        _exit(setuid(65534) != 0 || ml_mailbox_send(&other, &to, "ask", 4) != 0);
    int status;
    waitpid(child, &status, 0);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(ml_mailbox_take(&box, got, sizeof(got), &user, &from), 4);
    ck_assert_uint_eq(user, 65534);
    close_two();
}
END_TEST

START_TEST(a_name_is_one_boxs_and_goes_with_it)
{
    struct ml_mailbox second;
    open_two(false);
    ck_assert_int_eq(ml_mailbox_open(&second, name, false), -EADDRINUSE);
    ck_assert_int_eq(second.fd, -1);
    ml_mailbox_close(&box);
    ck_assert_int_eq(ml_mailbox_send(&other, &to, "ask", 4), -ECONNREFUSED);
    ck_assert_int_eq(ml_mailbox_open(&box, name, false), 0);
    close_two();
}
END_TEST

START_TEST(a_full_box_refuses_and_nobody_waits)
{
    int error = 0;
    open_two(false);
    alarm(30); /* ends a case that waits */
    for (int i = 0; i < 100000 && error == 0; i++)
        error = ml_mailbox_send(&other, &to, "ask", 4);
    ck_assert_int_eq(error, -EAGAIN);
    close_two();
}
END_TEST

START_TEST(descriptors_that_are_sent_along_are_left_behind)
{
    char got[16], part[CMSG_SPACE(sizeof(int))] = { 0 };
    uid_t user;
    struct ml_address from;
    open_two(true);
    int before = open("/dev/null", O_RDONLY);
    struct iovec letter = { "ask", 4 };
    struct sockaddr_storage system;
    socklen_t bytes = sizeof(system);
    getsockname(box.fd, (struct sockaddr *)&system, &bytes);
    struct msghdr message = { .msg_name = &system, .msg_namelen = bytes, .msg_iov = &letter, .msg_iovlen = 1,
                              .msg_control = part, .msg_controllen = sizeof(part) };
    *CMSG_FIRSTHDR(&message) = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&message)), &before, sizeof(before));
    ck_assert_int_eq(sendmsg(other.fd, &message, 0), 4);
    ck_assert_int_eq(ml_mailbox_take(&box, got, sizeof(got), &user, &from), 4);
    int after = open("/dev/null", O_RDONLY);
    ck_assert_int_eq(after, before + 1); /* no other has come */
    close_two();
}
END_TEST

/* A daemon closes all descriptors, and opens its own. */
START_TEST(a_descriptor_that_is_another_file_now_is_not_touched)
{
    char got[16];
    int pair[2];
    open_two(false);
    int number = box.fd;
    ck_assert_int_ge(number, 64);
    close(number);
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), -EBADF);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    ck_assert_int_eq(dup2(pair[0], number), number);
    ck_assert_int_eq(write(pair[1], "mine", 4), 4);
    ck_assert_int_eq(ml_mailbox_read(&box, got, sizeof(got)), -EBADF);
    ck_assert_int_eq(ml_mailbox_send(&box, &to, "ask", 4), -EBADF);
    ml_mailbox_close(&box);
    ck_assert_int_eq(read(number, got, sizeof(got)), 4);
    ck_assert_int_eq(fcntl(number, F_GETFD), 0);
    ml_mailbox_close(&other);
}
END_TEST

UNIT_MAIN("os mailbox", a_letter_arrives_whole_and_once, a_letter_says_by_whom_it_is_and_can_be_answered,
          another_user_is_told, a_name_is_one_boxs_and_goes_with_it, a_full_box_refuses_and_nobody_waits,
          descriptors_that_are_sent_along_are_left_behind,
          a_descriptor_that_is_another_file_now_is_not_touched)
