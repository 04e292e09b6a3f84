/* SPDX-License-Identifier: MIT */
#include "http/collapse.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/elf.h"
#include "http/folded.h"
#include "http/unpack.h"
#include "image/buildid.h"
#include "profile/encoder.h"

enum { WRONG_USE = 2, FILES_MOST = 1024 };

/* A file of code that the profile names, looked for once. */
struct code {
    const struct ml_unpacked_mapping *mapping; /* the first of it */
    struct ml_elf *elf;                        /* NULL: there are no names */
    struct code *next;
};

struct collapse {
    struct ml_unpacked profile;
    struct code *codes;
    unsigned codes_count;
    const struct ml_unpacked_location *location; /* the one that is named now */
};

static int complain(const char *who, const char *what)
{
    fprintf(stderr, "memlog collapse: %s: %s\n", who, what);
    return EXIT_FAILURE;
}

/* A copy, for who wants a NUL behind it; NULL: no memory. */
static char *text_of(const struct collapse *collapse, uint64_t number)
{
    const struct ml_unpacked_string *string = &collapse->profile.strings[number];
    return strndup(string->bytes, string->length);
}

static bool is_text(const struct collapse *collapse, uint64_t number, const char *text)
{
    const struct ml_unpacked_string *string = &collapse->profile.strings[number];
    return string->length == strlen(text) && memcmp(string->bytes, text, string->length) == 0;
}

/* ---- files of code ------------------------------------------------------------------------- */

/* Where a distribution's packages of debug information put what belongs to a build. */
static struct ml_elf *open_debug_file(const char *build_id)
{
    char path[64 + sizeof(ml_build_id)];
    if (strlen(build_id) <= 2 || strlen(build_id) >= sizeof(ml_build_id) ||
        build_id[strspn(build_id, "0123456789abcdef")] != '\0')
        return NULL;
    snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", build_id, build_id + 2);
    return ml_elf_open(path);
}

static struct ml_elf *open_elf(const char *file, const char *build_id)
{
    ml_build_id there = "";
    ml_build_id_in_file(there, getpid(), file);
    if (*build_id == '\0' || strcmp(there, build_id) == 0)
        return ml_elf_open(file);
    struct ml_elf *elf = open_debug_file(build_id);
    bool is_there = access(file, F_OK) == 0;
    if (elf == NULL)
        complain(file, is_there ? "not the build that was profiled: no names of its functions"
                                : "not there: no names of its functions");
    return elf;
}

static struct ml_elf *open_code(const struct collapse *collapse,
                                const struct ml_unpacked_mapping *mapping)
{
    char *file = text_of(collapse, mapping->file), *build_id = text_of(collapse, mapping->build_id);
    struct ml_elf *elf = NULL;
    if (file != NULL && build_id != NULL && file[0] == '/')
        elf = open_elf(file, build_id);
    free(file);
    free(build_id);
    return elf;
}

