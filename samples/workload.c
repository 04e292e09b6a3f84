/* SPDX-License-Identifier: MIT */
/* workload - a service as it lives: the picture that `make plot` draws.
 *
 * Threads serve requests, each of which is a tree of short-lived objects of
 * many sizes; sessions come and go; a registry is loaded at the start and
 * grows slowly; and once a batch job builds something big and drops it. The
 * day has phases, which are the marks in the log. Alloc is a sawtooth under
 * Sys: garbage piles up, a collection takes it away, and the floor of the teeth
 * is what lives.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "memlog.h"
#include "sample.h"

/* ---- the day ----------------------------------------------------------- */

/* The numbers are those of the whole service, shared out among its threads. */
struct phase {
    const char *name;
    long until_percent;
    long requests_per_tick; /* of 7 KiB on average */
    long sessions;          /* of 8 KiB on average, when the phase has settled */
    long batch_blocks;      /* of 256 KiB */
};

static const struct phase phases[] = {
    { "opening", 20, 60, 1200, 0 },
    { "busy", 50, 120, 2800, 0 },
    { "batch job", 65, 160, 3200, 96 },
    { "evening", 100, 120, 1000, 0 },
};

static const struct phase *phase_of(const struct sample_run *run)
{
    const struct phase *phase = phases;
    while (sample_past(run, phase->until_percent))
        phase++;
    return phase;
}

/* ---- what lives: the collector finds it from these variables ------------ */

enum {
    MOST_THREADS = 64,
    MOST_SESSIONS = 4096,
    SESSIONS_MOVED_PER_TICK = 8, /* opened or closed, on the way to the wanted number */
    REQUESTS_PER_LOGIN = 10,
    REQUESTS_PER_REGISTRATION = 32,
    REGISTRATIONS_AT_START = 3000,
    BATCH_BLOCK_BYTES = 256 * 1024,
    MOST_BATCH_BLOCKS = 96,
    LOG_INTERVAL_MS = 50 /* some points on every tooth */
};

/* A field of a request or a session: scanned itself, with text that is not. */
struct field {
    struct field *next;
    char *name;
    char *value;
};

struct session {
    char *user;
    struct field *fields;
    uint64_t visits;
};

struct registration {
    struct registration *next;
    char *document;
};

struct worker {
    pthread_t thread;
    struct sample_run run;
    long number, of;
    uint64_t chance;
    uint64_t requests;
    long session_count;
    struct session *sessions[MOST_SESSIONS];
};

static struct worker workers[MOST_THREADS];
static struct registration *registry;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static char *batch[MOST_BATCH_BLOCKS];

/* The part of a number that falls to this worker. */
static long share_of(const struct worker *worker, long all)
{
    return all * (worker->number + 1) / worker->of - all * worker->number / worker->of;
}

/* ---- building things ----------------------------------------------------- */

static char *new_text(uint64_t *chance, size_t shortest, size_t longest)
{
    size_t length = sample_between(chance, shortest, longest);
    char *text = sample_need(memlog_malloc_noscan(length + 1));
    memset(text, 'a' + (int)(length % 26), length);
    text[length] = '\0';
    return text;
}

static struct field *new_fields(uint64_t *chance, size_t count, size_t longest)
{
    struct field *fields = NULL;
    while (count-- > 0) {
        struct field *field = sample_need(memlog_malloc(sizeof(*field)));
        field->name = new_text(chance, 4, 24);
        field->value = new_text(chance, 8, longest);
        field->next = fields;
        fields = field;
    }
    return fields;
}

static struct session *new_session(uint64_t *chance)
{
    struct session *session = sample_need(memlog_malloc(sizeof(*session)));
    session->user = new_text(chance, 8, 40);
    session->fields = new_fields(chance, sample_between(chance, 4, 20), 1200);
    return session;
}

static void registry_add(uint64_t *chance)
{
    struct registration *new = sample_need(memlog_malloc(sizeof(*new)));
    new->document = new_text(chance, 1000, 4000);
    pthread_mutex_lock(&registry_lock);
    new->next = registry;
    registry = new;
    pthread_mutex_unlock(&registry_lock);
}

/* ---- a worker -------------------------------------------------------------- */

