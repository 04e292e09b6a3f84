/* SPDX-License-Identifier: MIT */
/* bits.h - powers of two, single bits, branch hints, alignment. Pure. */
#ifndef ML_BASE_BITS_H
#define ML_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

#define ml_likely(x) __builtin_expect(!!(x), 1)
#define ml_unlikely(x) __builtin_expect(!!(x), 0)
#define ML_COLD __attribute__((noinline, cold))
#define ML_NOINLINE __attribute__((noinline))
#define ML_ALWAYS_INLINE __attribute__((always_inline))
/* For declarations of variables that fast paths read: who only sees the
 * declaration would look up the address in a table first. */
#define ML_HIDDEN __attribute__((visibility("hidden")))
#define ML_MUST_CHECK __attribute__((warn_unused_result))
/* For functions that read memory which is not theirs on purpose: the
 * conservative scanner looks at stacks and data segments word by word. */
#define ML_SCANS_FOREIGN_MEMORY \
    __attribute__((no_sanitize("address", "undefined", "thread"), noinline))

/* For the functions by which programs come in: in a section of their own, by which a stack
 * is known to have come from outside. They call nobody by a jump (-fno-optimize-sibling-calls). */
#define ML_DOOR __attribute__((visibility("default"), section("memlog_doors")))

/* For variables that hold addresses of the heap and must keep nothing alive,
 * where memlog is linked into a program whose data is scanned. Zero at the start. */
#define ML_NO_ROOT __attribute__((section(ML_SECTION_OF_ZEROS("memlog_no_roots"))))

enum { ML_CACHE_LINE = 64 };

static inline unsigned ml_ctz64(uint64_t word) { return (unsigned)__builtin_ctzll(word); }
static inline unsigned ml_popcount64(uint64_t word) { return (unsigned)__builtin_popcountll(word); }
/* Position of the highest set bit; word must not be 0. */
static inline unsigned ml_log2(uint64_t word) { return 63u - (unsigned)__builtin_clzll(word); }

static inline bool ml_is_power_of_two(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }
/* alignment must be a power of two; the caller sees to it that n does not overflow. */
static inline uint64_t ml_align_up(uint64_t n, uint64_t alignment)
{
    return (n + alignment - 1) & ~(alignment - 1);
}
static inline uint64_t ml_align_down(uint64_t n, uint64_t alignment) { return n & ~(alignment - 1); }
static inline uint64_t ml_min(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t ml_max(uint64_t a, uint64_t b) { return a > b ? a : b; }

#endif
