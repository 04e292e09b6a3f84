/* SPDX-License-Identifier: MIT */
#include "os/folder.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "os/syscall_linux.h"

struct entry {
    uint64_t inode, offset;
    uint16_t bytes;
    uint8_t type;
    char name[];
};

static bool visit_all(const char *entries, long bytes, bool (*visit)(const char *name, void *argument),
                      void *argument)
{
    bool goes_on = true;
    for (const char *at = entries; goes_on && at < entries + bytes; at += ((const struct entry *)at)->bytes) {
        const char *name = ((const struct entry *)at)->name;
        goes_on = name[0] == '.' || visit(name, argument);
    }
    return goes_on;
}

int ml_os_each_entry(const char *folder, bool (*visit)(const char *name, void *argument), void *argument)
{
    uint64_t entries[256];
    long bytes;
    int fd = (int)ml_syscall4(SYS_openat, AT_FDCWD, (long)folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    do
        bytes = ml_syscall3(SYS_getdents64, fd, (long)entries, sizeof(entries));
    while (bytes > 0 && visit_all((const char *)entries, bytes, visit, argument));
    ml_sys_close(fd);
    return bytes < 0 ? (int)bytes : 0;
}
