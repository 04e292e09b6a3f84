/* SPDX-License-Identifier: MIT */
#include "reading/line.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

size_t ml_line_word(const char **at, const char *end)
{
    const char *begin = *at;
    while (begin < end && is_blank(*begin))
        begin++;
    const char *stop = begin;
    while (stop < end && !is_blank(*stop))
        stop++;
    *at = begin;
    return (size_t)(stop - begin);
}

/* ---- the way most lines take --------------------------------------------------------------- */

/* Not more digits than int64_t has nanoseconds for, and uint64_t numbers. */
enum { SECOND_DIGITS = 10, FRACTION_DIGITS = 9, NUMBER_DIGITS = 19 };

/* Eight digits at once: the first is the lowest byte, and each has its value. */
static inline uint64_t value_of_eight(uint64_t digits)
{
    const uint64_t lanes = UINT64_C(0x000000ff000000ff);
    digits = digits * 10 + (digits >> 8); /* pairs, in every other byte */
    return (uint32_t)(((digits & lanes) * (100 + (UINT64_C(1000000) << 32)) +
                       ((digits >> 16) & lanes) * (1 + (UINT64_C(10000) << 32))) >> 32);
}

/* How many of eight bytes are digits, up to the first that is none; *value: their number. */
static inline unsigned take_eight(const char *at, uint64_t *value)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    bytes = le64toh(bytes) ^ UINT64_C(0x3030303030303030);
    /* The top bit of each byte above 9; of those behind the first it may be wrong. */
    uint64_t others = (bytes | (bytes + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
    unsigned count = others == 0 ? 8 : (unsigned)__builtin_ctzll(others) / 8;
    *value = count == 0 ? 0 : value_of_eight(bytes << (64 - 8 * count));
    return count;
}

/* Up to `most` digits; one more, or none, is no number: NULL. */
static inline const char *take_digits(const char *at, unsigned most, uint64_t *number)
{
    static const uint64_t tens[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000 };
    uint64_t value, more;
    unsigned count = take_eight(at, &value), length = count;
    while (count == 8 && length <= most) {
        count = take_eight(at + length, &more);
        value = value * tens[count] + more;
        length += count;
    }
    *number = value;
    return length == 0 || length > most ? NULL : at + length;
}

static const int64_t fraction_units[] = { 1000000000, 100000000, 10000000, 1000000, 100000,
                                          10000,      1000,      100,      10,      1 };

static const char *take_time(const char *at, int64_t *time_ns)
{
    uint64_t seconds, fraction;
    const char *end = take_digits(at, SECOND_DIGITS, &seconds);
    if (end == NULL || seconds >= (uint64_t)ML_LINE_TIME_MOST_NS / 1000000000)
        return NULL;
    *time_ns = (int64_t)seconds * 1000000000;
    if (*end != '.')
        return end;
    at = end + 1;
    end = take_digits(at, FRACTION_DIGITS, &fraction);
    if (end != NULL)
        *time_ns += (int64_t)fraction * fraction_units[end - at];
    return end;
}

/* ---- a line of the same shape as the one before: each number is found without the others ------ */

enum { SHAPE_DIGITS = 16 }; /* of a part, at most */

/* digits of them, from at on; a byte that is none sets bits of *others. */
static inline uint64_t value_at(const char *at, unsigned digits, uint64_t *others)
{
    const uint64_t zeros = UINT64_C(0x3030303030303030), nines = UINT64_C(0x7676767676767676);
    uint64_t first, rest;
    memcpy(&first, at, sizeof(first));
    first = le64toh(first) ^ zeros;
    if (digits <= 8) {
        first <<= 64 - 8 * digits;
        *others |= first | (first + nines);
        return value_of_eight(first);
    }
    memcpy(&rest, at + digits - 8, sizeof(rest));
    rest = le64toh(rest) ^ zeros;
    first <<= 64 - 8 * (digits - 8);
    *others |= first | (first + nines) | rest | (rest + nines);
    return value_of_eight(first) * 100000000 + value_of_eight(rest);
}

/* Where the line ends, or NULL: it has another shape. All of it is in memory. The compiler makes one of
 * these for the lines that there mostly are. */
static inline __attribute__((always_inline)) const char *
parse_same(const char *at, struct ml_line_numbers *numbers, unsigned columns, bool has_fraction)
{
    const unsigned char *digits = numbers->shape.digits;
    unsigned bad = 0;
    uint64_t others = 0, seconds = value_at(at, *digits, &others);
    int64_t fraction = 0;
    at += *digits++;
    if (has_fraction) {
        bad |= (unsigned)(*at ^ '.');
        fraction = (int64_t)value_at(at + 1, *digits, &others) * fraction_units[*digits];
        at += 1 + *digits++;
    }
    for (unsigned i = 0; i < columns; i++) {
        bad |= (unsigned)(*at ^ ' ');
        numbers->values[i] = (double)(int64_t)value_at(at + 1, *digits, &others);
        at += 1 + *digits++;
    }
    bad |= (unsigned)(*at ^ '\n');
    if (bad != 0 || (others & UINT64_C(0x8080808080808080)) != 0 ||
        seconds >= (uint64_t)ML_LINE_TIME_MOST_NS / 1000000000)
        return NULL;
    numbers->time_ns = (int64_t)seconds * 1000000000 + fraction;
    return at + 1;
}

static bool add_part(struct ml_line_shape *shape, size_t digits)
{
    if (digits > SHAPE_DIGITS || shape->parts == ML_LINE_SHAPE_PARTS)
        return false;
    shape->digits[shape->parts++] = (unsigned char)digits;
    return true;
}

/* Of a line that is plain. */
static void take_shape(struct ml_line_shape *shape, const char *at)
{
    *shape = (struct ml_line_shape){ .parts = 0 };
    for (const char *end = at;; at = ++end) {
        end += strspn(end, "0123456789");
        if (!add_part(shape, (size_t)(end - at))) {
            shape->parts = 0;
            return;
        }
        shape->has_fraction |= *end == '.';
        if (*end == '\n')
            return;
    }
}

/* ---- a plain line ------------------------------------------------------------------------- */

static const char *parse_plain(const char *at, unsigned columns, struct ml_line_numbers *numbers)
{
    at = take_time(at, &numbers->time_ns);
    for (unsigned i = 0; i < columns && at != NULL; i++) {
        uint64_t number;
        if (*at != ' ')
            return NULL;
        at = take_digits(at + 1, NUMBER_DIGITS, &number);
        numbers->values[i] = (double)number;
    }
    return at == NULL || *at != '\n' ? NULL : at + 1;
}

static unsigned columns_of(const struct ml_line_shape *shape)
{
    return shape->parts == 0 ? 0 : shape->parts - 1u - shape->has_fraction;
}

const char *ml_line_parse_plain(const char *at, const char *end, unsigned columns,
                                struct ml_line_numbers *numbers)
{
    const char *next = NULL;
    numbers->count = columns;
    numbers->has_unknown = false;
    const struct ml_line_shape *shape = &numbers->shape;
    if (columns_of(shape) == columns && end - at > ML_LINE_SHAPE_PARTS * (SHAPE_DIGITS + 1))
        next = columns == 2 && !shape->has_fraction
                   ? parse_same(at, numbers, 2, false)
                   : parse_same(at, numbers, columns, shape->has_fraction);
    if (next != NULL)
        return next;
    next = parse_plain(at, columns, numbers);
    if (next != NULL)
        take_shape(&numbers->shape, at);
    return next;
}

/* ---- any line -------------------------------------------------------------------------- */

enum { WORD_BYTES = 48 + ML_LINE_SLACK }; /* of a number, with its NUL */

/* A word of digits and what else numbers are written with; strtod knows more, such as "nan". */
static bool parse_number(const char *word, size_t length, double *value)
{
    char text[WORD_BYTES] = { 0 }, *end;
    uint64_t plain;
    if (length == 1 && *word == '-') {
        *value = NAN;
        return true;
    }
    if (length == 0 || length >= WORD_BYTES - ML_LINE_SLACK)
        return false;
    memcpy(text, word, length);
    if (take_digits(text, NUMBER_DIGITS, &plain) == text + length) {
        *value = (double)plain;
        return true;
    }
    if (strspn(text, "0123456789.eE+-") != length || strpbrk(text, "0123456789") == NULL)
        return false;
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value);
}

