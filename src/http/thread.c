/* SPDX-License-Identifier: MIT */
#include "http/thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnu/lib-names.h>
#include <signal.h>
#include <time.h>

#include "os/clock.h"

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
typedef int join_function(pthread_t, void **);
typedef int clockjoin_function(pthread_t, void **, clockid_t, const struct timespec *);

/* The C library's own, past libmemlog's, which would register the thread with the collector. */
static void *find(const char *name)
{
    void *library = dlopen(LIBC_SO, RTLD_LAZY | RTLD_NOLOAD);
    void *found = library == NULL ? NULL : dlsym(library, name);
    if (library != NULL)
        dlclose(library);
    return found;
}

int ml_http_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument)
{
    enum { STACK_BYTES = 1 << 20 }; /* libdw follows long chains */
    create_function *create = (create_function *)find("pthread_create");
    pthread_attr_t attributes;
    sigset_t all;
    if (create == NULL)
        return -ENOTSUP;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = pthread_attr_setsigmask_np(&attributes, &all);
    if (error == 0)
        error = create(thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    if (error == 0)
        (void)pthread_setname_np(*thread, name);
    return -error;
}

void ml_http_thread_join(pthread_t thread)
{
    join_function *join = (join_function *)find("pthread_join");
    if (join != NULL)
        (void)join(thread, NULL);
}

bool ml_http_thread_join_within(pthread_t thread, unsigned ms)
{
    clockjoin_function *join = (clockjoin_function *)find("pthread_clockjoin_np");
    uint64_t until = ml_os_monotonic_ns() + (uint64_t)ms * ML_NS_PER_MS;
    const struct timespec moment = { (time_t)(until / ML_NS_PER_SECOND), (long)(until % ML_NS_PER_SECOND) };
    return join != NULL && join(thread, NULL, CLOCK_MONOTONIC, &moment) == 0;
}
