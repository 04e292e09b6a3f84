/* SPDX-License-Identifier: MIT */
/* library_roots.c - a library with room for pointers in its data, in its .bss
 * and in thread-local variables, for the collector's tests to load. */
#include <stddef.h>

enum { SLOTS = 100 };

void **library_data(void);
void **library_bss(void);
void **library_tls(void);

static void *data[SLOTS] = { &data };
static void *bss[SLOTS];
static _Thread_local void *tls[SLOTS];

void **library_data(void) { return data; }
void **library_bss(void) { return bss; }
void **library_tls(void) { return tls; }
