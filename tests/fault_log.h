/* SPDX-License-Identifier: MIT */
/* fault_log.h - for programs whose system calls fail: what may stand in a log
 * then. Nothing but whole lines, lines marked as cut, and comments; and every
 * sample is there, or counted as lost.
 */
#ifndef MEMLOG_TESTS_FAULT_LOG_H
#define MEMLOG_TESTS_FAULT_LOG_H

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fault_items.h"

struct log_lines {
    uint64_t samples, headers, lost;
    bool ended; /* the last line says so */
    bool cut;   /* a line is, or the last one is not at its end */
};

static inline void judge_line(char *line, struct log_lines *lines)
{
    unsigned long long alloc, sys;
    double when;
    size_t length = strlen(line);
    lines->ended = strncmp(line, "# end reason=", 13) == 0;
    if (length >= 2 && strcmp(line + length - 2, " ?") == 0) {
        lines->cut = true;
    } else if (strncmp(line, "# memlog 1 ", 11) == 0) {
        lines->headers++;
    } else if (line[0] == '#') {
        lines->lost += strncmp(line, "# lost ", 7) == 0 ? strtoull(line + 7, NULL, 10) : 0;
    } else if (line[0] != '\0') {
        int end = 0;
        if (sscanf(line, "%lf %llu %llu%n", &when, &alloc, &sys, &end) != 3 ||
            strspn(line + end, " 0123456789") != length - (size_t)end || alloc > sys)
            WRONG("a bad line: %s", line);
        lines->samples++;
    }
}

/* A file that is not there has no lines. Read without the C library's streams,
 * for which there may be no memory. */
static inline struct log_lines judge_log(const char *path)
{
    struct log_lines lines = { 0 };
    static char text[8192];
    size_t filled = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MUST(fd >= 0 || errno == ENOENT || faults_last);
    while (fd >= 0 && (got = read(fd, text + filled, sizeof(text) - filled)) > 0) {
        char *line = text, *end = text + filled + got, *newline;
        for (; (newline = memchr(line, '\n', (size_t)(end - line))) != NULL; line = newline + 1) {
            *newline = '\0';
            if (strlen(line) != (size_t)(newline - line))
                WRONG("a line with NULs, after %s", line);
            judge_line(line, &lines);
        }
        filled = (size_t)(end - line);
        memmove(text, line, filled);
        MUST(filled < sizeof(text));
    }
    lines.cut |= filled > 0;
    close(fd);
    return lines;
}

/* The counts are those of the log that has ended. What was lost is said as
 * soon as something can be written again: unless the last write failed, in the
 * file. A sample in a line that was cut behind it counts as written. */
static inline void check_log(const struct log_lines *lines, uint64_t samples, uint64_t lost)
{
    if (lines->samples > samples || lines->samples + lines->cut < samples)
        WRONG("%" PRIu64 " samples in the log, and %" PRIu64 " counted", lines->samples, samples);
    if (lines->lost > lost || (lines->ended && lines->lost != lost))
        WRONG("%" PRIu64 " samples said to be lost, and %" PRIu64 " counted", lines->lost, lost);
    MUST(lines->headers >= (lines->samples > 0));
}

#endif
