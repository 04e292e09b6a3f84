/* SPDX-License-Identifier: MIT */
#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bits.h"

/* What every terminal of the last forty years knows. Each line wipes what it stands on when it is
 * written: nothing flickers. */
#define TO_THE_TOP "\033[H"
#define WIPE_REST_OF_LINE "\033[K"
#define WIPE_REST "\033[J"

bool ml_screen_is(int fd)
{
    const char *kind = getenv("TERM");
    return kind != NULL && kind[0] != '\0' && strcmp(kind, "dumb") != 0 && isatty(fd);
}

void ml_screen_size(int fd, unsigned *rows, unsigned *columns)
{
    struct winsize size = { 0 };
    (void)ioctl(fd, TIOCGWINSZ, &size);
    *rows = size.ws_row;
    *columns = size.ws_col;
}

void ml_screen_write(struct ml_text *to, const char *text, unsigned rows, unsigned columns)
{
    ml_text_string(to, TO_THE_TOP);
    for (unsigned row = 1; *text != '\0' && (rows == 0 || row < rows); row++) {
        size_t length = strcspn(text, "\n");
        ml_text_bytes(to, text, columns == 0 ? length : ml_min(length, columns));
        /* In the last column it would wipe what was just written there. */
        ml_text_string(to, columns == 0 || length < columns ? WIPE_REST_OF_LINE "\n" : "\n");
        text += length + (text[length] != '\0');
    }
    ml_text_string(to, WIPE_REST);
}
