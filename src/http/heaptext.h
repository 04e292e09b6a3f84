/* SPDX-License-Identifier: MIT */
/* heaptext.h - a snapshot as the older text (profile/text.h), for people: most bytes in use first,
 * and behind each bucket its functions, where they are known.
 *
 *   1: 3008 [3: 9024] @ 0x55d1 0x55a0
 *   #	0x55d0	parse+0x50	/src/parse.c:25
 *   #	0x559f	main+0x1c	/src/main.c:10
 */
#ifndef ML_HTTP_HEAPTEXT_H
#define ML_HTTP_HEAPTEXT_H

#include "http/buffer.h"
#include "http/names.h"
#include "image/snapshot.h"
#include "memlog_stats.h"

/* stats: of the same moment; most_rss: the most that was ever resident, in bytes. namer: NULL:
 * nobody knows. 0 or -ENOMEM. */
int ml_heaptext_write(const struct ml_snapshot *snapshot, const struct memlog_memstats *stats,
                      uint64_t most_rss, const struct ml_namer *namer, struct ml_buffer *buffer);

#endif
