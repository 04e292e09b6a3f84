/* SPDX-License-Identifier: MIT */
/* sample.h - what the sample programs share: options, the start of the log, a
 * schedule to work by, random numbers. The memory is each sample's own
 * business and stands in its own file.
 */
#ifndef MEMLOG_SAMPLE_H
#define MEMLOG_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAMPLE_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
    SAMPLE_TICKS_PER_SECOND = 100,
    SAMPLE_LOG_INTERVAL_MS = 100, /* so that ten seconds make a curve */
    SAMPLE_MOST_SECONDS = 7 * 24 * 3600
};

/* ---- options ---------------------------------------------------------- */

/* "--name N" puts N, a whole number from low to high, into *value. An option
 * whose low is its high takes no argument: "--name" puts that number there. */
struct sample_option {
    const char *name;
    long *value; /* in: the default */
    long low, high;
    const char *help;
};

#define SAMPLE_SECONDS(variable) \
    { "seconds", &(variable), 1, SAMPLE_MOST_SECONDS, "how long to run" }

/* Read the command line. --help prints what the program is for and its
 * options, and exits 0; what can't be understood exits 2 with a message. */
void sample_options(int argc, char **argv, const char *purpose,
                    const struct sample_option *options, size_t count);

/* ---- the log ---------------------------------------------------------- */

/* memlog_log_start, with columns (or NULL) and an interval that suit the
 * sample. Where MEMLOG_COLUMNS or MEMLOG_INTERVAL is set, it wins. Exits 1
 * when the log can't be started: memlog has said why. */
void sample_log_start(const char *columns, unsigned interval_ms);

/* ---- the schedule ------------------------------------------------------ */

/* A run is a number of ticks. What happens is decided by the tick, never by
 * the clock, so every run does the same; the clock only says when. */
struct sample_run {
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    long tick, ticks;
};

/* A run that begins now. Several threads may each step through a copy. */
struct sample_run sample_run_of(long seconds);
/* Sleep until the next tick is due. False when the run is over.
 *     while (sample_next(&run)) ... */
bool sample_next(struct sample_run *run);
/* Is percent of the run over? And: does that happen in this very tick? */
bool sample_past(const struct sample_run *run, long percent);
bool sample_at(const struct sample_run *run, long percent);

/* ---- odds and ends ----------------------------------------------------- */

/* Random numbers that are the same in every run: 64 bits, or low..high. */
uint64_t sample_random(uint64_t *state);
size_t sample_between(uint64_t *state, size_t low, size_t high);

/* pointer, or the end of the program when there is no memory. */
void *sample_need(void *pointer);

/* Bytes in MiB, 2^20. */
static inline double sample_mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

#endif
