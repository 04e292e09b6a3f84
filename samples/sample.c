/* SPDX-License-Identifier: MIT */
/* sample.c - what the sample programs share; see sample.h. */
#include "sample.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memlog.h"

#define NS_PER_SECOND UINT64_C(1000000000)

/* ---- options ---------------------------------------------------------- */

static bool is_switch(const struct sample_option *option)
{
    return option->low == option->high;
}

static void print_help(const char *purpose, const struct sample_option *options, size_t count)
{
    printf("Usage: %s [OPTION]...\n%s\n\nOptions:\n", program_invocation_short_name, purpose);
    for (size_t i = 0; i < count; i++) {
        const struct sample_option *option = &options[i];
        if (is_switch(option))
            printf("  --%-12s %s\n", option->name, option->help);
        else
            printf("  --%-7s N    %s (%ld to %ld; default %ld)\n", option->name, option->help,
                   option->low, option->high, *option->value);
    }
    printf("  --%-12s %s\n", "help", "print this and exit");
}

__attribute__((noreturn, format(printf, 1, 2))) static void refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "; see %s --help\n", program_invocation_short_name);
    va_end(arguments);
    exit(2);
}

/* The option that argument names, as "--name" or "--name=N"; *given is then
 * NULL or N. */
static const struct sample_option *find_option(const char *argument, const char **given,
                                               const struct sample_option *options, size_t count)
{
    for (size_t i = 0; strncmp(argument, "--", 2) == 0 && i < count; i++) {
        size_t length = strlen(options[i].name);
        const char *rest = argument + 2 + length;
        if (strncmp(argument + 2, options[i].name, length) != 0 || (*rest != '\0' && *rest != '='))
            continue;
        *given = *rest == '=' ? rest + 1 : NULL;
        return &options[i];
    }
    refuse("there is no option '%s'", argument);
}

static long number_for(const struct sample_option *option, const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < option->low || number > option->high)
        refuse("--%s wants a whole number from %ld to %ld, not '%s'", option->name, option->low,
               option->high, text);
    return number;
}

void sample_options(int argc, char **argv, const char *purpose,
                    const struct sample_option *options, size_t count)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(purpose, options, count);
            exit(0);
        }
        const char *given;
        const struct sample_option *option = find_option(argv[i], &given, options, count);
        if (is_switch(option)) {
            if (given != NULL)
                refuse("--%s takes no argument", option->name);
            *option->value = option->low;
            continue;
        }
        if (given == NULL && i + 1 < argc)
            given = argv[++i];
        if (given == NULL)
            refuse("--%s wants a number", option->name);
        *option->value = number_for(option, given);
    }
}

/* ---- the log ---------------------------------------------------------- */

void sample_log_start(const char *columns, unsigned interval_ms)
{
    struct memlog_log_options options = { .size = sizeof(options) };
    if (getenv("MEMLOG_COLUMNS") == NULL)
        options.columns = columns;
    if (getenv("MEMLOG_INTERVAL") == NULL)
        options.interval_ns = interval_ms * UINT64_C(1000000);
    if (memlog_log_start(&options) != 0)
        exit(1);
}

/* ---- the schedule ------------------------------------------------------ */

struct sample_run sample_run_of(long seconds)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (struct sample_run){
        .start_ns = (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec,
        .tick = -1,
        .ticks = seconds * SAMPLE_TICKS_PER_SECOND,
    };
}

bool sample_next(struct sample_run *run)
{
    run->tick++;
    uint64_t due = run->start_ns + (uint64_t)run->tick * (NS_PER_SECOND / SAMPLE_TICKS_PER_SECOND);
    struct timespec when = { .tv_sec = (time_t)(due / NS_PER_SECOND),
                             .tv_nsec = (long)(due % NS_PER_SECOND) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ; /* the collector may stop a thread in its sleep */
    return run->tick < run->ticks;
}

bool sample_past(const struct sample_run *run, long percent)
{
    return run->tick >= run->ticks * percent / 100;
}

bool sample_at(const struct sample_run *run, long percent)
{
    return run->tick == run->ticks * percent / 100;
}

/* ---- odds and ends ----------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood, 2014): any seed will do. */
uint64_t sample_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t sample_between(uint64_t *state, size_t low, size_t high)
{
    return low + (size_t)(sample_random(state) % (high - low + 1));
}

void *sample_need(void *pointer)
{
    if (pointer == NULL) {
        perror(program_invocation_short_name);
        exit(1);
    }
    return pointer;
}
