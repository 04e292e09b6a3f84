/* SPDX-License-Identifier: MIT */
/* library_preload.c - a plug-in that allocates and frees by itself. Loaded with
 * RTLD_DEEPBIND its malloc is the C library's. */
#include <stdlib.h>
#include <string.h>

int library_preload_churns(void);
int library_preload_churns(void)
{
    char *kept[100] = { NULL };
    int wrong = 0;
    for (int i = 0; i < 10000; i++) {
        size_t size = 1 + (size_t)(i * 31 % 5000);
        int at = i % 100;
        if (kept[at] != NULL)
            wrong += kept[at][0] != (char)at;
        kept[at] = realloc(kept[at], size);
        memset(kept[at], at, size);
    }
    for (int at = 0; at < 100; at++)
        free(kept[at]);
    return wrong;
}
