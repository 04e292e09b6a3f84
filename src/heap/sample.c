/* SPDX-License-Identifier: MIT */
#include "heap/sample.h"

#include "base/chance.h"
#include "os/clock.h"

static uint64_t rate;

uint64_t ml_sample_rate(void) { return rate; }

/* Every thread has a sequence of its own: what one draws must say nothing of what
 * another does. */
static double draw(struct ml_thread *self)
{
    if (self->random == 0)
        self->random = ((uintptr_t)self ^ ml_os_monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    return ml_exponential_of(ml_random_next(&self->random)) * (double)rate;
}

/* Allocations of the bin up to the next sample, that one included. */
static int64_t distance(struct ml_thread *self, unsigned bin)
{
    const double FURTHEST = 0x1p62;
    if (rate == 0)
        return INT64_MAX;
    double objects = rate == 1 ? 0 : draw(self) / ml_sizeclasses[ml_bin_class(bin)].bytes;
    return objects < FURTHEST ? (int64_t)objects + 1 : INT64_MAX;
}

bool ml_sample_take(struct ml_thread *self, unsigned bin)
{
    int64_t *until = &self->magazines[bin].until_sample;
    ml_sample_begin(self, bin);
    if (*until > 0 && --*until > 0)
        return false;
    *until = distance(self, bin);
    return rate != 0;
}

void ml_sample_begin(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    if (magazine->capacity == 0 && magazine->until_sample <= 0)
        magazine->until_sample = distance(self, bin);
}

bool ml_sample_takes_large(struct ml_thread *self, size_t bytes)
{
    return rate == 1 || (rate != 0 && draw(self) < (double)bytes);
}

void ml_sample_start(uint64_t wanted)
{
    rate = wanted;
    struct ml_thread *self = ml_thread_self;
    if (!ml_thread_attached())
        return;
    for (unsigned bin = 0; bin < ML_BINS; bin++)
        if (self->magazines[bin].capacity != 0)
            self->magazines[bin].until_sample = distance(self, bin);
}
