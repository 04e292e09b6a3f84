/* SPDX-License-Identifier: MIT */
/* ask.h - a process is asked for its numbers (log/control.h). */
#ifndef ML_CLI_ASK_H
#define ML_CLI_ASK_H

#include "log/board.h"
#include "log/control.h"

struct ml_ask {
    pid_t pid;
    uid_t owner; /* of the process */
    struct ml_mailbox box;
    struct ml_address to;
    struct ml_control_request request;
};

/* Whom to ask. 0 or -errno. To be closed in both cases. */
int ml_ask_open(struct ml_ask *ask, pid_t pid);
void ml_ask_close(struct ml_ask *ask);
/* 0; -ECONNREFUSED: there is nobody to answer; -ETIMEDOUT: nobody did. */
int ml_ask_numbers(struct ml_ask *ask, struct ml_board_numbers *numbers);

#endif
