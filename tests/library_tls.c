/* SPDX-License-Identifier: MIT */
/* library_tls.c - a library with data of its own and thread-local data, for
 * test_os_segments to load. Built several times: how the thread-local block is
 * placed is decided by compiler options, its size by TLS_BYTES. */
#include <stddef.h>

#ifndef TLS_BYTES
#define TLS_BYTES 64
#endif

long *library_data_address(void);
void *library_tls_address(void);

static long library_data = 42;
static _Thread_local char library_tls[TLS_BYTES] = { 1 };

long *library_data_address(void)
{
    return &library_data;
}

/* The address in the calling thread; the first call in a thread makes the block. */
void *library_tls_address(void)
{
    return library_tls;
}
