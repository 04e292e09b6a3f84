/* SPDX-License-Identifier: MIT */
/* process_linux.c - the process through /proc, and memlog's few words on stderr.
 *
 * System calls are made raw (os/syscall_linux.h), so that errno, cancellation
 * and interposed names are nobody's worry here. No state, no lock.
 */
#include "os/process.h"

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <time.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/format.h"
#include "os/living.h"
#include "os/pages.h"
#include "os/syscall_linux.h"

const char *ml_os_getenv(const char *name)
{
    if (getauxval(AT_SECURE) != 0)
        return NULL;
    const char *value = getenv(name);
    return value == NULL || *value == '\0' ? NULL : value;
}

/* --- reading and writing --------------------------------------------------- */

/* Files in /proc give what they like at each call: read until full or the end. */
static ssize_t read_to_capacity(int fd, char *buffer, size_t capacity)
{
    size_t filled = 0;
    while (filled < capacity) {
        long got = ml_sys_read(fd, buffer + filled, capacity - filled);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    return (ssize_t)filled;
}

ssize_t ml_os_read_file(const char *path, char *buffer, size_t capacity)
{
    if (capacity == 0)
        return -EINVAL;
    buffer[0] = '\0';
    int fd = ml_sys_open_read(path);
    if (fd < 0)
        return fd;
    ssize_t filled = read_to_capacity(fd, buffer, capacity - 1);
    ml_sys_close(fd);
    buffer[filled < 0 ? 0 : filled] = '\0';
    return filled;
}

static uint64_t signal_bit(int signal)
{
    return UINT64_C(1) << (signal - 1);
}

/* A reader that has gone and a file at its size limit answer a write with a
 * signal to the writing thread, which by default ends the program. Not for a
 * line of ours: the signals are held back, and taken away if the write raised one. */
struct quiet_write {
    uint64_t mask_before;
    uint64_t pending_before;
};

static uint64_t signals_of_writing(void)
{
    return signal_bit(SIGPIPE) | signal_bit(SIGXFSZ);
}

static void begin_quiet_write(struct quiet_write *quiet)
{
    uint64_t set = signals_of_writing();
    *quiet = (struct quiet_write){ 0, 0 };
    ml_sys_sigmask(SIG_BLOCK, &set, &quiet->mask_before);
    /* Only what the program itself blocks can be waiting already; that stays. */
    if ((quiet->mask_before & set) != 0)
        ml_syscall3(SYS_rt_sigpending, (long)&quiet->pending_before, ML_KERNEL_SIGSET_BYTES, 0);
}

static void end_quiet_write(const struct quiet_write *quiet, int error)
{
    uint64_t raised = error == -EPIPE ? signal_bit(SIGPIPE) :
                      error == -EFBIG ? signal_bit(SIGXFSZ) : 0;
    raised &= ~quiet->pending_before;
    const struct timespec at_once = { 0, 0 };
    if (raised != 0)
        ml_syscall4(SYS_rt_sigtimedwait, (long)&raised, 0, (long)&at_once, ML_KERNEL_SIGSET_BYTES);
    ml_sys_sigmask(SIG_SETMASK, &quiet->mask_before, NULL);
}

static int write_repeatedly(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        long written = ml_syscall3(SYS_write, fd, (long)bytes, (long)count);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? (int)written : -EIO;
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

int ml_os_write_all(int fd, const char *bytes, size_t count)
{
    struct quiet_write quiet;
    begin_quiet_write(&quiet);
    int error = write_repeatedly(fd, bytes, count);
    end_quiet_write(&quiet, error);
    return error;
}

/* --- the command line and the name ------------------------------------------- */

/* A line that takes whole escapes only, so that a cut one still reads well. */
struct line {
    char *buffer;
    size_t capacity;
    size_t length;
    size_t blanks; /* ends of arguments seen: written when another byte follows */
    bool full;
};

static void append(struct line *line, const char *bytes, size_t count)
{
    if (line->full || count >= line->capacity - line->length) {
        line->full = true;
        return;
    }
    memcpy(line->buffer + line->length, bytes, count);
    line->length += count;
}

static bool is_control(unsigned char byte)
{
    return byte < 0x20 || byte == 0x7f;
}

static void append_escaped(struct line *line, unsigned char byte)
{
    static const char digits[] = "0123456789abcdef";
    const char control[] = { '\\', 'x', digits[byte >> 4], digits[byte & 15] };
    const char quoted[] = { '\\', (char)byte };
    if (is_control(byte))
        append(line, control, sizeof(control));
    else if (byte == '"' || byte == '\\')
        append(line, quoted, sizeof(quoted));
    else
        append(line, quoted + 1, 1);
}

static void append_arguments(struct line *line, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count && !line->full; i++) {
        if (bytes[i] == '\0') {
            line->blanks++;
            continue;
        }
        for (; line->blanks > 0 && !line->full; line->blanks--)
            append(line, " ", 1);
        append_escaped(line, (unsigned char)bytes[i]);
    }
}

size_t ml_os_escape_arguments(const char *arguments, size_t count, char *buffer, size_t capacity)
{
    if (capacity == 0)
        return 0;
    struct line line = { .buffer = buffer, .capacity = capacity };
    append_arguments(&line, arguments, count);
    buffer[line.length] = '\0';
    return line.length;
}

size_t ml_os_command_line(char *buffer, size_t capacity)
{
    if (capacity == 0)
        return 0;
    struct line line = { .buffer = buffer, .capacity = capacity };
    char path[ML_OS_LIVING_BYTES];
    int fd = ml_sys_open_read(ml_os_living_file(path, 0, "/cmdline"));
    if (fd >= 0) {
        char chunk[512];
        long got;
        while (!line.full && (got = ml_sys_read(fd, chunk, sizeof(chunk))) > 0)
            append_arguments(&line, chunk, (size_t)got);
        ml_sys_close(fd);
    }
    buffer[line.length] = '\0';
    return line.length;
}

size_t ml_os_program_name(char *buffer, size_t capacity)
{
    if (capacity == 0)
        return 0;
    char name[64];
    ssize_t length = ml_os_read_file("/proc/self/comm", name, sizeof(name));
    if (length > 0 && name[length - 1] == '\n')
        length--;
    size_t kept = length < 0 ? 0 : ml_min((size_t)length, capacity - 1);
    memcpy(buffer, name, kept);
    buffer[kept] = '\0';
    return kept;
}

/* --- numbers ----------------------------------------------------------------- */

/* The decimal number at *text, which moves behind it. False when there is none. */
static bool parse_number(const char **text, uint64_t *value)
{
    const char *digit = *text;
    uint64_t result = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++)
        if (__builtin_mul_overflow(result, 10, &result) ||
            __builtin_add_overflow(result, (uint64_t)(*digit - '0'), &result))
            result = UINT64_MAX;
    bool found = digit != *text;
    *text = digit;
    *value = result;
    return found;
}

