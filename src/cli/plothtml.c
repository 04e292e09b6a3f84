/* SPDX-License-Identifier: MIT */
/* plothtml.c - a plot as one page that needs nothing else: the live page's curves and styles, out of
 * memlog-tools.so, and the numbers.
 */
#include <errno.h>
#include <string.h>

#include "cli/plot.h"
#include "cli/tools.h"

static const char mark[] = "@@"; /* @@plot.js@@: the file of that name goes there */
enum { MARK = sizeof(mark) - 1 };

static const char *find_mark(const char *at, const char *end)
{
    return memmem(at, (size_t)(end - at), mark, MARK);
}

static int put_part(FILE *to, const struct ml_plot *plot, const struct ml_module *tools,
                    const char *name, size_t length)
{
    static const char data[] = "data";
    if (length == sizeof(data) - 1 && memcmp(name, data, length) == 0) {
        ml_plot_put_json(to, plot);
        return 0;
    }
    const struct ml_asset *part = tools->plot_asset(name, length);
    if (part == NULL)
        return -ENOENT;
    fwrite(part->bytes, 1, part->length, to);
    return 0;
}

int ml_plot_html(const struct ml_plot *plot, FILE *to)
{
    static const char page_name[] = "plot.html";
    const struct ml_module *tools = ml_tools_load();
    const struct ml_asset *page = tools == NULL ? NULL
                                                : tools->plot_asset(page_name, sizeof(page_name) - 1);
    if (page == NULL)
        return -ENOENT;
    const char *at = page->bytes, *end = at + page->length, *begin;
    int error = 0;
    while (error == 0 && (begin = find_mark(at, end)) != NULL) {
        const char *name = begin + MARK, *after = find_mark(name, end);
        if (after == NULL)
            break;
        fwrite(at, 1, (size_t)(begin - at), to);
        error = put_part(to, plot, tools, name, (size_t)(after - name));
        at = after + MARK;
    }
    fwrite(at, 1, (size_t)(end - at), to);
    errno = 0;
    if (error == 0 && (fflush(to) != 0 || ferror(to)))
        error = errno == 0 ? -EIO : -errno;
    return error;
}
