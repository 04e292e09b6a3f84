/* SPDX-License-Identifier: MIT */
#include "heap/sample.h"

#include "base/chance.h"
#include "base/publish.h"
#include "os/clock.h"

static uint64_t rate;
ML_PUBLISH("sample.rate", rate);

uint64_t ml_sample_rate(void) { return rate; }

/* Every thread has a sequence of its own: what one draws must say nothing of what
 * another does. */
static double draw(struct ml_thread *self)
{
    if (self->random == 0)
        self->random = ((uintptr_t)self ^ ml_os_monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15)) | 1;
    return ml_exponential_of(ml_random_next(&self->random)) * (double)rate;
}

/* Allocations of the bin before the next sample. */
static uint64_t distance(struct ml_thread *self, unsigned bin)
{
    const double FURTHEST = 0x1p62;
    if (rate <= 1)
        return rate == 0 ? (uint64_t)FURTHEST : 0;
    double objects = draw(self) / ml_sizeclasses[ml_bin_class(bin)].bytes;
    return objects < FURTHEST ? (uint64_t)objects : (uint64_t)FURTHEST;
}

static void set_next(struct ml_thread *self, unsigned bin, uint64_t counted)
{
    self->magazines[bin].sample_at = counted + distance(self, bin);
}

static bool is_begun(const struct ml_thread *self, unsigned bin)
{
    return self->sampled_bins[bin >> 6] >> (bin & 63) & 1;
}

/* The first time nothing is drawn yet. */
static void need_next(struct ml_thread *self, unsigned bin)
{
    if (is_begun(self, bin))
        return;
    self->sampled_bins[bin >> 6] |= (uint64_t)1 << (bin & 63);
    set_next(self, bin, self->magazines[bin].mallocs);
}

bool ml_sample_take(struct ml_thread *self, unsigned bin)
{
    struct ml_magazine *magazine = &self->magazines[bin];
    need_next(self, bin);
    if (!ml_sample_is_due(magazine))
        return false;
    set_next(self, bin, magazine->mallocs + 1);
    return true;
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
        if (is_begun(self, bin))
            set_next(self, bin, self->magazines[bin].mallocs);
}
