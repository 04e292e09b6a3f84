/* SPDX-License-Identifier: MIT */
/* log_cases.c - a heap is made up: what lives (a level, its growth, its noise, its days), and
 * garbage on top of it that a collection takes away. Then it is sampled.
 */
#include "log_cases.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    STEADY_FLAT,
    STEADY_TEETH,
    STEADY_FEW_TEETH,
    STEADY_WHITE,
    STEADY_RED,
    STEADY_WALK,
    STEADY_DAYS,
    STEADY_RESTARTS,
    PLATEAU_SATURATION,
    PLATEAU_STEP,
    PLATEAU_TEETH,
    SPIKE_PLAIN,
    SPIKE_TEETH,
    LEAK_PLAIN,
    LEAK_TEETH,
    LEAK_FEW_TEETH,
    LEAK_RED,
    LEAK_DAYS,
    LEAK_RESTARTS,
    LEAK_LATE
};

static const struct {
    const char *name;
    enum log_case_answer answer;
} kinds[LOG_CASE_KINDS] = {
    [STEADY_FLAT] = { "steady", ANSWER_STEADY },
    [STEADY_TEETH] = { "sawtooth", ANSWER_STEADY },
    [STEADY_FEW_TEETH] = { "sawtooth, few collections", ANSWER_STEADY },
    [STEADY_WHITE] = { "white noise", ANSWER_STEADY },
    [STEADY_RED] = { "correlated noise", ANSWER_STEADY },
    [STEADY_WALK] = { "bounded random walk", ANSWER_STEADY },
    [STEADY_DAYS] = { "daily cycle", ANSWER_STEADY },
    [STEADY_RESTARTS] = { "steady with restarts", ANSWER_STEADY },
    [PLATEAU_SATURATION] = { "warm-up that saturates", ANSWER_PLATEAU },
    [PLATEAU_STEP] = { "one step up", ANSWER_PLATEAU },
    [PLATEAU_TEETH] = { "cache fills under a sawtooth", ANSWER_PLATEAU },
    [SPIKE_PLAIN] = { "spike", ANSWER_SPIKE },
    [SPIKE_TEETH] = { "spike over a sawtooth", ANSWER_SPIKE },
    [LEAK_PLAIN] = { "leak in white noise", ANSWER_GROWING },
    [LEAK_TEETH] = { "slow leak under a large sawtooth", ANSWER_GROWING },
    [LEAK_FEW_TEETH] = { "leak, few collections", ANSWER_GROWING },
    [LEAK_RED] = { "leak in correlated noise", ANSWER_GROWING },
    [LEAK_DAYS] = { "leak under a daily cycle", ANSWER_GROWING },
    [LEAK_RESTARTS] = { "leak with restarts", ANSWER_GROWING },
    [LEAK_LATE] = { "leak that begins later", ANSWER_GROWING },
};

/* ---- chance: xorshift64* -------------------------------------------------------------- */

struct heap {
    uint64_t state;
    struct log_case *what;
    double span, interval; /* seconds */
    unsigned runs;
    double live, tooth, period; /* tooth: garbage as a share of what lives; 0: none */
    double correlation;         /* seconds in which noise forgets */
    double wave;                /* of the day, bytes up and down */
    double warm;                /* bytes, plateau's rise or the spike's height */
    double at, at2;             /* seconds: where something happens */
    double phase;
    unsigned columns;
    double gap_from, gap_to;
    bool frees_at_end;
    /* what goes on */
    double red, walk, garbage, dirt, high_water, total, released;
    uint64_t collections;
};

static double chance(struct heap *heap)
{
    uint64_t x = heap->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    heap->state = x;
    return (double)(x * 0x2545F4914F6CDD1D >> 11) / 9007199254740992.0;
}

static double between(struct heap *heap, double low, double high)
{
    return low + (high - low) * chance(heap);
}

/* Evenly over the orders of magnitude. */
static double magnitude(struct heap *heap, double low, double high)
{
    return low * pow(high / low, chance(heap));
}

static double normal(struct heap *heap)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += chance(heap);
    return sum;
}

