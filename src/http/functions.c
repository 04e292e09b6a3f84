/* SPDX-License-Identifier: MIT */
#include "http/functions.h"

#include <stdbool.h>
#include <stdlib.h>

struct function {
    GElf_Addr begin;
    GElf_Xword bytes; /* 0: as far as the next one */
    const char *name;
    bool is_global;
};

struct ml_functions {
    size_t count;
    struct function sorted[];
};

/* By their begins; of several names of one function the first is what others call. */
static int compare(const void *left, const void *right)
{
    const struct function *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if ((a->bytes == 0) != (b->bytes == 0))
        return a->bytes == 0 ? 1 : -1;
    return b->is_global - a->is_global;
}

/* Code that an assembler has written may have no type. */
static bool is_function(const GElf_Sym *symbol, const char *name)
{
    int type = GELF_ST_TYPE(symbol->st_info);
    return name != NULL && *name != '\0' && symbol->st_shndx != SHN_UNDEF &&
           (type == STT_FUNC || type == STT_GNU_IFUNC ||
            (type == STT_NOTYPE && symbol->st_shndx < SHN_LORESERVE && symbol->st_size != 0));
}

struct ml_functions *ml_functions_read(Dwfl_Module *module)
{
    int symbols = dwfl_module_getsymtab(module);
    size_t most = symbols > 0 ? (size_t)symbols : 0, count = 0;
    struct ml_functions *functions = malloc(sizeof(*functions) + most * sizeof(struct function));
    if (functions == NULL)
        return NULL;
    for (int i = 1; i < symbols; i++) {
        GElf_Sym symbol;
        GElf_Addr begin;
        const char *name = dwfl_module_getsym_info(module, i, &symbol, &begin, NULL, NULL, NULL);
        if (!is_function(&symbol, name))
            continue;
        functions->sorted[count++] = (struct function){
            begin, symbol.st_size, name, GELF_ST_BIND(symbol.st_info) == STB_GLOBAL
        };
    }
    qsort(functions->sorted, count, sizeof(functions->sorted[0]), compare);
    functions->count = count;
    return functions;
}

void ml_functions_free(struct ml_functions *functions) { free(functions); }

const char *ml_functions_find(const struct ml_functions *functions, GElf_Addr address,
                              GElf_Off *offset)
{
    enum { NESTED_MOST = 8 }; /* a begin within another function */
    const struct function *sorted = functions->sorted;
    size_t low = 0, high = functions->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sorted[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct function *found = NULL;
    for (size_t i = low, tries = 0; i-- > 0 && tries < NESTED_MOST; tries++) {
        if (found != NULL && sorted[i].begin != found->begin)
            break;
        if (sorted[i].bytes == 0 || address - sorted[i].begin < sorted[i].bytes)
            found = &sorted[i];
    }
    *offset = found == NULL ? 0 : address - found->begin;
    return found == NULL ? NULL : found->name;
}
