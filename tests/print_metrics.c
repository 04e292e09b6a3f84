/* SPDX-License-Identifier: MIT */
/* print_metrics.c - a program with a heap of its own, for test_stats_prometheus.sh: what it uses, as
 * metrics in each form and as JSON, twice, with work in between. All of a time are of one reading.
 *
 *   print_metrics FOLDER    FOLDER/first.text .go.text .open .go.open .json, and second.*
 */
#include <stdio.h>
#include <stdlib.h>

#include "memlog.h"
#include "memlog_stats.h"
#include "os/account.h"
#include "stats/prometheus.h"

enum { BUFFER_BYTES = 1 << 16, KEPT = 300 };

static void *kept[KEPT]; /* the collector looks here */

static void write_file(const char *folder, const char *time, const char *form, const char *content)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.%s", folder, time, form);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(content, file) == EOF || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void write_all(const char *folder, const char *time)
{
    static const char *const forms[] = { "text", "go.text", "open", "go.open" };
    static char buffer[BUFFER_BYTES];
    struct memlog_memstats stats;
    struct memlog_extra extra = { .size = sizeof(extra) };
    struct ml_os_account account;
    memlog_read_memstats(&stats);
    memlog_read_extra(&extra);
    ml_os_account_read("/proc/self", &account);
    for (unsigned form = 0; form < 4; form++) {
        struct ml_prometheus input = { &stats, &extra, &account, memlog_version(), form >= 2,
                                       form % 2 == 1 };
        struct ml_text text;
        ml_text_init(&text, buffer, sizeof(buffer));
        ml_prometheus_write(&text, &input);
        if (ml_text_finish(&text) >= sizeof(buffer))
            abort();
        write_file(folder, time, forms[form], buffer);
    }
    if (memlog_memstats_json(&stats, buffer, sizeof(buffer)) >= BUFFER_BYTES)
        abort();
    write_file(folder, time, "json", buffer);
}

static void work(void)
{
    for (int i = 0; i < 100 * KEPT; i++)
        kept[i % KEPT] = memlog_malloc(16 + (size_t)(i % 40) * 64);
    kept[0] = memlog_malloc(1 << 20);
    memlog_free(kept[1]);
    kept[1] = NULL;
    memlog_gc();
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    work();
    write_all(arguments[1], "first");
    work();
    write_all(arguments[1], "second");
    return 0;
}
