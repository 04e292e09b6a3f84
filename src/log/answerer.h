/* SPDX-License-Identifier: MIT */
/* answerer.h - the log's thread answers who asks for numbers (control.h), between its ticks.
 *
 * It looks once a second, with one read(2), and for some seconds after a request a hundred
 * times. It is not there in a program with seccomp filters, which may not let it
 * answer. What can't be had is done without, in silence.
 */
#ifndef ML_LOG_ANSWERER_H
#define ML_LOG_ANSWERER_H

#include <stdint.h>

/* Before the thread looks, and when it does not any more; in a forked child, too. */
void ml_answerer_open(void);
void ml_answerer_close(void);
/* Answer what has come, if it is time to look. When that will be again (monotonic, as
 * now_ns); UINT64_MAX: never. */
uint64_t ml_answerer_look(uint64_t now_ns);

#endif