static bool is_same(const struct collapse *collapse, uint64_t left, uint64_t right)
{
    const struct ml_unpacked_string *a = &collapse->profile.strings[left];
    const struct ml_unpacked_string *b = &collapse->profile.strings[right];
    return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static struct ml_elf *need_code(struct collapse *collapse,
                                const struct ml_unpacked_mapping *mapping)
{
    for (const struct code *code = collapse->codes; code != NULL; code = code->next)
        if (is_same(collapse, code->mapping->file, mapping->file) &&
            is_same(collapse, code->mapping->build_id, mapping->build_id))
            return code->elf;
    struct code *code = collapse->codes_count == FILES_MOST ? NULL : calloc(1, sizeof(*code));
    if (code == NULL)
        return NULL;
    *code = (struct code){ mapping, open_code(collapse, mapping), collapse->codes };
    collapse->codes = code;
    collapse->codes_count++;
    return code->elf;
}

static void drop_codes(struct collapse *collapse)
{
    for (struct code *code = collapse->codes, *next; code != NULL; code = next) {
        next = code->next;
        ml_elf_close(code->elf);
        free(code);
    }
}

/* ---- names ---------------------------------------------------------------------------------- */

static void take_functions(const struct collapse *collapse, ml_name_taker *take, void *argument)
{
    const struct ml_unpacked *profile = &collapse->profile;
    const struct ml_unpacked_location *location = collapse->location;
    for (size_t i = 0; i < location->lines; i++) {
        const struct ml_unpacked_function *function =
            &profile->functions[profile->lines[location->first + i]];
        char *name = text_of(collapse, function->name);
        take(&(struct ml_name){ .function = name }, argument);
        free(name);
    }
}

/* What the profile says itself is right; else what the files say. */
static void each(void *context, uintptr_t address, ml_name_taker *take, void *argument)
{
    struct collapse *collapse = context;
    const struct ml_unpacked_location *location = collapse->location;
    if (location->lines != 0) {
        take_functions(collapse, take, argument);
        return;
    }
    if (location->mapping == 0)
        return;
    const struct ml_unpacked_mapping *mapping = &collapse->profile.mappings[location->mapping - 1];
    struct ml_elf *elf = need_code(collapse, mapping);
    if (elf != NULL)
        ml_elf_each(elf, address - mapping->begin + mapping->offset, true, take, argument);
}

static struct ml_folded_place name_place(struct collapse *collapse, struct ml_folded *folded,
                                         const struct ml_unpacked_location *location)
{
    const struct ml_namer namer = { collapse, each };
    char *file = NULL;
    if (location->mapping != 0)
        file = text_of(collapse, collapse->profile.mappings[location->mapping - 1].file);
    collapse->location = location;
    struct ml_folded_place place = ml_folded_place(folded, &namer, (uintptr_t)location->address,
                                                   file != NULL && *file != '\0' ? file : NULL);
    free(file);
    return place;
}

/* ---- stacks --------------------------------------------------------------------------------- */

static int add_sample(struct collapse *collapse, struct ml_folded *folded,
                      struct ml_folded_place *places, const struct ml_unpacked_sample *sample,
                      size_t type)
{
    const struct ml_unpacked *profile = &collapse->profile;
    const struct ml_folded_place **stack = malloc((sample->depth + 1) * sizeof(*stack));
    if (stack == NULL)
        return -ENOMEM;
    for (size_t i = 0; i < sample->depth; i++) {
        uint64_t number = profile->stacks[sample->first + i];
        if (places[number].names == NULL)
            places[number] = name_place(collapse, folded, &profile->locations[number]);
        stack[i] = &places[number];
    }
    ml_folded_add(folded, stack, sample->depth, profile->values[sample->values + type]);
    free(stack);
    return 0;
}

/* memlog's own profiles say what is to be left out, and so do others, in words of their own. */
static const char *drop_frames(const struct collapse *collapse)
{
    bool is_ours = is_text(collapse, collapse->profile.drop_frames, ml_encoder_drop_frames);
    return is_ours ? ml_encoder_drop_frames : NULL;
}

static int fold(struct collapse *collapse, size_t type, struct ml_buffer *buffer)
{
    const struct ml_unpacked *profile = &collapse->profile;
    struct ml_folded folded;
    struct ml_folded_place *places = calloc(profile->locations_count + 1, sizeof(*places));
    int error = places == NULL ? -ENOMEM : ml_folded_begin(&folded, drop_frames(collapse));
    if (error != 0) {
        free(places);
        return error;
    }
    for (size_t i = 0; error == 0 && !folded.failed && i < profile->samples_count; i++)
        error = add_sample(collapse, &folded, places, &profile->samples[i], type);
    for (size_t i = 0; i < profile->locations_count; i++)
        ml_folded_place_free(&places[i]);
    free(places);
    int ended = ml_folded_end(&folded, buffer);
    return error != 0 ? error : ended;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* The type that is asked for; or else inuse_space, the profile's own choice, the last. */
static bool find_type(const struct collapse *collapse, const char *wanted, size_t *type)
{
    const struct ml_unpacked *profile = &collapse->profile;
    size_t count = profile->types_count;
    *type = count - 1;
    for (size_t i = 0; i < count; i++)
        if (wanted == NULL && is_same(collapse, profile->types[i].type, profile->default_type))
            *type = i;
    for (size_t i = 0; i < count; i++)
        if (is_text(collapse, profile->types[i].type, wanted != NULL ? wanted : "inuse_space")) {
            *type = i;
            return true;
        }
    return wanted == NULL;
}

static int complain_of_type(const struct collapse *collapse, const char *path, const char *wanted)
{
    enum { NAME_MOST = 64, TYPES_MOST = 16 };
    const struct ml_unpacked *profile = &collapse->profile;
    fprintf(stderr, "memlog collapse: %s has no values of type '%s'; it has", path, wanted);
    for (size_t i = 0; i < profile->types_count && i < TYPES_MOST; i++) {
        const struct ml_unpacked_string *name = &profile->strings[profile->types[i].type];
        int length = name->length < NAME_MOST ? (int)name->length : NAME_MOST;
        fprintf(stderr, "%s %.*s", i == 0 ? "" : ",", length, name->bytes);
    }
    fprintf(stderr, "\n");
    return EXIT_FAILURE;
}

static int read_file(const char *path, struct ml_buffer *buffer)
{
    enum { BYTES_MOST = 256 << 20 };
    char part[1 << 16];
    ssize_t got = 0;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (buffer->length <= BYTES_MOST && (got = read(fd, part, sizeof(part))) > 0)
        ml_buffer_put(buffer, part, (size_t)got);
    int error = got < 0 ? -errno : buffer->failed ? -ENOMEM : 0;
    if (fd != STDIN_FILENO)
        close(fd);
    return error;
}

static const char *words_for(int error)
{
    switch (error) {
    case -EBADMSG: return "no profile in pprof's form";
    case -EFBIG: return "larger than any profile";
    default: return strerror(-error);
    }
}

static int write_out(const struct ml_buffer *buffer)
{
    bool is_written = buffer->length == 0 || fwrite(buffer->bytes, buffer->length, 1, stdout) == 1;
    if (fflush(stdout) == 0 && is_written)
        return EXIT_SUCCESS;
    return complain("standard output", strerror(errno));
}

static int collapse_profile(struct collapse *collapse, const char *path, const char *wanted)
{
    struct ml_buffer buffer = { 0 };
    size_t type;
    if (!find_type(collapse, wanted, &type))
        return complain_of_type(collapse, path, wanted);
    int error = fold(collapse, type, &buffer);
    int status = error != 0 ? complain(path, words_for(error)) : write_out(&buffer);
    ml_buffer_free(&buffer);
    return status;
}

static int collapse_file(const char *path, const char *wanted)
{
    struct collapse collapse = { 0 };
    struct ml_buffer file = { 0 };
    int error = read_file(path, &file);
    if (error == 0)
        error = ml_unpack(&collapse.profile, file.length == 0 ? "" : file.bytes, file.length);
    ml_buffer_free(&file);
    if (error != 0)
        return complain(path, words_for(error));
    int status = collapse_profile(&collapse, path, wanted);
    drop_codes(&collapse);
    ml_unpacked_free(&collapse.profile);
    return status;
}

int ml_collapse_bytes(const struct ml_buffer *file, struct ml_buffer *folded)
{
    struct collapse collapse = { 0 };
    size_t type;
    int error = ml_unpack(&collapse.profile, file->length == 0 ? "" : file->bytes, file->length);
    if (error != 0)
        return error;
    (void)find_type(&collapse, NULL, &type);
    error = fold(&collapse, type, folded);
    drop_codes(&collapse);
    ml_unpacked_free(&collapse.profile);
    return error;
}

static const char help[] =
    "usage: memlog collapse [--type=TYPE] FILE\n\n"
    "The stacks of a heap profile, a line each, as flamegraph.pl and speedscope read them:\n"
    "main;serve;parse 4096. FILE is in pprof's form, as memlog and others write it; -: standard\n"
    "input. Names come from the programs and libraries that the profile names, where those are\n"
    "still the same.\n\n"
    "  -t, --type=TYPE  inuse_space (the default), inuse_objects, alloc_space, alloc_objects\n"
    "  -h, --help       say this\n";

int ml_collapse_main(int argc, char **argv)
{
    static const struct option options[] = { { "type", required_argument, NULL, 't' },
                                             { "help", no_argument, NULL, 'h' },
                                             { NULL, 0, NULL, 0 } };
    const char *type = NULL;
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "t:h", options, NULL)) != -1)
        switch (letter) {
        case 't': type = optarg; break;
        case 'h': fputs(help, stdout); return EXIT_SUCCESS;
        default: fputs("memlog collapse --help says more.\n", stderr); return WRONG_USE;
        }
    if (argc - optind != 1) {
        const char *wrong = argc == optind ? "which file?" : "one file at a time";
        fprintf(stderr, "memlog collapse: %s\n%s", wrong, help);
        return WRONG_USE;
    }
    return collapse_file(argv[optind], type);
}
