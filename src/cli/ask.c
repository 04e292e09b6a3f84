/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/living.h"
#include "os/process.h"

/* A program's own thread looks once a second. */
#define PATIENCE_NS (1500 * (uint64_t)ML_NS_PER_MS)

/* Where it may not be looked at the key is none, which is enough for memlog run. */
static void read_key(struct ml_ask *ask)
{
    char path[ML_OS_LIVING_BYTES], auxv[2048];
    ssize_t bytes = ml_os_read_file(ml_os_living_file(path, ask->pid, "/auxv"), auxv, sizeof(auxv));
    ask->request.key = ml_control_key_in(auxv, bytes < 0 ? 0 : (size_t)bytes);
}

int ml_ask_open(struct ml_ask *ask, pid_t pid)
{
    char name[ML_MAILBOX_NAME_BYTES], path[64];
    struct stat status;
    memset(ask, 0, sizeof(*ask));
    ask->pid = pid;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    ask->owner = stat(path, &status) == 0 ? status.st_uid : 0;
    ml_control_name(name, pid);
    ml_address_of(&ask->to, name);
    memcpy(ask->request.magic, ML_CONTROL_MAGIC, sizeof(ask->request.magic));
    ask->request.version = ML_CONTROL_VERSION;
    int error = ml_mailbox_open(&ask->box, NULL, true);
    return error != 0 || ml_mailbox_address(&ask->box, &ask->request.answer_to) ? error : -ENOTSUP;
}

void ml_ask_close(struct ml_ask *ask) { ml_mailbox_close(&ask->box); }

/* Anybody may take a name before its process does. */
static bool is_from(const struct ml_ask *ask, uid_t user, const struct ml_address *from)
{
    bool may_be = user == 0 || user == geteuid() || user == ask->owner;
    return may_be && from->length == ask->to.length &&
           memcmp(from->name, ask->to.name, from->length) == 0;
}

static bool take_answer(struct ml_ask *ask, struct ml_board_numbers *numbers)
{
    static struct ml_control_answer answer; /* large */
    struct ml_address from;
    uid_t user;
    ssize_t bytes;
    while ((bytes = ml_mailbox_take(&ask->box, &answer, sizeof(answer), &user, &from)) >= 0 ||
           bytes == -EPROTO) {
        if (!ml_control_is_answer(&answer, bytes, ask->request.number) ||
            !is_from(ask, user, &from))
            continue;
        numbers->when_ns = ml_os_realtime_ns();
        numbers->stats = answer.stats;
        numbers->extra = answer.extra;
        return true;
    }
    return false;
}

/* A full box is emptied, though somebody else may be quicker to fill it again. */
static int send_request(struct ml_ask *ask)
{
    uint64_t until = ml_os_monotonic_ns() + PATIENCE_NS;
    for (;;) {
        int error = ml_mailbox_send(&ask->box, &ask->to, &ask->request, sizeof(ask->request));
        if (error != -EAGAIN || ml_os_monotonic_ns() >= until)
            return error;
        (void)poll(NULL, 0, 1);
    }
}

int ml_ask_numbers(struct ml_ask *ask, struct ml_board_numbers *numbers)
{
    ask->request.number++; /* what comes too late is no answer to the next */
    read_key(ask); /* another program has another */
    int error = send_request(ask);
    uint64_t until = ml_os_monotonic_ns() + PATIENCE_NS;
    while (error == 0) {
        if (take_answer(ask, numbers))
            return 0;
        uint64_t now = ml_os_monotonic_ns();
        struct pollfd answer = { .fd = ask->box.fd, .events = POLLIN };
        if (now >= until || poll(&answer, 1, (int)((until - now) / ML_NS_PER_MS) + 1) < 0)
            error = -ETIMEDOUT;
    }
    return error;
}
