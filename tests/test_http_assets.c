/* SPDX-License-Identifier: MIT */
/* test_http_assets.c - what the live page is made of is in the library, byte for byte. */
#include <stdio.h>
#include <string.h>

#include "http/assets.h"
#include "unit.h"

static const struct {
    const char *path, *type, *file;
} expected[] = {
    { "/debug/memlog", "text/html; charset=utf-8", "memlog.html" },
    { "/debug/memlog/memlog.css", "text/css; charset=utf-8", "memlog.css" },
    { "/debug/memlog/memlog.js", "text/javascript; charset=utf-8", "memlog.js" },
    { "/debug/memlog/pages.css", "text/css; charset=utf-8", "pages.css" },
    { "/debug/memlog/uplot.js", "text/javascript; charset=utf-8", "uplot/uPlot.iife.min.js" },
    { "/debug/memlog/uplot.css", "text/css; charset=utf-8", "uplot/uPlot.min.css" },
    { "/debug/memlog/uplot.license", "text/plain; charset=utf-8", "uplot/LICENSE" },
};
enum { EXPECTED = sizeof(expected) / sizeof(expected[0]) };

static const struct ml_asset *need(const char *path)
{
    const struct ml_asset *asset = ml_asset_find(path);
    if (asset == NULL)
        ck_abort_msg("there is no %s", path);
    return asset;
}

START_TEST(assets_are_the_files)
{
    const struct ml_asset *asset = need(expected[_i % EXPECTED].path);
    ck_assert_str_eq(asset->type, expected[_i % EXPECTED].type);

    const char *top = getenv("top_srcdir");
    char name[4096];
    static char bytes[1 << 20];
    snprintf(name, sizeof(name), "%s/src/http/page/%s", top == NULL ? "." : top,
             expected[_i % EXPECTED].file);
    FILE *file = fopen(name, "rb");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    ck_assert_uint_gt(length, 0);
    ck_assert_uint_eq(asset->length, length);
    ck_assert_int_eq(memcmp(asset->bytes, bytes, length), 0);
}
END_TEST

/* What the module says it needs, from its own folder on. */
START_TEST(imported_modules_are_there)
{
    size_t imports = 0;
    for (size_t i = 0; i < ml_assets_count; i++) {
        const struct ml_asset *asset = &ml_assets[i];
        const char *at = asset->bytes, *end = at + asset->length;
        static const char from[] = " from './";
        while ((at = memmem(at, (size_t)(end - at), from, strlen(from))) != NULL) {
            at += strlen(from);
            char path[128];
            snprintf(path, sizeof(path), "/debug/memlog/%.*s", (int)strcspn(at, "'"), at);
            ck_assert_str_eq(need(path)->type, "text/javascript; charset=utf-8");
            imports++;
        }
    }
    ck_assert_uint_gt(imports, 8);
}
END_TEST

START_TEST(other_paths_have_none)
{
    static const char *const others[] = { "", "/", "/debug", "/debug/memlog/", "/debug/memlog/data",
                                          "/debug/memlog/memlog.js/", "/debug/memlog/../memlog",
                                          "/debug/memlog/LICENSE", "memlog.js" };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_ptr_null(ml_asset_find(others[i]));
    for (size_t i = 0; i < ml_assets_count; i++)
        ck_assert_ptr_eq(ml_asset_find(ml_assets[i].path), &ml_assets[i]);
}
END_TEST

UNIT_MAIN_TIMES("http assets", EXPECTED, assets_are_the_files, imported_modules_are_there,
                other_paths_have_none)
