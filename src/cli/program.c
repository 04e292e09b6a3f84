/* SPDX-License-Identifier: MIT */
#include "cli/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NOT_FOUND = 127, CANNOT_RUN = 126 };

__attribute__((format(printf, 3, 4))) static int refuse(struct ml_program *program, int status,
                                                        const char *format, ...)
{
    va_list words;
    va_start(words, format);
    vsnprintf(program->why, sizeof(program->why), format, words);
    va_end(words);
    return status;
}

/* ---- where ------------------------------------------------------------------ */

static bool is_program(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

static int look_along_path(struct ml_program *program, const char *name)
{
    const char *rest = getenv("PATH");
    bool seen = false; /* one that can't be run: the shell goes on, and says so */
    if (rest == NULL)
        rest = "/bin:/usr/bin";
    for (;; rest++) {
        int length = (int)strcspn(rest, ":");
        int needed = length == 0 ? snprintf(program->path, sizeof(program->path), "%s", name)
                                 : snprintf(program->path, sizeof(program->path), "%.*s/%s",
                                            length, rest, name);
        bool fits = needed < (int)sizeof(program->path);
        if (fits && is_program(program->path))
            return 0;
        seen |= fits && access(program->path, F_OK) == 0;
        rest += length;
        if (*rest == '\0')
            break;
    }
    return seen ? refuse(program, CANNOT_RUN, "%s: it may not be run by this user", name)
                : refuse(program, NOT_FOUND, "%s: no such program is in PATH", name);
}

static int look_there(struct ml_program *program, const char *name)
{
    struct stat status;
    if (snprintf(program->path, sizeof(program->path), "%s", name) >= (int)sizeof(program->path))
        return refuse(program, NOT_FOUND, "the program's path is too long");
    if (stat(name, &status) != 0)
        return refuse(program, errno == ENOENT || errno == ENOTDIR ? NOT_FOUND : CANNOT_RUN,
                      "%s: %s", name, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return refuse(program, CANNOT_RUN, "%s is a directory", name);
    if (access(name, X_OK) != 0)
        return refuse(program, CANNOT_RUN, "%s: %s", name, strerror(errno));
    return 0;
}

/* ---- what -------------------------------------------------------------------- */

/* Where files give nobody any rights: in some containers, on some file systems. */
static bool gives_no_rights(int fd)
{
    struct statvfs system;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
           (fstatvfs(fd, &system) == 0 && (system.f_flag & ST_NOSUID));
}

/* AT_SECURE: the loader then ignores what is to be preloaded. Also where root becomes less; but
 * capabilities are nothing new to root. */
static bool is_privileged(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || gives_no_rights(fd))
        return false;
    bool changes_user = (status.st_mode & S_ISUID) && status.st_uid != getuid();
    bool changes_group = (status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) &&
                         status.st_gid != getgid();
    bool is_root = geteuid() == 0 && getuid() == 0;
    return changes_user || changes_group ||
           (!is_root && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

static bool has_interpreter(int fd, const Elf64_Ehdr *header)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t at = (off_t)(header->e_phoff + (uint64_t)i * header->e_phentsize);
        if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
            return true; /* the kernel will say what is wrong */
        if (segment.p_type == PT_INTERP)
            return true;
    }
    return false;
}

static int check_elf(struct ml_program *program, int fd, const Elf64_Ehdr *header)
{
    if (header->e_ident[EI_CLASS] == ELFCLASS32)
        return refuse(program, CANNOT_RUN,
                      "%s is a 32-bit program: memlog counts 64-bit ones only", program->path);
    if (header->e_machine != EM_X86_64)
        return refuse(program, CANNOT_RUN, "%s is for another processor", program->path);
    if (!has_interpreter(fd, header))
        return refuse(program, CANNOT_RUN,
                      "%s is statically linked, so that nothing can be preloaded into it: link "
                      "it with libmemlog, or dynamically",
                      program->path);
    return 0;
}

static int check_file(struct ml_program *program, const char *path, int depth);

/* "#!/usr/bin/env python3": the program that the kernel starts. */
static int check_script(struct ml_program *program, char *line, int depth)
{
    enum { DEPTH_MOST = 4 }; /* the kernel's */
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    interpreter[strcspn(interpreter, " \t\r\n")] = '\0';
    return depth == DEPTH_MOST || *interpreter == '\0'
               ? 0
               : check_file(program, interpreter, depth + 1);
}

static int check_file(struct ml_program *program, const char *path, int depth)
{
    union {
        Elf64_Ehdr elf;
        char line[256];
    } begin = { .line = "" };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) /* it may be run without being read */
        return 0;
    ssize_t got = read(fd, begin.line, sizeof(begin.line) - 1);
    int status = 0;
    if (is_privileged(fd))
        status = refuse(program, CANNOT_RUN,
                        "%s runs with raised privileges, and the loader preloads nothing into "
                        "such programs: run memlog as the user that it becomes",
                        path);
    else if (got >= (ssize_t)sizeof(begin.elf) && memcmp(begin.elf.e_ident, ELFMAG, SELFMAG) == 0)
        status = check_elf(program, fd, &begin.elf);
    else if (got > 2 && begin.line[0] == '#' && begin.line[1] == '!')
        status = check_script(program, begin.line, depth);
    close(fd);
    return status;
}

int ml_program_find(struct ml_program *program, const char *name)
{
    if (*name == '\0')
        return refuse(program, NOT_FOUND, "the program's name is empty");
    int status = strchr(name, '/') != NULL ? look_there(program, name)
                                           : look_along_path(program, name);
    return status != 0 ? status : check_file(program, program->path, 0);
}