/* ---- what it is ------------------------------------------------------------------------ */

static bool is_daily(unsigned kind)
{
    return kind == STEADY_DAYS || kind == LEAK_DAYS;
}

static bool has_teeth(struct heap *heap, unsigned kind)
{
    switch (kind) {
    case STEADY_TEETH:
    case STEADY_FEW_TEETH:
    case PLATEAU_TEETH:
    case SPIKE_TEETH:
    case LEAK_TEETH:
    case LEAK_FEW_TEETH:
        return true;
    case STEADY_DAYS:
    case LEAK_DAYS:
    case LEAK_LATE:
    case STEADY_RESTARTS:
    case LEAK_RESTARTS:
        return chance(heap) < 0.5;
    default:
        return false;
    }
}

static void choose_time(struct heap *heap, unsigned kind)
{
    static const double intervals[] = { 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300 };
    double day = 86400;
    heap->span = is_daily(kind) ? between(heap, 4 * day, 14 * day) : magnitude(heap, 600, 14 * day);
    double samples = magnitude(heap, 400, 6000);
    unsigned i = 0;
    while (i + 1 < sizeof(intervals) / sizeof(intervals[0]) && intervals[i] < heap->span / samples)
        i++;
    heap->interval = intervals[i];
    if (heap->span / heap->interval > 6000)
        heap->span = 6000 * heap->interval;
    if (chance(heap) < 0.2) {
        heap->gap_from = between(heap, 0.1, 0.8) * heap->span;
        heap->gap_to = heap->gap_from + between(heap, 0.02, 0.1) * heap->span;
    }
}

/* A leak among few collections is larger: three deviations of half a dozen points are chance. */
static double least_leak(const struct heap *heap, unsigned kind)
{
    double teeth = heap->period > 0 ? heap->span / heap->runs / heap->period : 100;
    return kind == LEAK_FEW_TEETH || kind == LEAK_RESTARTS ? 3.1 + 60 / teeth : 3.1;
}

static void choose_teeth(struct heap *heap, unsigned kind)
{
    bool few = kind == STEADY_FEW_TEETH || kind == LEAK_FEW_TEETH;
    double teeth = few ? between(heap, 8, 16) : magnitude(heap, 20, 2000);
    heap->tooth = between(heap, 0.3, 1.2);
    heap->period = fmax(heap->span / heap->runs / teeth, 4.3 * heap->interval);
}

/* A leak that can be seen: at least three standard deviations of the low points in the whole time,
 * more where only a few points say so; and more than the garbage of one interval, for samples that
 * come a little later in each tooth make such a rise as well. */
static void choose_leak(struct heap *heap, unsigned kind)
{
    struct log_case *what = heap->what;
    double missed = heap->period > 0 ? heap->tooth * heap->live * heap->interval / heap->period : 0;
    double deviation = hypot(what->noise, missed / sqrt(12)), times = least_leak(heap, kind);
    double least = fmax(times * deviation, 1.2 * missed);
    double rise =
        chance(heap) < 0.5 ? least * between(heap, 1, 2) : heap->live * magnitude(heap, 0.003, 3);
    what->rise = fmax(rise, least);
    what->noise = deviation;
}

