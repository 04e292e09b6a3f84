/* SPDX-License-Identifier: MIT */
#include "cli/board.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "stats/layout.h"

static char path[64];

const char *ml_board_path(void) { return path; }

/* Too long a name stays empty: then nobody goes on. */
static void name_file(struct ml_board *board, const char *file)
{
    char *folder = file[0] == '/' ? NULL : getcwd(NULL, 0);
    int length = snprintf(board->file, sizeof(board->file), "%s%s%s", folder == NULL ? "" : folder,
                          folder == NULL ? "" : "/", file);
    if (length >= (int)sizeof(board->file) || board->file[0] != '/')
        board->file[0] = '\0';
    free(folder);
}

/* ftruncate that minds the hard limit of file sizes only, which is for files on a disk, and
 * whose signal ends nobody. */
static int set_size(int fd, off_t bytes)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    struct rlimit limit = { 0, 0 };
    bool is_limited = getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != limit.rlim_max;
    const struct rlimit most = { limit.rlim_max, limit.rlim_max };
    if (is_limited)
        (void)setrlimit(RLIMIT_FSIZE, &most);
    sigaction(SIGXFSZ, &ignore, &before);
    int error = ftruncate(fd, bytes) == 0 ? 0 : errno;
    sigaction(SIGXFSZ, &before, NULL);
    if (is_limited)
        (void)setrlimit(RLIMIT_FSIZE, &limit);
    errno = error;
    return error == 0 ? 0 : -1;
}

/* Pages that no slot needs take no memory. The program opens it through /proc, as the
 * same user may: it inherits no descriptor, and nothing is left behind. */
struct ml_board *ml_board_make(bool all_children, const char *file)
{
    int fd = memfd_create("memlog-board", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct ml_board *board = MAP_FAILED;
    if (set_size(fd, sizeof(*board)) == 0)
        board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board == MAP_FAILED) {
        int error = errno;
        close(fd);
        errno = error;
        return NULL;
    }
    memcpy(board->magic, ML_BOARD_MAGIC, sizeof(board->magic));
    board->bytes = sizeof(*board);
    board->layout = ML_ROOT_LAYOUT;
    board->all_children = all_children;
    name_file(board, file);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    return board;
}
