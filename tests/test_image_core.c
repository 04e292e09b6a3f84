/* SPDX-License-Identifier: MIT */
/* test_image_core.c - a core file is read as far as it goes, and believed within its bounds. The
 * files are made by hand; those of the kernel and of gdb are read in test_cli_core.sh. */
#include "image/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <unistd.h>

#include "unit.h"

enum { PAGE = 4096, FIRST = 0x10000, SECOND = 0x11000, APART = 0x20000, NOT_WRITTEN = 0x30000 };

/* Header, parts and notes stand before the memory: two segments side by side, one apart, and one of
 * which nothing was written. */
static struct file {
    Elf64_Ehdr header;
    Elf64_Phdr parts[5];
    char notes[4096];
    unsigned char memory[3 * PAGE];
} file;
static size_t notes_bytes;
static char path[64];
static struct ml_core core;

static void add_note(const char *owner, uint32_t type, const void *contents, size_t bytes)
{
    Elf64_Nhdr note = { (Elf64_Word)strlen(owner) + 1, (Elf64_Word)bytes, type };
    char *at = file.notes + notes_bytes;
    memcpy(at, &note, sizeof(note));
    memcpy(at + sizeof(note), owner, note.n_namesz);
    at += sizeof(note) + (note.n_namesz + 3) / 4 * 4;
    memcpy(at, contents, bytes);
    notes_bytes = (size_t)(at - file.notes) + (bytes + 3) / 4 * 4;
}

static void add_thread(int tid, uintptr_t stack_pointer)
{
    struct elf_prstatus status = { .pr_pid = tid };
    struct user_regs_struct registers = { .rsp = stack_pointer };
    memcpy(&status.pr_reg, &registers, sizeof(registers));
    add_note("CORE", NT_PRSTATUS, &status, sizeof(status));
}

static void add_notes(void)
{
    static const struct {
        uint64_t count, page, ranges[2][3];
        char names[32];
    } mapped = { 2, PAGE, { { FIRST, SECOND, 0 }, { 0x40000, 0x41000, 3 } }, "/a/prog\0/b/lib.so" };
    siginfo_t info = { .si_signo = SIGSEGV, .si_code = SEGV_MAPERR };
    struct elf_prpsinfo process = { .pr_pid = 4242, .pr_psargs = "prog --fast " };
    info.si_addr = (void *)0x1234;
    add_thread(4243, 0x20010);
    add_note("CORE", NT_PRPSINFO, &process, sizeof(process));
    add_note("CORE", NT_SIGINFO, &info, sizeof(info));
    add_note("CORE", NT_FILE, &mapped, sizeof(mapped));
    add_thread(4242, 0x20020);
}

static void add_part(unsigned number, uintptr_t address, unsigned page, size_t bytes)
{
    file.parts[number] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = address,
                                       .p_offset = offsetof(struct file, memory) + page * PAGE,
                                       .p_filesz = bytes, .p_memsz = PAGE };
}

static void make_file(void)
{
    memset(&file, 0, sizeof(file));
    notes_bytes = 0;
    file.header = (Elf64_Ehdr){ .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
                                .e_type = ET_CORE, .e_machine = EM_X86_64, .e_phnum = 5,
                                .e_phoff = offsetof(struct file, parts),
                                .e_phentsize = sizeof(Elf64_Phdr) };
    add_notes();
    file.parts[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = offsetof(struct file, notes),
                                  .p_filesz = notes_bytes };
    add_part(1, APART, 2, PAGE);
    add_part(2, FIRST, 0, PAGE);
    add_part(3, SECOND, 1, PAGE);
    add_part(4, NOT_WRITTEN, 2, 0);
    for (size_t i = 0; i < sizeof(file.memory); i++)
        file.memory[i] = (unsigned char)(i * 7 + i / PAGE);
}

