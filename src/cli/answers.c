/* SPDX-License-Identifier: MIT */
#include "cli/answers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log/control.h"
#include "os/process.h"

struct ml_answerer {
    struct ml_mailbox box;
    struct ml_recorder *recorder;
};

static int boxes = -1; /* an epoll: those with letters in them */

/* A filter may end who makes a socket, and a program that is recorded would go with it: so
 * somebody else tries. */
static bool may_have_sockets(void)
{
    if (!ml_os_has_filters())
        return true;
    pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &no_core);
        _exit(socket(AF_UNIX, SOCK_DGRAM, 0) < 0);
    }
    int status = 1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void ml_answers_open(bool wanted)
{
    if (wanted && may_have_sockets())
        boxes = epoll_create1(EPOLL_CLOEXEC);
}

int ml_answers_fd(void) { return boxes; }

struct ml_answerer *ml_answers_add(pid_t pid, struct ml_recorder *recorder)
{
    char name[ML_MAILBOX_NAME_BYTES];
    struct ml_answerer *answerer = boxes < 0 ? NULL : calloc(1, sizeof(*answerer));
    if (answerer == NULL)
        return NULL;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = answerer };
    answerer->recorder = recorder;
    ml_control_name(name, pid);
    if (ml_mailbox_open(&answerer->box, name, true) == 0 &&
        epoll_ctl(boxes, EPOLL_CTL_ADD, answerer->box.fd, &event) == 0)
        return answerer;
    ml_answers_remove(answerer);
    return NULL;
}

void ml_answers_remove(struct ml_answerer *answerer)
{
    if (answerer != NULL)
        ml_mailbox_close(&answerer->box);
    free(answerer);
}

static void answer(struct ml_answerer *answerer, const struct ml_control_request *request,
                   const struct ml_address *to)
{
    static struct ml_control_answer numbers; /* large */
    ml_control_begin_answer(&numbers, request);
    if (ml_recorder_read(answerer->recorder, &numbers.stats, &numbers.extra) == 0)
        (void)ml_mailbox_send(&answerer->box, to, &numbers, sizeof(numbers));
}

/* Not all of a heap of letters at once: there are samples to take. */
static void answer_letters(struct ml_answerer *answerer)
{
    struct {
        struct ml_control_request request;
        char more;
    } letter;
    for (int i = 0; i < ML_CONTROL_AT_ONCE; i++) {
        struct ml_address from;
        uid_t user;
        ssize_t bytes = ml_mailbox_take(&answerer->box, &letter, sizeof(letter), &user, &from);
        if (bytes < 0 && bytes != -EPROTO)
            return;
        if (ml_control_is_request(&letter, bytes) && from.length != 0 &&
            (user == 0 || user == geteuid()))
            answer(answerer, &letter.request, &from);
    }
}

void ml_answers_give(void)
{
    enum { BOXES_AT_ONCE = 16 };
    struct epoll_event events[BOXES_AT_ONCE];
    int count = boxes < 0 ? 0 : epoll_wait(boxes, events, BOXES_AT_ONCE, 0);
    for (int i = 0; i < count; i++)
        answer_letters(events[i].data.ptr);
}
