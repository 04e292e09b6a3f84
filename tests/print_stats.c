/* SPDX-License-Identifier: MIT */
/* print_stats.c - the C half of test_stats_json_go.sh, and of what compares src/gdb with src/stats.
 *
 *   print_stats structs         for each of some structs, a line with its bytes
 *                               in hexadecimal and a line with its JSON
 *   print_stats doubles COUNT   COUNT and some hard doubles, one a line: bits
 *                               in hexadecimal, JSON style, Go's %v style
 *   print_stats fields          the table of numbers, a line each: Go's name, its struct's number
 *                               (enum ml_field_home), place, enum ml_field_type, enum ml_field_unit
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/fields.h"
#include "stats/json.h"

/* xorshift64*: the same numbers on every machine. */
static uint64_t next_random(void)
{
    static uint64_t state = 20261121;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

static double from_bits(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* --- structs ---------------------------------------------------------------- */

static void print_struct(const struct memlog_memstats *stats)
{
    static char buffer[20480];
    struct ml_text text;

    for (size_t i = 0; i < sizeof(*stats); i++)
        printf("%02x", ((const unsigned char *)stats)[i]);
    ml_text_init(&text, buffer, sizeof(buffer));
    ml_json_memstats(&text, stats);
    ml_text_finish(&text);
    printf("\n%s\n", buffer);
}

/* Every field different, so that two that were swapped would show. Numbers get
 * all lengths, from one digit to twenty. */
static struct memlog_memstats random_struct(double gc_cpu_fraction)
{
    struct memlog_memstats stats;
    uint64_t words[sizeof(stats) / sizeof(uint64_t)];

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        words[i] = next_random() >> (next_random() & 63);
    memset(&stats, 0, sizeof(stats));
    memcpy(&stats, words, offsetof(struct memlog_memstats, gc_cpu_fraction));
    memcpy(&stats.by_size, words, sizeof(stats.by_size));
    stats.gc_cpu_fraction = gc_cpu_fraction;
    stats.enable_gc = next_random() & 1;
    stats.debug_gc = next_random() & 1;
    return stats;
}

static void print_structs(void)
{
    static const double fractions[] = { 0, -0.0, 1, 0.1, 1 / 3.0, 1e-6, 1e-7, 1.5e-5, 0.00012345,
                                        1e20, 1e21, 5e-324, 1.7976931348623157e308 };
    enum { RANDOM_STRUCTS = 100 };
    struct memlog_memstats stats;

    memset(&stats, 0, sizeof(stats));
    print_struct(&stats);

    memset(&stats, 0xff, sizeof(stats));
    stats.gc_cpu_fraction = -2.2250738585072014e-308;
    stats.enable_gc = stats.debug_gc = true;
    print_struct(&stats);

    for (size_t i = 0; i < sizeof(fractions) / sizeof(fractions[0]); i++) {
        stats = random_struct(fractions[i]);
        print_struct(&stats);
    }
    for (unsigned i = 0; i < RANDOM_STRUCTS; i++) {
        double fraction = from_bits(next_random());
        stats = random_struct(isfinite(fraction) ? fraction : 0.5);
        print_struct(&stats);
    }
}

/* --- doubles ---------------------------------------------------------------- */

static void print_double(double value)
{
    char json[64], go[64];
    struct ml_text text;
    uint64_t bits;

    ml_text_init(&text, json, sizeof(json));
    ml_text_double_json(&text, value);
    ml_text_finish(&text);
    ml_text_init(&text, go, sizeof(go));
    ml_text_double_go(&text, value);
    ml_text_finish(&text);
    memcpy(&bits, &value, sizeof(bits));
    printf("%016llx %s %s\n", (unsigned long long)bits, json, go);
}

static void print_neighbourhood(double value)
{
    print_double(value);
    print_double(-value);
    print_double(nextafter(value, 0));
    print_double(nextafter(value, INFINITY));
}

static void print_hard_doubles(void)
{
    static const double hard[] = { 0,   0.3, 1 / 3.0, 2.2250738585072011e-308, 9007199254740993.0,
                                   0.1, 9e-265, 8.5e22, 123456789012345680000.0, INFINITY, NAN };

    for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++)
        print_neighbourhood(hard[i]);
    for (int power = -1074; power <= 1023; power++)
        print_neighbourhood(ldexp(1, power));
    for (int power = -324; power <= 308; power++) {
        for (int digit = 1; digit <= 9; digit++) {
            char source[32];
            snprintf(source, sizeof(source), "%de%d", digit, power);
            print_neighbourhood(strtod(source, NULL));
        }
    }
}

static void print_doubles(unsigned long count)
{
    print_hard_doubles();
    for (unsigned long i = 0; i < count; i++) {
        print_double(from_bits(next_random()));
        print_double((double)(next_random() >> 11) * 0x1p-53);
        print_double((double)(next_random() % 10000000) / 1000);
    }
}

/* --- the table -------------------------------------------------------------- */

static void print_fields(void)
{
    for (const struct ml_field *field = ml_fields; field < ml_fields + ml_fields_count; field++)
        printf("%s %d %d %d %d\n", field->go_name, field->home, field->offset, field->type,
               field->unit);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "structs") == 0) {
        print_structs();
    } else if (count == 3 && strcmp(arguments[1], "doubles") == 0) {
        print_doubles(strtoul(arguments[2], NULL, 10));
    } else if (count == 2 && strcmp(arguments[1], "fields") == 0) {
        print_fields();
    } else {
        fprintf(stderr, "usage: print_stats structs | doubles COUNT | fields\n");
        return 2;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
