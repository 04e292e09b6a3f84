/* SPDX-License-Identifier: MIT */
/* test_log_answerer.c - who asks with the key is answered, with this process's numbers; all
 * else is thrown away, and holds nobody up.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/siphash.h"
#include "log/answerer.h"
#include "log/control.h"
#include "memlog.h"
#include "os/clock.h"

#define SECOND ((uint64_t)ML_NS_PER_SECOND)

static struct ml_mailbox client;
static struct ml_address to;
static struct ml_control_request request;
static uint64_t now = 100 * SECOND;

static void begin(void)
{
    char name[ML_MAILBOX_NAME_BYTES];
    alarm(60); /* ends a case that waits */
    ml_answerer_open();
    ml_control_name(name, getpid());
    ml_address_of(&to, name);
    ck_assert_int_eq(ml_mailbox_open(&client, NULL, false), 0);
    memcpy(request.magic, ML_CONTROL_MAGIC, sizeof(request.magic));
    request.version = ML_CONTROL_VERSION;
    request.key = ml_control_own_key();
    ck_assert(ml_mailbox_address(&client, &request.answer_to));
}

/* Time goes on by a second. */
static void look(void)
{
    now += SECOND;
    (void)ml_answerer_look(now);
}

static int send_bytes(const void *bytes, size_t count)
{
    return ml_mailbox_send(&client, &to, bytes, count);
}
static int ask(void) { return send_bytes(&request, sizeof(request)); }

static struct ml_control_answer answer;
static bool is_answered(void)
{
    ssize_t bytes = ml_mailbox_read(&client, &answer, sizeof(answer));
    return ml_control_is_answer(&answer, bytes, request.number);
}

START_TEST(the_numbers_are_this_processs)
{
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    begin();
    void *kept = memlog_malloc_uncollectable(100000);
    request.number = 77;
    ck_assert_int_eq(ask(), 0);
    look();
    ck_assert(is_answered());
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    ck_assert_mem_eq(&answer.stats, &stats, sizeof(stats));
    ck_assert_uint_eq(answer.extra.large_mallocs, extra.large_mallocs);
    ck_assert_uint_ge(answer.stats.alloc, 100000);
    ck_assert(!is_answered());
    memlog_free(kept);
}
END_TEST

START_TEST(rubbish_is_thrown_away)
{
    static char rubbish[20000];
    struct ml_control_request bad;
    begin();
    memset(rubbish, 'x', sizeof(rubbish));
    for (size_t i = 0; i <= sizeof(request); i += 8) {
        ck_assert_int_eq(send_bytes(rubbish, i), 0);
        look();
    }
    ck_assert_int_eq(send_bytes(rubbish, sizeof(rubbish)), 0);
    memcpy(rubbish, &request, sizeof(request)); /* one that goes on */
    ck_assert_int_eq(send_bytes(rubbish, sizeof(request) + 1), 0);
    ck_assert_int_eq(send_bytes(&request, sizeof(request) - 1), 0);
    bad = request;
    bad.version++;
    ck_assert_int_eq(send_bytes(&bad, sizeof(bad)), 0);
    bad = request;
    bad.answer_to.length = 255;
    ck_assert_int_eq(send_bytes(&bad, sizeof(bad)), 0);
    look();
    look();
    ck_assert(!is_answered());
    ck_assert_int_eq(ask(), 0);
    look();
    ck_assert(is_answered());
}
END_TEST

START_TEST(without_the_key_there_is_no_answer)
{
    begin();
    for (int bit = 0; bit < 64; bit += 8) {
        request.key ^= (uint64_t)1 << bit;
        ck_assert_int_eq(ask(), 0);
        request.key ^= (uint64_t)1 << bit;
    }
    look();
    request.key = 0;
    ck_assert_int_eq(ask(), 0);
    look();
    ck_assert(!is_answered());
}
END_TEST

