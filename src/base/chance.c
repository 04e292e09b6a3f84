/* SPDX-License-Identifier: MIT */
#include "base/chance.h"

/* -ln(u) of u in (0, 1] is exponential, for u uniform. u = m * 2^-k with m in
 * [0.75, 1.5): ln(m) by the series of the inverse hyperbolic tangent, whose argument is at
 * most 1/5, so that what is left out is less than 1e-10. */
double ml_exponential_of(uint64_t random)
{
    const double LN_2 = 0.693147180559945309417;
    const double SMALLEST = 0x1p-64;
    double m = (double)random * SMALLEST;
    int k = 0;
    if (random == 0)
        m = SMALLEST;
    for (; m < 0.75; m *= 2)
        k++;
    double z = (m - 1) / (m + 1), square = z * z;
    double ln = 2 * z *
                (1 + square * (1.0 / 3 + square * (1.0 / 5 + square * (1.0 / 7 +
                 square * (1.0 / 9 + square * (1.0 / 11 + square / 13))))));
    double distance = k * LN_2 - ln;
    return distance > 0 ? distance : 0;
}

/* The series for a small y = x / 2^k, then doubled k times:
 * 1 - e^-2y = (1 - e^-y) (2 - (1 - e^-y)). */
double ml_chance_within(double x)
{
    const double CERTAIN = 40, SMALL = 1.0 / 16;
    if (x >= CERTAIN)
        return 1;
    int doublings = 0;
    for (; x > SMALL; x /= 2)
        doublings++;
    double sum = x, term = x;
    for (int n = 2; n <= 10; n++) {
        term *= -x / n;
        sum += term;
    }
    for (; doublings > 0; doublings--)
        sum *= 2 - sum;
    return sum;
}
