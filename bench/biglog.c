/* SPDX-License-Identifier: MIT */
/* biglog.c - a log of many samples, a second apart, 29 bytes a line, on stdout: what memlog plot and
 * its tests are measured on.
 *
 *   bench_biglog KIND SAMPLES [PERIOD]
 *
 * walk: goes up and down at random, with a spike now and then; spikes: level but for three samples;
 * saw: rises for PERIOD samples, then falls at once; noise: anything; steps: a level for PERIOD
 * samples, then another.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 10000000, MOST = 89999999, STEP = 20000 };

static uint64_t state = 88172645463325252u;

static uint64_t chance(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static long between(long least, long most)
{
    return least + (long)(chance() % (uint64_t)(most - least + 1));
}

static long clamp(long value)
{
    return value < LEAST ? LEAST : value > MOST ? MOST : value;
}

static long walk(void)
{
    static long at = 40000000;
    at = clamp(at + between(-STEP, STEP));
    return chance() % 1000000 == 0 ? clamp(at + 25000000) : at;
}

static long value_of(const char *kind, uint64_t i, uint64_t samples, uint64_t period)
{
    static long level = 40000000;
    if (strcmp(kind, "walk") == 0)
        return walk();
    if (strcmp(kind, "spikes") == 0)
        return i == samples / 7 || i == samples / 2 || i == samples - samples / 5 ? 80000000 : 30000000;
    if (strcmp(kind, "saw") == 0)
        return LEAST + (long)(i % period * 60000000 / period);
    if (strcmp(kind, "noise") == 0)
        return between(LEAST, 70000000);
    if (i % period == 0)
        level = between(LEAST, 70000000);
    return level;
}

int main(int argc, char **argv)
{
    static const char *const kinds = " walk spikes saw noise steps ";
    char word[32];
    snprintf(word, sizeof(word), " %s ", argc > 1 ? argv[1] : "");
    if (argc < 3 || argc > 4 || strstr(kinds, word) == NULL) {
        fprintf(stderr, "usage: bench_biglog walk|spikes|saw|noise|steps SAMPLES [PERIOD]\n");
        return 2;
    }
    uint64_t samples = strtoull(argv[2], NULL, 10);
    uint64_t period = argc == 4 ? strtoull(argv[3], NULL, 10) : samples / 50;
    period = period == 0 ? 1 : period;
    printf("# memlog 1 pid=4242 start=2023-11-14T22:13:20Z interval=1s command=\"biglog\"\n"
           "# timestamp Alloc Sys\n");
    for (uint64_t i = 0; i < samples; i++)
        printf("%ld %ld %ld\n", 1700000000L + (long)i, value_of(argv[1], i, samples, period),
               MOST + (long)(i * 10000000 / samples));
    return fflush(stdout) != 0;
}
