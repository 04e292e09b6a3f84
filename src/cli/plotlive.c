/* SPDX-License-Identifier: MIT */
/* plotlive.c - a plot of a log that grows: drawn again whenever there is more in it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/plotdraw.h"
#include "cli/screen.h"
#include "os/clock.h"
#include "os/process.h"

enum { OWN_FAILURE = 125 };

/* ---- drawing --------------------------------------------------------------------- */

/* What is drawn, to see whether there is anything new. */
struct state {
    uint64_t samples, collections;
    size_t marks;
    unsigned runs, rows, columns;
    bool has_ended;
};

static struct state state_of(const struct ml_plot *plot, bool is_screen)
{
    const struct ml_plot_log *log = &plot->logs[0];
    struct state state;
    memset(&state, 0, sizeof(state)); /* compared as bytes */
    state.samples = log->samples;
    state.collections = log->collections;
    state.marks = log->mark_count;
    state.runs = log->runs;
    state.has_ended = log->has_ended;
    if (is_screen)
        ml_screen_size(STDOUT_FILENO, &state.rows, &state.columns);
    return state;
}

static char *text_of(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    char *text = NULL;
    size_t length = 0;
    if (task->format != ML_PLOT_TERM)
        return ml_plot_gnuplot_text(plot, task);
    FILE *to = open_memstream(&text, &length);
    if (to == NULL)
        return NULL;
    ml_plot_term(plot, task, to);
    fclose(to);
    return text;
}

/* A picture of sixels is no text: it is written from the top left on as it is. */
static int print(const char *text, const struct ml_plot_task *task, const struct state *state,
                 bool is_screen)
{
    static const char to_the_top[] = "\033[H\033[J";
    if (!is_screen || task->format == ML_PLOT_SIXEL) {
        int error = is_screen ? ml_os_write_all(STDOUT_FILENO, to_the_top, strlen(to_the_top)) : 0;
        return error != 0 ? error : ml_os_write_all(STDOUT_FILENO, text, strlen(text));
    }
    size_t capacity = 2 * strlen(text) + 4096;
    char *screen = malloc(capacity);
    if (screen == NULL)
        return -ENOMEM;
    struct ml_text to;
    ml_text_init(&to, screen, capacity);
    ml_screen_write(&to, text, state->rows, 0);
    ml_text_finish(&to);
    int error = ml_os_write_all(STDOUT_FILENO, to.buffer, to.length);
    free(screen);
    return error;
}

static bool draw(struct ml_plot *plot, struct ml_plot_task *task, const struct state *state, bool is_screen)
{
    ml_plot_settle(plot);
    if (state->columns != 0 && task->format != ML_PLOT_SIXEL) {
        task->size.columns = state->columns;
        task->size.lines = state->rows;
    }
    if (task->format == ML_PLOT_WINDOW)
        return ml_plot_window_draw(plot, task);
    char *text = text_of(plot, task);
    if (text == NULL)
        return false;
    int error = print(text, task, state, is_screen);
    free(text);
    if (error != 0)
        ml_os_complain("cannot write the picture: ", ml_os_error_text(-error), NULL);
    return error == 0;
}

/* ---- the log ---------------------------------------------------------------------- */

static int read_on(struct ml_plot *plot, const struct ml_plot_want *want)
{
    struct ml_plot_log *log = &plot->logs[0];
    bool was_rotated = ml_plot_was_rotated(log); /* first: what came before it is read */
    int error = ml_plot_read_on(plot, log);
    if (error != 0) {
        ml_os_complain(log->file, ": cannot be read: ", ml_os_error_text(-error), NULL);
        return error;
    }
    return was_rotated && !ml_plot_reopen(plot, want) ? -EIO : 0;
}

/* As often as there are samples, within what eyes and terminals can do. */
static void wait_for_more(const struct ml_plot *plot)
{
    enum { LEAST_NS = 100 * ML_NS_PER_MS, MOST_NS = ML_NS_PER_SECOND };
    uint64_t ns = plot->logs[0].interval_ns;
    ns = ns < LEAST_NS ? LEAST_NS : ns > MOST_NS ? MOST_NS : ns;
    struct timespec pause = { (time_t)(ns / ML_NS_PER_SECOND), (long)(ns % ML_NS_PER_SECOND) };
    (void)nanosleep(&pause, NULL);
}

static volatile sig_atomic_t is_over;

static void note_end(int unused)
{
    (void)unused;
    is_over = 1;
}

/* The second Ctrl-C ends it in the middle of anything. */
static void catch_signals(void)
{
    struct sigaction action = { .sa_handler = note_end, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

int ml_plot_live(struct ml_plot *plot, const struct ml_plot_want *want, struct ml_plot_task *task)
{
    bool is_screen = task->format != ML_PLOT_WINDOW && ml_screen_is(STDOUT_FILENO);
    struct state drawn;
    memset(&drawn, 0, sizeof(drawn));
    int status = 0;
    catch_signals();
    while (!is_over) {
        struct state now = state_of(plot, is_screen);
        if (now.samples != 0 && memcmp(&now, &drawn, sizeof(now)) != 0) {
            if (!draw(plot, task, &now, is_screen)) {
                status = is_over ? 0 : OWN_FAILURE;
                break;
            }
            drawn = now;
        }
        if (now.has_ended)
            break;
        wait_for_more(plot);
        if (!is_over && read_on(plot, want) != 0) {
            status = OWN_FAILURE;
            break;
        }
    }
    if (task->format == ML_PLOT_WINDOW)
        ml_plot_window_close();
    return status;
}