static void choose(struct heap *heap, unsigned kind)
{
    struct log_case *what = heap->what;
    heap->runs =
        kind == STEADY_RESTARTS || kind == LEAK_RESTARTS ? 2 + (unsigned)(4 * chance(heap)) : 1;
    choose_time(heap, kind);
    what->level = heap->live = magnitude(heap, 2 << 20, 2e9);
    what->noise = heap->live * magnitude(heap, 0.0005, 0.03);
    if (has_teeth(heap, kind))
        choose_teeth(heap, kind);
    heap->correlation = kind == STEADY_WALK  ? heap->span / between(heap, 10, 40)
                        : kind == STEADY_RED ? heap->span / magnitude(heap, 30, 400)
                        : kind == LEAK_RED   ? heap->span / magnitude(heap, 60, 400)
                                             : 0;
    heap->wave = is_daily(kind) ? heap->live * between(heap, 0.05, 0.35) : 0;
    heap->phase = between(heap, 0, 6.2832);
    heap->warm = heap->live * magnitude(heap, 0.4, 8);
    if (kind == SPIKE_PLAIN || kind == SPIKE_TEETH)
        heap->warm = heap->live * (1 + heap->tooth) * magnitude(heap, 0.6, 10);
    heap->at =
        heap->span * (kind == LEAK_LATE ? between(heap, 0.05, 0.5) : between(heap, 0.1, 0.7));
    if (kind == PLATEAU_SATURATION || kind == PLATEAU_TEETH)
        heap->at = heap->span * between(heap, 0.05, 0.22);
    heap->at2 = heap->at + heap->span * magnitude(heap, 0.005, 0.15);
    if (what->answer == ANSWER_SPIKE && heap->gap_from < heap->at2 && heap->gap_to > heap->at)
        heap->gap_from = heap->gap_to = 0; /* nobody would have seen it */
    heap->columns = (unsigned)(4 * chance(heap));
    if (what->answer == ANSWER_GROWING)
        choose_leak(heap, kind);
    if (kind == LEAK_DAYS)
        what->rise = fmax(what->rise, 3 * heap->wave / sqrt(2));
    what->hours = heap->span / 3600;
    what->interval = heap->interval;
}

/* ---- what lives at a moment of a run ------------------------------------------------------ */

static double noise_now(struct heap *heap, unsigned kind)
{
    double kept = heap->correlation > 0 ? exp(-heap->interval / heap->correlation) : 0;
    if (kind == STEADY_WALK) { /* between walls, six deviations apart */
        heap->walk += normal(heap) * sqrt(2 * heap->interval / heap->correlation) * 1.7;
        heap->walk = heap->walk > 1.7    ? 3.4 - heap->walk
                     : heap->walk < -1.7 ? -3.4 - heap->walk
                                         : heap->walk;
        heap->walk = fmin(fmax(heap->walk, -1.7), 1.7);
        return heap->walk * heap->what->noise;
    }
    heap->red = kept * heap->red + sqrt(1 - kept * kept) * normal(heap);
    return heap->red * heap->what->noise;
}

static double lives(struct heap *heap, unsigned kind, double t, double run_span)
{
    double live = heap->live;
    if (kind == LEAK_LATE)
        live += t > heap->at ? heap->what->rise * (t - heap->at) / (run_span - heap->at) : 0;
    else
        live += heap->what->rise * t / run_span;
    if (heap->wave > 0)
        live += heap->wave * sin(6.283185307 * t / 86400 + heap->phase);
    if (kind == PLATEAU_SATURATION)
        live += heap->warm * (1 - exp(-t / heap->at));
    if (kind == PLATEAU_TEETH)
        live += heap->warm * fmin(1, t / (2 * heap->at));
    if (kind == PLATEAU_STEP && t > heap->at)
        live += heap->warm;
    if ((kind == SPIKE_PLAIN || kind == SPIKE_TEETH) && t > heap->at && t < heap->at2)
        live += heap->warm;
    return live;
}

/* Garbage since the last collection; what lived at that had a noise of its own. */
static double garbage_at(struct heap *heap, double live, double dt)
{
    if (heap->period <= 0)
        return 0;
    double most = heap->tooth * live;
    heap->garbage += most * dt / heap->period;
    heap->total += most * dt / heap->period;
    if (heap->garbage >= most) {
        heap->garbage = fmod(heap->garbage, most);
        heap->dirt = normal(heap);
        heap->collections++;
    }
    return heap->garbage + heap->dirt * heap->what->noise;
}

/* ---- the log ------------------------------------------------------------------------------- */

static const char *const column_names[] = { "", " HeapObjects", " HeapReleased RSS",
                                            " TotalAlloc NumGC" };

