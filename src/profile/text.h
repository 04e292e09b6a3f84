/* SPDX-License-Identifier: MIT */
/* text.h - the profile as text, the older of the forms that pprof reads:
 *
 *   heap profile: 2: 96 [5: 240] @ heap/1048576      samples alive [allocated] @ twice the rate
 *   2: 96 [5: 240] @ 0x55d1 0x55a0                   a bucket: the same, its return addresses
 *
 *   MAPPED_LIBRARIES:                                 mappings of code, for the symbols
 *   ...
 *
 *   # runtime.MemStats                                statistics of the same moment
 *   # Alloc = 4433792
 *   ...
 *
 * The numbers are those of the samples: readers scale them, for which the rate is there.
 */
#ifndef ML_PROFILE_TEXT_H
#define ML_PROFILE_TEXT_H

/* As ml_pprof_write. */
int ml_profile_text_write(int fd);

#endif
