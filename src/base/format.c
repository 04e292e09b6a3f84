/* SPDX-License-Identifier: MIT */
/* format.c - text, whole numbers and dates into a caller's buffer.
 *
 * Floating-point numbers are in double.c. Nothing here keeps state, calls the
 * operating system or asks for memory, so all of it may run inside malloc.
 */
#include "base/format.h"

#include <string.h>

#include "base/bits.h"

enum {
    DECIMAL_DIGITS_MAX = 20, /* of 2^64 - 1 */
    HEX_DIGITS_MAX = 16,
    SECONDS_PER_DAY = 24 * 60 * 60
};

void ml_text_init(struct ml_text *text, char *buffer, size_t capacity)
{
    text->buffer = buffer;
    text->capacity = capacity;
    text->length = 0;
}

/* Bytes that still fit; the last one of the buffer belongs to the NUL. */
static size_t room(const struct ml_text *text)
{
    return text->length < text->capacity ? text->capacity - 1 - text->length : 0;
}

void ml_text_char(struct ml_text *text, char c)
{
    if (room(text) > 0)
        text->buffer[text->length] = c;
    text->length++;
}

void ml_text_bytes(struct ml_text *text, const char *bytes, size_t count)
{
    size_t fitting = ml_min(count, room(text));

    if (fitting > 0)
        memcpy(text->buffer + text->length, bytes, fitting);
    text->length += count;
}

void ml_text_string(struct ml_text *text, const char *string)
{
    ml_text_bytes(text, string, strlen(string));
}

void ml_text_u64_padded(struct ml_text *text, uint64_t value, unsigned width)
{
    char digits[DECIMAL_DIGITS_MAX];
    unsigned first = DECIMAL_DIGITS_MAX;

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);

    unsigned count = DECIMAL_DIGITS_MAX - first;
    for (unsigned zeros = count; zeros < width; zeros++)
        ml_text_char(text, '0');
    ml_text_bytes(text, digits + first, count);
}

void ml_text_u64(struct ml_text *text, uint64_t value)
{
    ml_text_u64_padded(text, value, 1);
}

/* The distance from zero. Negating in unsigned arithmetic also holds for
 * INT64_MIN, which has no positive int64_t. */
static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void ml_text_i64(struct ml_text *text, int64_t value)
{
    if (value < 0)
        ml_text_char(text, '-');
    ml_text_u64(text, magnitude(value));
}

void ml_text_hex(struct ml_text *text, uint64_t value)
{
    char digits[HEX_DIGITS_MAX];
    unsigned first = HEX_DIGITS_MAX;

    do {
        digits[--first] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);

    ml_text_bytes(text, "0x", 2);
    ml_text_bytes(text, digits + first, HEX_DIGITS_MAX - first);
}

struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

/* Division that rounds down also below zero, as days before 1970 need it. */
static int64_t floor_divide(int64_t dividend, int64_t divisor)
{
    int64_t quotient = dividend / divisor;
    return dividend % divisor < 0 ? quotient - 1 : quotient;
}

/* The Gregorian date of a day counted from 1970-01-01. Years are taken to
 * begin in March: then the leap day is a year's last day, and the months'
 * lengths follow the pattern 31 30 31 30 31, which (153 m + 2) / 5 counts. */
static struct date date_of_day(int64_t day_since_1970)
{
    enum { DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, DAYS_0000_03_01_TO_1970 = 719468 };

    int64_t day = day_since_1970 + DAYS_0000_03_01_TO_1970;
    int64_t era = floor_divide(day, DAYS_PER_ERA);
    unsigned day_of_era = (unsigned)(day - era * DAYS_PER_ERA);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned months_since_march = (5 * day_of_year + 2) / 153;

    struct date date;
    date.day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    date.month = months_since_march < 10 ? months_since_march + 3 : months_since_march - 9;
    date.year = era * YEARS_PER_ERA + year_of_era + (date.month <= 2 ? 1 : 0);
    return date;
}

void ml_text_utc(struct ml_text *text, int64_t seconds)
{
    int64_t day = floor_divide(seconds, SECONDS_PER_DAY);
    unsigned second_of_day = (unsigned)(seconds - day * SECONDS_PER_DAY);
    struct date date = date_of_day(day);

    if (date.year < 0)
        ml_text_char(text, '-');
    ml_text_u64_padded(text, magnitude(date.year), 4);
    ml_text_char(text, '-');
    ml_text_u64_padded(text, date.month, 2);
    ml_text_char(text, '-');
    ml_text_u64_padded(text, date.day, 2);
    ml_text_char(text, 'T');
    ml_text_u64_padded(text, second_of_day / 3600, 2);
    ml_text_char(text, ':');
    ml_text_u64_padded(text, second_of_day / 60 % 60, 2);
    ml_text_char(text, ':');
    ml_text_u64_padded(text, second_of_day % 60, 2);
    ml_text_char(text, 'Z');
}

size_t ml_text_finish(struct ml_text *text)
{
    if (text->capacity > 0)
        text->buffer[ml_min(text->length, text->capacity - 1)] = '\0';
    return text->length;
}
