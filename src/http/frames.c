/* SPDX-License-Identifier: MIT */
#include "http/frames.h"

#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/elf.h"

/* Where it begins, and the address in it that its function's name is looked for at. */
struct frame {
    uintptr_t stack_pointer, code;
};

struct ml_frames {
    struct ml_memory memory;
    const struct ml_frames_file *files;
    size_t files_count;
    Dwfl *session;
    bool was_begun; /* with or without success */

    const struct user_regs_struct *thread; /* whose frames these are: the last one's; NULL: nobody's */
    struct frame *all; /* from the newest up */
    size_t count, room;
};

/* A recursion without end has more, and the rest of them is like those. */
enum { FRAMES_MOST = 100000 };

struct ml_frames *ml_frames_open(const struct ml_memory *memory, const struct ml_frames_file *files,
                                 size_t files_count)
{
    struct ml_frames *frames = calloc(1, sizeof(*frames));
    if (frames != NULL) {
        frames->memory = *memory;
        frames->files = files;
        frames->files_count = files_count;
    }
    return frames;
}

void ml_frames_close(struct ml_frames *frames)
{
    if (frames == NULL)
        return;
    if (frames->session != NULL)
        dwfl_end(frames->session);
    free(frames->all);
    free(frames);
}

/* ---- what libdwfl asks for ---------------------------------------------------------------------- */

static pid_t next_thread(Dwfl *session, void *context, void **thread)
{
    (void)session, (void)context, (void)thread;
    return 0; /* nobody goes through all of them */
}

static bool get_thread(Dwfl *session, pid_t number, void *context, void **thread)
{
    const struct ml_frames *frames = context;
    (void)session, (void)number;
    *thread = (void *)frames->thread;
    return true;
}

static bool read_memory(Dwfl *session, Dwarf_Addr address, Dwarf_Word *word, void *context)
{
    const struct ml_memory *memory = &((struct ml_frames *)context)->memory;
    (void)session;
    return memory->read(memory->context, address, word, sizeof(*word)) == 0;
}

/* In DWARF's order (System V ABI, AMD64 supplement, figure 3.36). */
static bool set_registers(Dwfl_Thread *thread, void *context)
{
    const struct user_regs_struct *is = context;
    const Dwarf_Word registers[] = { is->rax, is->rdx, is->rcx, is->rbx, is->rsi, is->rdi,
                                     is->rbp, is->rsp, is->r8,  is->r9,  is->r10, is->r11,
                                     is->r12, is->r13, is->r14, is->r15, is->rip };
    return dwfl_thread_state_registers(thread, 0, sizeof(registers) / sizeof(registers[0]), registers);
}

/* The session owns a descriptor if it takes the file. */
static void report(const struct ml_frames *frames)
{
    dwfl_report_begin(frames->session);
    for (size_t i = 0; i < frames->files_count; i++) {
        const struct ml_frames_file *file = &frames->files[i];
        int fd = ml_elf_open_file(file->path);
        if (fd >= 0 &&
            dwfl_report_elf(frames->session, file->path, file->path, fd, file->bias, true) == NULL)
            close(fd);
    }
    dwfl_report_end(frames->session, NULL, NULL);
}

enum { NUMBER = 1 }; /* of the process, and of the thread that is looked at: any */

static bool begin(struct ml_frames *frames)
{
    static const Dwfl_Thread_Callbacks callbacks = { .next_thread = next_thread,
                                                     .get_thread = get_thread,
                                                     .memory_read = read_memory,
                                                     .set_initial_registers = set_registers };
    if (frames->was_begun)
        return frames->session != NULL;
    frames->was_begun = true;
    frames->session = ml_elf_session();
    if (frames->session == NULL)
        return false;
    report(frames);
    if (dwfl_attach_state(frames->session, NULL, NUMBER, &callbacks, frames))
        return true;
    dwfl_end(frames->session);
    frames->session = NULL;
    return false;
}

/* ---- a thread's frames -------------------------------------------------------------------------- */

static bool add(struct ml_frames *frames, struct frame frame)
{
    if (frames->count == frames->room) {
        size_t room = frames->room == 0 ? 64 : 2 * frames->room;
        struct frame *more = realloc(frames->all, room * sizeof(*more));
        if (more == NULL)
            return false;
        frames->all = more;
        frames->room = room;
    }
    frames->all[frames->count++] = frame;
    return true;
}

/* The first may be anywhere, as after a call of what is no function; what called it is in a file. */
static int take(Dwfl_Frame *state, void *context)
{
    struct ml_frames *frames = context;
    Dwarf_Addr code;
    Dwarf_Word stack_pointer;
    bool was_interrupted;
    enum { RSP = 7 }; /* DWARF's number */
    if (!dwfl_frame_pc(state, &code, &was_interrupted) || dwfl_frame_reg(state, RSP, &stack_pointer) != 0)
        return DWARF_CB_ABORT;
    code -= was_interrupted || frames->count == 0 ? 0 : 1;
    if (frames->count != 0 && dwfl_addrmodule(frames->session, code) == NULL)
        return DWARF_CB_ABORT;
    return frames->count < FRAMES_MOST && add(frames, (struct frame){ stack_pointer, code })
               ? DWARF_CB_OK
               : DWARF_CB_ABORT;
}

static void unwind(struct ml_frames *frames, const struct user_regs_struct *thread)
{
    if (frames->thread == thread)
        return;
    frames->thread = thread;
    frames->count = 0;
    if (begin(frames))
        dwfl_getthread_frames(frames->session, NUMBER, take, frames);
}

/* ---- the one over an address -------------------------------------------------------------------- */

/* The function's name, else where the code stands in its file. */
static void print_code(Dwfl *session, uintptr_t code, char *text, size_t bytes)
{
    GElf_Off offset;
    GElf_Sym symbol;
    GElf_Addr bias;
    Dwfl_Module *module = dwfl_addrmodule(session, code);
    if (module == NULL) {
        snprintf(text, bytes, "at 0x%" PRIxPTR, code);
        return;
    }
    const char *name = dwfl_module_addrinfo(module, code, &offset, &symbol, NULL, NULL, NULL);
    if (name != NULL && (symbol.st_size == 0 || offset < symbol.st_size)) {
        snprintf(text, bytes, "%s", name);
        return;
    }
    const char *file = dwfl_module_info(module, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    if (dwfl_module_getelf(module, &bias) == NULL)
        bias = 0;
    snprintf(text, bytes, "at 0x%" PRIx64 " of %.200s", code - bias, file);
}

bool ml_frames_over(struct ml_frames *frames, const struct ml_frames_stack *stack, uintptr_t address,
                    char *text, size_t bytes)
{
    const struct frame *over = NULL, *last = NULL;
    char code[256];
    unwind(frames, stack->registers);
    for (size_t i = 0; i < frames->count; i++) {
        const struct frame *frame = &frames->all[i];
        if (frame->stack_pointer < stack->begin || frame->stack_pointer >= stack->end)
            continue;
        /* A frame reaches up to where its caller's begins. */
        if (over == NULL || frame->stack_pointer <= address)
            over = frame;
        last = frame;
    }
    if (over == NULL)
        return false;
    print_code(frames->session, over->code, code, sizeof(code));
    snprintf(text, bytes, "frame #%td %s%s", over - frames->all, code, over == last ? " or above" : "");
    return true;
}
