/* SPDX-License-Identifier: MIT */
#include "log/answerer.h"

#include <errno.h>

#include "log/control.h"
#include "log/ticker.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "stats/memstats.h"

#define SELDOM_NS ((uint64_t)ML_NS_PER_SECOND)
#define OFTEN_NS (10 * (uint64_t)ML_NS_PER_MS)
#define ATTENTIVE_NS (5 * (uint64_t)ML_NS_PER_SECOND)

static struct ml_mailbox box = { .fd = -1 };
static uint64_t key;
static uint64_t look_ns, asked_ns; /* monotonic: the next look; the last request, 0: none */
static struct ml_control_answer answer; /* large: memlog's threads have small stacks */

void ml_answerer_open(void)
{
    char name[ML_MAILBOX_NAME_BYTES];
    look_ns = asked_ns = 0;
    if (ml_os_has_filters())
        return;
    ml_control_name(name, ml_os_pid());
    key = ml_control_own_key();
    (void)ml_mailbox_open(&box, name, false);
}

void ml_answerer_close(void) { ml_mailbox_close(&box); }

/* Nobody else can know it. */
static bool has_key(const struct ml_control_request *request)
{
    return key != 0 && request->key == key;
}

static void give(const struct ml_control_request *request)
{
    ml_control_begin_answer(&answer, request);
    ml_stats_read(&answer.stats);
    ml_stats_read_extra(&answer.extra);
    ml_log_counts(&answer.extra.log_samples, &answer.extra.log_lost);
    (void)ml_mailbox_send(&box, &request->answer_to, &answer, sizeof(answer));
}

/* A letter that is longer than a request is none. */
static void answer_next(uint64_t now_ns, bool *is_empty)
{
    struct {
        struct ml_control_request request;
        char more;
    } letter;
    ssize_t bytes = ml_mailbox_read(&box, &letter, sizeof(letter));
    *is_empty = bytes < 0;
    if (bytes < 0 && bytes != -EAGAIN)
        box.fd = -1; /* the program has closed it, or something else is there now */
    if (!ml_control_is_request(&letter, bytes) || !has_key(&letter.request))
        return;
    give(&letter.request);
    asked_ns = now_ns;
}

uint64_t ml_answerer_look(uint64_t now_ns)
{
    bool is_empty = false;
    if (now_ns >= look_ns && box.fd >= 0) {
        for (int i = 0; i < ML_CONTROL_AT_ONCE && !is_empty; i++)
            answer_next(now_ns, &is_empty);
        bool is_attentive = asked_ns != 0 && now_ns - asked_ns < ATTENTIVE_NS;
        look_ns = now_ns + (is_attentive ? OFTEN_NS : SELDOM_NS);
    }
    return box.fd < 0 ? UINT64_MAX : look_ns;
}
