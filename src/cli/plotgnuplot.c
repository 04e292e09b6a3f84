/* SPDX-License-Identifier: MIT */
/* plotgnuplot.c - gnuplot, driven: it gets the script and the numbers as files without a name. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/plotdraw.h"
#include "os/process.h"

/* Said by name, in a path or not. */
static const char *program(void)
{
    const char *said = getenv("GNUPLOT");
    return said != NULL && said[0] != '\0' ? said : "gnuplot";
}

static void complain(int error)
{
    if (error == ENOENT)
        ml_os_complain("there is no ", program(),
                       ": install gnuplot (Debian: apt-get install gnuplot-nox), say where it is with "
                       "GNUPLOT=, or do without it: --format=html, --format=term", NULL);
    else
        ml_os_complain("cannot start ", program(), ": ", ml_os_error_text(error), NULL);
}

struct files {
    int script, blocks; /* -1: not open */
};

static void close_files(struct files *files)
{
    if (files->script >= 0)
        close(files->script);
    if (files->blocks >= 0)
        close(files->blocks);
}

static bool write_blocks(int fd, const struct ml_plot *plot, const struct ml_plot_size *size)
{
    int own = dup(fd);
    FILE *to = own < 0 ? NULL : fdopen(own, "w");
    if (to == NULL) {
        if (own >= 0)
            close(own);
        return false;
    }
    if (plot->is_default && plot->log_count == 1)
        ml_plot_put_memory(to, plot, size);
    else
        ml_plot_put_overlay(to, plot, size);
    bool is_good = ferror(to) == 0;
    return fclose(to) == 0 && is_good;
}

/* Both stay open in the program that is started. */
static bool open_files(struct files *files, const struct ml_plot *plot, const struct ml_plot_size *size)
{
    bool is_memory = plot->is_default && plot->log_count == 1;
    const char *script = is_memory ? ml_plot_script_memory : ml_plot_script_overlay;
    files->script = memfd_create("memlog script", 0);
    files->blocks = memfd_create("memlog numbers", 0);
    if (files->script >= 0 && files->blocks >= 0 &&
        ml_os_write_all(files->script, script, strlen(script)) == 0 &&
        write_blocks(files->blocks, plot, size))
        return true;
    ml_os_complain("no room for what gnuplot needs: ", ml_os_error_text(errno), NULL);
    close_files(files);
    return false;
}

/* As the script sees the terminal: it leaves a column and two lines free. */
static void tell_size(const struct ml_plot_task *task)
{
    char number[16];
    if (task->format != ML_PLOT_DUMB)
        return;
    snprintf(number, sizeof(number), "%u", task->size.columns);
    setenv("COLUMNS", number, 1);
    snprintf(number, sizeof(number), "%u", task->size.lines);
    setenv("LINES", number, 1);
}

