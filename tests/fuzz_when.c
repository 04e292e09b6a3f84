/* SPDX-License-Identifier: MIT */
/* fuzz_when.c - any text as a moment. */
#include <stdlib.h>
#include <string.h>

#include "reading/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct ml_when when;
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ml_when_parse(text, &when) && when.kind == ML_WHEN_MARK && when.mark != text + 5)
        abort();
    free(text);
    return 0;
}
