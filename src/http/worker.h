/* SPDX-License-Identifier: MIT */
/* worker.h - the thread for what takes time: profiles, symbols, collections, functions of the
 * program's. The server's thread answers others meanwhile.
 *
 * A request is the worker's from ml_worker_take until `done` is called with it, in the worker's
 * thread. One lock, held for a moment.
 */
#ifndef ML_HTTP_WORKER_H
#define ML_HTTP_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "http/request.h"

enum { ML_WORKER_JOBS_MOST = 64 };

struct ml_worker {
    pthread_mutex_t lock;
    pthread_cond_t change;
    pthread_t thread;
    bool is_stopping;
    unsigned count;           /* of requests it has */
    struct ml_request *first; /* in the order they came */
    void (*done)(struct ml_request *request);
};

/* 0 or -errno. */
int ml_worker_start(struct ml_worker *worker, void (*done)(struct ml_request *request));
/* False: it has too much to do. */
bool ml_worker_take(struct ml_worker *worker, struct ml_request *request);
/* What it is at is finished; the others get an answer that says why not, and whoever comes now is not
 * taken. False: it is still at it after so many milliseconds (0: it is waited for). */
bool ml_worker_stop(struct ml_worker *worker, unsigned patience_ms);
/* When nobody comes any more. */
void ml_worker_free(struct ml_worker *worker);

#endif
