/* SPDX-License-Identifier: MIT */
/* pages.h - the pages' handlers (routes.h has where they are), by the file they live in.
 *
 * A handler fills request->reply and says ML_ANSWERED. One that wants time says ML_ELSEWHERE
 * when the server's thread calls it, and is called again by the worker.
 */
#ifndef ML_HTTP_PAGES_H
#define ML_HTTP_PAGES_H

#include "http/request.h"

/* index.c: what there is. */
enum ml_progress ml_page_index(struct ml_request *request);
enum ml_progress ml_page_pprof_folder(struct ml_request *request);
enum ml_progress ml_page_pprof_index(struct ml_request *request);
/* asset.c: the live page and what belongs to it. */
enum ml_progress ml_page_asset(struct ml_request *request);
/* mem.c: the numbers for a person with curl. */
enum ml_progress ml_page_mem(struct ml_request *request);
/* vars.c: expvar. */
enum ml_progress ml_page_vars(struct ml_request *request);
/* metrics.c: Prometheus. */
enum ml_progress ml_page_metrics(struct ml_request *request);
/* cycles.c: the last collections. */
enum ml_progress ml_page_cycles(struct ml_request *request);
/* live.c: what the live page shows. */
enum ml_progress ml_page_live_data(struct ml_request *request);
/* pprof.c */
enum ml_progress ml_page_heap(struct ml_request *request);
enum ml_progress ml_page_allocs(struct ml_request *request);
enum ml_progress ml_page_cmdline(struct ml_request *request);
enum ml_progress ml_page_symbol(struct ml_request *request);
enum ml_progress ml_page_no_profile(struct ml_request *request);

#endif
