/* SPDX-License-Identifier: MIT */
#include "os/usage.h"

#include <stdbool.h>
#include <string.h>

#include "os/cgroup.h"
#include "os/folder.h"
#include "os/living.h"
#include "os/process.h"
#include "os/procfile_linux.h"

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

static bool count_entry(const char *name, void *count)
{
    (void)name;
    ++*(uint64_t *)count;
    return true;
}

static void read_fds(const char *proc, bool is_own, struct ml_os_usage *usage)
{
    char path[ML_PROC_PATH_BYTES];
    usage->fds = 0;
    ml_os_each_entry(ml_proc_path(path, proc, "/fd"), count_entry, &usage->fds);
    /* The one that was opened for that is not the program's. */
    usage->fds -= usage->fds != 0 && is_own;
}

void ml_os_usage_read(const char *proc, unsigned sources, struct ml_os_usage *usage)
{
    char path[ML_PROC_PATH_BYTES], folder[ML_OS_LIVING_BYTES];
    const char *living =
        sources & (ML_OS_USAGE_ROLLUP | ML_OS_USAGE_FDS) ? ml_os_living(folder, proc) : proc;
    if (sources & ML_OS_USAGE_ROLLUP)
        read_rollup(living, usage);
    if (sources & ML_OS_USAGE_STAT)
        read_stat(proc, usage);
    if (sources & ML_OS_USAGE_FDS)
        read_fds(living, strcmp(proc, "/proc/self") == 0, usage);
    if (sources & ML_OS_USAGE_CGROUP)
        usage->cgroup_current =
            ml_os_cgroup_current_under(ml_proc_path(path, proc, "/cgroup"), "/sys/fs/cgroup");
}