static void write_file(size_t bytes)
{
    strcpy(path, "/tmp/memlog-core-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, &file, bytes), (ssize_t)bytes);
    close(fd);
}

/* 0 or what ml_core_open says; the file is gone afterwards. */
static int open_file(size_t bytes, const char **why)
{
    write_file(bytes);
    int error = ml_core_open(&core, path, NULL, why);
    unlink(path);
    return error;
}

static void open_good(void)
{
    const char *why;
    make_file();
    ck_assert_int_eq(open_file(sizeof(file), &why), 0);
}

START_TEST(memory_is_read_from_where_it_stands)
{
    unsigned char got[2 * PAGE];
    open_good();
    ck_assert_int_eq(ml_core_read(&core, FIRST, got, 2 * PAGE), 0);
    ck_assert_mem_eq(got, file.memory, 2 * PAGE);
    ck_assert_int_eq(ml_core_read(&core, SECOND - 3, got, 6), 0);
    ck_assert_mem_eq(got, file.memory + PAGE - 3, 6);
    ck_assert_int_eq(ml_core_read(&core, APART + PAGE - 1, got, 1), 0);
    ck_assert_uint_eq(got[0], file.memory[3 * PAGE - 1]);
    ml_core_close(&core);
}
END_TEST

START_TEST(what_is_not_there_is_told_from_what_was_not_written)
{
    char got[16];
    open_good();
    ck_assert_int_eq(ml_core_read(&core, 0, got, 1), -EFAULT);
    ck_assert_int_eq(ml_core_read(&core, FIRST - 1, got, 2), -EFAULT);
    ck_assert_int_eq(ml_core_read(&core, APART + PAGE - 8, got, 16), -EFAULT);
    ck_assert_int_eq(ml_core_read(&core, NOT_WRITTEN, got, 1), -ENODATA);
    ck_assert_int_eq(ml_core_read(&core, UINTPTR_MAX - 3, got, 16), -EFAULT);
    ck_assert_ptr_null(ml_core_segment_at(&core, FIRST - 1));
    bool was_mapped;
    ck_assert_uint_eq(ml_core_hole_end(&core, 0, &was_mapped), FIRST);
    ck_assert(!was_mapped);
    ck_assert_uint_eq(ml_core_hole_end(&core, FIRST, &was_mapped), FIRST);
    ck_assert_uint_gt(ml_core_hole_end(&core, NOT_WRITTEN, &was_mapped), NOT_WRITTEN);
    ck_assert(was_mapped);
    ck_assert_uint_eq(ml_core_hole_end(&core, UINTPTR_MAX - 3, &was_mapped), UINTPTR_MAX);
    ck_assert_uint_eq(ml_core_segment_at(&core, SECOND)->begin, SECOND);
    ml_core_close(&core);
}
END_TEST

START_TEST(notes_tell_of_threads_signal_and_files)
{
    open_good();
    ck_assert_uint_eq(core.threads_count, 2);
    ck_assert_int_eq(core.threads[0].tid, 4243);
    ck_assert_uint_eq(core.threads[1].registers.rsp, 0x20020);
    ck_assert_int_eq(core.pid, 4242);
    ck_assert_str_eq(core.command, "prog --fast");
    ck_assert_int_eq(core.signal, SIGSEGV);
    ck_assert(core.has_fault);
    ck_assert_uint_eq(core.fault, 0x1234);
    ck_assert_uint_eq(core.mappings_count, 2);
    ck_assert_str_eq(ml_core_mapping_at(&core, 0x40fff)->name, "/b/lib.so");
    ck_assert_uint_eq(ml_core_mapping_at(&core, 0x40000)->offset, 3 * PAGE);
    ck_assert_ptr_null(ml_core_mapping_at(&core, 0x41000));
    ck_assert(!ml_core_has_library(&core));
    ck_assert_uint_eq(ml_core_root(&core), 0);
    ml_core_close(&core);
}
END_TEST

START_TEST(a_name_without_an_end_is_no_files)
{
    static const struct mapped {
        uint64_t count, page, ranges[2][3];
        char names[12];
    } mapped = { 2, PAGE, { { FIRST, SECOND, 0 }, { SECOND, APART, 0 } }, "/a\0/without" };
    const char *why;
    make_file();
    notes_bytes = 0;
    add_note("CORE", NT_FILE, &mapped,
             offsetof(struct mapped, names) + sizeof("/a") + strlen("/without"));
    ck_assert_int_eq(open_file(sizeof(file), &why), 0);
    ck_assert_uint_eq(core.mappings_count, 1);
    ck_assert_str_eq(core.mappings[0].name, "/a");
    ml_core_close(&core);
}
END_TEST

START_TEST(a_file_that_was_cut_short_gives_what_is_there)
{
    unsigned char got[PAGE];
    const char *why;
    make_file();
    ck_assert_int_eq(open_file(sizeof(file) - PAGE - PAGE / 2, &why), 0);
    ck_assert_uint_lt(core.file_bytes, core.wanted_bytes);
    ck_assert_int_eq(ml_core_read(&core, FIRST, got, PAGE), 0);
    ck_assert_int_eq(ml_core_read(&core, SECOND, got, PAGE / 2), 0);
    ck_assert_int_eq(ml_core_read(&core, SECOND, got, PAGE), -ENODATA);
    ck_assert_int_eq(ml_core_read(&core, APART, got, 1), -ENODATA);
    ml_core_close(&core);
}
END_TEST

static void check_refused(size_t bytes, const char *word)
{
    const char *why = NULL;
    ck_assert_int_lt(open_file(bytes, &why), 0);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, word) != NULL, "\"%s\" says nothing of \"%s\"", why, word);
}

