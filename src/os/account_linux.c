/* SPDX-License-Identifier: MIT */
#include "os/account.h"

#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

#include "base/bits.h"
#include "os/clock.h"
#include "os/living.h"
#include "os/process.h"
#include "os/procfile_linux.h"
#include "os/syscall_linux.h"

/* ---- ticks: what the kernel counts a process's time in, also where it counts finer ------- */

static uint64_t ticks_to_ns(uint64_t ticks)
{
    enum { USUAL = 100 };
    uint64_t a_second = getauxval(AT_CLKTCK);
    a_second = a_second == 0 ? USUAL : a_second;
    return ticks / a_second * ML_NS_PER_SECOND + ticks % a_second * ML_NS_PER_SECOND / a_second;
}

/* ---- /proc/stat: among long lines, one "btime 1795248172", seconds since 1970 ------------ */

/* The file has a number for each interrupt of each CPU before that line: piece by piece, each
 * with the end of the one before. */
static uint64_t boot_seconds(const char *system)
{
    static const char name[] = "\nbtime ";
    enum { KEPT = 32 }; /* the name and the longest number */
    char piece[4096];
    size_t kept = 0;
    long got;
    uint64_t seconds = 0;
    int fd = ml_sys_open_read(system);
    if (fd < 0)
        return 0;
    while (seconds == 0 && (got = ml_sys_read(fd, piece + kept, sizeof(piece) - 1 - kept)) > 0) {
        size_t length = kept + (size_t)got;
        piece[length] = '\0';
        const char *line = strstr(piece, name);
        if (line != NULL && strchr(line + 1, '\n') != NULL)
            seconds = ml_proc_number(line + sizeof(name) - 1);
        kept = ml_min(length, KEPT);
        memmove(piece, piece + length - kept, kept);
    }
    ml_sys_close(fd);
    return seconds;
}

/* Asked for once: reading takes long on large machines, and a clock that is set later would
 * have processes start anew. */
static uint64_t known_boot_seconds(void)
{
    static uint64_t known;
    uint64_t seconds = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (seconds == 0) {
        seconds = boot_seconds("/proc/stat");
        __atomic_store_n(&known, seconds, __ATOMIC_RELAXED);
    }
    return seconds;
}

/* ---- the process's files ------------------------------------------------------------------- */

static void read_stat(const char *proc, uint64_t boot, struct ml_os_account *account)
{
    enum { UTIME = 14, STIME = 15, STARTTIME = 22, VSIZE = 23 };
    char path[ML_PROC_PATH_BYTES], content[1024];
    const char *state = NULL;
    if (ml_os_read_file(ml_proc_path(path, proc, "/stat"), content, sizeof(content)) > 0)
        state = ml_proc_stat_state(content);
    if (state == NULL)
        return;
    account->cpu_ns =
        ticks_to_ns(ml_proc_stat_field(state, UTIME) + ml_proc_stat_field(state, STIME));
    account->virtual_bytes = ml_proc_stat_field(state, VSIZE);
    uint64_t since_boot = ml_proc_stat_field(state, STARTTIME);
    if (boot != 0 && since_boot != 0)
        account->start_ns = boot * ML_NS_PER_SECOND + ticks_to_ns(since_boot);
}

/* Of a table: "Max open files            1024                 1048576              files". */
static uint64_t max_fds(const char *proc)
{
    static const char name[] = "\nMax open files ";
    char path[ML_PROC_PATH_BYTES], content[2048];
    if (ml_os_read_file(ml_proc_path(path, proc, "/limits"), content, sizeof(content)) <= 0)
        return 0;
    const char *line = strstr(content, name);
    if (line == NULL)
        return 0;
    const char *soft = ml_proc_after_blanks(line + sizeof(name) - 1);
    return strncmp(soft, "unlimited", 9) == 0 ? UINT64_MAX : ml_proc_number(soft);
}

/* A line "VmHWM:     1234 kB", behind the name and the state. */
static uint64_t peak_bytes(const char *proc)
{
    static const char name[] = "\nVmHWM:";
    enum { KIB = 1024 };
    char path[ML_PROC_PATH_BYTES], content[2048];
    if (ml_os_read_file(ml_proc_path(path, proc, "/status"), content, sizeof(content)) <= 0)
        return 0;
    const char *line = strstr(content, name);
    return line == NULL ? 0 : ml_proc_number(line + sizeof(name) - 1) * KIB;
}

static void read_account(const char *proc, uint64_t boot, struct ml_os_account *account)
{
    char path[ML_PROC_PATH_BYTES], folder[ML_OS_LIVING_BYTES];
    const char *living = ml_os_living(folder, proc);
    memset(account, 0, sizeof(*account));
    read_stat(proc, boot, account);
    account->resident_bytes = ml_os_rss_bytes_of(ml_proc_path(path, living, "/statm"));
    account->peak_resident_bytes = peak_bytes(living);
    if (account->virtual_bytes == 0) /* the first thread has ended */
        account->virtual_bytes = ml_os_mapped_bytes_of(path);
    account->max_fds = max_fds(proc);
    ml_os_usage_read(proc, ML_OS_USAGE_STAT | ML_OS_USAGE_FDS | ML_OS_USAGE_CGROUP,
                     &account->usage);
}

void ml_os_account_read(const char *proc, struct ml_os_account *account)
{
    read_account(proc, known_boot_seconds(), account);
}

void ml_os_account_read_with(const char *proc, const char *system, struct ml_os_account *account)
{
    read_account(proc, boot_seconds(system), account);
}
