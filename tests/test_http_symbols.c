/* SPDX-License-Identifier: MIT */
/* test_http_symbols.c - names of functions in this process and in another, whose files come
 * and go.
 */
#include "http/symbols.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/elf.h"
#include "unit.h"

/* What was said of an address: "inner>outer+0x4 file:line". */
static char said[1000];
static unsigned line;

static void say(const struct ml_name *name, void *unused)
{
    const char *slash = name->file == NULL ? NULL : strrchr(name->file, '/');
    (void)unused;
    snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s", said[0] == '\0' ? "" : ">",
             name->function);
    if (name->file != NULL)
        snprintf(said + strlen(said), sizeof(said) - strlen(said), " %s",
                 slash == NULL ? name->file : slash + 1);
    line = name->line;
}

static const char *names_at(const struct ml_namer *namer, uintptr_t address)
{
    said[0] = '\0';
    namer->each(namer->context, address, say, NULL);
    return said;
}

/* ---- functions to be named ------------------------------------------------------------------ */

#line 700 "somewhere.c"
static inline __attribute__((always_inline)) uintptr_t where(void)
{
    uintptr_t here;
    __asm__ volatile("lea 0(%%rip), %0" : "=r"(here));
    return here - 1;
}

__attribute__((noinline)) static uintptr_t a_place_of_its_own(void)
{
    return where();
}
#line 58 "tests/test_http_symbols.c"

static struct ml_symbols *open_symbols(pid_t pid)
{
    struct ml_symbols *symbols = ml_symbols_open(pid);
    ck_assert_ptr_nonnull(symbols);
    ck_assert_int_eq(ml_symbols_refresh(symbols), 0);
    return symbols;
}

START_TEST(own_functions_have_names)
{
    struct ml_symbols *symbols = open_symbols(getpid());
    const struct ml_namer plain = ml_symbols_namer(symbols);
    const struct ml_namer full = ml_symbols_namer_with_lines(symbols);
    ck_assert_str_eq(names_at(&plain, a_place_of_its_own()), "a_place_of_its_own");
    ck_assert_str_eq(names_at(&full, a_place_of_its_own()),
                     "where somewhere.c>a_place_of_its_own somewhere.c");
    ck_assert_uint_eq(line, 709);
    ck_assert_str_eq(names_at(&plain, 8), "");
    ck_assert_str_eq(names_at(&plain, UINTPTR_MAX), "");
    ck_assert_str_eq(names_at(&full, (uintptr_t)&said), "");
    ml_symbols_close(symbols);
}
END_TEST

START_TEST(functions_of_libraries_have_names_without_versions)
{
    struct ml_symbols *symbols = open_symbols(getpid());
    const struct ml_namer plain = ml_symbols_namer(symbols);
    const char *name = names_at(&plain, (uintptr_t)dlsym(RTLD_DEFAULT, "realpath"));
    ck_assert_ptr_nonnull(strstr(name, "realpath"));
    ck_assert_ptr_null(strchr(name, '@'));
    ml_symbols_close(symbols);
}
END_TEST

START_TEST(another_process_has_names_until_it_ends)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    struct ml_symbols *symbols = open_symbols(pid);
    const struct ml_namer plain = ml_symbols_namer(symbols);
    ck_assert_str_eq(names_at(&plain, a_place_of_its_own()), "a_place_of_its_own");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_ne(ml_symbols_refresh(symbols), 0);
    ck_assert_str_eq(names_at(&plain, a_place_of_its_own()), "");
    ml_symbols_close(symbols);
}
END_TEST

/* ---- files that come and go ----------------------------------------------------------------- */

static char path[] = "/tmp/memlog-test-XXXXXX";

static void copy_program_to(int to)
{
    char buffer[1 << 16];
    ssize_t got;
    int from = open("/proc/self/exe", O_RDONLY);
    while ((got = read(from, buffer, sizeof(buffer))) > 0)
        ck_assert_int_eq(write(to, buffer, (size_t)got), got);
    fchmod(to, 0700);
    close(to);
    close(from);
}

static void copy_program(void) { copy_program_to(mkstemp(path)); }

