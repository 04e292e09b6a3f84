/* SPDX-License-Identifier: MIT */
#include "http/elf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/functions.h"
#include "http/scopes.h"

struct ml_elf {
    Dwfl *session;
    Dwfl_Module *module;
    GElf_Phdr *parts;
    size_t parts_count;
    struct ml_functions *functions; /* NULL: nobody has asked yet */
    struct ml_scopes *scopes;
};

/* ---- opening ------------------------------------------------------------------------------ */

/* The file is there already. */
static int find_nothing(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
                        char **path, Elf **file)
{
    (void)module, (void)user, (void)name, (void)base, (void)path, (void)file;
    return -1;
}

/* The standard ones end with asking servers. */
static const Dwfl_Callbacks callbacks = { .find_elf = find_nothing,
                                          .find_debuginfo = dwfl_build_id_find_debuginfo };

struct Dwfl *ml_elf_session(void) { return dwfl_begin(&callbacks); }

int ml_elf_open_file(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* With no address added: those are the file's own. The session owns the descriptor then. */
static bool report(struct ml_elf *elf, const char *path)
{
    int fd = ml_elf_open_file(path);
    if (fd < 0)
        return false;
    dwfl_report_begin(elf->session);
    elf->module = dwfl_report_elf(elf->session, path, path, fd, 0, true);
    if (elf->module == NULL)
        close(fd);
    return dwfl_report_end(elf->session, NULL, NULL) == 0 && elf->module != NULL;
}

static bool read_parts(struct ml_elf *elf)
{
    GElf_Addr bias;
    Elf *file = dwfl_module_getelf(elf->module, &bias);
    if (file == NULL || elf_getphdrnum(file, &elf->parts_count) != 0 || elf->parts_count > SHRT_MAX)
        return false;
    elf->parts = calloc(elf->parts_count + 1, sizeof(*elf->parts));
    for (size_t i = 0; elf->parts != NULL && i < elf->parts_count; i++)
        if (gelf_getphdr(file, (int)i, &elf->parts[i]) == NULL)
            elf->parts[i].p_type = PT_NULL;
    return elf->parts != NULL;
}

struct ml_elf *ml_elf_open(const char *path)
{
    struct ml_elf *elf = calloc(1, sizeof(*elf));
    if (elf == NULL)
        return NULL;
    elf->session = ml_elf_session();
    elf->scopes = ml_scopes_new();
    if (elf->session != NULL && elf->scopes != NULL && report(elf, path) && read_parts(elf))
        return elf;
    ml_elf_close(elf);
    return NULL;
}

void ml_elf_close(struct ml_elf *elf)
{
    if (elf == NULL)
        return;
    if (elf->session != NULL)
        dwfl_end(elf->session);
    ml_functions_free(elf->functions);
    ml_scopes_free(elf->scopes);
    free(elf->parts);
    free(elf);
}

/* ---- lines and inlined functions ------------------------------------------------------------ */

struct search {
    struct ml_elf *elf;
    GElf_Addr address;
    ml_name_taker *take;
    void *argument;
    const char *function; /* the one that has the address */
    GElf_Off offset;
    struct ml_name next; /* where its file and line are known */
};

/* C++'s as the linker has it, where that is there: as the functions' of the table of symbols. */
static const char *name_of(Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    const char *name = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) != NULL ||
        dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute) != NULL)
        name = dwarf_formstring(&attribute);
    return name != NULL ? name : dwarf_diename(die);
}

/* An inlined function: where it is called is the line of the next one out. */
static void take_inlined(struct search *search, Dwarf_Die *unit, Dwarf_Die *die)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word number;
    size_t count;
    search->next.function = name_of(die);
    if (search->next.function != NULL)
        search->take(&search->next, search->argument);
    search->next = (struct ml_name){ .offset = search->offset };
    if (dwarf_formudata(dwarf_attr(die, DW_AT_call_line, &attribute), &number) == 0)
        search->next.line = (unsigned)number;
    if (dwarf_getsrcfiles(unit, &files, &count) == 0 &&
        dwarf_formudata(dwarf_attr(die, DW_AT_call_file, &attribute), &number) == 0)
        search->next.file = dwarf_filesrc(files, (size_t)number, NULL, NULL);
}

static void take_scopes(struct search *search, Dwarf_Die *unit, Dwarf_Addr address)
{
    Dwarf_Die scopes[ML_SCOPES_MOST];
    size_t count = ml_scopes_at(search->elf->scopes, unit, address, scopes);
    for (size_t i = count; i-- > 1;)
        take_inlined(search, unit, &scopes[i]);
    if (count != 0 && search->function == NULL)
        search->function = name_of(&scopes[0]);
}

static void look_into_dwarf(struct search *search)
{
    Dwarf_Addr bias;
    int line = 0;
    Dwarf_Die *unit = dwfl_module_addrdie(search->elf->module, search->address, &bias);
    Dwfl_Line *place = dwfl_module_getsrc(search->elf->module, search->address);
    if (place != NULL)
        search->next.file = dwfl_lineinfo(place, NULL, &line, NULL, NULL, NULL);
    search->next.line = (unsigned)line;
    if (unit != NULL)
        take_scopes(search, unit, search->address - bias);
}

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_address_of(const struct ml_elf *elf, uint64_t offset, GElf_Addr *address)
{
    for (size_t i = 0; i < elf->parts_count; i++) {
        const GElf_Phdr *part = &elf->parts[i];
        if (part->p_type == PT_LOAD && offset >= part->p_offset &&
            offset - part->p_offset < part->p_filesz) {
            *address = part->p_vaddr + (offset - part->p_offset);
            return true;
        }
    }
    return false;
}

/* "realpath@@GLIBC_2.3": of a name with a version that is nobody's concern. */
static void take_last(struct search *search)
{
    size_t length = strcspn(search->function, "@");
    bool has_version = length != 0 && search->function[length] != '\0';
    char *name = has_version ? strndup(search->function, length) : NULL;
    search->next.function = name != NULL ? name : search->function;
    search->take(&search->next, search->argument);
    free(name);
}

void ml_elf_each(struct ml_elf *elf, uint64_t offset, bool with_lines, ml_name_taker *take,
                 void *argument)
{
    struct search search = { .elf = elf, .take = take, .argument = argument };
    if (!is_address_of(elf, offset, &search.address))
        return;
    if (elf->functions == NULL)
        elf->functions = ml_functions_read(elf->module);
    if (elf->functions != NULL)
        search.function = ml_functions_find(elf->functions, search.address, &search.offset);
    search.next.offset = search.offset;
    if (with_lines)
        look_into_dwarf(&search);
    if (search.function != NULL)
        take_last(&search);
}

bool ml_elf_variable(struct ml_elf *elf, uint64_t address, struct ml_name *name)
{
    GElf_Off offset;
    GElf_Sym symbol;
    *name = (struct ml_name){ 0 };
    name->function = dwfl_module_addrinfo(elf->module, address, &offset, &symbol, NULL, NULL, NULL);
    name->offset = offset;
    bool is_variable = name->function != NULL && GELF_ST_TYPE(symbol.st_info) == STT_OBJECT;
    return is_variable && offset < symbol.st_size;
}
