/* SPDX-License-Identifier: MIT */
/* service.h - a small healthy service, for a leak to stand out against.
 *
 * It keeps a directory of many small records, which stays as it is, and works
 * with large buffers, of which it keeps the last few. So HeapObjects is nearly
 * constant and Alloc is a sawtooth on a level floor; what rises beyond that
 * is the leak of the program that uses it.
 */
#ifndef MEMLOG_SAMPLE_SERVICE_H
#define MEMLOG_SAMPLE_SERVICE_H

/* Fill the directory. */
void service_open(void);
/* The work of one tick. */
void service_work(void);
/* Print the numbers at the end: what the service and the leak come to. */
void service_report(const char *leak);

#endif
