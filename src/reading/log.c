/* SPDX-License-Identifier: MIT */
#include "reading/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reading/blocks.h"

struct ml_log {
    int files[2];     /* LOG, and LOG.1 or -1 */
    int current;      /* which is read */
    uint64_t done[2]; /* bytes of each */
    uint64_t most[2]; /* that are read of each: where it ended before it was begun again */
    uint64_t all;
    char *name;
    struct stat stat;
    ml_log_progress *progress;
    void *progress_context;
    struct ml_blocks blocks;
};

static int open_plain(const char *file, int flags, struct stat *stat, int *error)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0 || fstat(fd, stat) != 0)
        *error = -errno;
    else if (S_ISDIR(stat->st_mode))
        *error = -EISDIR;
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* ---- a run that began in LOG.1 --------------------------------------------------------- */

enum { HEADER_BYTES = 4096, SEARCH_BYTES = 64 * 1024 };

/* The header that the log begins with, with its newline; its length, 0: it does not. */
static size_t read_header(int fd, char header[HEADER_BYTES])
{
    static const char begins[] = "# memlog ";
    ssize_t bytes = pread(fd, header, HEADER_BYTES, 0);
    const char *end = bytes <= 0 ? NULL : memchr(header, '\n', (size_t)bytes);
    return end == NULL || memcmp(header, begins, sizeof(begins) - 1) != 0 ? 0 : (size_t)(end + 1 - header);
}

/* Whether the line stands somewhere in the file. */
static bool has_line(int fd, const char *line, size_t length)
{
    char *bytes = malloc(SEARCH_BYTES + HEADER_BYTES + 1);
    size_t kept = 1;
    ssize_t more;
    bool is_found = false;
    if (bytes == NULL)
        return false;
    bytes[0] = '\n'; /* so that the first line, too, is behind one */
    while (!is_found && (more = read(fd, bytes + kept, SEARCH_BYTES)) > 0) {
        size_t have = kept + (size_t)more;
        for (char *at = bytes; !is_found && (at = memmem(at, have - (size_t)(at - bytes), line, length)); at++)
            is_found = at != bytes && at[-1] == '\n';
        kept = have < length + 1 ? have : length + 1;
        memmove(bytes, bytes + have - kept, kept);
    }
    free(bytes);
    return lseek(fd, 0, SEEK_SET) == 0 && is_found;
}

static void open_beginning(struct ml_log *log)
{
    char header[HEADER_BYTES];
    struct stat stat;
    int error;
    size_t length = read_header(log->files[0], header);
    size_t bytes = strlen(log->name) + sizeof(".1");
    char *name = length == 0 ? NULL : malloc(bytes);
    if (name == NULL)
        return;
    strcpy(stpcpy(name, log->name), ".1");
    /* A fifo, which is not read, is not waited for either. */
    int fd = open_plain(name, O_NONBLOCK, &stat, &error);
    free(name);
    if (fd >= 0 && S_ISREG(stat.st_mode) && has_line(fd, header, length)) {
        log->files[1] = fd;
        log->current = 1;
        log->all += (uint64_t)stat.st_size;
        log->blocks.teller.file = 1;
    } else if (fd >= 0) {
        close(fd);
    }
}

/* ---- all of it ------------------------------------------------------------------------- */

struct ml_log *ml_log_open(const char *file, int *error)
{
    struct ml_log *log = malloc(sizeof(*log));
    char *name = strdup(file);
    if (log == NULL || name == NULL) {
        free(log);
        free(name);
        *error = -ENOMEM;
        return NULL;
    }
    memset(log, 0, offsetof(struct ml_log, blocks));
    ml_blocks_init(&log->blocks);
    log->name = name;
    log->files[1] = -1;
    log->most[0] = log->most[1] = UINT64_MAX;
    bool is_input = strcmp(file, "-") == 0;
    log->files[0] = is_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open_plain(file, 0, &log->stat, error);
    if (log->files[0] < 0) {
        if (is_input)
            *error = -errno;
        ml_log_close(log);
        return NULL;
    }
    if (!is_input && S_ISREG(log->stat.st_mode)) {
        log->all = (uint64_t)log->stat.st_size;
        open_beginning(log);
        (void)posix_fadvise(log->files[log->current], 0, 0, POSIX_FADV_SEQUENTIAL);
    }
    return log;
}

