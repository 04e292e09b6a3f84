/* SPDX-License-Identifier: MIT */
/* os_gate.h - for the tests of threads: they wait until the gate is opened. */
#ifndef MEMLOG_TESTS_OS_GATE_H
#define MEMLOG_TESTS_OS_GATE_H

#include "os/thread.h"

static uint32_t gate;

static inline void *wait_for_gate(void *argument)
{
    (void)argument;
    while (__atomic_load_n(&gate, __ATOMIC_ACQUIRE) == 0)
        ml_os_futex_wait(&gate, 0, 0);
    return NULL;
}

#endif
