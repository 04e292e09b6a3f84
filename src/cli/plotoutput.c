/* SPDX-License-Identifier: MIT */
/* plotoutput.c - what kinds of pictures there are, and where one goes: never over a log. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/plotdraw.h"
#include "os/process.h"

static const char *const names[ML_PLOT_FORMATS] = {
    [ML_PLOT_PNG] = "png",   [ML_PLOT_SVG] = "svg",   [ML_PLOT_PDF] = "pdf",
    [ML_PLOT_PAGE] = "html", [ML_PLOT_TERM] = "term", [ML_PLOT_DUMB] = "dumb",
    [ML_PLOT_SIXEL] = "sixel", [ML_PLOT_WINDOW] = "window",
};

const char *ml_plot_format_name(enum ml_plot_format format)
{
    return names[format];
}

bool ml_plot_format_parse(const char *name, enum ml_plot_format *format)
{
    for (int i = 0; i < ML_PLOT_FORMATS; i++)
        if (strcmp(name, names[i]) == 0) {
            *format = (enum ml_plot_format)i;
            return true;
        }
    return false;
}

/* Where the name's ending begins, its dot; its end where it has none. */
static size_t ending_of(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash == NULL ? file : slash + 1;
    const char *dot = strrchr(name, '.');
    return dot == NULL || dot == name ? strlen(file) : (size_t)(dot - file);
}

bool ml_plot_format_of(const char *file, enum ml_plot_format *format)
{
    const char *ending = file + ending_of(file);
    if (strcmp(ending, ".htm") == 0)
        ending = ".html";
    bool is_one = ending[0] == '.' && ml_plot_format_parse(ending + 1, format);
    return is_one && *format <= ML_PLOT_PAGE;
}

char *ml_plot_output_name(const char *log, enum ml_plot_format format)
{
    char *name;
    int length = asprintf(&name, "%.*s.%s", (int)ending_of(log), log, names[format]);
    return length < 0 ? NULL : name;
}

static bool refuse(const char *out, const char *what, const char *more)
{
    ml_os_complain(out, ": ", what, more, NULL);
    return false;
}

/* Begins as a log does. */
static bool is_log(const char *file)
{
    static const char head[] = "# memlog ";
    char bytes[sizeof(head)];
    ssize_t count = ml_os_read_file(file, bytes, sizeof(bytes));
    return count == (ssize_t)strlen(head) && memcmp(bytes, head, strlen(head)) == 0;
}

/* Whether it is one of the logs that are drawn. */
static bool is_drawn(const struct ml_plot *plot, const struct stat *it)
{
    struct stat log;
    for (unsigned i = 0; i < plot->log_count; i++) {
        bool is_input = strcmp(plot->logs[i].file, "-") == 0;
        if ((is_input ? fstat(STDIN_FILENO, &log) : stat(plot->logs[i].file, &log)) == 0 &&
            S_ISREG(log.st_mode) && log.st_dev == it->st_dev && log.st_ino == it->st_ino)
            return true;
    }
    return false;
}

bool ml_plot_output_check(const struct ml_plot *plot, const char *out)
{
    struct stat there;
    if (out == NULL || strcmp(out, "-") == 0)
        return fstat(STDOUT_FILENO, &there) != 0 || !is_drawn(plot, &there) ||
               refuse("the standard output", "is the log: the picture would stand in it", NULL);
    if (stat(out, &there) != 0) {
        const char *slash = strrchr(out, '/');
        char *folder = slash == NULL ? strdup(".") : strndup(out, (size_t)(slash - out) + 1);
        int error = folder == NULL || access(folder, W_OK | X_OK) == 0 ? 0 : errno;
        free(folder);
        return error == 0 || refuse(out, "cannot be written: ", ml_os_error_text(error));
    }
    if (is_drawn(plot, &there))
        return refuse(out, "is the log: the picture would overwrite it", NULL);
    if (S_ISDIR(there.st_mode))
        return refuse(out, "cannot be written: it is a folder", NULL);
    if (S_ISREG(there.st_mode) && is_log(out))
        return refuse(out, "is a log: the picture would overwrite it", NULL);
    return access(out, W_OK) == 0 || refuse(out, "cannot be written: ", ml_os_error_text(errno));
}

/* 0 or an errno's negative. */
static int copy(int from, int to)
{
    static char bytes[1 << 16];
    ssize_t count;
    off_t at = 0;
    while ((count = pread(from, bytes, sizeof(bytes), at)) > 0) {
        int error = ml_os_write_all(to, bytes, (size_t)count);
        if (error != 0)
            return error;
        at += count;
    }
    return count < 0 ? -errno : 0;
}

bool ml_plot_output_copy(int from, const char *out)
{
    bool is_stdout = out == NULL || strcmp(out, "-") == 0;
    int to = is_stdout ? STDOUT_FILENO : open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int error = to < 0 ? -errno : copy(from, to);
    if (to >= 0 && !is_stdout && close(to) != 0 && error == 0)
        error = -errno;
    return error == 0 ||
           refuse(is_stdout ? "the standard output" : out, "cannot be written: ", ml_os_error_text(-error));
}