START_TEST(the_key_is_in_proc)
{
    char auxv[4096];
    int fd = open("/proc/self/auxv", O_RDONLY);
    ssize_t bytes = read(fd, auxv, sizeof(auxv));
    close(fd);
    ck_assert_uint_ne(ml_control_own_key(), 0);
    ck_assert_uint_eq(ml_control_own_key(), ml_control_key_in(auxv, (size_t)bytes));
    ck_assert_uint_eq(ml_control_key_in(auxv, 0), 0);
}
END_TEST

/* Whoever has taken the name is sent it. */
START_TEST(the_key_tells_no_address)
{
    static const unsigned long types[] = { AT_RANDOM, AT_SYSINFO_EHDR, AT_PHDR };
    const unsigned char *bytes = (const unsigned char *)&request;
    begin();
    for (size_t at = 0; at + 8 <= sizeof(request); at++) {
        uint64_t word;
        memcpy(&word, bytes + at, sizeof(word));
        for (int i = 0; i < 3; i++) /* nor its page */
            ck_assert_uint_ne(word >> 12, getauxval(types[i]) >> 12);
    }
    const uint64_t reference[] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
    ck_assert_uint_eq(ml_siphash_word(reference, 0x0706050403020100), 0x93f5f5799a932462);
}
END_TEST

START_TEST(many_are_answered_some_at_a_time)
{
    int asked = 0, answered = 0;
    begin();
    while (asked < 1000 && ask() == 0)
        asked++;
    look();
    while (is_answered())
        answered++;
    ck_assert_int_le(answered, ML_CONTROL_AT_ONCE);
    for (int looks = 0; looks < 100 && answered < asked; looks++) {
        look();
        while (is_answered())
            answered++;
    }
    ck_assert_int_eq(answered, asked);
}
END_TEST

START_TEST(who_takes_no_answers_holds_nobody_up)
{
    begin();
    for (int i = 0; i < 5000; i++) {
        (void)ask();
        look();
    }
    ck_assert(is_answered());
}
END_TEST

START_TEST(it_looks_seldom_and_often_after_a_request)
{
    begin();
    ck_assert_uint_eq(ml_answerer_look(now), now + SECOND);
    ck_assert_int_eq(ask(), 0);
    ck_assert_uint_eq(ml_answerer_look(now + SECOND / 2), now + SECOND);
    ck_assert(!is_answered());
    now += SECOND;
    ck_assert_uint_eq(ml_answerer_look(now), now + SECOND / 100);
    ck_assert(is_answered());
    now += 10 * SECOND;
    ck_assert_uint_eq(ml_answerer_look(now), now + SECOND);
}
END_TEST

START_TEST(closed_it_is_nobodys_and_costs_no_look)
{
    begin();
    ml_answerer_close();
    ck_assert_int_eq(ask(), -ECONNREFUSED);
    ck_assert_uint_eq(ml_answerer_look(now), UINT64_MAX);
    ml_answerer_open();
    ck_assert_int_eq(ask(), 0);
    look();
    ck_assert(is_answered());
}
END_TEST

START_TEST(a_program_that_closes_the_descriptor_is_not_disturbed)
{
    begin();
    for (int fd = 3; fd < 1000; fd++)
        if (fd != client.fd)
            close(fd);
    look();
    ck_assert_uint_eq(ml_answerer_look(now), UINT64_MAX);
}
END_TEST

START_TEST(in_a_program_with_filters_there_is_none)
{
    struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
    struct sock_fprog filter = { 1, allow };
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        return;
    ml_answerer_open();
    ck_assert_uint_eq(ml_answerer_look(now), UINT64_MAX);
}
END_TEST

UNIT_MAIN("log answerer", the_numbers_are_this_processs, rubbish_is_thrown_away,
          without_the_key_there_is_no_answer, the_key_is_in_proc, the_key_tells_no_address,
          many_are_answered_some_at_a_time, who_takes_no_answers_holds_nobody_up,
          it_looks_seldom_and_often_after_a_request,
          closed_it_is_nobodys_and_costs_no_look, a_program_that_closes_the_descriptor_is_not_disturbed,
          in_a_program_with_filters_there_is_none)
