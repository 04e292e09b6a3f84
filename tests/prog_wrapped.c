/* SPDX-License-Identifier: MIT */
/* prog_wrapped.c - a program that knows nothing of memlog: test_wrap.sh builds it
 * with wrap/memlog_wrap.c. It uses what is wrapped, makes garbage of many times
 * what it keeps, frees all of it much too early, and says what has gone wrong. */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check(int holds, const char *what)
{
    if (holds)
        return;
    printf("does not hold: %s\n", what);
    exit(1);
}

struct node {
    struct node *next;
    char *text;
};

/* A list that is freed as it is made, and still there: free does nothing. */
static void freed_memory_stays(void)
{
    enum { NODES = 1000, ROUNDS = 300 };
    struct node *list = NULL;
    void *volatile garbage; /* or the compiler makes none */
    for (int i = 0; i < NODES; i++) {
        struct node *node = malloc(sizeof(*node));
        node->next = list;
        check(asprintf(&node->text, "node %d", i) > 0, "asprintf gives a text");
        list = node;
        free(node->text);
        free(node);
    }
    for (int i = 0; i < ROUNDS; i++)
        for (int k = 0; k < NODES; k++)
            free(garbage = calloc(1, 512)); /* 150 MB, and nobody waits for them */
    int number = NODES;
    char text[32];
    for (struct node *node = list; node != NULL && number > 0; node = node->next) {
        snprintf(text, sizeof(text), "node %d", --number);
        check(strcmp(node->text, text) == 0, "a node has its text");
    }
    check(number == 0, "no node is missing");
}

static void blocks(void)
{
    void *(*volatile allocate)(size_t) = malloc; /* by its address, too */
    char *text = allocate(10);
    memset(text, 'x', 10);
    text = realloc(text, 100000);
    check(text != NULL && text[9] == 'x', "realloc keeps what is there");
    check(malloc_usable_size(text) >= 100000, "so much can be used");
    volatile size_t most = SIZE_MAX / 2;
    check(reallocarray(text, most, 4) == NULL && errno == ENOMEM, "reallocarray overflows");
    text = reallocarray(text, 1000, 200);
    check(text != NULL && text[9] == 'x', "reallocarray keeps what is there");
    check((uintptr_t)aligned_alloc(256, 1024) % 256 == 0, "aligned_alloc aligns");
    check((uintptr_t)memalign(512, 10) % 512 == 0, "memalign aligns");
    void *aligned = NULL;
    errno = 0;
    check(posix_memalign(&aligned, 4096, 10) == 0 && (uintptr_t)aligned % 4096 == 0 &&
              aligned != NULL, "posix_memalign aligns");
    check(posix_memalign(&aligned, 3, 10) == EINVAL && errno == 0, "posix_memalign refuses");
}

/* What the C library allocates can be given to realloc. */
static void is_ours(char *text, const char *expected)
{
    text = realloc(text, 20000);
    check(text != NULL && strcmp(text, expected) == 0, expected);
}

static void texts(void)
{
    char *text, *line = malloc(4);
    size_t room = 4;
    is_ours(strdup("strdup"), "strdup");
    is_ours(strndup("strndup and more", 7), "strndup");
    check(asprintf(&text, "%s %d", "asprintf", 1) == 10, "asprintf counts");
    is_ours(text, "asprintf 1");
    char folder[PATH_MAX];
    check(getcwd(folder, sizeof(folder)) == folder, "getcwd into a buffer");
    is_ours(getcwd(NULL, 0), folder);
    is_ours(realpath(".", NULL), folder);
    check(realpath("/no/such/folder", NULL) == NULL && errno == ENOENT, "realpath says why not");

    FILE *file = fopen("lines", "w+");
    check(file != NULL, "a file");
    fputs("a line that is longer than four\nshort\n;end", file);
    rewind(file);
    check(getline(&line, &room, file) == 32 && room >= 33, "getline finds room");
    char *before = line;
    check(getline(&line, &room, file) == 6 && line == before, "getline stays where there is room");
    is_ours(line, "short\n");
    line = NULL;
    room = 0;
    check(getdelim(&line, &room, ';', file) == 1 && getdelim(&line, &room, ';', file) == 3,
          "getdelim stops");
    check(getdelim(&line, &room, ';', file) == -1 && feof(file), "getdelim ends");
    is_ours(line, "end");
    fclose(file);
}

int main(int argc, char **argv)
{
    check(argc == 2 && strcmp(argv[1], "argument") == 0, "main has its arguments");
    blocks();
    texts();
    freed_memory_stays();
    return 0;
}
