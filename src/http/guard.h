/* SPDX-License-Identifier: MIT */
/* guard.h - whom the pages answer: against other web pages in the user's browser, which can
 * have it ask any address, and against names that were made to point here (DNS rebinding).
 *
 * A browser says in Host which name it believes it talks to, and in Origin or Sec-Fetch-Site who
 * had it ask. An attacker's page has a name; so numbers are fine, and localhost, and
 * this machine's own name, and those that MEMLOG_HTTP_HOSTS lists. Pure.
 */
#ifndef ML_HTTP_GUARD_H
#define ML_HTTP_GUARD_H

#include <stdbool.h>

struct ml_guard {
    const char *machine; /* its own name */
    const char *hosts;   /* further names, with commas; "*": all; NULL: none */
    bool is_unix;        /* nobody gets there by a name */
};

/* What a request says of itself; NULL: nothing. */
struct ml_guard_claims {
    const char *host, *origin, *fetch_site, *fetch_mode, *fetch_dest;
};
/* NULL: it is answered. Else why not, for who wonders. */
const char *ml_guard_refuses(const struct ml_guard *guard, const struct ml_guard_claims *claims);

#endif