static bool parse_time(const char *word, size_t length, int64_t *time_ns)
{
    char text[WORD_BYTES] = { 0 };
    if (length == 0 || length >= WORD_BYTES - ML_LINE_SLACK)
        return false;
    memcpy(text, word, length);
    /* A NUL of the word's own is not its end. */
    return take_time(text, time_ns) == text + length;
}

static enum ml_line_kind parse_sample(const char *at, const char *end, struct ml_line_numbers *numbers)
{
    size_t length = ml_line_word(&at, end);
    numbers->count = 0;
    numbers->has_unknown = false;
    if (!parse_time(at, length, &numbers->time_ns))
        return ML_LINE_GARBAGE;
    at += length;
    while ((length = ml_line_word(&at, end)) != 0) {
        if (numbers->count == ML_LINE_COLUMNS ||
            !parse_number(at, length, &numbers->values[numbers->count]))
            return ML_LINE_GARBAGE;
        if (isnan(numbers->values[numbers->count++]))
            numbers->has_unknown = true;
        at += length;
    }
    return numbers->count == 0 ? ML_LINE_GARBAGE : ML_LINE_SAMPLE;
}

enum ml_line_kind ml_line_parse(const char *line, size_t length, struct ml_line_numbers *numbers)
{
    const char *end = line + length;
    while (end > line && (is_blank(end[-1]) || end[-1] == '\r'))
        end--;
    while (line < end && is_blank(*line))
        line++;
    if (line == end)
        return ML_LINE_BLANK;
    if (end[-1] == '?' && (end - line == 1 || is_blank(end[-2])) && *line != '#')
        return ML_LINE_CUT;
    return *line == '#' ? ML_LINE_COMMENT : parse_sample(line, end, numbers);
}
