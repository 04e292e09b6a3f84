/* SPDX-License-Identifier: MIT */
#include "cli/claim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/target.h"
#include "os/living.h"
#include "os/process.h"

static bool is_for_writing(pid_t pid, const char *fd)
{
    char folder[ML_OS_LIVING_BYTES], path[ML_OS_LIVING_BYTES + 32], text[128];
    unsigned flags = 0;
    snprintf(path, sizeof(path), "%s/%.20s", ml_os_living_file(folder, pid, "/fdinfo"), fd);
    if (ml_os_read_file(path, text, sizeof(text)) <= 0)
        return false;
    return sscanf(text, "pos: %*d flags: %o", &flags) == 1 && (flags & O_ACCMODE) != O_RDONLY;
}

/* Where its descriptors are hidden: false. */
static bool writes_to(pid_t pid, const struct stat *log)
{
    char path[ML_OS_LIVING_BYTES];
    struct stat status;
    bool found = false;
    DIR *folder = opendir(ml_os_living_file(path, pid, "/fd"));
    for (struct dirent *entry; !found && folder != NULL && (entry = readdir(folder)) != NULL;)
        found = fstatat(dirfd(folder), entry->d_name, &status, 0) == 0 &&
                status.st_dev == log->st_dev && status.st_ino == log->st_ino &&
                is_for_writing(pid, entry->d_name);
    if (folder != NULL)
        closedir(folder);
    return found;
}

bool ml_claim_log(const char *path, pid_t pid)
{
    enum { GENERATIONS = 32 };
    struct stat log;
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &log) != 0 || !S_ISREG(log.st_mode))
        return true; /* a fifo, a terminal: whoever reads there sees */
    bool is_taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    for (int i = 0; i < GENERATIONS && pid > 0 && !is_taken; i++, pid = ml_target_parent(pid))
        is_taken = pid != getpid() && writes_to(pid, &log);
    if (is_taken)
        ml_os_complain(path, ": another log is written there: name one with -o", NULL);
    return !is_taken; /* the lock goes with the descriptor */
}
