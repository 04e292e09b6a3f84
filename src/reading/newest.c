/* SPDX-License-Identifier: MIT */
#include "reading/newest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool begins_as_log(const char *file, struct timespec *changed)
{
    static const char begins[] = "# memlog ";
    char bytes[sizeof(begins) - 1];
    struct stat stat;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    bool is_log = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
                  read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes) &&
                  memcmp(bytes, begins, sizeof(bytes)) == 0;
    *changed = stat.st_mtim;
    close(fd);
    return is_log;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static char *newest_here(void)
{
    char *newest = NULL;
    struct timespec changed, latest = { 0, 0 };
    struct dirent *entry;
    DIR *folder = opendir(".");
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".log") != 0 ||
            !begins_as_log(entry->d_name, &changed) || (newest != NULL && !is_later(&changed, &latest)))
            continue;
        free(newest);
        newest = strdup(entry->d_name);
        latest = changed;
    }
    if (folder != NULL)
        closedir(folder);
    return newest;
}

bool ml_is_log(const char *file)
{
    struct timespec changed;
    return begins_as_log(file, &changed);
}

char *ml_newest_log(void)
{
    const char *named = getenv("MEMLOG_FILE");
    if (named != NULL && *named != '\0' && strchr(named, '%') == NULL && access(named, R_OK) == 0)
        return strdup(named);
    char *newest = newest_here();
    return newest == NULL && access("memory.log", R_OK) == 0 ? strdup("memory.log") : newest;
}
