/* SPDX-License-Identifier: MIT */
/* plotprogress.c - how far the reading of a long log has come. */
#include <inttypes.h>
#include <unistd.h>

#include "cli/plotdraw.h"
#include "os/clock.h"

static struct {
    uint64_t begin_ns, shown_ns;
} bar;

void ml_plot_progress(void *context, uint64_t done, uint64_t all)
{
    (void)context;
    enum { CELLS = 30 };
    static const char cells[CELLS + 1] = "##############################";
    uint64_t now = ml_os_monotonic_ns();
    if (bar.begin_ns == 0)
        bar.begin_ns = now;
    if (now - bar.begin_ns < ML_NS_PER_SECOND || now - bar.shown_ns < 100 * ML_NS_PER_MS ||
        !isatty(STDERR_FILENO))
        return;
    bar.shown_ns = now;
    if (all == 0) {
        fprintf(stderr, "\rmemlog: %" PRIu64 " MiB read", done >> 20);
        return;
    }
    int full = (int)(done >= all ? CELLS : (double)done / (double)all * CELLS);
    fprintf(stderr, "\rmemlog: reading [%-*.*s] %3d %%", CELLS, full, cells,
            (int)(done >= all ? 100 : (double)done / (double)all * 100));
}

void ml_plot_progress_end(void)
{
    if (bar.shown_ns != 0)
        fputs("\r\033[K", stderr);
    bar.shown_ns = bar.begin_ns = 0;
}
