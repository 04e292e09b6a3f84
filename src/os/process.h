/* SPDX-License-Identifier: MIT */
/* process.h - what memlog asks about the process, and how it speaks on stderr.
 *
 * Nothing here allocates, uses stdio or touches errno, and no call is a
 * cancellation point. Files are read with plain reads into the caller's buffer.
 */
#ifndef ML_OS_PROCESS_H
#define ML_OS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An environment variable, or NULL when it is unset or empty; always NULL in
 * a program that runs with raised privileges (AT_SECURE). */
const char *ml_os_getenv(const char *name);

/* Read a file's beginning into buffer, NUL-terminated; bytes read or -errno. */
ssize_t ml_os_read_file(const char *path, char *buffer, size_t capacity);
/* Write all of it, however many calls that takes: one, unless the kernel cuts
 * it. A reader that has gone or a size limit reached gives -EPIPE or -EFBIG and
 * no signal. 0 or -errno. */
int ml_os_write_all(int fd, const char *bytes, size_t count);

/* The program's arguments as one line: separated by blanks, quotes and
 * backslashes escaped with a backslash (\"), control characters as \x0a, other
 * bytes as they are; cut to at most capacity - 1 bytes (never inside an escape),
 * NUL-terminated. Bytes written without the NUL. */
size_t ml_os_command_line(char *buffer, size_t capacity);
/* The program's name as the kernel knows it (at most 15 bytes). */
size_t ml_os_program_name(char *buffer, size_t capacity);

uint64_t ml_os_rss_bytes(void);          /* resident memory; 0 when /proc is not there */
uint64_t ml_os_mapped_bytes(void);       /* address space in use; 0 when /proc is not there */
/* The same of another process: "/proc/4242/statm", of somebody who is living (living.h). */
uint64_t ml_os_rss_bytes_of(const char *statm);
uint64_t ml_os_mapped_bytes_of(const char *statm);

/* Whether the calling thread has seccomp filters: then a system call that is usual elsewhere
 * may end the program. Also true where that is not to be learnt. */
bool ml_os_has_filters(void);

/* One line on stderr, "memlog: " and the parts up to a NULL one after the other. */
void ml_os_complain(const char *part, ...) __attribute__((sentinel));
/* The same, then abort: for proven corruption of the heap only. */
_Noreturn void ml_os_die(const char *part, ...) __attribute__((sentinel));

/* The text of an errno, without locale and allocation ("No space left on device"). */
const char *ml_os_error_text(int error);

/* --- the parts of the above that are called with input of their own --- */

/* ml_os_command_line, of arguments that each end in a NUL. */
size_t ml_os_escape_arguments(const char *arguments, size_t count, char *buffer, size_t capacity);

#endif
