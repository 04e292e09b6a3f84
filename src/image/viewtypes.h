/* SPDX-License-Identifier: MIT */
/* viewtypes.h - which words of an object in another process the collector there looks at. */
#ifndef ML_IMAGE_VIEWTYPES_H
#define ML_IMAGE_VIEWTYPES_H

#include "gc/type.h"
#include "image/heapview.h"

/* The type of an object of ML_TYPED. False: it has none, or it can't be read. */
bool ml_view_type_of(const struct ml_heap_view *view, const struct ml_view_object *object,
                     struct memlog_type *type);
/* Whether a pointer at that place in the object keeps alive what it points to. */
bool ml_view_is_scanned(const struct ml_heap_view *view, const struct ml_view_object *object,
                        uintptr_t place);

#endif
