/* SPDX-License-Identifier: MIT */
#include "log/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h> /* rename() lives here */
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/format.h"
#include "os/process.h"

/* ---- which file it is ------------------------------------------------- */

static bool is_same_file(const struct ml_file *file, const struct stat *status)
{
    return status->st_dev == file->device && status->st_ino == file->inode;
}

/* Whether fd is what we opened; a program may have closed it, or put another
 * file in its place. */
static bool descriptor_is_ours(const struct ml_file *file, struct stat *status)
{
    return file->fd >= 0 && fstat(file->fd, status) == 0 && is_same_file(file, status);
}

static bool path_is_ours(const struct ml_file *file)
{
    struct stat status;
    return stat(file->path, &status) == 0 && is_same_file(file, &status);
}

/* Whether the file that status describes ends with a line break. Unknown
 * (it may be written, but not read): no, since one " ?" too many is harmless. */
static bool ends_with_line_break(const struct ml_file *file, const struct stat *status)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    struct stat opened;
    char last = '\0';

    if (fd < 0)
        return false;
    if (fstat(fd, &opened) == 0 && opened.st_dev == status->st_dev &&
        opened.st_ino == status->st_ino && pread(fd, &last, 1, status->st_size - 1) != 1)
        last = '\0';
    close(fd);
    return last == '\n';
}

/* What must precede the next line in a file that we know nothing of. */
static void begin_run(struct ml_file *file, const struct stat *status)
{
    bool has_text = file->regular && status->st_size > 0;

    file->header_due = true;
    file->blank_due = has_text;
    file->tail_cut = has_text && !ends_with_line_break(file, status);
}

/* ---- opening ---------------------------------------------------------- */

/* Out of the low numbers: 0 to 2 mean something, and programs are written
 * that expect the next few from their own open(). */
static int move_up(int fd)
{
    enum { OUT_OF_THE_WAY = 64, FIRST_AFTER_STDIO = 3 };
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);

    if (moved < 0 && fd >= FIRST_AFTER_STDIO)
        return fd;
    if (moved < 0)
        moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_AFTER_STDIO);
    int error = errno;
    close(fd);
    errno = error;
    return moved;
}

/* Take over a descriptor that was just opened by the path. */
static void adopt(struct ml_file *file, int fd, const struct stat *status)
{
    bool still_the_same = is_same_file(file, status) && S_ISREG(status->st_mode) &&
                          (uint64_t)status->st_size >= file->known_bytes;

    file->fd = fd;
    file->device = status->st_dev;
    file->inode = status->st_ino;
    file->regular = S_ISREG(status->st_mode);
    if (!still_the_same)
        begin_run(file, status);
    file->known_bytes = file->regular ? (uint64_t)status->st_size : 0;
}

/* O_NONBLOCK: opening or filling a fifo must not wait for its reader. It
 * means nothing for regular files. */
static int open_by_path(struct ml_file *file, struct stat *status)
{
    int fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                  0644);

    if (fd >= 0)
        fd = move_up(fd);
    if (fd < 0)
        return -errno;
    if (fstat(fd, status) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    ml_file_close(file);
    adopt(file, fd, status);
    return 0;
}

static bool is_fifo(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISFIFO(status.st_mode);
}

int ml_file_open(struct ml_file *file)
{
    struct stat status;

    file->fd = -1;
    file->device = 0;
    file->inode = 0;
    file->known_bytes = 0;
    file->lost_unreported = 0;
    file->rename_error = 0;
    file->tail_cut = file->blank_due = false;
    file->header_due = true;
    int error = open_by_path(file, &status);
    return error == -ENXIO && is_fifo(file->path) ? 0 : error;
}

void ml_file_close(struct ml_file *file)
{
    struct stat status;

    if (descriptor_is_ours(file, &status))
        close(file->fd);
    file->fd = -1;
}

/* Have a descriptor of the file that the path names now. Where that can't be
 * had, the old file is still good for as long as it has a name somewhere: it
 * may be out of reach only (a rotation to which this user has no right, a
 * changed root). */
static int follow_path(struct ml_file *file, struct stat *status)
{
    bool ours = descriptor_is_ours(file, status);

    if (!ours)
        file->fd = -1;
    if (ours && path_is_ours(file))
        return 0;
    struct stat opened;
    int error = open_by_path(file, &opened);
    if (error == 0) {
        *status = opened;
        return 0;
    }
    if (ours && status->st_nlink > 0)
        return 0;
    ml_file_close(file); /* a file without a name would keep its disk space */
    return error;
}

static void notice_truncation(struct ml_file *file, const struct stat *status)
{
    if (!file->regular)
        return;
    if ((uint64_t)status->st_size < file->known_bytes)
        begin_run(file, status);
    file->known_bytes = (uint64_t)status->st_size;
}

/* ---- the cap ---------------------------------------------------------- */

/* Put the file aside as FILE.1. When that is refused the log goes on and
 * says so once: the newest samples are worth more than the cap. */
static int rotate(struct ml_file *file)
{
    char aside[ML_PATH_BYTES];
    struct ml_text text;
    struct stat status;

    ml_text_init(&text, aside, sizeof(aside));
    ml_text_string(&text, file->path);
    ml_text_string(&text, ".1");
    bool fits = ml_text_finish(&text) < sizeof(aside);
    if (fits && rename(file->path, aside) == 0)
        return follow_path(file, &status);
    if (file->rename_error == 0)
        file->rename_error = fits ? errno : ENAMETOOLONG;
    return 0;
}

