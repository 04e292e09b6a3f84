/* SPDX-License-Identifier: MIT */
/* main.c - arguments, the threads' coming and going, the sum at the end.
 *
 *   stress [--seconds S] [--threads N] [--live MIB] [--seed N] [--limited]
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

enum { THREADS_MOST = 256, HANGS_AFTER_SECONDS = 40, SMALL_STACK_BYTES = 512 << 10 };

/* What is left when nothing is kept: by chance, and in registers. */
enum { LEFT_MOST = 5000 };

struct settings settings = { .threads = 8, .seconds = 10 };
struct sums sums;
__thread const char *doing = "starting";

static bool over;
static pthread_t threads[THREADS_MOST];
static bool running[THREADS_MOST];

bool is_over(void) { return __atomic_load_n(&over, __ATOMIC_RELAXED); }

void failed(const char *format, ...)
{
    char line[1000];
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(line, sizeof(line), "stress: FAILED: seed %" PRIu64 ", %s: ",
                          settings.seed, doing);
    vsnprintf(line + length, sizeof(line) - (size_t)length, format, arguments);
    va_end(arguments);
    strncat(line, "\n", sizeof(line) - strlen(line) - 1);
    (void)!write(STDERR_FILENO, line, strlen(line));
    abort();
}

/* A pointer that was overwritten is told like a pattern that was. */
static void fault(int signal, siginfo_t *info, void *context)
{
    (void)context;
    failed("signal %d at %p", signal, info->si_addr);
}

static void take_faults(void)
{
    struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- threads ------------------------------------------------------------------------ */

static bool start(pthread_t *thread, void *(*run)(void *), void *argument, bool small)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (small)
        pthread_attr_setstacksize(&attributes, SMALL_STACK_BYTES);
    int error = pthread_create(thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    if (error != 0 && !settings.limited)
        failed("no thread, error %d", error);
    add(&sums.threads, error == 0);
    return error == 0;
}

/* Whose life has ended begins another. */
static void keep_going(void)
{
    for (unsigned i = 0; i < settings.threads; i++) {
        if (running[i] && pthread_tryjoin_np(threads[i], NULL) == 0)
            running[i] = false;
        if (!running[i])
            running[i] = start(&threads[i], worker, (void *)(uintptr_t)i, i % 2 == 1);
    }
}

/* Seconds since an operation was finished. */
static void check_progress(double now)
{
    static double last;
    static uint64_t operations;
    if (last == 0 || now_of(&sums.operations) != operations) {
        operations = now_of(&sums.operations);
        last = now;
    }
    if (now - last > HANGS_AFTER_SECONDS)
        failed("nothing goes on any more");
}

static void run(void)
{
    pthread_t reading, disturbing;
    uint64_t random = mix(settings.seed ^ 2);
    if (!start(&reading, reader, NULL, true) || !start(&disturbing, pest, NULL, true))
        failed("no thread to begin with");
    ballast_load(settings.live_mib, &random);
    for (double end = seconds_now() + settings.seconds; seconds_now() < end;) {
        struct timespec pause = { 0, 10 * 1000 * 1000 };
        doing = "looking after the threads";
        keep_going();
        ballast_shift(&random, 20);
        check_progress(seconds_now());
        nanosleep(&pause, NULL);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < settings.threads; i++)
        if (running[i])
            pthread_join(threads[i], NULL);
    while (__atomic_load_n(&sums.errands, __ATOMIC_ACQUIRE) != 0)
        usleep(1000);
    pthread_join(reading, NULL);
    pthread_join(disturbing, NULL);
    ballast_drop();
}

/* ---- the end -------------------------------------------------------------------------- */

static void sum_up(void)
{
    struct memlog_memstats stats;
    memlog_read_memstats(&stats);
    printf("stress: seed %" PRIu64 ", %u threads, %g s: %" PRIu64 " operations, %" PRIu64
           " allocations, %u collections (%u forced), %" PRIu64 " snapshots, %" PRIu64
           " threads, %" PRIu64 " forks, %" PRIu64 " signals, %" PRIu64 " finalized, %" PRIu64 " times no memory, %" PRIu64
           " objects left: all is well\n",
           settings.seed, settings.threads, settings.seconds, sums.operations, sums.mallocs,
           stats.num_gc, stats.num_forced_gc, sums.snapshots, sums.threads, sums.forks,
           sums.signals, sums.finalized, sums.refused, stats.heap_objects);
    if (stats.heap_objects > LEFT_MOST)
        failed("%" PRIu64 " objects are left, of %" PRIu64 " bytes", stats.heap_objects, stats.alloc);
}

static _Noreturn void usage(const char *name)
{
    fprintf(stderr, "usage: %s [--seconds S] [--threads 1..%d] [--live MIB] [--seed N] [--limited]\n", name,
            THREADS_MOST);
    exit(2);
}

static void read_arguments(int count, char **arguments)
{
    static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
                                             { "threads", required_argument, NULL, 't' },
                                             { "live", required_argument, NULL, 'm' },
                                             { "seed", required_argument, NULL, 'n' },
                                             { "limited", no_argument, NULL, 'l' },
                                             { 0 } };
    settings.seed = (uint64_t)time(NULL) * 1000 + (uint64_t)getpid() % 1000;
    for (int option; (option = getopt_long(count, arguments, "", options, NULL)) != -1;)
        switch (option) {
        case 's': settings.seconds = atof(optarg); break;
        case 't': settings.threads = (unsigned)atoi(optarg); break;
        case 'm': settings.live_mib = (unsigned)atoi(optarg); break;
        case 'n': settings.seed = strtoull(optarg, NULL, 10); break;
        case 'l': settings.limited = true; break;
        default: usage(arguments[0]);
        }
    if (optind != count || settings.threads < 1 || settings.threads > THREADS_MOST)
        usage(arguments[0]);
    const char *past_end = getenv("MEMLOG_PAST_END");
    settings.pad_all = past_end != NULL && strcmp(past_end, "always") == 0;
}

int main(int count, char **arguments)
{
    read_arguments(count, arguments);
    take_signals();
    take_faults();
    run();
    doing = "clearing up";
    clear_shelves();
    clear_stands();
    memlog_gc();
    check_sums();
    sum_up();
    return 0;
}
