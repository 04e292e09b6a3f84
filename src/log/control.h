/* SPDX-License-Identifier: MIT */
/* control.h - numbers for who asks: the letters that memlog attach and stat write to the mailbox
 * "memlog/PID", and the answers to them.
 *
 *   memlog attach  -- request -->  memlog run, for each process under it
 *                                  the log's thread, in a program with a log of its own
 *                  <-- answer --   struct memlog_memstats, struct memlog_extra
 *
 * Answered is who is the same user or root (memlog run sees that), or who may look at
 * the process in /proc, which comes to the same: the program's own thread asks for the
 * key, a hash of addresses in /proc/PID/auxv, so that it need not make the system calls by which
 * the kernel says who it is. Anything else is thrown away.
 */
#ifndef ML_LOG_CONTROL_H
#define ML_LOG_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "memlog_stats.h"
#include "os/mailbox.h"

#define ML_CONTROL_MAGIC "mlnumbr" /* and a NUL: eight bytes */
enum {
    ML_CONTROL_VERSION = 1,
    ML_CONTROL_AT_ONCE = 16 /* letters taken from the box before something else has its turn */
};

struct ml_control_request {
    char magic[8];
    uint32_t version;
    uint32_t number; /* the answer has the same */
    uint64_t key; /* 0: none */
    struct ml_address answer_to;
};

struct ml_control_answer {
    char magic[8];
    uint32_t version;
    uint32_t number;
    uint32_t stats_bytes, extra_bytes; /* of the structs, as the answering side has them */
    struct memlog_memstats stats;
    struct memlog_extra extra;
};

/* The name of the process's mailbox. */
void ml_control_name(char name[ML_MAILBOX_NAME_BYTES], pid_t pid);
/* This process's key. 0: it has none. */
uint64_t ml_control_own_key(void);
/* Out of the content of /proc/PID/auxv: pairs of words. */
uint64_t ml_control_key_in(const void *auxv, size_t bytes);
/* Whether these bytes are a request of this version. */
bool ml_control_is_request(const void *letter, ssize_t bytes);
/* Whether these bytes are the answer to that request. */
bool ml_control_is_answer(const void *letter, ssize_t bytes, uint32_t number);
/* All but the numbers. */
void ml_control_begin_answer(struct ml_control_answer *answer, const struct ml_control_request *request);

#endif
