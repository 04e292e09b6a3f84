/* SPDX-License-Identifier: MIT */
#include "cli/jsontext.h"

#include <math.h>

#include "base/format.h"
#include "base/utf8.h"

static void write_control(FILE *to, const char *text, size_t bytes)
{
    uint32_t code = ml_utf8_code(text, bytes);
    if (code == '\n' || code == '\r' || code == '\t')
        fprintf(to, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    else
        fprintf(to, "\\u%04x", code);
}

void ml_json_string(FILE *to, const char *text, size_t length)
{
    putc_unlocked('"', to);
    for (size_t at = 0; at < length;) {
        size_t bytes = ml_utf8_bytes(text + at, length - at);
        if (bytes == 0)
            fputs("\\ufffd", to);
        else if (text[at] == '"' || text[at] == '\\')
            fprintf(to, "\\%c", text[at]);
        else if (ml_utf8_is_control(text + at, bytes))
            write_control(to, text + at, bytes);
        else
            fwrite_unlocked(text + at, 1, bytes, to);
        at += bytes == 0 ? 1 : bytes;
    }
    putc_unlocked('"', to);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

bool ml_json_is_number(const char *text, size_t length)
{
    const char *end = text + length, *at = text;
    at += at < end && *at == '-';
    const char *whole = at;
    at = skip_digits(at, end);
    if (at == whole || (*whole == '0' && at - whole > 1))
        return false;
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at, end);
        if (at == fraction)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '+' || *at == '-');
        const char *exponent = at;
        at = skip_digits(at, end);
        if (at == exponent)
            return false;
    }
    return at == end;
}

void ml_json_double(FILE *to, double value)
{
    char digits[64];
    struct ml_text text;
    if (!isfinite(value)) {
        fputs("null", to);
        return;
    }
    ml_text_init(&text, digits, sizeof(digits));
    ml_text_double_json(&text, value);
    ml_text_finish(&text);
    fputs(digits, to);
}
