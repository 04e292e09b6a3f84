/* SPDX-License-Identifier: MIT */
/* options.h - what MEMLOG_* in the environment says, and how it is read.
 *
 * A setting that makes no sense is complained about in one line that names
 * the variable, its value and what would be right. The parsers are pure.
 */
#ifndef ML_API_OPTIONS_H
#define ML_API_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "log/ticker.h"

/* "1s", "100ms", "1.5s", "2m", "250us", "1h"; a bare number is seconds. False
 * when it is none, or below 1 ms, or above a day. */
bool ml_parse_interval(const char *text, uint64_t *ns);
/* The same, of any length. */
bool ml_parse_duration(const char *text, uint64_t *ns);
/* "4096", "64KiB", "1.5GiB", "100MB" (10^6): B, KB MB GB TB, KiB MiB GiB TiB
 * (or K M G T for these). */
bool ml_parse_bytes(const char *text, uint64_t *bytes);
/* The same, but not 0; or "off": INT64_MAX. */
bool ml_parse_limit(const char *text, int64_t *bytes);
/* A number of percent, or "off": -1. */
bool ml_parse_percent(const char *text, int *percent);
/* "1000": digits only. */
bool ml_parse_count(const char *text, uint64_t *count);
/* "USR2", "SIGUSR2", "12": one that can be handled. */
bool ml_parse_signal(const char *text, int *signal);
/* "1", "yes", "on", "true"; "0", "no", "off", "false". */
bool ml_parse_flag(const char *text, bool *flag);

struct ml_collector_options {
    int gc_percent;
    int64_t memory_limit; /* INT64_MAX: none */
    bool pad_all;
    bool gc_stops; /* all of each collection */
    bool gc_trace;
    bool gc_verify;
    uint64_t gc_stress; /* collect at every so many allocations; 0: off */
};
/* From the environment; a bad setting is reported and the default taken. */
void ml_options_collector(struct ml_collector_options *options);

struct ml_profile_options {
    uint64_t rate;       /* mean bytes from one sample to the next; 0: off */
    uint64_t bytes_most; /* of memory for what is recorded */
    bool by_frame_pointers;
    const char *file; /* NULL: none is written by itself */
    int signal;       /* 0: none */
    int64_t memory_limit; /* the collector's, also where it sleeps; INT64_MAX: none */
};
/* As ml_options_collector. */
void ml_options_profile(struct ml_profile_options *options);

struct memlog_log_options;
/* What the caller says, else the environment, else the default. 0, or -EINVAL after a
 * line on stderr. The strings are the caller's and the environment's. */
int ml_options_log(const struct memlog_log_options *given, struct ml_log_settings *settings);

#endif
