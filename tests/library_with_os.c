/* SPDX-License-Identifier: MIT */
/* library_with_os.c - a library that has the os floor inside, as libmemlog
 * has: its own data is not to be visited. */
#include <stdint.h>

#include "os/segments.h"

typedef void visitor(uintptr_t begin, uintptr_t end, void *argument);
void library_each_segment(visitor *visit, void *argument);
long *library_data_address(void);

static long library_data = 42;

void library_each_segment(visitor *visit, void *argument)
{
    ml_os_each_segment(visit, argument);
}

long *library_data_address(void)
{
    return &library_data;
}
