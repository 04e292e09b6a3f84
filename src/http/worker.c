/* SPDX-License-Identifier: MIT */
#include "http/worker.h"

#include <errno.h>
#include <time.h>

#include "http/thread.h"
#include "os/clock.h"

static struct timespec moment(uint64_t ns)
{
    return (struct timespec){ (time_t)(ns / ML_NS_PER_SECOND), (long)(ns % ML_NS_PER_SECOND) };
}

/* The first that is due; NULL: none, and *next is when one will be, 0 for never. */
static struct ml_request **find_due(struct ml_worker *worker, uint64_t *next)
{
    uint64_t now = ml_os_monotonic_ns();
    *next = 0;
    for (struct ml_request **link = &worker->first; *link != NULL; link = &(*link)->next) {
        if ((*link)->due_ns <= now)
            return link;
        if (*next == 0 || (*link)->due_ns < *next)
            *next = (*link)->due_ns;
    }
    return NULL;
}

/* Under the lock. NULL: it stops. */
static struct ml_request *wait_for_one(struct ml_worker *worker)
{
    uint64_t next;
    for (;;) {
        struct ml_request **link = worker->is_stopping ? NULL : find_due(worker, &next);
        if (worker->is_stopping)
            return NULL;
        if (link != NULL) {
            struct ml_request *request = *link;
            *link = request->next;
            request->next = NULL;
            return request;
        }
        struct timespec until = moment(next);
        if (next == 0)
            pthread_cond_wait(&worker->change, &worker->lock);
        else
            (void)pthread_cond_clockwait(&worker->change, &worker->lock, CLOCK_MONOTONIC, &until);
    }
}

static void append(struct ml_worker *worker, struct ml_request *request)
{
    struct ml_request **link = &worker->first;
    while (*link != NULL)
        link = &(*link)->next;
    request->next = NULL;
    *link = request;
}

static void finish(struct ml_worker *worker, struct ml_request *request)
{
    worker->count--;
    pthread_mutex_unlock(&worker->lock);
    worker->done(request);
    pthread_mutex_lock(&worker->lock);
}

static void *work(void *argument)
{
    struct ml_worker *worker = argument;
    struct ml_request *request;
    pthread_mutex_lock(&worker->lock);
    while ((request = wait_for_one(worker)) != NULL) {
        pthread_mutex_unlock(&worker->lock);
        request->step++;
        bool is_later = request->handle(request) == ML_LATER;
        pthread_mutex_lock(&worker->lock);
        if (is_later)
            append(worker, request);
        else
            finish(worker, request);
    }
    while ((request = worker->first) != NULL) {
        enum { UNAVAILABLE = 503 };
        worker->first = request->next;
        ml_reply_error(&request->reply, UNAVAILABLE, "the pages are being closed");
        finish(worker, request);
    }
    pthread_mutex_unlock(&worker->lock);
    return NULL;
}

int ml_worker_start(struct ml_worker *worker, void (*done)(struct ml_request *request))
{
    *worker = (struct ml_worker){ .done = done };
    pthread_mutex_init(&worker->lock, NULL);
    pthread_cond_init(&worker->change, NULL);
    return ml_http_thread_start(&worker->thread, "memlog-pages", work, worker);
}

bool ml_worker_take(struct ml_worker *worker, struct ml_request *request)
{
    pthread_mutex_lock(&worker->lock);
    bool has_room = worker->count < ML_WORKER_JOBS_MOST && !worker->is_stopping;
    if (has_room) {
        worker->count++;
        append(worker, request);
        pthread_cond_signal(&worker->change);
    }
    pthread_mutex_unlock(&worker->lock);
    return has_room;
}

bool ml_worker_stop(struct ml_worker *worker, unsigned patience_ms)
{
    pthread_mutex_lock(&worker->lock);
    worker->is_stopping = true;
    pthread_cond_signal(&worker->change);
    pthread_mutex_unlock(&worker->lock);
    if (patience_ms != 0)
        return ml_http_thread_join_within(worker->thread, patience_ms);
    ml_http_thread_join(worker->thread);
    return true;
}

void ml_worker_free(struct ml_worker *worker)
{
    pthread_cond_destroy(&worker->change);
    pthread_mutex_destroy(&worker->lock);
}
