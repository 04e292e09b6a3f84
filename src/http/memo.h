/* SPDX-License-Identifier: MIT */
/* memo.h - names that were asked for before: to find one takes some hundred microseconds, and
 * whoever fetches a profile again and again asks for the same. Bounded; for one thread at a time.
 */
#ifndef ML_HTTP_MEMO_H
#define ML_HTTP_MEMO_H

#include "http/names.h"

struct ml_memo;

/* What stands behind it, which lives as long. NULL: no memory. */
struct ml_memo *ml_memo_new(struct ml_namer behind);
void ml_memo_free(struct ml_memo *memo);
/* Other code may be at the same addresses now. */
void ml_memo_forget(struct ml_memo *memo);
/* As the one behind it. */
struct ml_namer ml_memo_namer(struct ml_memo *memo);

#endif
