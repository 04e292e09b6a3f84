/* SPDX-License-Identifier: MIT */
#include "os/cgroup.h"

#include <stdbool.h>
#include <string.h>

#include "base/bits.h"
#include "base/format.h"
#include "os/process.h"

/* The longest path the kernel takes. */
enum { CGROUP_PATH_BYTES = 4096 };
static const char usual_membership[] = "/proc/self/cgroup", usual_root[] = "/sys/fs/cgroup";

/* Version 1 says "no limit" with the largest multiple of a page below 2^63;
 * nothing that can be meant as a limit is anywhere near. */
#define CGROUP_NO_LIMIT (UINT64_C(1) << 60)

/* What a version calls its files, and in memory.stat the pages of files. */
struct names {
    const char *limit, *current, *files[2];
};
static const struct names unified_names = {
    "/memory.max", "/memory.current", { "\ninactive_file ", "\nactive_file " }
};
static const struct names memory_names = {
    "/memory.limit_in_bytes", "/memory.usage_in_bytes",
    { "\ntotal_inactive_file ", "\ntotal_active_file " }
};

/* One of the group and those it is in, in one of the hierarchies. */
struct directory {
    char path[CGROUP_PATH_BYTES];
    size_t length;
    const struct names *names;
};

/* A walk over all of them. */
struct walk {
    const char *root;
    void (*visit)(struct directory *directory, void *result);
    void *result;
};

/* ---- numbers in files ------------------------------------------------------------ */

/* UINT64_MAX: too large, or none there. */
static uint64_t number_at(const char *text)
{
    uint64_t number = 0;
    if (*text < '0' || *text > '9')
        return UINT64_MAX;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return UINT64_MAX;
    return number;
}

static bool read_from(struct directory *directory, const char *file, char *content, size_t capacity)
{
    size_t bytes = strlen(file) + 1;
    if (directory->length + bytes > sizeof(directory->path))
        return false;
    memcpy(directory->path + directory->length, file, bytes);
    ssize_t length = ml_os_read_file(directory->path, content, capacity);
    directory->path[directory->length] = '\0';
    return length >= 0;
}

/* UINT64_MAX for "max", huge numbers and no such file. */
static uint64_t read_number(struct directory *directory, const char *file)
{
    char content[64];
    if (!read_from(directory, file, content, sizeof(content)))
        return UINT64_MAX;
    uint64_t number = number_at(content);
    return number < CGROUP_NO_LIMIT ? number : UINT64_MAX;
}

/* ---- where they are -------------------------------------------------------------------- */

/* A process outside of its cgroup namespace's root sees a path that climbs
 * ("/../other"); below the mount point there is nothing for it but the root. */
static bool climbs(const char *group, size_t length)
{
    return memmem(group, length, "/..", 3) != NULL;
}

/* The group and every group it is in, up to the mount point itself: in a
 * container that one is often the only directory of these that exists. */
static void walk_up(const struct walk *walk, const char *mount, const struct names *names,
                    const char *group, size_t length)
{
    struct directory directory = { .names = names };
    if (climbs(group, length))
        length = 0;
    for (;;) {
        while (length > 0 && group[length - 1] == '/')
            length--;
        struct ml_text text;
        ml_text_init(&text, directory.path, sizeof(directory.path));
        ml_text_string(&text, walk->root);
        ml_text_string(&text, mount);
        ml_text_bytes(&text, group, length);
        directory.length = ml_text_finish(&text);
        if (directory.length < sizeof(directory.path))
            walk->visit(&directory, walk->result);
        if (length == 0)
            return;
        while (length > 0 && group[length - 1] != '/')
            length--;
    }
}

/* Is "memory" one of the controllers "cpu,memory"? */
static bool has_memory(const char *controllers, size_t length)
{
    static const char memory[] = "memory";
    while (length > 0) {
        const char *comma = memchr(controllers, ',', length);
        size_t word = comma == NULL ? length : (size_t)(comma - controllers);
        if (word == sizeof(memory) - 1 && memcmp(controllers, memory, word) == 0)
            return true;
        word += comma != NULL;
        controllers += word;
        length -= word;
    }
    return false;
}

