/* SPDX-License-Identifier: MIT */
/* scopes.h - which calls are inlined at an address, by the DWARF of its unit: the functions of
 * each unit are sorted when it is first asked for, and then one function is looked into.
 */
#ifndef ML_HTTP_SCOPES_H
#define ML_HTTP_SCOPES_H

#include <elfutils/libdw.h>
#include <stddef.h>

struct ml_scopes;

enum { ML_SCOPES_MOST = 64 };

/* NULL: no memory. */
struct ml_scopes *ml_scopes_new(void);
void ml_scopes_free(struct ml_scopes *scopes);
/* The function that has the address and what is inlined there, the outermost first; how many. 0: it
 * is not known. unit: where the address is, as the unit has it. */
size_t ml_scopes_at(struct ml_scopes *scopes, Dwarf_Die *unit, Dwarf_Addr address,
                    Dwarf_Die found[ML_SCOPES_MOST]);

#endif
