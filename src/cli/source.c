/* SPDX-License-Identifier: MIT */
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/process.h"
#include "reading/newest.h"

static bool is_plain_input(void)
{
    struct stat at;
    return fstat(STDIN_FILENO, &at) == 0 && S_ISREG(at.st_mode) &&
           lseek(STDIN_FILENO, 0, SEEK_CUR) == 0;
}

bool ml_source_open(struct ml_source *source, const char *said)
{
    struct stat at;
    *source = ML_SOURCE_NONE;
    if (said == NULL) {
        said = source->owned = ml_newest_log();
        if (said == NULL) {
            ml_os_complain("there is no log in this folder: run a program that writes one (memlog run "
                           "PROG), or name it",
                           NULL);
            return false;
        }
    }
    source->name = source->file = said;
    if (strcmp(said, "-") == 0) {
        source->name = "standard input";
        source->is_stream = !is_plain_input();
        if (!source->is_stream)
            source->file = "/dev/stdin"; /* opened anew it begins at its beginning */
        return true;
    }
    if (stat(said, &at) != 0) {
        ml_os_complain(said, ": ", ml_os_error_text(errno), NULL);
        return false;
    }
    source->is_stream = !S_ISREG(at.st_mode) && !S_ISDIR(at.st_mode);
    return true;
}

/* ---- a stream's copy ---------------------------------------------------------------- */

static int make_copy(void)
{
    const char *folder = ml_os_getenv("TMPDIR");
    char *path = NULL;
    if (asprintf(&path, "%s/memlog-XXXXXX", folder == NULL ? "/tmp" : folder) < 0)
        return -ENOMEM;
    int copy = mkostemp(path, O_CLOEXEC);
    int error = copy < 0 ? -errno : 0;
    if (copy >= 0)
        unlink(path);
    free(path);
    return error != 0 ? error : copy;
}

static int fill_copy(int copy, int from)
{
    static char bytes[1 << 16];
    for (;;) {
        ssize_t count = read(from, bytes, sizeof(bytes));
        if (count == 0 || (count < 0 && errno != EINTR))
            return count == 0 ? 0 : -errno;
        int error = count < 0 ? 0 : ml_os_write_all(copy, bytes, (size_t)count);
        if (error != 0)
            return error;
    }
}

bool ml_source_keep(struct ml_source *source)
{
    if (!source->is_stream)
        return true;
    bool is_input = strcmp(source->file, "-") == 0;
    char *file = NULL;
    int from = is_input ? STDIN_FILENO : open(source->file, O_RDONLY | O_CLOEXEC);
    int copy = from < 0 ? -errno : make_copy();
    int error = copy < 0 ? copy : fill_copy(copy, from);
    if (error == 0 && asprintf(&file, "/dev/fd/%d", copy) < 0)
        error = -ENOMEM;
    if (from >= 0 && !is_input)
        close(from);
    if (error != 0) {
        if (copy >= 0)
            close(copy);
        ml_os_complain(source->name, ": no copy of it can be kept (TMPDIR says where): ",
                       ml_os_error_text(-error), NULL);
        return false;
    }
    source->copy = copy;
    source->file = source->owned = file; /* a newest log is no stream: nothing is owned yet */
    source->is_stream = false;
    return true;
}

/* ---- which file it is ---------------------------------------------------------------- */

bool ml_source_is_file(const struct ml_source *source, int fd)
{
    struct stat it, log;
    char *older = NULL;
    if (fstat(fd, &it) != 0 || !S_ISREG(it.st_mode))
        return false;
    bool is_input = strcmp(source->file, "-") == 0;
    bool is_file = (is_input ? fstat(STDIN_FILENO, &log) : stat(source->file, &log)) == 0 &&
                   log.st_dev == it.st_dev && log.st_ino == it.st_ino;
    if (!is_file && !is_input && asprintf(&older, "%s.1", source->file) >= 0)
        is_file = stat(older, &log) == 0 && log.st_dev == it.st_dev && log.st_ino == it.st_ino;
    free(older);
    return is_file;
}

void ml_source_close(struct ml_source *source)
{
    if (source->copy >= 0)
        close(source->copy);
    free(source->owned);
    *source = ML_SOURCE_NONE;
}
