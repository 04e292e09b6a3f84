/* SPDX-License-Identifier: MIT */
/* arithmetic - numbers of a few words on the heap, made anew by every
 * operation: a factor of products of two primes by Pollard's rho.
 */
#include "workload.h"

#include <string.h>

struct number {
    unsigned limbs;
    uint32_t limb[];
};

static struct number *new_number(unsigned limbs)
{
    struct number *number = workload_alloc(sizeof(*number) + limbs * sizeof(number->limb[0]));
    number->limbs = limbs;
    return number;
}

static struct number *number_of(uint64_t value)
{
    struct number *number = new_number(value >> 32 != 0 ? 2 : 1);
    number->limb[0] = (uint32_t)value;
    if (number->limbs == 2)
        number->limb[1] = (uint32_t)(value >> 32);
    return number;
}

static uint64_t value_of(const struct number *number)
{
    return number->limb[0] | (number->limbs > 1 ? (uint64_t)number->limb[1] << 32 : 0);
}

static struct number *product(const struct number *a, const struct number *b)
{
    struct number *result = new_number(a->limbs + b->limbs);
    memset(result->limb, 0, result->limbs * sizeof(result->limb[0]));
    for (unsigned i = 0; i < a->limbs; i++) {
        uint64_t carry = 0;
        for (unsigned j = 0; j < b->limbs; j++) {
            carry += (uint64_t)a->limb[i] * b->limb[j] + result->limb[i + j];
            result->limb[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        result->limb[i + b->limbs] = (uint32_t)carry;
    }
    return result;
}

static struct number *sum(const struct number *a, const struct number *b)
{
    unsigned limbs = (a->limbs > b->limbs ? a->limbs : b->limbs) + 1;
    struct number *result = new_number(limbs);
    uint64_t carry = 0;
    for (unsigned i = 0; i < limbs; i++) {
        carry += (i < a->limbs ? a->limb[i] : 0) + (uint64_t)(i < b->limbs ? b->limb[i] : 0);
        result->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return result;
}

/* By a divisor below 2^62, which is a quotient of 128 by 64 bits a limb. */
static struct number *remainder_of(const struct number *a, uint64_t divisor)
{
    uint64_t rest = 0;
    for (unsigned i = a->limbs; i-- > 0;)
        rest = (uint64_t)((((unsigned __int128)rest << 32) | a->limb[i]) % divisor);
    return number_of(rest);
}

/* x * x + c modulo n */
static struct number *step(const struct number *x, const struct number *c, uint64_t n)
{
    struct number *square = product(x, x);
    struct number *more = sum(square, c);
    struct number *result = remainder_of(more, n);
    free(square);
    free(more);
    return result;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Pollard's rho: one that walks, one that walks twice as fast. */
static uint64_t factor(uint64_t n, uint64_t constant)
{
    struct number *c = number_of(constant), *slow = number_of(2), *fast = number_of(2);
    uint64_t divisor = 1;
    while (divisor == 1) {
        struct number *product_of_differences = number_of(1);
        for (int i = 0; i < 64; i++) {
            struct number *old[3] = { slow, fast, step(fast, c, n) };
            slow = step(slow, c, n);
            fast = step(old[2], c, n);
            uint64_t a = value_of(slow), b = value_of(fast);
            struct number *difference = number_of(a > b ? a - b : b - a);
            struct number *all = product(product_of_differences, difference);
            free(product_of_differences);
            product_of_differences = remainder_of(all, n);
            free(all);
            free(difference);
            for (int j = 0; j < 3; j++)
                free(old[j]);
        }
        divisor = common_divisor(n, value_of(product_of_differences));
        free(product_of_differences);
    }
    free(c);
    free(slow);
    free(fast);
    return divisor;
}

void workload_arithmetic(unsigned threads)
{
    static const uint64_t primes[] = { 1000000007, 998244353, 1073741789, 536870909, 715827883 };
    enum { PRIMES = sizeof(primes) / sizeof(primes[0]), CONSTANTS = 16 };
    (void)threads;
    for (uint64_t first = 1; first <= CONSTANTS; first++)
        for (unsigned i = 0; i < PRIMES; i++)
            for (unsigned j = 0; j < i; j++) {
                uint64_t n = primes[i] * primes[j], divisor = n;
                for (uint64_t constant = first; divisor == n; constant += CONSTANTS)
                    divisor = factor(n, constant);
                workload_require(n % divisor == 0 && divisor > 1, "that is no factor");
            }
}
