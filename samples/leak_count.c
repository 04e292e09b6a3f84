/* SPDX-License-Identifier: MIT */
/* leak_count - a leak of many small objects.
 *
 * A healthy service (service.h), whose clients subscribe and, from a fifth of
 * the run on, are never unsubscribed: 30,000 objects of 32 bytes a second.
 * HeapObjects climbs in a straight line; Alloc climbs too, but so little that
 * the sawtooth of the healthy traffic hides it for a while.
 */
#include <stdio.h>

#include "memlog.h"
#include "sample.h"
#include "service.h"

enum { LEAK_BEGINS_PERCENT = 20, SUBSCRIPTIONS_PER_TICK = 300 };

struct subscription {
    struct subscription *next;
    long client;
    long topics[2];
};

/* The leak: a list that nobody takes anything from. To the collector all of
 * it is alive, for all of it can be reached from here. */
static struct subscription *subscriptions;

static void subscribe(long client)
{
    struct subscription *new = sample_need(memlog_malloc(sizeof(*new)));
    new->client = client;
    new->next = subscriptions;
    subscriptions = new;
}

int main(int argc, char **argv)
{
    long seconds = 12;
    const struct sample_option options[] = { SAMPLE_SECONDS(seconds) };
    sample_options(argc, argv, "Leak many small objects: HeapObjects climbs, Alloc a little.",
                   options, SAMPLE_COUNT_OF(options));

    service_open();
    sample_log_start("HeapObjects", SAMPLE_LOG_INTERVAL_MS);
    struct sample_run run = sample_run_of(seconds);
    while (sample_next(&run)) {
        service_work();
        if (sample_at(&run, LEAK_BEGINS_PERCENT))
            memlog_log_mark("leak begins");
        if (sample_past(&run, LEAK_BEGINS_PERCENT))
            for (int i = 0; i < SUBSCRIPTIONS_PER_TICK; i++)
                subscribe(run.tick);
    }
    service_report("leak_count");
    return 0;
}