static size_t any_session(struct worker *worker)
{
    return sample_between(&worker->chance, 0, (size_t)worker->session_count - 1);
}

/* All that a request makes is garbage when it returns, but for the visit it
 * leaves in a session, a login now and then, and what it registers. */
static void serve_request(struct worker *worker)
{
    struct field *head = new_fields(&worker->chance, sample_between(&worker->chance, 4, 12), 256);
    char *body = new_text(&worker->chance, 256, 10000);
    head->value[0] = body[0];
    worker->requests++;
    if (worker->session_count > 0) {
        worker->sessions[any_session(worker)]->visits++;
        if (worker->requests % REQUESTS_PER_LOGIN == 0)
            worker->sessions[any_session(worker)] = new_session(&worker->chance);
    }
    if (worker->requests % REQUESTS_PER_REGISTRATION == 0)
        registry_add(&worker->chance);
}

static void open_or_close_sessions(struct worker *worker, long wanted)
{
    long moves = 1 + share_of(worker, SESSIONS_MOVED_PER_TICK);
    for (; moves > 0 && worker->session_count < wanted; moves--)
        worker->sessions[worker->session_count++] = new_session(&worker->chance);
    for (; moves > 0 && worker->session_count > wanted; moves--)
        worker->sessions[--worker->session_count] = NULL;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    while (sample_next(&worker->run)) {
        const struct phase *phase = phase_of(&worker->run);
        open_or_close_sessions(worker, share_of(worker, phase->sessions));
        for (long left = share_of(worker, phase->requests_per_tick); left > 0; left--)
            serve_request(worker);
    }
    return NULL;
}

/* ---- the main thread: the phases, and the batch job ------------------------- */

static void set_batch(long blocks)
{
    memset(batch, 0, sizeof(batch));
    for (long i = 0; i < blocks; i++) {
        batch[i] = sample_need(memlog_malloc_noscan(BATCH_BLOCK_BYTES));
        memset(batch[i], 'b', BATCH_BLOCK_BYTES);
    }
    memlog_keep_alive(batch); /* an array that nobody reads is optimized away */
}

static void follow_the_day(struct sample_run run)
{
    const struct phase *phase = NULL;
    while (sample_next(&run)) {
        if (phase == phase_of(&run))
            continue;
        phase = phase_of(&run);
        memlog_log_mark(phase->name);
        set_batch(phase->batch_blocks);
    }
}

static void print_summary(void)
{
    uint64_t requests = 0;
    for (size_t i = 0; i < MOST_THREADS; i++)
        requests += workers[i].requests;
    struct memlog_memstats now;
    memlog_read_memstats(&now);
    printf("workload: %" PRIu64 " requests; Alloc %.1f, TotalAlloc %.1f, Sys %.1f MiB\n", requests,
           sample_mib(now.alloc), sample_mib(now.total_alloc), sample_mib(now.sys));
    printf("%u collections, %.1f ms of pauses, %" PRIu64 " objects\n", (unsigned)now.num_gc,
           (double)now.pause_total_ns / 1e6, now.heap_objects);
}

int main(int argc, char **argv)
{
    long seconds = 12;
    long threads = 2;
    long seed = 1;
    const struct sample_option options[] = {
        SAMPLE_SECONDS(seconds),
        { "threads", &threads, 1, MOST_THREADS, "how many share the work" },
        { "seed", &seed, 0, INT32_MAX, "another seed, another sequence" },
    };
    sample_options(argc, argv, "A service with requests, sessions, a registry and a batch job.",
                   options, SAMPLE_COUNT_OF(options));

    sample_log_start(NULL, LOG_INTERVAL_MS);
    uint64_t chance = (uint64_t)seed;
    for (int i = 0; i < REGISTRATIONS_AT_START; i++)
        registry_add(&chance);

    struct sample_run run = sample_run_of(seconds);
    for (long i = 0; i < threads; i++) {
        workers[i].run = run;
        workers[i].number = i;
        workers[i].of = threads;
        workers[i].chance = sample_random(&chance);
        int error = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        if (error != 0) {
            fprintf(stderr, "workload: can't start a thread: %s\n", strerror(error));
            return 1;
        }
    }
    follow_the_day(run);
    for (long i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    print_summary();
    return 0;
}
