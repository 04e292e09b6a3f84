/* SPDX-License-Identifier: MIT */
/* reportvalues.c - a report's numbers as people read them. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "cli/reportparts.h"
#include "cli/units.h"
#include "os/clock.h"

const char *ml_moment_text(int64_t time_ns, char *text)
{
    time_t seconds = (time_t)(time_ns / (int64_t)ML_NS_PER_SECOND);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL ||
        strftime(text, ML_VALUE_BYTES, "%F %T", &local) == 0)
        strcpy(text, "?");
    return text;
}

const char *ml_span_text(double seconds, char *text)
{
    enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };
    double rest = fmin(fmax(seconds, 0), 1e12);
    if (rest < 1)
        snprintf(text, ML_VALUE_BYTES, "%.0f ms", rest * 1000);
    else if (rest < 10)
        snprintf(text, ML_VALUE_BYTES, "%.1f s", rest);
    else if (rest < 2 * MINUTE)
        snprintf(text, ML_VALUE_BYTES, "%.0f s", rest);
    else if (rest < 2 * HOUR)
        snprintf(text, ML_VALUE_BYTES, "%.0f min", rest / MINUTE);
    else if (rest < 2 * DAY)
        snprintf(text, ML_VALUE_BYTES, "%.1f h", rest / HOUR);
    else if (rest < 1000.0 * DAY)
        snprintf(text, ML_VALUE_BYTES, "%.1f days", rest / DAY);
    else
        snprintf(text, ML_VALUE_BYTES, "%.0f years", rest / DAY / 365.25);
    return text;
}

const char *ml_rate_text(double bytes, char *text)
{
    char size[ML_VALUE_BYTES];
    double whole = round(fmin(fabs(bytes), 1e18)); /* 47.999 are not 47 */
    snprintf(text, ML_VALUE_BYTES, "%s%s", bytes < 0 && whole > 0 ? "-" : "",
             ml_bytes_text((uint64_t)whole, size, sizeof(size)));
    return text;
}

const char *ml_percent_text(double share, char *text)
{
    double percent = fmin(fmax(share, 0) * 100, 99.9);
    snprintf(text, ML_VALUE_BYTES, percent > 99 ? "%.1f %%" : "%.0f %%", floor(percent * 10) / 10);
    return text;
}

static const char *count_text(double value, char *text)
{
    snprintf(text, ML_VALUE_BYTES, value == floor(value) || fabs(value) >= 1000 ? "%.0f" : "%.2f",
             value);
    return text;
}

/* A pause may be some microseconds. */
static const char *short_span_text(double ns, char *text)
{
    if (ns >= 1e9)
        return ml_span_text(ns / 1e9, text);
    snprintf(text, ML_VALUE_BYTES, "%.4g %s", ns >= 1e6 ? ns / 1e6 : ns >= 1e3 ? ns / 1e3 : ns,
             ns >= 1e6 ? "ms" : ns >= 1e3 ? "us" : "ns");
    return text;
}

const char *ml_value_text(const char *column, double value, char *text)
{
    const struct ml_field *field = ml_field_find(column, strlen(column));
    if (isnan(value))
        return strcpy(text, "-");
    switch (field == NULL ? ML_UNIT_COUNT : field->unit) {
    case ML_UNIT_BYTES:
        if (value > 1e18)
            return strcpy(text, "none"); /* a limit that is not set */
        return ml_rate_text(value, text);
    case ML_UNIT_NANOSECONDS:
        return short_span_text(value, text);
    case ML_UNIT_UNIX_NANOSECONDS:
        return value == 0 ? strcpy(text, "never") : ml_moment_text((int64_t)value, text);
    case ML_UNIT_FRACTION:
        snprintf(text, ML_VALUE_BYTES, "%.4f", value);
        return text;
    default:
        return count_text(value, text);
    }
}

const char *ml_rough_text(double count, char *text)
{
    static const struct {
        double from;
        const char *word;
    } scales[] = { { 1e12, " trillion" }, { 1e9, " billion" }, { 1e6, " million" } };
    for (size_t i = 0; i < sizeof(scales) / sizeof(scales[0]); i++)
        if (fabs(count) >= scales[i].from) {
            snprintf(text, ML_VALUE_BYTES, "%.4g%s", count / scales[i].from, scales[i].word);
            return text;
        }
    return count_text(count, text);
}

const char *ml_growth_text(const char *column, double value, char *text)
{
    const struct ml_field *field = ml_field_find(column, strlen(column));
    bool is_count = field == NULL || field->unit == ML_UNIT_COUNT;
    return is_count ? ml_rough_text(value, text) : ml_value_text(column, value, text);
}

bool ml_column_is_total(const char *column)
{
    const struct ml_field *field = ml_field_find(column, strlen(column));
    return field != NULL && field->kind == ML_TOTAL;
}

bool ml_column_is_moment(const char *column)
{
    const struct ml_field *field = ml_field_find(column, strlen(column));
    return field != NULL && field->unit == ML_UNIT_UNIX_NANOSECONDS;
}