/* Where the same code is in a mapping of the copy. */
static uintptr_t map_copy(void)
{
    struct stat status;
    Dl_info info;
    int fd = open(path, O_RDONLY);
    ck_assert_int_eq(fstat(fd, &status), 0);
    ck_assert_int_ne(dladdr((void *)(uintptr_t)map_copy, &info), 0);
    char *begin = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    ck_assert_ptr_ne(begin, MAP_FAILED);
    close(fd);
    return (uintptr_t)begin + (a_place_of_its_own() - (uintptr_t)info.dli_fbase);
}

START_TEST(what_is_mapped_later_is_found_after_a_refresh)
{
    struct ml_symbols *symbols = open_symbols(getpid());
    const struct ml_namer plain = ml_symbols_namer(symbols);
    copy_program();
    uintptr_t place = map_copy();
    ck_assert_str_eq(names_at(&plain, place), "");
    ck_assert_int_eq(ml_symbols_refresh(symbols), 0);
    ck_assert_str_eq(names_at(&plain, place), "a_place_of_its_own");
    unlink(path);
    copy_program_to(open(path, O_WRONLY | O_CREAT | O_EXCL, 0700)); /* which is another file */
    ml_symbols_close(symbols);
    symbols = open_symbols(getpid());
    const struct ml_namer later = ml_symbols_namer(symbols);
    ck_assert_str_eq(names_at(&later, place), "");
    ck_assert_str_eq(names_at(&later, a_place_of_its_own()), "a_place_of_its_own");
    unlink(path);
    ml_symbols_close(symbols);
}
END_TEST

START_TEST(a_program_whose_file_is_gone_keeps_its_names)
{
    int ends[2];
    char byte;
    copy_program();
    ck_assert_int_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        setenv("MEMLOG_TEST_WAIT", "1", 1);
        execl(path, path, (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    uintptr_t place;
    ck_assert_int_eq(read(ends[0], &place, sizeof(place)), (ssize_t)sizeof(place));
    unlink(path);
    struct ml_symbols *symbols = open_symbols(pid);
    const struct ml_namer plain = ml_symbols_namer(symbols);
    ck_assert_str_eq(names_at(&plain, place), "a_place_of_its_own");
    ml_symbols_close(symbols);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
}
END_TEST

/* The program of the test above. */
__attribute__((constructor)) static void wait_if_told(void)
{
    if (getenv("MEMLOG_TEST_WAIT") == NULL)
        return;
    uintptr_t place = a_place_of_its_own();
    if (write(STDOUT_FILENO, &place, sizeof(place)) == (ssize_t)sizeof(place))
        pause();
    _exit(1);
}

START_TEST(files_that_are_none_are_refused)
{
    char folder[] = "/tmp/memlog-test-XXXXXX", fifo[100];
    ck_assert_ptr_null(ml_elf_open("/nowhere/at/all"));
    ck_assert_ptr_null(ml_elf_open("/tmp"));
    ck_assert_ptr_null(ml_elf_open("/dev/zero"));
    ck_assert_ptr_null(ml_elf_open("/etc/passwd"));
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    ck_assert_ptr_null(ml_elf_open(fifo));
    unlink(fifo);
    rmdir(folder);
}
END_TEST

/* Of the copy's bytes some are changed: its tables may say anything then. */
START_TEST(files_that_were_overwritten_do_no_harm)
{
    struct stat status;
    uint64_t random = 3;
    int rounds = getenv("MEMLOG_FULL") != NULL ? 300 : 30;
    copy_program();
    int fd = open(path, O_RDWR);
    ck_assert_int_eq(fstat(fd, &status), 0);
    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < 40; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            uint8_t byte = (uint8_t)(random >> 56);
            off_t at = (off_t)((random >> 20) % (uint64_t)(k < 4 ? 1024 : status.st_size));
            ck_assert_int_eq(pwrite(fd, &byte, 1, at < 6 ? 6 : at), 1);
        }
        struct ml_elf *elf = ml_elf_open(path);
        for (uint64_t offset = 0; elf != NULL && offset < (uint64_t)status.st_size; offset += 997) {
            said[0] = '\0';
            ml_elf_each(elf, offset, offset % 2 == 0, say, NULL);
        }
        ml_elf_close(elf);
    }
    close(fd);
    unlink(path);
}
END_TEST

UNIT_MAIN("http symbols", own_functions_have_names,
          functions_of_libraries_have_names_without_versions, another_process_has_names_until_it_ends,
          what_is_mapped_later_is_found_after_a_refresh,
          a_program_whose_file_is_gone_keeps_its_names, files_that_are_none_are_refused,
          files_that_were_overwritten_do_no_harm)
