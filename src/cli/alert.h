/* SPDX-License-Identifier: MIT */
/* alert.h - memlog run --alert CONDITION --exec COMMAND: with each sample it is looked
 * whether a condition has come true, and told once, until it was false again (condition.h):
 *
 *   in the log         # alert sys>90% value=483183820 limit=536870912
 *   on stderr          a line that says the same, where there is no command
 *   to the command     MEMLOG_ALERT, MEMLOG_VALUE, MEMLOG_LIMIT, MEMLOG_PID, MEMLOG_LOG
 *
 * The limit is that of the program's cgroup, else MEMLOG_MEMORY_LIMIT, else the machine's
 * memory. Of a family what its sum has is looked at there: the limit is for all of it.
 * A command is not begun while it still runs.
 */
#ifndef ML_CLI_ALERT_H
#define ML_CLI_ALERT_H

#include <stdbool.h>
#include <sys/types.h>

#include "cli/command.h"
#include "cli/condition.h"
#include "log/lines.h"

enum { ML_ALERTS_MOST = 32 };

struct ml_alert {
    struct ml_condition condition;
    const char *command;    /* NULL: none */
    struct ml_lines *lines; /* where its number is, and where it is told */
    bool holds;
    pid_t running;          /* its command; 0: does not run */
};

/* What percent are of. */
struct ml_alert_limit {
    uint64_t bytes;
    const char *whose; /* for a message */
};

struct ml_alerts {
    struct ml_alert all[ML_ALERTS_MOST];
    size_t count;
    pid_t pid; /* the program's */
    struct ml_alert_limit without_cgroup; /* where the cgroup sets none */
    struct ml_command_origin origin;
};

/* One more; the last one's command. False: `why` says what is wrong. */
bool ml_alerts_add(struct ml_alerts *alerts, const char *condition,
                   char why[ML_CONDITION_WHY_BYTES]);
bool ml_alerts_add_command(struct ml_alerts *alerts, const char *command,
                           char why[ML_CONDITION_WHY_BYTES]);
/* From now on their numbers are read with each sample: of the program's lines, or of the
 * family's sum (NULL: there is none) where that has them. */
void ml_alerts_watch(struct ml_alerts *alerts, pid_t pid, struct ml_lines *own,
                     struct ml_lines *total);
/* There is a new sample. */
void ml_alerts_look(struct ml_alerts *alerts);
/* A child of this process has ended, which may be a command. */
void ml_alerts_take_end(struct ml_alerts *alerts, pid_t pid, int status);

#endif
