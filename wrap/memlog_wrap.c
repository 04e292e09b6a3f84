/* SPDX-License-Identifier: MIT */
/* memlog_wrap.c - an unchanged program on the collected heap: malloc and its kin
 * become memlog's, and free does nothing.
 *
 *   dir=$(pkg-config --variable=wrapdir memlog)
 *   cc -O2 -fPIC -c $(pkg-config --cflags memlog) $dir/memlog_wrap.c
 *   cc *.o memlog_wrap.o $(cat $dir/memlog.wrap) $(pkg-config --libs memlog) -o program
 *
 * memlog.wrap holds --wrap=NAME for the linker, for each function here: all that
 * the program's own objects call or take the address of is turned, whatever the
 * headers and macros. Shared libraries keep the C library's malloc. What the C
 * library allocates for the caller to free is copied into the collected heap
 * here; the functions that are not (open_memstream, scandir, wcsdup) leak in
 * such a program, and what they return must not be passed to realloc.
 *
 * With MEMLOG_FILE set the log is started before main.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <memlog.h>

void __real_free(void *pointer);
int __real_vasprintf(char **text, const char *format, va_list values);
ssize_t __real_getdelim(char **line, size_t *size, int end, FILE *file);
char *__real_realpath(const char *path, char *resolved);
char *__real_getcwd(char *buffer, size_t size);
int __real_main(int argc, char **argv, char **environment) __attribute__((weak));

/* In a shared library there is no main to wrap. */
int __wrap_main(int argc, char **argv, char **environment);
int __wrap_main(int argc, char **argv, char **environment)
{
    if (getenv("MEMLOG_FILE") != NULL)
        (void)memlog_log_start(NULL); /* it has said why not */
    return __real_main(argc, argv, environment);
}

/* ---- the heap ----------------------------------------------------------------- */

void __wrap_free(void *pointer);
void __wrap_free(void *pointer) { (void)pointer; }

void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return memlog_malloc(size); }

void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) { return memlog_calloc(count, size); }

void *__wrap_realloc(void *pointer, size_t size);
void *__wrap_realloc(void *pointer, size_t size) { return memlog_realloc(pointer, size); }

void *__wrap_reallocarray(void *pointer, size_t count, size_t size);
void *__wrap_reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return memlog_realloc(pointer, bytes);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return memlog_aligned_alloc(alignment, size);
}

void *__wrap_memalign(size_t alignment, size_t size);
void *__wrap_memalign(size_t alignment, size_t size)
{
    return memlog_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **pointer, size_t alignment, size_t size);
int __wrap_posix_memalign(void **pointer, size_t alignment, size_t size)
{
    int before = errno, error = EINVAL;
    if (alignment % sizeof(void *) == 0) {
        void *object = memlog_aligned_alloc(alignment, size);
        error = object == NULL ? errno : 0;
        if (object != NULL)
            *pointer = object;
    }
    errno = before;
    return error;
}

size_t __wrap_malloc_usable_size(void *pointer);
size_t __wrap_malloc_usable_size(void *pointer) { return memlog_usable_size(pointer); }

/* ---- what the C library allocates ---------------------------------------------- */

/* A copy on the collected heap of what has come from the C library's. */
static char *adopt(char *theirs, size_t bytes)
{
    char *copy = theirs == NULL ? NULL : memlog_malloc_noscan(bytes);
    if (copy != NULL)
        memcpy(copy, theirs, bytes);
    __real_free(theirs);
    return copy;
}

static char *adopt_string(char *theirs)
{
    return adopt(theirs, theirs == NULL ? 0 : strlen(theirs) + 1);
}

char *__wrap_strdup(const char *string);
char *__wrap_strdup(const char *string) { return memlog_strdup(string); }

char *__wrap_strndup(const char *string, size_t most);
char *__wrap_strndup(const char *string, size_t most)
{
    size_t length = strnlen(string, most);
    char *copy = memlog_malloc_noscan(length + 1);
    if (copy != NULL) {
        memcpy(copy, string, length);
        copy[length] = '\0';
    }
    return copy;
}

int __wrap_vasprintf(char **text, const char *format, va_list values);
int __wrap_vasprintf(char **text, const char *format, va_list values)
{
    int length = __real_vasprintf(text, format, values);
    if (length >= 0 && (*text = adopt(*text, (size_t)length + 1)) == NULL)
        return -1;
    return length;
}

int __wrap_asprintf(char **text, const char *format, ...);
int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = __wrap_vasprintf(text, format, values);
    va_end(values);
    return length;
}

/* _FORTIFY_SOURCE's names. */
int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list values);
int __wrap___vasprintf_chk(char **text, int flag, const char *format, va_list values)
{
    (void)flag;
    return __wrap_vasprintf(text, format, values);
}

int __wrap___asprintf_chk(char **text, int flag, const char *format, ...);
int __wrap___asprintf_chk(char **text, int flag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)flag;
    int length = __wrap_vasprintf(text, format, values);
    va_end(values);
    return length;
}

/* The C library would resize the caller's buffer with its own realloc. */
ssize_t __wrap_getdelim(char **line, size_t *size, int end, FILE *file);
ssize_t __wrap_getdelim(char **line, size_t *size, int end, FILE *file)
{
    char *theirs = NULL;
    size_t room = 0;
    ssize_t length = __real_getdelim(&theirs, &room, end, file);
    if (length >= 0 && (*line == NULL || *size <= (size_t)length)) {
        char *larger = memlog_malloc_noscan((size_t)length + 1);
        if (larger == NULL)
            length = -1;
        else
            *size = memlog_usable_size(*line = larger);
    }
    if (length >= 0)
        memcpy(*line, theirs, (size_t)length + 1);
    __real_free(theirs);
    return length;
}

ssize_t __wrap___getdelim(char **line, size_t *size, int end, FILE *file);
ssize_t __wrap___getdelim(char **line, size_t *size, int end, FILE *file)
{
    return __wrap_getdelim(line, size, end, file);
}

ssize_t __wrap_getline(char **line, size_t *size, FILE *file);
ssize_t __wrap_getline(char **line, size_t *size, FILE *file)
{
    return __wrap_getdelim(line, size, '\n', file);
}

char *__wrap_realpath(const char *path, char *resolved);
char *__wrap_realpath(const char *path, char *resolved)
{
    char *found = __real_realpath(path, resolved);
    return resolved != NULL ? found : adopt_string(found);
}

char *__wrap_getcwd(char *buffer, size_t size);
char *__wrap_getcwd(char *buffer, size_t size)
{
    char *found = __real_getcwd(buffer, size);
    return buffer != NULL ? found : adopt_string(found);
}