START_TEST(what_is_no_core_file_is_refused_with_words)
{
    const char *why;
    ck_assert_int_eq(ml_core_open(&core, "/nonexistent/core", NULL, &why), -ENOENT);
    make_file();
    check_refused(10, "too short");
    check_refused(offsetof(struct file, notes) - 8, "cut short");
    check_refused(offsetof(struct file, memory) - sizeof(file.notes) + 8, "cut short");
    file.header.e_type = ET_EXEC;
    check_refused(sizeof(file), "no core file");
    make_file();
    file.header.e_machine = EM_AARCH64;
    check_refused(sizeof(file), "machine");
    make_file();
    memcpy(&file, "\x28\xb5\x2f\xfd", 4);
    check_refused(sizeof(file), "compressed");
}
END_TEST

/* Nothing in the headers makes it read beside what it has (to be run with sanitizers, too). */
START_TEST(nonsense_in_the_headers_does_no_harm)
{
    enum { ROUNDS = 3000, HEADERS = offsetof(struct file, memory) };
    srandom(1);
    for (int round = 0; round < ROUNDS; round++) {
        char got[64];
        const char *why;
        make_file();
        for (int i = 0; i < 4; i++) {
            size_t limit = i < 2 ? offsetof(struct file, notes) + notes_bytes : HEADERS;
            ((unsigned char *)&file)[(size_t)random() % limit] = (unsigned char)random();
        }
        if (open_file(sizeof(file), &why) != 0)
            continue;
        for (uintptr_t at = FIRST - 32; at < NOT_WRITTEN; at += PAGE - 16)
            (void)ml_core_read(&core, at, got, sizeof(got));
        (void)ml_core_root(&core);
        (void)ml_core_has_library(&core);
        ml_core_close(&core);
    }
}
END_TEST

UNIT_MAIN("image core", memory_is_read_from_where_it_stands,
          what_is_not_there_is_told_from_what_was_not_written, notes_tell_of_threads_signal_and_files,
          a_name_without_an_end_is_no_files,
          a_file_that_was_cut_short_gives_what_is_there, what_is_no_core_file_is_refused_with_words,
          nonsense_in_the_headers_does_no_harm)