/* One line of /proc/self/cgroup: "0::/group" or "5:cpu,memory:/group". The unified hierarchy
 * is mounted beside the old ones while both are in use. */
static void walk_membership(const struct walk *walk, const char *line, size_t length)
{
    const char *end = line + length;
    const char *first = memchr(line, ':', length);
    const char *second = first == NULL ? NULL : memchr(first + 1, ':', (size_t)(end - first - 1));
    if (second == NULL)
        return;
    const char *group = second + 1;
    size_t group_length = (size_t)(end - group);
    if (second == first + 1) {
        walk_up(walk, "", &unified_names, group, group_length);
        walk_up(walk, "/unified", &unified_names, group, group_length);
    } else if (has_memory(first + 1, (size_t)(second - first - 1))) {
        walk_up(walk, "/memory", &memory_names, group, group_length);
    }
}

static void walk_all(const struct walk *walk, const char *membership)
{
    char content[CGROUP_PATH_BYTES];
    ssize_t length = ml_os_read_file(membership, content, sizeof(content));
    const char *line = content, *end = content + (length < 0 ? 0 : length);
    while (line < end) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *line_end = newline == NULL ? end : newline;
        walk_membership(walk, line, (size_t)(line_end - line));
        line = line_end + 1;
    }
}

/* ---- the least of all ------------------------------------------------------------------ */

static void take_limit(struct directory *directory, void *least)
{
    *(uint64_t *)least = ml_min(*(uint64_t *)least, read_number(directory, directory->names->limit));
}

static void take_current(struct directory *directory, void *least)
{
    *(uint64_t *)least = ml_min(*(uint64_t *)least, read_number(directory, directory->names->current));
}

static uint64_t least_of(void (*take)(struct directory *, void *), const char *membership,
                         const char *root)
{
    uint64_t least = UINT64_MAX;
    const struct walk walk = { root, take, &least };
    walk_all(&walk, membership);
    return least == UINT64_MAX ? 0 : least;
}

uint64_t ml_os_cgroup_limit_under(const char *membership, const char *root)
{
    return least_of(take_limit, membership, root);
}

/* What a group is charged with its ancestors are charged with, too: the least is its own. */
uint64_t ml_os_cgroup_current_under(const char *membership, const char *root)
{
    return least_of(take_current, membership, root);
}

uint64_t ml_os_cgroup_limit_bytes(void)
{
    return ml_os_cgroup_limit_under(usual_membership, usual_root);
}

/* ---- the one that is nearest to its limit -------------------------------------------------- */

/* Counting them takes the kernel longest, and is worth it only for a group that looks full. */
static uint64_t file_bytes(struct directory *directory)
{
    char content[4096];
    uint64_t bytes = 0;
    if (!read_from(directory, "/memory.stat", content, sizeof(content)))
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        const char *line = strstr(content, directory->names->files[i]);
        uint64_t number = line == NULL ? 0 : number_at(line + strlen(directory->names->files[i]));
        bytes += number < CGROUP_NO_LIMIT ? number : 0;
    }
    return bytes;
}

static bool is_nearer(const struct ml_os_cgroup_room *a, const struct ml_os_cgroup_room *b)
{
    return b->limit == 0 ||
           (unsigned __int128)a->held * b->limit > (unsigned __int128)b->held * a->limit;
}

static void take_room(struct directory *directory, void *result)
{
    struct ml_os_cgroup_room *nearest = result, room;
    room.limit = read_number(directory, directory->names->limit);
    if (room.limit == UINT64_MAX || room.limit == 0)
        return;
    uint64_t current = read_number(directory, directory->names->current);
    room.held = current == UINT64_MAX ? 0 : current;
    if (room.held > room.limit / 2)
        room.held -= ml_min(room.held, file_bytes(directory));
    if (is_nearer(&room, nearest))
        *nearest = room;
}

struct ml_os_cgroup_room ml_os_cgroup_room_under(const char *membership, const char *root)
{
    struct ml_os_cgroup_room room = { 0, 0 };
    const struct walk walk = { root, take_room, &room };
    walk_all(&walk, membership);
    return room;
}

struct ml_os_cgroup_room ml_os_cgroup_room(void)
{
    return ml_os_cgroup_room_under(usual_membership, usual_root);
}
