/* SPDX-License-Identifier: MIT */
/* prog_faults.h - what the scenarios of prog_faults share. */
#ifndef MEMLOG_TESTS_PROG_FAULTS_H
#define MEMLOG_TESTS_PROG_FAULTS_H

#include "fault_items.h"

/* Lists that stay, of objects of all kinds and sizes. */
extern struct item *kept;
void build(void);
void check_lists(void);

/* The numbers agree with each other and with the heap. */
void check_statistics(void);
/* Made of calls that do not fail here. */
void sleep_us(long us);

/* Scenarios that are run from another file than their own. */
void threads(void);
void write_logs(void);
void have_children(void);
void full(void);

#endif
