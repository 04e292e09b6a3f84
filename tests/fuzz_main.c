/* SPDX-License-Identifier: MIT */
/* fuzz_main.c - where there is no libFuzzer: each file of a corpus, and then so many changes of
 * them, always the same for a seed.
 *
 *   fuzz_log RUNS SEED FILE...
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 256, BYTES_MOST = 1 << 16 };

static struct input {
    uint8_t *bytes;
    size_t length;
} inputs[FILES];
static unsigned input_count;
static uint64_t state;

static uint32_t random_below(uint32_t end)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)((state >> 33) % end);
}

static void read_input(const char *name)
{
    FILE *file = fopen(name, "rb");
    struct input *input = &inputs[input_count];
    input->bytes = malloc(BYTES_MOST);
    if (file == NULL || input->bytes == NULL) {
        fprintf(stderr, "%s can't be read\n", name);
        exit(1);
    }
    input->length = fread(input->bytes, 1, BYTES_MOST, file);
    input_count++;
    fclose(file);
}

/* A byte, a stretch taken out, doubled, or from another file. */
static size_t change(uint8_t *bytes, size_t length)
{
    static const char likely[] = "\0\n\r #?-.0189 \377";
    size_t at = length == 0 ? 0 : random_below((uint32_t)length), span = 1 + random_below(40);
    const struct input *other = &inputs[random_below(input_count)];
    switch (random_below(6)) {
    case 0:
        if (length > 0)
            bytes[at] = (uint8_t)random_below(256);
        return length;
    case 1:
        if (length > 0)
            bytes[at] = (uint8_t)likely[random_below(sizeof(likely) - 1)];
        return length;
    case 2:
        span = span < length - at ? span : length - at;
        memmove(bytes + at, bytes + at + span, length - at - span);
        return length - span;
    case 3:
        span = span < length - at ? span : length - at;
        if (length + span > BYTES_MOST)
            return length;
        memmove(bytes + at + span, bytes + at, length - at);
        return length + span;
    case 4:
        return at; /* cut off */
    default:
        span = span < other->length ? span : other->length;
        if (length + span > BYTES_MOST)
            return length;
        memmove(bytes + at + span, bytes + at, length - at);
        memcpy(bytes + at, other->bytes + (other->length == span ? 0 : random_below((uint32_t)(other->length - span))), span);
        return length + span;
    }
}

static void run_changed(void)
{
    const struct input *from = &inputs[random_below(input_count)];
    uint8_t *bytes = malloc(BYTES_MOST);
    size_t length = from->length;
    memcpy(bytes, from->bytes, length);
    for (uint32_t changes = 1 + random_below(8); changes > 0; changes--)
        length = change(bytes, length);
    /* As long as it is, so that a sanitizer sees what is read behind it. */
    uint8_t *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, bytes, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s RUNS SEED FILE...\n", argv[0]);
        return 2;
    }
    state = strtoull(argv[2], NULL, 10);
    for (int i = 3; i < argc && input_count < FILES; i++)
        read_input(argv[i]);
    for (unsigned i = 0; i < input_count; i++)
        LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].length);
    for (long runs = atol(argv[1]); runs > 0; runs--)
        run_changed();
    printf("%u files and %s changes of them\n", input_count, argv[1]);
    return 0;
}