/* ---- one write -------------------------------------------------------- */

/* Where the parts of a batch end: what a short write has got done. */
struct batch_marks {
    size_t header_end;
    size_t payload_begin;
};

static void add_reports(const struct ml_file *file, struct ml_text *text)
{
    if (file->lost_unreported > 0)
        ml_record_lost(text, file->lost_unreported, ml_os_error_text(file->lost_error));
    if (file->rename_error > 0)
        ml_record_comment(text, "this file grows beyond its cap, renaming it to .1: ",
                          ml_os_error_text(file->rename_error));
}

/* What must go before the payload. Returns how long it is. */
static size_t compose_lead(struct ml_file *file, struct batch_marks *marks)
{
    struct ml_text text;

    ml_text_init(&text, file->batch, sizeof(file->batch));
    if (file->tail_cut)
        ml_text_string(&text, " ?\n");
    if (file->blank_due)
        ml_text_char(&text, '\n');
    if (file->header_due)
        ml_text_bytes(&text, file->header, file->header_length);
    marks->header_end = text.length;
    add_reports(file, &text);
    marks->payload_begin = text.length;
    return text.length;
}

/* Signals that a write may send to the thread that makes it. */
static void add_write_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
    sigaddset(set, SIGXFSZ);
    sigaddset(set, SIGTTOU);
}

/* A signal of our write was sent to this thread and is blocked: take it away,
 * unless the program had one waiting already. */
static void take_back(int signal, const sigset_t *pending_before)
{
    static const struct timespec no_time = { 0, 0 };
    sigset_t set;

    if (sigismember(pending_before, signal))
        return;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigtimedwait(&set, NULL, &no_time);
}

/* write(2) that sends the program no signal. Bytes written or -errno. */
static ssize_t write_quietly(int fd, const char *bytes, size_t count)
{
    sigset_t quiet, before, pending;
    ssize_t written;

    add_write_signals(&quiet);
    pthread_sigmask(SIG_BLOCK, &quiet, &before);
    sigpending(&pending);
    do
        written = write(fd, bytes, count);
    while (written < 0 && errno == EINTR);
    if (written < 0) {
        written = -errno;
        if (written == -EPIPE)
            take_back(SIGPIPE, &pending);
        if (written == -EFBIG)
            take_back(SIGXFSZ, &pending);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return written;
}

/* Remember what of the batch is in the file. */
static void note_written(struct ml_file *file, const struct batch_marks *marks, size_t written)
{
    file->known_bytes += written;
    file->tail_cut = file->batch[written - 1] != '\n';
    if (written >= marks->header_end)
        file->header_due = file->blank_due = false;
    if (written >= marks->payload_begin) {
        file->lost_unreported = 0;
        if (file->rename_error > 0)
            file->rename_error = -1;
    }
}

/* *sample_in: whether the payload's first sample_bytes got into the file. */
static int write_batch(struct ml_file *file, const char *lines, size_t count, size_t sample_bytes,
                       bool *sample_in)
{
    struct batch_marks marks;
    size_t length = compose_lead(file, &marks);

    memcpy(file->batch + length, lines, count);
    length += count;
    ssize_t written = write_quietly(file->fd, file->batch, length);
    if (written > 0) {
        note_written(file, &marks, (size_t)written);
        *sample_in = (size_t)written >= marks.payload_begin + sample_bytes;
        if ((size_t)written == length)
            return 0;
        return file->regular ? -ENOSPC : -EAGAIN; /* a short write does not say why */
    }
    if (written == -EPIPE)
        ml_file_close(file); /* whoever reads the fifo next gets a header */
    return written == 0 ? -EIO : (int)written;
}

static size_t lead_bytes(struct ml_file *file)
{
    struct batch_marks marks;
    return compose_lead(file, &marks);
}

static int append_where_it_belongs(struct ml_file *file, const char *lines, size_t count,
                                   size_t sample_bytes, bool *sample_in)
{
    struct stat status;
    int error = follow_path(file, &status);

    if (error != 0)
        return error;
    notice_truncation(file, &status);
    if (file->max_bytes != 0 && file->regular && file->known_bytes > 0 &&
        file->known_bytes + lead_bytes(file) + count > file->max_bytes)
        error = rotate(file);
    return error != 0 ? error : write_batch(file, lines, count, sample_bytes, sample_in);
}

void ml_file_reset_counts(struct ml_file *file)
{
    __atomic_store_n(&file->samples, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&file->lost, 0, __ATOMIC_RELAXED);
}

static void count_sample(struct ml_file *file, bool in, int error)
{
    uint64_t *counter = in ? &file->samples : &file->lost;

    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
    if (in)
        return;
    file->lost_unreported++;
    file->lost_error = -error;
}

int ml_file_append(struct ml_file *file, const char *lines, size_t count, size_t sample_bytes)
{
    bool sample_in = false;

    if (count > ML_FILE_PAYLOAD_BYTES)
        return -EMSGSIZE;
    int error = append_where_it_belongs(file, lines, count, sample_bytes, &sample_in);
    if (sample_bytes > 0)
        count_sample(file, sample_in, error);
    return error;
}
