/* SPDX-License-Identifier: MIT */
/* diffprint.c - the tables, plain and as Markdown. */
#include "cli/diffprint.h"

#include <string.h>

#include "cli/diffwords.h"

const char *ml_statistic_name(enum ml_statistic statistic)
{
    static const char *const names[ML_STATISTICS] = { "mean", "p95",  "peak",
                                                      "last", "rate", "increase" };
    return names[statistic];
}

bool ml_statistic_is_of(enum ml_statistic statistic, const struct ml_compared *compared)
{
    bool is_of_totals = statistic == ML_STATISTIC_RATE || statistic == ML_STATISTIC_INCREASE;
    return is_of_totals == ml_compared_is_total(compared);
}

/* A row's cells behind the column's name. */
struct row {
    char a[ML_WORDS_CELL], b[ML_WORDS_CELL], change[ML_WORDS_CELL], percent[ML_WORDS_CELL];
};

static void fill(struct row *row, const struct ml_compared *compared, enum ml_statistic statistic)
{
    double a = ml_figure(&compared->figures[0], statistic),
           b = ml_figure(&compared->figures[1], statistic);
    ml_words_value(a, compared->field, statistic, row->a);
    ml_words_value(b, compared->field, statistic, row->b);
    ml_words_change(b - a, compared->field, statistic, row->change);
    ml_words_percent(ml_growth_percent(a, b), row->percent);
}

/* ---- plain ---------------------------------------------------------------------------- */

static void print_column(const struct ml_compared *compared, FILE *to)
{
    const char *name = compared->name;
    struct row row;
    for (int statistic = 0; statistic < ML_STATISTICS; statistic++) {
        if (!ml_statistic_is_of((enum ml_statistic)statistic, compared))
            continue;
        fill(&row, compared, (enum ml_statistic)statistic);
        fprintf(to, "%-20s %-8s %12s %12s %13s %10s\n", name,
                ml_statistic_name((enum ml_statistic)statistic), row.a, row.b, row.change,
                row.percent);
        name = "";
    }
}

void ml_diff_print_text(const struct ml_comparison *comparison, const struct ml_verdict *verdict,
                        FILE *to)
{
    char text[ML_WORDS_SENTENCE];
    fprintf(to, "%s\n\n", ml_words_headline(verdict, text));
    for (int side = 0; side < 2; side++)
        fprintf(to, "%c: %s\n", 'A' + side, ml_words_part(&comparison->parts[side], text));
    fprintf(to, "%s\n\n%-20s %-8s %12s %12s %13s\n", ml_words_extent(comparison, text), "", "", "A",
            "B", "change");
    for (unsigned i = 0; i < comparison->count; i++)
        print_column(&comparison->list[i], to);
    for (int side = 0; side < 2; side++)
        if (*ml_words_only(comparison, side, text) != '\0')
            fprintf(to, "Only in %c: %s\n", 'A' + side, text);
}

/* ---- Markdown ----------------------------------------------------------------------------- */

/* What means something there has a backslash in front. */
static void print_escaped(const char *text, FILE *to)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_[]<>|#", *text) != NULL)
            putc('\\', to);
        putc(*text, to);
    }
}

static void print_rows(const struct ml_compared *compared, FILE *to)
{
    struct row row;
    for (int statistic = 0; statistic < ML_STATISTICS; statistic++) {
        if (!ml_statistic_is_of((enum ml_statistic)statistic, compared))
            continue;
        fill(&row, compared, (enum ml_statistic)statistic);
        fputs("| ", to);
        print_escaped(compared->name, to);
        fprintf(to, " | %s | %s | %s | %s | %s |\n",
                ml_statistic_name((enum ml_statistic)statistic), row.a, row.b, row.change,
                row.percent);
    }
}

void ml_diff_print_markdown(const struct ml_comparison *comparison,
                            const struct ml_verdict *verdict, FILE *to)
{
    char text[ML_WORDS_SENTENCE];
    fputs("**", to);
    print_escaped(ml_words_headline(verdict, text), to);
    fputs("**\n\n", to);
    for (int side = 0; side < 2; side++) {
        fprintf(to, "- %c: ", 'A' + side);
        print_escaped(ml_words_part(&comparison->parts[side], text), to);
        fputs("\n", to);
    }
    fputs("- ", to);
    print_escaped(ml_words_extent(comparison, text), to);
    fputs("\n\n| column | | A | B | change | % |\n|---|---|--:|--:|--:|--:|\n", to);
    for (unsigned i = 0; i < comparison->count; i++)
        print_rows(&comparison->list[i], to);
    for (int side = 0; side < 2; side++)
        if (*ml_words_only(comparison, side, text) != '\0') {
            fprintf(to, "\nOnly in %c: ", 'A' + side);
            print_escaped(text, to);
            fputs("\n", to);
        }
}
