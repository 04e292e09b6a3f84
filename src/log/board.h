/* SPDX-License-Identifier: MIT */
/* board.h - what a program and the `memlog run` over it tell one another: a few
 * pages of shared memory.
 *
 *   memlog run                               the program (preload/board.c)
 *     makes the board, MEMLOG_RUN=path         maps it, closes it again
 *     first sample; reads the root     <----   slot: numbers, command, the root's address
 *     samples from its memory
 *     last sample                      <----   slot: the numbers at exit, done
 *
 * Where the system lets nobody read the program's memory, it is asked for its numbers:
 *
 *     asks for numbers                 ---->   slot: asks; a thread (preload/inside.c)
 *     samples from the slot            <----   slot: the numbers, at the interval
 *
 * The program keeps no descriptor and calls nobody: it writes to memory. The kernel
 * takes its own memory away before anybody hears of its end, so that the
 * last numbers must be here.
 *
 * A slot belongs to one process from its start to its end, also when it execs another
 * program: then the root changes, and so does `images`. memlog run gives it free when it
 * has seen the end.
 */
#ifndef ML_LOG_BOARD_H
#define ML_LOG_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "memlog_stats.h"

#define ML_BOARD_MAGIC "mlboard" /* and a NUL: eight bytes */
/* In the environment: where the board is opened. */
#define ML_BOARD_VARIABLE "MEMLOG_RUN"

enum { ML_BOARD_SLOTS = 1024, ML_BOARD_PAGE = 4096, ML_BOARD_FILE_BYTES = 3072,
       ML_BOARD_COMMAND_BYTES = 2048 };

/* What memlog run wants of a program, as bits. */
enum ml_board_ask {
    ML_BOARD_LEAVE = 1,  /* memlog run has ended, and the process has not: go on alone */
    ML_BOARD_NUMBERS = 2 /* write `inside` every interval_ns */
};

/* What the program itself has read. */
struct ml_board_numbers {
    uint64_t when_ns; /* since 1970 */
    struct memlog_memstats stats;
    struct memlog_extra extra;
};

/* In pages of its own: nobody maps another's. */
struct ml_board_slot {
    uint32_t images; /* programs it has begun: counted up when the root is there */
    uint64_t root;   /* address of its memlog_root */
    uint32_t done;   /* 1: it has left its last numbers */
    uint32_t passed_by; /* 1: it has a malloc of its own */
    uint32_t asks;   /* enum ml_board_ask; an exec ends it */
    uint32_t inside_sequence; /* odd while `inside` is written; 0: never was */
    uint64_t interval_ns;     /* of the log */
    struct ml_board_numbers first, last, inside;
    char command[ML_BOARD_COMMAND_BYTES]; /* as a log's header has it: it may end before anybody
                                           * asks the system */
} __attribute__((aligned(ML_BOARD_PAGE)));

struct ml_board {
    char magic[8];
    uint64_t bytes;        /* sizeof(struct ml_board) */
    uint64_t layout;       /* ML_ROOT_LAYOUT of memlog run */
    uint32_t first_pid;    /* of the program itself: slot 0 is its */
    uint32_t all_children; /* 1: other processes take slots, too */
    uint32_t ended;        /* 1: memlog run looks at no slot any more */
    char file[ML_BOARD_FILE_BYTES]; /* the log, absolute, as a pattern: who outlives the program
                                     * goes on beside it */
    uint32_t pids[ML_BOARD_SLOTS] __attribute__((aligned(ML_BOARD_PAGE))); /* whose the slots
                                     * are, in the pid namespace of memlog run; 0: nobody's */
    struct ml_board_slot slots[ML_BOARD_SLOTS];
};
_Static_assert(offsetof(struct ml_board, slots) == 2 * ML_BOARD_PAGE, "the head is pages, too");

#endif
