/* SPDX-License-Identifier: MIT */
#include "cli/condition.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/options.h"

static const char blanks[] = " \t";
static const char digits[] = "0123456789";

__attribute__((format(printf, 2, 3))) static bool refuse(char why[ML_CONDITION_WHY_BYTES],
                                                         const char *format, ...)
{
    va_list words;
    va_start(words, format);
    vsnprintf(why, ML_CONDITION_WHY_BYTES, format, words);
    va_end(words);
    return false;
}

/* ---- its three parts --------------------------------------------------------------- */

struct parts {
    char name[40], operator[3], value[40];
};

static const char *take(const char *at, size_t length, char *part, size_t capacity)
{
    snprintf(part, capacity, "%.*s", (int)length, at);
    return length == 0 || length >= capacity ? NULL : at + length;
}

/* Blanks may be between them and around. */
static bool split(const char *text, struct parts *parts)
{
    static const char operators[] = "<>=";
    const char *at = text + strspn(text, blanks);
    at = take(at, strcspn(at, " \t<>="), parts->name, sizeof(parts->name));
    if (at == NULL)
        return false;
    at += strspn(at, blanks);
    at = take(at, strspn(at, operators), parts->operator, sizeof(parts->operator));
    if (at == NULL)
        return false;
    at += strspn(at, blanks);
    at = take(at, strcspn(at, " \t<>="), parts->value, sizeof(parts->value));
    return at != NULL && at[strspn(at, blanks)] == '\0';
}

static bool find_comparison(const char *operator, enum ml_comparison *comparison)
{
    static const char names[][3] = {
        [ML_ABOVE] = ">", [ML_AT_LEAST] = ">=", [ML_BELOW] = "<", [ML_AT_MOST] = "<="
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(operator, names[i]) == 0) {
            *comparison = (enum ml_comparison)i;
            return true;
        }
    return false;
}

/* "90", "0.25", and `ending` behind it. */
static bool parse_decimal(const char *text, const char *ending, double *number)
{
    size_t length = strspn(text, digits);
    if (length == 0)
        return false;
    if (text[length] == '.')
        length += 1 + strspn(text + length + 1, digits);
    *number = strtod(text, NULL);
    return strcmp(text + length, ending) == 0;
}

static bool parse_bound(struct ml_condition *condition, const char *value,
                        char why[ML_CONDITION_WHY_BYTES])
{
    bool is_bytes = condition->field->unit == ML_UNIT_BYTES;
    uint64_t bytes;
    condition->is_share = parse_decimal(value, "%", &condition->bound);
    if (condition->is_share && !is_bytes)
        return refuse(why, "%s is no number of bytes, of which the limit could be a measure: "
                      "compare it with a plain number", condition->field->go_name);
    if (condition->is_share)
        return true;
    if (!is_bytes)
        return parse_decimal(value, "", &condition->bound) ||
               refuse(why, "\"%s\" is not a number (try 100, 0.5)", value);
    if (!ml_parse_bytes(value, &bytes))
        return refuse(why, "\"%s\" is neither a size nor a share (try 512MiB, 90%%)", value);
    condition->bound = (double)bytes;
    return true;
}

bool ml_condition_parse(struct ml_condition *condition, const char *text,
                        char why[ML_CONDITION_WHY_BYTES])
{
    struct parts parts;
    if (!split(text, &parts) || !find_comparison(parts.operator, &condition->comparison))
        return refuse(why, "\"%.80s\" is no condition (try sys>90%%, alloc>=512MiB, fds>1000)",
                      text);
    condition->field = ml_field_find(parts.name, strlen(parts.name));
    if (condition->field == NULL)
        return refuse(why, "no field is called %s (the names are those of --columns)", parts.name);
    if (!ml_field_is_one_number(condition->field))
        return refuse(why, "%s is more than one number", parts.name);
    snprintf(condition->text, sizeof(condition->text), "%s%s%s", parts.name, parts.operator,
             parts.value);
    return parse_bound(condition, parts.value, why);
}

/* ---- is it true? --------------------------------------------------------------------- */

static bool is_true(const struct ml_condition *condition, double value, double bound)
{
    switch (condition->comparison) {
    case ML_ABOVE:
        return value > bound;
    case ML_AT_LEAST:
        return value >= bound;
    case ML_BELOW:
        return value < bound;
    case ML_AT_MOST:
        return value <= bound;
    }
    return false;
}

static bool is_past_slack(const struct ml_condition *condition, double value, double bound)
{
    const double slack = 0.05;
    bool is_upper = condition->comparison == ML_ABOVE || condition->comparison == ML_AT_LEAST;
    return is_upper ? value <= bound * (1 - slack) : value >= bound * (1 + slack);
}

bool ml_condition_holds(const struct ml_condition *condition, bool held, double value,
                        uint64_t limit)
{
    double bound = condition->is_share ? condition->bound / 100 * (double)limit : condition->bound;
    return is_true(condition, value, bound) || (held && !is_past_slack(condition, value, bound));
}