enum statm_field { STATM_MAPPED = 0, STATM_RESIDENT = 1 };

/* statm is a line of numbers, in pages. */
static uint64_t read_statm(const char *path, enum statm_field field)
{
    char content[128];
    const char *at = content;
    uint64_t pages = 0;
    if (ml_os_read_file(path, content, sizeof(content)) < 0)
        return 0;
    for (int i = 0; i <= (int)field; i++) {
        if (!parse_number(&at, &pages))
            return 0;
        at += *at == ' ';
    }
    return pages * ml_os_page_bytes();
}

/* The first thread has none any more once it has ended: the calling one has. */
static uint64_t read_own_statm(enum statm_field field)
{
    uint64_t bytes = read_statm("/proc/self/statm", field);
    return bytes != 0 ? bytes : read_statm("/proc/thread-self/statm", field);
}

uint64_t ml_os_rss_bytes(void) { return read_own_statm(STATM_RESIDENT); }
uint64_t ml_os_mapped_bytes(void) { return read_own_statm(STATM_MAPPED); }
uint64_t ml_os_rss_bytes_of(const char *statm) { return read_statm(statm, STATM_RESIDENT); }
uint64_t ml_os_mapped_bytes_of(const char *statm) { return read_statm(statm, STATM_MAPPED); }

bool ml_os_has_filters(void)
{
    static const char line[] = "\nSeccomp:\t";
    char status[4096];
    ssize_t length = ml_os_read_file("/proc/thread-self/status", status, sizeof(status));
    const char *found = length < 0 ? NULL : strstr(status, line);
    if (found == NULL) /* a kernel without, unless it was cut before that: by very many groups */
        return length < 0 || length == sizeof(status) - 1;
    return found[sizeof(line) - 1] != '0';
}

/* --- words on stderr ------------------------------------------------------------- */

static void speak(const char *part, va_list parts)
{
    char line[1024];
    struct ml_text text;
    /* One byte stays for the newline, also of a line that was cut. */
    ml_text_init(&text, line, sizeof(line) - 1);
    ml_text_string(&text, "memlog: ");
    for (; part != NULL; part = va_arg(parts, const char *))
        ml_text_string(&text, part);
    size_t length = ml_min(ml_text_finish(&text), sizeof(line) - 2);
    line[length++] = '\n';
    /* When stderr can't be written to there is nobody left to tell. */
    (void)ml_os_write_all(STDERR_FILENO, line, length);
}

void ml_os_complain(const char *part, ...)
{
    va_list parts;
    va_start(parts, part);
    speak(part, parts);
    va_end(parts);
}

void ml_os_die(const char *part, ...)
{
    va_list parts;
    va_start(parts, part);
    speak(part, parts);
    va_end(parts);
    abort();
}

const char *ml_os_error_text(int error)
{
    static _Thread_local char unknown[32];
    const char *known = strerrordesc_np(error);
    if (known != NULL)
        return known;
    struct ml_text text;
    ml_text_init(&text, unknown, sizeof(unknown));
    ml_text_string(&text, "error ");
    ml_text_i64(&text, error);
    ml_text_finish(&text);
    return unknown;
}
