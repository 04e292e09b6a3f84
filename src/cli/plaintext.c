/* SPDX-License-Identifier: MIT */
#include "cli/plaintext.h"

#include <string.h>

#include "base/utf8.h"

size_t ml_plain_next(const char *text, size_t left, const char **shown)
{
    size_t bytes = ml_utf8_bytes(text, left);
    *shown = bytes == 0 ? "?" : ml_utf8_is_control(text, bytes) ? " " : NULL;
    return bytes == 0 ? 1 : bytes;
}

void ml_plain(char *text)
{
    const char *shown;
    for (size_t left = strlen(text), bytes; left != 0; text += bytes, left -= bytes) {
        bytes = ml_plain_next(text, left, &shown);
        if (shown != NULL)
            memset(text, *shown, bytes);
    }
}
