/* SPDX-License-Identifier: MIT */
#include "os/usage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "os/cgroup.h"
#include "os/process.h"
#include "os/procfile_linux.h"
#include "os/syscall_linux.h"

enum { KIB = 1024 };

/* ---- smaps_rollup: lines "Pss:     1234 kB" -------------------------------- */

static uint64_t line_in_kib(const char *content, const char *name)
{
    const char *line = strstr(content, name);
    return line == NULL ? 0 : ml_proc_number(line + strlen(name)) * KIB;
}

static void read_rollup(const char *proc, struct ml_os_usage *usage)
{
    char path[ML_PROC_PATH_BYTES], content[2048];
    ml_proc_path(path, proc, "/smaps_rollup");
    bool there = ml_os_read_file(path, content, sizeof(content)) > 0;
    usage->pss = there ? line_in_kib(content, "\nPss:") : 0;
    usage->swap = there ? line_in_kib(content, "\nSwap:") : 0;
}

/* ---- stat ------------------------------------------------------------------ */

static void read_stat(const char *proc, struct ml_os_usage *usage)
{
    enum { MAJFLT = 12, THREADS = 20 };
    char path[ML_PROC_PATH_BYTES], content[1024];
    const char *state = NULL;
    if (ml_os_read_file(ml_proc_path(path, proc, "/stat"), content, sizeof(content)) > 0)
        state = ml_proc_stat_state(content);
    usage->majflt = ml_proc_stat_field(state, MAJFLT);
    usage->process_threads = ml_proc_stat_field(state, THREADS);
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
    char path[ML_PROC_PATH_BYTES];
    uint64_t entries[256];
    long bytes;
    usage->fds = 0;
    int fd = (int)ml_syscall4(SYS_openat, AT_FDCWD, (long)ml_proc_path(path, proc, "/fd"),
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
    char path[ML_PROC_PATH_BYTES];
    if (sources & ML_OS_USAGE_ROLLUP)
        read_rollup(proc, usage);
    if (sources & ML_OS_USAGE_STAT)
        read_stat(proc, usage);
    if (sources & ML_OS_USAGE_FDS)
        read_fds(proc, usage);
    if (sources & ML_OS_USAGE_CGROUP)
        usage->cgroup_current =
            ml_os_cgroup_current_under(ml_proc_path(path, proc, "/cgroup"), "/sys/fs/cgroup");
}
