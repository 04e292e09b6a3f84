/* SPDX-License-Identifier: MIT */
/* elf.h - the names of functions in one ELF file, by libdw: from the table of symbols; lines and
 * inlined functions, if wanted, from its DWARF. What was split off into a file of its own is found
 * in /usr/lib/debug by the build id, and never asked for over the net.
 *
 * What is opened is the file of a program, which may hold anything; libdw checks what it
 * reads. For one thread at a time.
 */
#ifndef ML_HTTP_ELF_H
#define ML_HTTP_ELF_H

#include <stdint.h>

#include "http/names.h"

struct ml_elf;
struct Dwfl;

/* path: of a file that is there. NULL: it is no such file, or there is no memory. */
struct ml_elf *ml_elf_open(const char *path);
void ml_elf_close(struct ml_elf *elf);

/* The functions of the code that stands so many bytes from the begin of the file, as ml_namer's
 * each. with_lines: with what DWARF knows. */
void ml_elf_each(struct ml_elf *elf, uint64_t offset, bool with_lines, ml_name_taker *take,
                 void *argument);

/* A session of libdwfl's that looks for no file but what was split off, and a file to report in one:
 * no device or pipe, which could keep it waiting. NULL, -1: there is none. */
struct Dwfl *ml_elf_session(void);
int ml_elf_open_file(const char *path);

/* The variable that has the address, as the file counts addresses. False: none is known. What the name
 * points to lives as long as the file is open. */
bool ml_elf_variable(struct ml_elf *elf, uint64_t address, struct ml_name *name);

#endif
