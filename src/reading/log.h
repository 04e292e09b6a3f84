/* SPDX-License-Identifier: MIT */
/* log.h - a log read from its beginning to its end, in one pass of plain reads and bounded memory:
 * its runs, samples, events.
 *
 * A log may be damaged anywhere: what can be read is, and the rest is counted (damage.h). Where LOG
 * goes on a run that began in LOG.1, that file is read first.
 */
#ifndef ML_READING_LOG_H
#define ML_READING_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reading/damage.h"
#include "reading/line.h"

/* What a header says. Without one (a log written by something else) the columns are named by their
 * places: Alloc, Sys, column4... A change of columns begins another run. */
struct ml_log_run {
    unsigned number; /* from 1 */
    unsigned file;   /* 1: LOG.1 */
    uint64_t line;
    int64_t pid;          /* 0: not known */
    uint64_t interval_ns; /* 0: not known */
    char start[40];       /* as written; "" */
    char command[2048];   /* as it was run; control characters are possible; "" */
    unsigned count;       /* of columns behind the timestamp */
    char names[ML_LINE_COLUMNS][ML_LINE_NAME_BYTES]; /* plain ASCII; '?' for what is not */
    int alloc, sys; /* places of Alloc and Sys (of pss and rss without memlog); -1: none */
    bool is_resident; /* of a process without memlog: rss pss swap */
    bool collects;    /* memory is collected: gc=, and not off */
};

struct ml_log_sample {
    int64_t time_ns;   /* since 1970, as written */
    int64_t steady_ns; /* the same where the clock was not set back in this run, else as if it had not been */
    unsigned count;
    bool has_unknown;     /* some are NAN */
    const double *values; /* as many as the run's columns */
    const char *text;     /* the line, not terminated */
    size_t length;
    unsigned file;
    uint64_t line;
};

enum ml_log_event_kind {
    ML_EVENT_MARK,  /* text: its name */
    ML_EVENT_ALERT, /* text: what was alerted on, and the rest of the line */
    ML_EVENT_LIMIT, /* number: bytes, 0 none */
    ML_EVENT_GC,    /* text: behind "gc " */
    ML_EVENT_LOST,  /* number: samples */
    ML_EVENT_END,   /* text: the reason's word; number: 1 when the kernel killed for lack of memory */
    ML_EVENT_OTHER
};

struct ml_log_event {
    enum ml_log_event_kind kind;
    bool has_time; /* false before the run's first sample */
    int64_t time_ns, steady_ns; /* of the sample before */
    const char *text; /* not terminated; control characters are possible */
    size_t length;
    uint64_t number;
    unsigned file;
    uint64_t line;
};

/* Who is told, in the order of the log; a member may be NULL. */
struct ml_log_visitor {
    void *context;
    void (*run)(void *context, const struct ml_log_run *run);
    void (*sample)(void *context, const struct ml_log_sample *sample);
    void (*event)(void *context, const struct ml_log_event *event);
    void (*gap)(void *context); /* a blank line in the middle of a run */
};

/* Called now and then while it is read: bytes done of all; all is 0 where that is not known. */
typedef void ml_log_progress(void *context, uint64_t done, uint64_t all);

struct ml_log;

/* "-": the standard input. NULL with *error an errno's negative; -EISDIR for a folder. */
struct ml_log *ml_log_open(const char *file, int *error);
void ml_log_set_progress(struct ml_log *log, ml_log_progress *progress, void *context);
/* Read all that is there now. Again, after more was written: that. A last line without its end
 * is kept until there is one. 0 or an errno's negative. */
int ml_log_read(struct ml_log *log, const struct ml_log_visitor *visitor);
/* No more comes: a last line without its end was cut. */
void ml_log_finish(struct ml_log *log);
/* Back to the beginning, to read the same once more: the same files, whatever their names mean by now,
 * and each as far as it was read. 0 or an errno's negative: -ESPIPE for a stream. */
int ml_log_rewind(struct ml_log *log);
/* Whether the file's name means another file now, or a shorter one: it was rotated. */
bool ml_log_was_rotated(const struct ml_log *log);
const struct ml_damage *ml_log_damage(const struct ml_log *log);
void ml_log_close(struct ml_log *log); /* NULL is allowed */

/* Read all of it, to be read again: the log stays open in *log, which is NULL before the first time,
 * and each time after that it is read as ml_log_rewind says. Its damage is that of this time. */
int ml_log_visit_again(struct ml_log **log, const char *file, const struct ml_log_visitor *visitor);

/* All of these at once. The damage is added up in *damage unless that is NULL. */
int ml_log_visit(const char *file, const struct ml_log_visitor *visitor, struct ml_damage *damage,
                 ml_log_progress *progress, void *progress_context);

#endif