static void write_header(const struct heap *heap, FILE *to, unsigned run, double start)
{
    char interval[32];
    snprintf(interval, sizeof(interval), heap->interval < 1 ? "%.0fms" : "%.0fs",
             heap->interval < 1 ? heap->interval * 1000 : heap->interval);
    fprintf(to,
            "%s# memlog 1 pid=%u start=2026-11-%02uT08:00:00Z interval=%s command=\"made up\"\n",
            run == 0 ? "" : "\n", 1000 + run, 1 + (unsigned)fmod(start / 86400, 28), interval);
    fprintf(to, "# timestamp Alloc Sys%s\n", column_names[heap->columns]);
}

static void write_sample(struct heap *heap, FILE *to, double time, double alloc)
{
    alloc = fmax(alloc, 0);
    heap->high_water = fmax(heap->high_water, alloc * 1.08 + 400000);
    double sys = floor(heap->high_water / 65536 + 1) * 65536;
    fprintf(to, heap->interval < 1 ? "%.3f" : "%.0f", time);
    fprintf(to, " %.0f %.0f", floor(alloc / 16) * 16, sys);
    if (heap->columns == 1)
        fprintf(to, " %.0f", floor(alloc / 100));
    if (heap->columns == 2)
        fprintf(to, " %.0f %.0f", 65536.0, sys + 2e6);
    if (heap->columns == 3)
        fprintf(to, " %.0f %" PRIu64, heap->total + alloc, heap->collections);
    fputc('\n', to);
}

/* The first two samples are of a program that begins: nothing lives yet. In half of the logs it
 * frees all before it exits, which the last two are of. */
static double share_of_life(const struct heap *heap, unsigned run, uint64_t sample, uint64_t last)
{
    bool frees = heap->frees_at_end && run + 1 == heap->runs;
    if (sample < 2)
        return 0.1 * (double)sample;
    return frees && sample + 2 > last ? 0.1 + 0.5 * (double)(last - sample) : 1;
}

static void write_run(struct heap *heap, unsigned kind, FILE *to, unsigned run, double start)
{
    double span = heap->span / heap->runs;
    uint64_t samples = (uint64_t)(span / heap->interval);
    heap->garbage = heap->dirt = heap->high_water = heap->total = 0;
    heap->collections = 0;
    write_header(heap, to, run, start);
    for (uint64_t i = 0; i <= samples; i++) {
        double t = (double)i * heap->interval;
        double live = lives(heap, kind, t, span), noise = noise_now(heap, kind);
        double alloc = live + garbage_at(heap, live, heap->interval) +
                       (heap->period > 0 ? noise * 0.1 : noise);
        bool is_missing = start + t - 1.6e9 > heap->gap_from && start + t - 1.6e9 < heap->gap_to;
        if (!is_missing)
            write_sample(heap, to, start + t, alloc * share_of_life(heap, run, i, samples));
    }
    if (run + 1 == heap->runs || chance(heap) < 0.8)
        fprintf(to, kind == LEAK_RESTARTS ? "# end reason=SIGKILL oom_kill=1\n"
                                          : "# end reason=exit\n");
}

void log_case_write(uint64_t seed, unsigned number, FILE *to, struct log_case *what)
{
    struct heap heap = { .state = (seed * 1000003 + number) * 0x9E3779B97F4A7C15 + 0x1234567,
                         .what = what };
    unsigned kind = number % LOG_CASE_KINDS;
    for (int i = 0; i < 16; i++)
        (void)chance(&heap);
    memset(what, 0, sizeof(*what));
    what->kind = kind;
    what->name = kinds[kind].name;
    what->answer = kinds[kind].answer;
    choose(&heap, kind);
    heap.frees_at_end = kind != LEAK_RESTARTS && number / LOG_CASE_KINDS % 2 == 1; /* no SIGKILL */
    what->may_be_steady =
        what->answer == ANSWER_PLATEAU && kind != PLATEAU_STEP && heap.at < 0.06 * heap.span;
    double start = 1.6e9;
    for (unsigned run = 0; to != NULL && run < heap.runs; run++) {
        write_run(&heap, kind, to, run, start);
        start += heap.span / heap.runs + 20 * heap.interval;
    }
}
