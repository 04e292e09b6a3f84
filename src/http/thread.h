/* SPDX-License-Identifier: MIT */
/* thread.h - the server's own threads: the collector does not know them and never stops
 * them, and no signal of the program's comes to them.
 */
#ifndef ML_HTTP_THREAD_H
#define ML_HTTP_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* name: at most 15 characters. 0 or -errno; -ENOTSUP in a static program. */
int ml_http_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);
void ml_http_thread_join(pthread_t thread);
/* False: it has not ended after so many milliseconds. */
bool ml_http_thread_join_within(pthread_t thread, unsigned ms);

#endif
