/* SPDX-License-Identifier: MIT */
/* process_linux.c - the process through /proc and the cgroup files, and
 * memlog's few words on stderr.
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
    int fd = ml_sys_open_read("/proc/self/cmdline");
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

uint64_t ml_os_rss_bytes(void)
{
    return ml_os_rss_bytes_of("/proc/self/statm");
}

uint64_t ml_os_rss_bytes_of(const char *statm)
{
    return read_statm(statm, STATM_RESIDENT);
}

uint64_t ml_os_mapped_bytes(void)
{
    return read_statm("/proc/self/statm", STATM_MAPPED);
}

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

/* --- the cgroup's limit ---------------------------------------------------------- */

/* Version 1 says "no limit" with the largest multiple of a page below 2^63;
 * nothing that can be meant as a limit is anywhere near. */
#define CGROUP_NO_LIMIT (UINT64_C(1) << 60)

/* The longest path the kernel takes. */
enum { CGROUP_PATH_BYTES = 4096 };

/* Where one hierarchy is mounted and what the number is called there. */
struct hierarchy {
    const char *mount;
    const char *file;
};

/* One number's places: the unified hierarchy's, which is mounted beside the old ones while
 * both are in use, and the old one's. */
struct cgroup_number {
    struct hierarchy unified[2];
    struct hierarchy memory;
};
static const struct cgroup_number limit_number = {
    { { "", "/memory.max" }, { "/unified", "/memory.max" } },
    { "/memory", "/memory.limit_in_bytes" },
};
static const struct cgroup_number current_number = {
    { { "", "/memory.current" }, { "/unified", "/memory.current" } },
    { "/memory", "/memory.usage_in_bytes" },
};

/* The number in that directory; UINT64_MAX for "max", huge numbers and no such file. */
static uint64_t read_cgroup_number(const char *path)
{
    char content[64];
    const char *at = content;
    uint64_t limit;
    if (ml_os_read_file(path, content, sizeof(content)) < 0 || !parse_number(&at, &limit) ||
        limit >= CGROUP_NO_LIMIT)
        return UINT64_MAX;
    return limit;
}

/* A process outside of its cgroup namespace's root sees a path that climbs
 * ("/../other"); below the mount point there is nothing for it but the root. */
static bool climbs(const char *group, size_t length)
{
    return memmem(group, length, "/..", 3) != NULL;
}

/* The group and every group it is in, up to the mount point itself: in a
 * container that one is often the only directory of these that exists. */
static uint64_t least_number(const char *root, const struct hierarchy *hierarchy,
                               const char *group, size_t length)
{
    char path[CGROUP_PATH_BYTES];
    uint64_t least = UINT64_MAX;
    if (climbs(group, length))
        length = 0;
    for (;;) {
        while (length > 0 && group[length - 1] == '/')
            length--;
        struct ml_text text;
        ml_text_init(&text, path, sizeof(path));
        ml_text_string(&text, root);
        ml_text_string(&text, hierarchy->mount);
        ml_text_bytes(&text, group, length);
        ml_text_string(&text, hierarchy->file);
        if (ml_text_finish(&text) < sizeof(path))
            least = ml_min(least, read_cgroup_number(path));
        if (length == 0)
            return least;
        while (length > 0 && group[length - 1] != '/')
            length--;
    }
}

/* Is "memory" one of the controllers "cpu,memory"? */
static bool has_memory(const char *controllers, size_t length)
{
    static const char memory[] = "memory";
    while (length > 0) {
        const char *comma = memchr(controllers, ',', length);
        size_t word = comma == NULL ? length : (size_t)(comma - controllers);
        if (word == sizeof(memory) - 1 && memcmp(controllers, memory, word) == 0)
            return true;
        word += comma != NULL;
        controllers += word;
        length -= word;
    }
    return false;
}

/* One line of /proc/self/cgroup: "0::/group" or "5:cpu,memory:/group". */
static uint64_t number_of_membership(const char *line, size_t length, const char *root,
                                     const struct cgroup_number *number)
{
    const char *end = line + length;
    const char *first = memchr(line, ':', length);
    const char *second = first == NULL ? NULL : memchr(first + 1, ':', (size_t)(end - first - 1));
    if (second == NULL)
        return UINT64_MAX;
    const char *group = second + 1;
    size_t group_length = (size_t)(end - group);
    if (second == first + 1)
        return ml_min(least_number(root, &number->unified[0], group, group_length),
                      least_number(root, &number->unified[1], group, group_length));
    if (has_memory(first + 1, (size_t)(second - first - 1)))
        return least_number(root, &number->memory, group, group_length);
    return UINT64_MAX;
}

static uint64_t number_under(const char *membership, const char *root,
                             const struct cgroup_number *number)
{
    char content[CGROUP_PATH_BYTES];
    ssize_t length = ml_os_read_file(membership, content, sizeof(content));
    uint64_t least = UINT64_MAX;
    const char *line = content;
    const char *end = content + (length < 0 ? 0 : length);
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline == NULL ? end : newline;
        least = ml_min(least, number_of_membership(line, (size_t)(line_end - line), root, number));
        line = line_end + 1;
    }
    return least == UINT64_MAX ? 0 : least;
}

uint64_t ml_os_cgroup_limit_under(const char *membership, const char *root)
{
    return number_under(membership, root, &limit_number);
}

/* What a group is charged with its ancestors are charged with, too: the least is its own. */
uint64_t ml_os_cgroup_current_under(const char *membership, const char *root)
{
    return number_under(membership, root, &current_number);
}

uint64_t ml_os_cgroup_limit_bytes(void)
{
    return ml_os_cgroup_limit_under("/proc/self/cgroup", "/sys/fs/cgroup");
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
