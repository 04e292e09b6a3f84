/* SPDX-License-Identifier: MIT */
/* spend - what a command takes, with all that it waits for: wall and CPU time, and
 * the peak RSS of its largest process.
 *
 *   spend COMMAND [ARGUMENT...]
 *
 * What the command prints is thrown away. Ends as the command does.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "figures.h"

enum { NOT_FOUND = 127 };

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static _Noreturn void become(char **command)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDOUT_FILENO);
    execvp(command[0], command);
    fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
    _exit(NOT_FOUND);
}

int main(int argc, char **argv)
{
    int status;
    struct rusage usage;
    if (argc < 2) {
        fprintf(stderr, "usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
        return 2;
    }
    uint64_t begin = bench_wall_ns();
    pid_t pid = fork();
    if (pid == 0)
        become(argv + 1);
    if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
        perror(argv[0]);
        return 1;
    }
    bench_figure("wall s", (double)(bench_wall_ns() - begin) / 1e9);
    bench_figure("CPU s", seconds(usage.ru_utime) + seconds(usage.ru_stime));
    bench_figure("peak RSS MiB", (double)usage.ru_maxrss / 1024); /* given in KiB */
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
