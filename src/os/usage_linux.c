/* SPDX-License-Identifier: MIT */
#include "os/usage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/format.h"
#include "os/cgroup.h"
#include "os/process.h"
#include "os/syscall_linux.h"

enum { PATH_BYTES = 512, KIB = 1024 };

/* "/proc/self" and "/stat". */
static const char *path_of(char path[PATH_BYTES], const char *folder, const char *file)
{
    struct ml_text text;
    ml_text_init(&text, path, PATH_BYTES);
    ml_text_string(&text, folder);
    ml_text_string(&text, file);
    ml_text_finish(&text);
    return path;
}

static uint64_t number_at(const char *text)
{
    uint64_t number = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    for (; *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

/* ---- smaps_rollup: lines "Pss:     1234 kB" -------------------------------- */

static uint64_t line_in_kib(const char *content, const char *name)
{
    const char *line = strstr(content, name);
    return line == NULL ? 0 : number_at(line + strlen(name)) * KIB;
}

static void read_rollup(const char *proc, struct ml_os_usage *usage)
{
    char path[PATH_BYTES], content[2048];
    bool there = ml_os_read_file(path_of(path, proc, "/smaps_rollup"), content, sizeof(content)) > 0;
    usage->pss = there ? line_in_kib(content, "\nPss:") : 0;
    usage->swap = there ? line_in_kib(content, "\nSwap:") : 0;
}

/* ---- stat: "4242 (any name) S 1 ...", numbers between blanks ------------------- */

/* Fields are counted from the state, which is the third and follows the name. */
static uint64_t field_of_stat(const char *state, int field)
{
    enum { STATE = 3 };
    for (int at = STATE; at < field && state != NULL; at++) {
        state = strchr(state, ' ');
        state = state == NULL ? NULL : state + 1;
    }
    return state == NULL ? 0 : number_at(state);
}

static void read_stat(const char *proc, struct ml_os_usage *usage)
{
    enum { MAJFLT = 12, THREADS = 20 };
    char path[PATH_BYTES], content[1024];
    const char *name_end = NULL;
    if (ml_os_read_file(path_of(path, proc, "/stat"), content, sizeof(content)) > 0)
        name_end = strrchr(content, ')');
    bool there = name_end != NULL && name_end[1] == ' ';
    usage->majflt = there ? field_of_stat(name_end + 2, MAJFLT) : 0;
    usage->process_threads = there ? field_of_stat(name_end + 2, THREADS) : 0;
}

/* ---- fd: a folder with an entry for each ------------------------------------------ */

struct entry {
    uint64_t inode, offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

static uint64_t count_entries(const char *entries, long bytes)
{
    uint64_t count = 0;
    for (const char *at = entries; at < entries + bytes;
         at += ((const struct entry *)at)->bytes)
        count += ((const struct entry *)at)->name[0] != '.';
    return count;
}

static void read_fds(const char *proc, struct ml_os_usage *usage)
{
    char path[PATH_BYTES];
    uint64_t entries[256];
    long bytes;
    usage->fds = 0;
    int fd = (int)ml_syscall4(SYS_openat, AT_FDCWD, (long)path_of(path, proc, "/fd"),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    while ((bytes = ml_syscall3(SYS_getdents64, fd, (long)entries, sizeof(entries))) > 0)
        usage->fds += count_entries((const char *)entries, bytes);
    ml_sys_close(fd);
    /* The one that was opened for that is not the program's. */
    usage->fds -= usage->fds != 0 && strcmp(proc, "/proc/self") == 0;
}

void ml_os_usage_read(const char *proc, unsigned sources, struct ml_os_usage *usage)
{
    char path[PATH_BYTES];
    if (sources & ML_OS_USAGE_ROLLUP)
        read_rollup(proc, usage);
    if (sources & ML_OS_USAGE_STAT)
        read_stat(proc, usage);
    if (sources & ML_OS_USAGE_FDS)
        read_fds(proc, usage);
    if (sources & ML_OS_USAGE_CGROUP)
        usage->cgroup_current =
            ml_os_cgroup_current_under(path_of(path, proc, "/cgroup"), "/sys/fs/cgroup");
}
