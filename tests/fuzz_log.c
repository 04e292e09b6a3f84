/* SPDX-License-Identifier: MIT */
/* fuzz_log.c - any bytes as a log: read in blocks of any size, reduced, and its damage told.
 *
 * What is told must hold together: numbers in their order, texts within the line.
 */
#include <stdlib.h>
#include <string.h>

#include "reading/blocks.h"
#include "reading/reduce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct ml_reduce *reduce;
    const struct ml_log_run *run;
    int64_t steady_ns;
    uint64_t samples, letters;
};

static void hold(int condition)
{
    if (!condition)
        abort();
}

static void see_run(void *context, const struct ml_log_run *run)
{
    struct seen *seen = context;
    hold(run->count > 0 && run->count <= ML_LINE_COLUMNS && run->alloc < (int)run->count && run->sys < (int)run->count);
    hold(strlen(run->command) < sizeof(run->command) && strlen(run->start) < sizeof(run->start));
    seen->run = run;
    seen->steady_ns = INT64_MIN;
    ml_reduce_break(seen->reduce);
}

static void see_sample(void *context, const struct ml_log_sample *sample)
{
    struct seen *seen = context;
    hold(seen->run != NULL && sample->count == seen->run->count);
    hold(sample->steady_ns >= seen->steady_ns && sample->time_ns >= 0 && sample->time_ns < ML_LINE_TIME_MOST_NS);
    seen->steady_ns = sample->steady_ns;
    seen->samples++;
    for (size_t i = 0; i < sample->length; i++)
        seen->letters += (unsigned char)sample->text[i];
    double values[2] = { sample->values[0], sample->values[sample->count - 1] };
    ml_reduce_add(seen->reduce, sample->time_ns, values);
}

static void see_event(void *context, const struct ml_log_event *event)
{
    struct seen *seen = context;
    for (size_t i = 0; i < event->length; i++)
        seen->letters += (unsigned char)event->text[i];
}

static void see_left(void *context, const struct ml_reduced *sample)
{
    (void)sample;
    ++*(uint64_t *)context;
}

/* The first byte says how large the pieces are. */
static void feed(struct ml_blocks *blocks, const struct ml_log_visitor *visitor, const uint8_t *data, size_t size)
{
    size_t piece = size == 0 ? 1 : 1 + data[0] * (size_t)data[0];
    for (size_t at = 0; at < size;) {
        size_t room, length = size - at < piece ? size - at : piece;
        char *to = ml_blocks_room(blocks, &room);
        hold(room > 0);
        length = length < room ? length : room;
        memcpy(to, data + at, length);
        ml_blocks_take(blocks, visitor, length);
        at += length;
    }
    ml_blocks_end_file(blocks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ml_blocks blocks;
    char words[256];
    uint64_t left = 0;
    struct seen seen = { .reduce = ml_reduce_new(2, 8) };
    const struct ml_log_visitor visitor = { &seen, see_run, see_sample, see_event, NULL };
    hold(seen.reduce != NULL);
    ml_blocks_init(&blocks);
    feed(&blocks, &visitor, data, size);
    ml_reduce_visit(seen.reduce, see_left, &left);
    hold(ml_reduce_count(seen.reduce) == seen.samples && left <= seen.samples && left <= 16 * 6 &&
         (left > 0) == (seen.samples > 0));
    for (int kind = 0; kind < ML_DAMAGE_KINDS; kind++)
        hold(strlen(ml_damage_words(&blocks.teller.damage, kind, "log", words, sizeof(words))) < sizeof(words));
    ml_reduce_free(seen.reduce);
    return 0;
}
