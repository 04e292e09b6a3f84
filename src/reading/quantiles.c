/* SPDX-License-Identifier: MIT */
#include "reading/quantiles.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE_BITS = 9, PLACES = 1 << PLACE_BITS, OCTAVE_BITS = 12 /* sign and exponent */ };
enum { OCTAVES_MOST = 64 }; /* no column of memlog's has more; a log that was made up could take gigabytes */

struct ml_octave {
    unsigned key;
    struct {
        uint64_t count;
        double most; /* the largest of them */
    } places[PLACES];
};

/* A double's bits, so that they are ordered as the numbers are. */
static uint64_t ordered_bits(double value)
{
    uint64_t bits;
    value += 0.0; /* -0 is 0 */
    memcpy(&bits, &value, sizeof(bits));
    return bits >> 63 != 0 ? ~bits : bits | UINT64_C(1) << 63;
}

/* Where an octave of that key is, or belongs. */
static size_t place_of(const struct ml_quantiles *quantiles, unsigned key)
{
    size_t low = 0, high = quantiles->used;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (quantiles->octaves[middle]->key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct ml_octave *insert(struct ml_quantiles *quantiles, size_t at, unsigned key)
{
    if (quantiles->used == quantiles->capacity) {
        size_t capacity = quantiles->capacity == 0 ? 4 : 2 * quantiles->capacity;
        void *more = realloc(quantiles->octaves, capacity * sizeof(*quantiles->octaves));
        if (more == NULL)
            return NULL;
        quantiles->octaves = more;
        quantiles->capacity = capacity;
    }
    struct ml_octave *octave = calloc(1, sizeof(*octave));
    if (octave == NULL)
        return NULL;
    octave->key = key;
    memmove(quantiles->octaves + at + 1, quantiles->octaves + at,
            (quantiles->used - at) * sizeof(*quantiles->octaves));
    quantiles->octaves[at] = octave;
    quantiles->used++;
    return octave;
}

/* The value's, or one beside where that would be when there are as many as there may be. */
static struct ml_octave *octave_of(struct ml_quantiles *quantiles, unsigned key)
{
    size_t at = quantiles->latest; /* it mostly is the one of the value before */
    if (at >= quantiles->used || quantiles->octaves[at]->key != key)
        at = place_of(quantiles, key);
    quantiles->latest = at;
    if (at < quantiles->used && quantiles->octaves[at]->key == key)
        return quantiles->octaves[at];
    if (quantiles->used == OCTAVES_MOST)
        return quantiles->octaves[at < OCTAVES_MOST ? at : OCTAVES_MOST - 1];
    return insert(quantiles, at, key);
}

bool ml_quantiles_add(struct ml_quantiles *quantiles, double value)
{
    uint64_t bits = ordered_bits(value);
    unsigned key = (unsigned)(bits >> (64 - OCTAVE_BITS));
    struct ml_octave *octave = octave_of(quantiles, key);
    if (octave == NULL)
        return false;
    size_t at = (bits >> (64 - OCTAVE_BITS - PLACE_BITS)) % PLACES;
    if (octave->key != key) /* one nearby, at the end that keeps the order */
        at = octave->key > key ? 0 : PLACES - 1;
    if (octave->places[at].count == 0 || value > octave->places[at].most)
        octave->places[at].most = value;
    octave->places[at].count++;
    quantiles->count++;
    return true;
}

double ml_quantiles_at(const struct ml_quantiles *quantiles, double part)
{
    double rank = part * (double)quantiles->count;
    uint64_t needed = (uint64_t)rank, so_far = 0;
    needed += (double)needed < rank || needed == 0;
    double value = 0;
    for (size_t i = 0; i < quantiles->used && so_far < needed; i++) {
        const struct ml_octave *octave = quantiles->octaves[i];
        for (size_t at = 0; at < PLACES && so_far < needed; at++) {
            if (octave->places[at].count == 0)
                continue;
            so_far += octave->places[at].count;
            value = octave->places[at].most;
        }
    }
    return value;
}

void ml_quantiles_free(struct ml_quantiles *quantiles)
{
    for (size_t i = 0; i < quantiles->used; i++)
        free(quantiles->octaves[i]);
    free(quantiles->octaves);
    *quantiles = (struct ml_quantiles){ 0 };
}
