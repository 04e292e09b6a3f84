/* SPDX-License-Identifier: MIT */
/* generate_log.c - a log with a known answer, for trying things out:
 *
 *   generate_log SEED NUMBER >memory.log    case NUMBER (0 to 199) of that seed
 *   generate_log SEED                       what the cases are
 */
#include <stdlib.h>

#include "log_cases.h"

static const char *const answers[] = { "steady", "plateau", "spike", "growing" };

static void tell(unsigned number, const struct log_case *what, FILE *to)
{
    fprintf(to, "%3u  %-8s %-34s %8.2f h, one in %g s, %.4g bytes, deviation %.3g, rise %.3g\n",
            number, answers[what->answer], what->name, what->hours, what->interval, what->level,
            what->noise, what->rise);
}

int main(int argc, char **argv)
{
    struct log_case what;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: generate_log SEED [NUMBER]\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[1], NULL, 10);
    if (argc == 3) {
        log_case_write(seed, (unsigned)strtoul(argv[2], NULL, 10) % LOG_CASES, stdout, &what);
        tell((unsigned)strtoul(argv[2], NULL, 10), &what, stderr);
        return 0;
    }
    for (unsigned i = 0; i < LOG_CASES; i++) {
        log_case_write(seed, i, NULL, &what);
        tell(i, &what, stdout);
    }
    return 0;
}
