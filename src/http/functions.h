/* SPDX-License-Identifier: MIT */
/* functions.h - the functions of one file by its table of symbols, sorted once: libdw goes through
 * the whole table for each address, which in a large program takes a millisecond.
 */
#ifndef ML_HTTP_FUNCTIONS_H
#define ML_HTTP_FUNCTIONS_H

#include <elfutils/libdwfl.h>

struct ml_functions;

/* NULL: no memory. What it names lives as long as the module's session. */
struct ml_functions *ml_functions_read(Dwfl_Module *module);
void ml_functions_free(struct ml_functions *functions);
/* The function that has the address, and how far it is from its begin. NULL: none. */
const char *ml_functions_find(const struct ml_functions *functions, GElf_Addr address,
                              GElf_Off *offset);

#endif