/* 0 or an errno. */
static int start(const struct files *files, const struct ml_plot *plot, const struct ml_plot_task *task,
                 int output, pid_t *pid)
{
    extern char **environ;
    char settings[160], script[32];
    bool is_window = task->format == ML_PLOT_WINDOW;
    snprintf(settings, sizeof(settings),
             "memlog_blocks = '/dev/fd/%d'; memlog_width = %u; memlog_height = %u", files->blocks,
             task->size.width, task->size.height);
    snprintf(script, sizeof(script), "/dev/fd/%d", files->script);
    char *words[12];
    int count = 0;
    words[count++] = (char *)program();
    if (is_window)
        words[count++] = (char *)"-p";
    words[count++] = (char *)"-e";
    words[count++] = settings;
    words[count++] = (char *)"-c";
    words[count++] = script;
    words[count++] = (char *)plot->logs[0].file;
    words[count++] = (char *)(is_window ? "" : ml_plot_format_name(task->format));
    words[count++] = (char *)(task->out == NULL ? "" : task->out);
    words[count] = NULL;
    tell_size(task);
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    int error = output < 0 ? 0 : posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawnp(pid, program(), &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static bool wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    if (WIFSIGNALED(status))
        ml_os_complain(program(), " was killed", NULL);
    else if (WEXITSTATUS(status) != 0) /* it has said why, if it is gnuplot */
        ml_os_complain(program(), " drew no picture", NULL);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool draw(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    struct files files;
    pid_t pid;
    if (!open_files(&files, plot, &task->size))
        return false;
    int error = start(&files, plot, task, -1, &pid);
    close_files(&files);
    if (error != 0)
        complain(error);
    return error == 0 && wait_for(pid);
}

/* Into a file without a name. gnuplot does not say when a disk is full. */
static bool draw_into(int picture, const struct ml_plot *plot, const struct ml_plot_task *task)
{
    struct ml_plot_task own = *task;
    char out[32];
    snprintf(out, sizeof(out), "/dev/fd/%d", picture);
    own.out = out;
    return draw(plot, &own);
}

bool ml_plot_gnuplot(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    struct stat drawn;
    if (task->format == ML_PLOT_WINDOW)
        return draw(plot, task);
    int picture = memfd_create("memlog picture", 0);
    if (picture < 0) {
        ml_os_complain("no room for the picture: ", ml_os_error_text(errno), NULL);
        return false;
    }
    bool is_good = draw_into(picture, plot, task);
    if (is_good && (fstat(picture, &drawn) != 0 || drawn.st_size == 0)) {
        ml_os_complain(program(), " drew no picture", NULL);
        is_good = false;
    }
    is_good = is_good && ml_plot_output_copy(picture, task->out);
    close(picture);
    return is_good;
}

static char *read_all(int fd)
{
    size_t length = 0, capacity = 65536;
    char *text = malloc(capacity);
    for (ssize_t count = 1; text != NULL && count != 0;) {
        count = read(fd, text + length, capacity - length - 1);
        if (count < 0 && errno != EINTR)
            break;
        length += count > 0 ? (size_t)count : 0;
        if (capacity - length < 4096) {
            char *more = realloc(text, capacity *= 2);
            if (more == NULL)
                break;
            text = more;
        }
    }
    if (text != NULL)
        text[length] = '\0';
    return text;
}

char *ml_plot_gnuplot_text(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    struct files files;
    struct ml_plot_task own = *task;
    int ends[2];
    pid_t pid;
    if (!open_files(&files, plot, &task->size))
        return NULL;
    own.out = NULL;
    char *text = NULL;
    int error = pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
    if (error == 0) {
        error = start(&files, plot, &own, ends[1], &pid);
        close(ends[1]);
        text = error == 0 ? read_all(ends[0]) : NULL;
        close(ends[0]);
    }
    close_files(&files);
    if (error != 0)
        complain(error);
    if (error == 0 && !wait_for(pid)) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- a window ---------------------------------------------------------------------------- */

static struct {
    pid_t pid; /* 0: none */
    int commands;
    struct files files;
} window;

static int start_window(void)
{
    extern char **environ;
    char *words[] = { (char *)program(), (char *)"-p", NULL };
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
        if (error == 0)
            error = posix_spawnp(&window.pid, program(), &actions, NULL, words, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    close(ends[0]);
    if (error != 0)
        close(ends[1]);
    window.commands = ends[1];
    return error;
}

bool ml_plot_window_draw(const struct ml_plot *plot, const struct ml_plot_task *task)
{
    if (window.pid == 0) {
        if (!open_files(&window.files, plot, &task->size))
            return false;
        int error = start_window();
        if (error != 0) {
            window.pid = 0;
            complain(error);
            return false;
        }
    } else if (ftruncate(window.files.blocks, 0) != 0 || lseek(window.files.blocks, 0, SEEK_SET) != 0 ||
               !write_blocks(window.files.blocks, plot, &task->size)) {
        return false;
    }
    char text[256];
    int length = snprintf(text, sizeof(text),
                          "reset\nmemlog_blocks = '/dev/fd/%d'; memlog_width = %u; memlog_height = %u\n"
                          "call '/dev/fd/%d' 'log' ''\n",
                          window.files.blocks, task->size.width, task->size.height, window.files.script);
    return ml_os_write_all(window.commands, text, (size_t)length) == 0;
}

void ml_plot_window_close(void)
{
    if (window.pid == 0)
        return;
    close(window.commands);
    close_files(&window.files);
    (void)wait_for(window.pid);
    window.pid = 0;
}
