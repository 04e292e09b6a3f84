/* SPDX-License-Identifier: MIT */
#include "image/corenotes.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

#include "base/bits.h"

static int add_thread(struct ml_core *core, const char *contents, size_t bytes)
{
    struct elf_prstatus status;
    if (bytes < sizeof(status))
        return 0;
    memcpy(&status, contents, sizeof(status));
    size_t count = core->threads_count;
    if ((count & (count - 1)) == 0) { /* a power of two, or none: full */
        struct ml_core_thread *more =
            realloc(core->threads, (count == 0 ? 1 : 2 * count) * sizeof(*more));
        if (more == NULL)
            return -ENOMEM;
        core->threads = more;
    }
    struct ml_core_thread *thread = &core->threads[core->threads_count++];
    *thread = (struct ml_core_thread){ .tid = status.pr_pid };
    memcpy(&thread->registers, &status.pr_reg, sizeof(thread->registers));
    if (core->signal == 0)
        core->signal = status.pr_cursig;
    return 0;
}

/* Those of a thread follow its other registers. */
static struct ml_core_thread *last_thread(struct ml_core *core)
{
    return core->threads_count == 0 ? NULL : &core->threads[core->threads_count - 1];
}

static void take_vectors(struct ml_core *core, const char *contents, size_t bytes)
{
    struct user_fpregs_struct registers;
    struct ml_core_thread *thread = last_thread(core);
    if (bytes < sizeof(registers) || thread == NULL)
        return;
    memcpy(&registers, contents, sizeof(registers));
    for (int i = 0; i < ML_CORE_VECTORS; i++)
        memcpy(thread->vectors[i], &registers.xmm_space[4 * i], 2 * sizeof(uint64_t));
}

/* The upper halves, where the XSAVE area has them as long as it is not compacted: it is not. */
static void take_upper_vectors(struct ml_core *core, const char *contents, size_t bytes)
{
    enum { PRESENT = 512, AVX = 4, UPPER = 576, HALF = 16 };
    uint64_t present;
    struct ml_core_thread *thread = last_thread(core);
    if (bytes < UPPER + ML_CORE_VECTORS * HALF || thread == NULL)
        return;
    memcpy(&present, contents + PRESENT, sizeof(present));
    for (int i = 0; (present & AVX) && i < ML_CORE_VECTORS; i++)
        memcpy(&thread->vectors[i][2], contents + UPPER + i * HALF, HALF);
}

static void take_command(struct ml_core *core, const char *contents, size_t bytes)
{
    struct elf_prpsinfo info;
    if (bytes < sizeof(info))
        return;
    memcpy(&info, contents, sizeof(info));
    core->pid = info.pr_pid;
    size_t length = strnlen(info.pr_psargs, sizeof(info.pr_psargs));
    memcpy(core->command, info.pr_psargs, length);
    while (length > 0 && core->command[length - 1] == ' ')
        length--;
    core->command[length] = '\0';
    for (size_t i = 0; i < length; i++) /* it is shown on terminals, which some would obey */
        if ((unsigned char)core->command[i] < ' ' || core->command[i] == '\x7f')
            core->command[i] = '?';
}

/* Of one that was sent by somebody, or where the processor does not say, there is no address. */
static void take_signal(struct ml_core *core, const char *contents, size_t bytes)
{
    siginfo_t info;
    if (bytes < sizeof(info))
        return;
    memcpy(&info, contents, sizeof(info));
    core->signal = info.si_signo;
    core->has_fault = (info.si_signo == SIGSEGV || info.si_signo == SIGBUS) && info.si_code > 0 &&
                      info.si_code != SI_KERNEL;
    core->fault = core->has_fault ? (uintptr_t)info.si_addr : 0;
}

/* How many; what one page is; for each its begin, end and offset in pages; then their names, one
 * behind the other. */
static int take_mappings(struct ml_core *core, const char *contents, size_t bytes)
{
    enum { HEAD = 2, EACH = 3 };
    uint64_t head[HEAD], words[EACH];
    if (bytes < sizeof(head) || core->mappings != NULL)
        return 0;
    memcpy(head, contents, sizeof(head));
    if (head[0] > (bytes - sizeof(head)) / sizeof(words))
        return 0;
    core->mappings = malloc(head[0] * sizeof(*core->mappings) + 1);
    if (core->mappings == NULL)
        return -ENOMEM;
    const char *name = contents + sizeof(head) + head[0] * sizeof(words), *end = contents + bytes;
    for (size_t i = 0; i < head[0]; i++) {
        size_t length = strnlen(name, (size_t)(end - name));
        if (name + length == end) /* no NUL */
            break;
        memcpy(words, contents + sizeof(head) + i * sizeof(words), sizeof(words));
        core->mappings[core->mappings_count++] =
            (struct ml_core_mapping){ words[0], words[1], words[2] * head[1], name };
        name += length + 1;
    }
    return 0;
}

static void take_auxiliary(struct ml_core *core, const char *contents, size_t bytes)
{
    Elf64_auxv_t entry;
    for (size_t at = 0; at + sizeof(entry) <= bytes; at += sizeof(entry)) {
        memcpy(&entry, contents + at, sizeof(entry));
        if (entry.a_type == AT_PHDR)
            core->program_headers = entry.a_un.a_val;
        else if (entry.a_type == AT_RANDOM)
            core->first_stack = entry.a_un.a_val;
    }
}

static int take_note(struct ml_core *core, uint32_t type, const char *contents, size_t bytes)
{
    switch (type) {
    case NT_PRSTATUS:
        return add_thread(core, contents, bytes);
    case NT_FPREGSET:
        take_vectors(core, contents, bytes);
        return 0;
    case NT_PRPSINFO:
        take_command(core, contents, bytes);
        return 0;
    case NT_SIGINFO:
        take_signal(core, contents, bytes);
        return 0;
    case NT_AUXV:
        take_auxiliary(core, contents, bytes);
        return 0;
    case NT_FILE:
        return take_mappings(core, contents, bytes);
    default:
        return 0;
    }
}

static bool is_owner(const char *name, size_t bytes, const char *owner)
{
    return bytes == strlen(owner) + 1 && memcmp(name, owner, bytes) == 0;
}

int ml_corenotes_read(struct ml_core *core)
{
    Elf64_Nhdr note;
    int error = 0;
    for (size_t at = 0, next; at + sizeof(note) <= core->notes_bytes && error == 0; at = next) {
        memcpy(&note, core->notes + at, sizeof(note));
        size_t name = at + sizeof(note), contents = name + ml_align_up(note.n_namesz, 4);
        next = contents + ml_align_up(note.n_descsz, 4);
        if (contents > core->notes_bytes || note.n_descsz > core->notes_bytes - contents)
            break;
        if (is_owner(core->notes + name, note.n_namesz, "CORE"))
            error = take_note(core, note.n_type, core->notes + contents, note.n_descsz);
        else if (is_owner(core->notes + name, note.n_namesz, "LINUX") &&
                 note.n_type == NT_X86_XSTATE)
            take_upper_vectors(core, core->notes + contents, note.n_descsz);
    }
    return error;
}
