/* SPDX-License-Identifier: MIT */
/* prog_profile.c - a program that knows nothing of memlog, but for where it has its profile
 * written to: the tests of the profile preload the library and look at what comes out.
 *
 *   prog_profile leak PPROF TEXT     a leak among what is freed, then both forms
 *   prog_profile grow FIRST SECOND   a form after some, another after more
 *   prog_profile spread BYTES TEXT   so many bytes of several sizes, all kept
 *   prog_profile pass BYTES PPROF    so many bytes of several sizes, each freed at once
 *   prog_profile fill BYTES          leak so many, touched, then be killed
 *   prog_profile wait READY          until it gets a line; allocates a little meanwhile
 *   prog_profile spike [PEAK]        much, freed again; not before the text form in
 *                                    that file knows of it, for half a minute. Leaves a
 *                                    child behind, which frees all and ends
 *   prog_profile forked              a thread's child has 8 MiB, and ends
 *   prog_profile asked FILE          SIGUSR2 while another thread has a peak; until there is FILE, or ten
 *                                    seconds
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memlog.h"

#pragma weak memlog_profile_write
#pragma weak memlog_read_memstats

enum { LEAKS = 2000, LEAK_BYTES = 3000, CHURN_BYTES = 700 };

static void *kept[LEAKS];

__attribute__((noinline)) static void *planted_leak(size_t bytes)
{
    void *object = malloc(bytes);
    __asm__ volatile("" : "+r"(object));
    return object;
}

__attribute__((noinline)) static void honest_work(void)
{
    void *object = calloc(7, CHURN_BYTES);
    __asm__ volatile("" : "+r"(object));
    free(object);
}

/* `#line`: what the profile has to say of where it was. */
#line 1000 "planted.c"
__attribute__((noinline)) static void serve(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        kept[i] = planted_leak(LEAK_BYTES);
        for (int k = 0; k < 3; k++)
            honest_work();
    }
}

static int write_profile(const char *path, int format)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int error = memlog_profile_write(fd, format);
    close(fd);
    return error;
}

/* Numbers of the same moment, for who compares. */
static void print_stats(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", stats.alloc,
           stats.heap_objects, stats.total_alloc, stats.mallocs, stats.buck_hash_sys);
}

static int leak(char **paths)
{
    static char buffer[BUFSIZ]; /* stdio allocates none then */
    setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
    serve(0, LEAKS);
    print_stats();
    return write_profile(paths[0], MEMLOG_PROFILE_PPROF) != 0 ||
           write_profile(paths[1], MEMLOG_PROFILE_TEXT) != 0;
}

static int grow(char **paths)
{
    serve(0, LEAKS / 2);
    int error = write_profile(paths[0], MEMLOG_PROFILE_PPROF);
    serve(LEAKS / 2, LEAKS);
    return error != 0 || write_profile(paths[1], MEMLOG_PROFILE_PPROF) != 0;
}

/* Sizes from a few bytes to far above the rate. */
static int spread(char **arguments)
{
    static const size_t sizes[] = { 16, 112, 1000, 9000, 60000, 300000 };
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    uint64_t each = strtoull(arguments[0], NULL, 10) / SIZES;
    for (unsigned i = 0; i < SIZES; i++)
        for (uint64_t bytes = 0; bytes < each; bytes += sizes[i])
            (void)planted_leak(sizes[i]);
    print_stats();
    return write_profile(arguments[1], MEMLOG_PROFILE_PPROF) != 0;
}

static int pass(char **arguments)
{
    static const size_t sizes[] = { 1000, 9000, 60000, 300000 };
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    uint64_t each = strtoull(arguments[0], NULL, 10) / SIZES;
    for (unsigned i = 0; i < SIZES; i++)
        for (uint64_t bytes = 0; bytes < each; bytes += sizes[i])
            free(planted_leak(sizes[i]));
    print_stats();
    return write_profile(arguments[1], MEMLOG_PROFILE_PPROF) != 0;
}

static int fill(char **arguments)
{
    enum { BLOCK = 1 << 16 };
    uint64_t bytes = strtoull(arguments[0], NULL, 10);
    for (uint64_t filled = 0; filled < bytes; filled += BLOCK)
        memset(planted_leak(BLOCK), 1, BLOCK);
    return raise(SIGKILL);
}

static int wait_for_line(char **arguments)
{
    char line[16];
    serve(0, LEAKS);
    close(open(arguments[0], O_WRONLY | O_CREAT, 0600));
    return read(STDIN_FILENO, line, sizeof(line)) < 0; /* begins anew after a signal */
}

static long bytes_in(const char *path)
{
    char head[64] = "";
    long bytes = 0;
    int fd = open(path, O_RDONLY);
    ssize_t got = fd < 0 ? 0 : read(fd, head, sizeof(head) - 1);
    if (got > 0)
        sscanf(head, "heap profile: %*d: %ld", &bytes);
    close(fd);
    return bytes;
}

static int spike(const char *peak)
{
    for (int i = 0; i < 64; i++)
        kept[i] = memset(planted_leak(1 << 20), 1, 1 << 20);
    for (int i = 0; peak != NULL && i < 3000 && bytes_in(peak) < 60 << 20; i++) {
        usleep(10000);
        honest_work();
    }
    for (int i = 0; i < 64; i++)
        free(kept[i]);
    serve(0, 100);
    pid_t parent = getpid();
    if (fork() != 0)
        return 0;
    while (getppid() == parent) /* last to end, but the profile is not its own */
        usleep(1000);
    for (int i = 0; i < 100; i++)
        free(kept[i]);
    return 0;
}

static void *fork_in_thread(void *status)
{
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 8; i++)
            kept[i] = planted_leak(1 << 20);
        _exit(0);
    }
    waitpid(child, status, 0);
    return NULL;
}

static int forked(void)
{
    pthread_t thread;
    int status = -1;
    if (pthread_create(&thread, NULL, fork_in_thread, &status) == 0)
        pthread_join(thread, NULL);
    return status != 0;
}

static void *have_peak(void *unused)
{
    (void)unused;
    for (int i = 0; i < 8; i++)
        kept[i] = planted_leak(1 << 20);
    pause();
    return NULL;
}

static int asked(const char *file)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, have_peak, NULL) != 0)
        return 1;
    usleep(300000);
    raise(SIGUSR2);
    printf("asked\n");
    fflush(stdout);
    for (int i = 0; i < 1000 && access(file, F_OK) != 0; i++) {
        usleep(10000);
        free(planted_leak(CHURN_BYTES));
    }
    return access(file, F_OK) != 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "leak") == 0 && argc == 4)
        return leak(argv + 2);
    if (strcmp(mode, "grow") == 0 && argc == 4)
        return grow(argv + 2);
    if (strcmp(mode, "spread") == 0 && argc == 4)
        return spread(argv + 2);
    if (strcmp(mode, "pass") == 0 && argc == 4)
        return pass(argv + 2);
    if (strcmp(mode, "fill") == 0 && argc == 3)
        return fill(argv + 2);
    if (strcmp(mode, "wait") == 0 && argc == 3)
        return wait_for_line(argv + 2);
    if (strcmp(mode, "spike") == 0)
        return spike(argv[2]);
    if (strcmp(mode, "forked") == 0)
        return forked();
    if (strcmp(mode, "asked") == 0 && argc == 3)
        return asked(argv[2]);
    fprintf(stderr, "usage: see the head of prog_profile.c\n");
    return 2;
}
