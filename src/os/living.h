/* SPDX-License-Identifier: MIT */
/* living.h - where in /proc a process's memory is told of. What stands in /proc/PID is its first
 * thread's, and that may have ended (pthread_exit in main) while others go on: it has no memory
 * then, no mappings and no descriptors, and they are found by one of the others.
 */
#ifndef ML_OS_LIVING_H
#define ML_OS_LIVING_H

#include <sys/types.h>

enum { ML_OS_LIVING_BYTES = 256 };

/* The folder with the files of somebody who has the process's memory: proc ("/proc/self", "/proc/4242")
 * itself, mostly; or, in path, another thread's in it. proc: nobody has any, or it can't be seen.
 * Figures of whole processes ("stat") stay in proc. Nothing is allocated; errno stays. */
const char *ml_os_living(char path[ML_OS_LIVING_BYTES], const char *proc);
/* The name of a file in it, "/maps", in path. pid 0: this process. */
const char *ml_os_living_file(char path[ML_OS_LIVING_BYTES], pid_t pid, const char *file);

#endif