void ml_log_set_progress(struct ml_log *log, ml_log_progress *progress, void *context)
{
    log->progress = progress;
    log->progress_context = context;
}

/* To the end of the file that is the current one. */
static int read_file(struct ml_log *log, const struct ml_log_visitor *visitor)
{
    uint64_t *done = &log->done[log->current];
    for (;;) {
        size_t room;
        char *to = ml_blocks_room(&log->blocks, &room);
        uint64_t left = log->most[log->current] - *done;
        ssize_t bytes = read(log->files[log->current], to, left < room ? (size_t)left : room);
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes <= 0)
            return bytes < 0 ? -errno : 0;
        ml_blocks_take(&log->blocks, visitor, (size_t)bytes);
        *done += (uint64_t)bytes;
        if (log->progress != NULL)
            log->progress(log->progress_context, log->done[0] + log->done[1], log->all);
    }
}

int ml_log_read(struct ml_log *log, const struct ml_log_visitor *visitor)
{
    int error = read_file(log, visitor);
    if (error == 0 && log->current == 1) {
        ml_blocks_end_file(&log->blocks);
        log->current = 0;
        error = read_file(log, visitor);
    }
    return error;
}

void ml_log_finish(struct ml_log *log)
{
    ml_blocks_end_file(&log->blocks);
}

int ml_log_rewind(struct ml_log *log)
{
    for (int i = 0; i < 2; i++) {
        if (log->files[i] >= 0 && lseek(log->files[i], 0, SEEK_SET) != 0)
            return -errno;
        log->most[i] = log->done[i];
        log->done[i] = 0;
    }
    log->current = log->files[1] >= 0;
    ml_blocks_init(&log->blocks);
    log->blocks.teller.file = (unsigned)log->current;
    return 0;
}

bool ml_log_was_rotated(const struct ml_log *log)
{
    struct stat now;
    if (log->stat.st_nlink == 0 || stat(log->name, &now) != 0)
        return false; /* the standard input; or not there at this moment */
    return now.st_dev != log->stat.st_dev || now.st_ino != log->stat.st_ino ||
           (S_ISREG(now.st_mode) && (uint64_t)now.st_size < log->done[0]);
}

const struct ml_damage *ml_log_damage(const struct ml_log *log) { return &log->blocks.teller.damage; }

void ml_log_close(struct ml_log *log)
{
    if (log == NULL)
        return;
    for (int i = 0; i < 2; i++)
        if (log->files[i] >= 0)
            close(log->files[i]);
    free(log->name);
    free(log);
}

static void add_damage(struct ml_damage *to, const struct ml_damage *from)
{
    for (int kind = 0; kind < ML_DAMAGE_KINDS; kind++) {
        uint64_t before = to->count[kind];
        for (uint64_t i = before; i < ML_DAMAGE_PLACES && i - before < from->count[kind]; i++)
            to->places[kind][i] = from->places[kind][i - before];
        to->count[kind] += from->count[kind];
    }
    to->nul_bytes += from->nul_bytes;
}

int ml_log_visit(const char *file, const struct ml_log_visitor *visitor, struct ml_damage *damage,
                 ml_log_progress *progress, void *progress_context)
{
    int error = 0;
    struct ml_log *log = ml_log_open(file, &error);
    if (log == NULL)
        return error;
    ml_log_set_progress(log, progress, progress_context);
    error = ml_log_read(log, visitor);
    ml_log_finish(log);
    if (damage != NULL)
        add_damage(damage, ml_log_damage(log));
    ml_log_close(log);
    return error;
}

int ml_log_visit_again(struct ml_log **log, const char *file, const struct ml_log_visitor *visitor)
{
    int error = 0;
    if (*log == NULL)
        *log = ml_log_open(file, &error);
    else
        error = ml_log_rewind(*log);
    if (error == 0)
        error = ml_log_read(*log, visitor);
    if (error == 0)
        ml_log_finish(*log);
    return error;
}
