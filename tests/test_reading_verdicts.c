/* SPDX-License-Identifier: MIT */
/* test_reading_verdicts.c - two hundred logs with known answers (log_cases.h) are judged as they
 * should be: at least 98 % of them, and none that is steady is called growing.
 *
 * The seeds are not those that the judgement was made with. Seeds as arguments are tried instead,
 * and the table of what was said is printed: doc/verdicts.md has it.
 */
#include <stdlib.h>
#include <string.h>

#include "log_cases.h"
#include "reading/blocks.h"
#include "reading/survey.h"

enum { WRONG_MOST = LOG_CASES * 2 / 100, SEEDS_MOST = 64 };

struct tally {
    unsigned said[LOG_CASE_KINDS][ML_VERDICTS];
    unsigned right[LOG_CASE_KINDS][SEEDS_MOST];
    unsigned wrong, false_alarms;
    const char *names[LOG_CASE_KINDS];
};

static enum ml_verdict expected(enum log_case_answer answer)
{
    static const enum ml_verdict verdicts[] = {
        [ANSWER_STEADY] = ML_VERDICT_STEADY,
        [ANSWER_PLATEAU] = ML_VERDICT_PLATEAU,
        [ANSWER_SPIKE] = ML_VERDICT_SPIKE,
        [ANSWER_GROWING] = ML_VERDICT_GROWING,
    };
    return verdicts[answer];
}

static void feed(struct ml_survey *survey, const char *text, size_t length)
{
    struct ml_blocks *blocks = malloc(sizeof(*blocks));
    struct ml_log_visitor visitor = ml_survey_visitor(survey);
    if (blocks == NULL)
        abort();
    ml_blocks_init(blocks);
    while (length > 0) {
        size_t room;
        char *to = ml_blocks_room(blocks, &room);
        size_t part = length < room ? length : room;
        memcpy(to, text, part);
        ml_blocks_take(blocks, &visitor, part);
        text += part;
        length -= part;
    }
    ml_blocks_end_file(blocks);
    free(blocks);
}

static enum ml_verdict judge(uint64_t seed, unsigned number, struct log_case *what)
{
    char *text;
    size_t length;
    FILE *log = open_memstream(&text, &length);
    struct ml_survey *survey = ml_survey_new(INT64_MIN, INT64_MAX, 0);
    if (log == NULL || survey == NULL)
        abort();
    log_case_write(seed, number, log, what);
    fclose(log);
    feed(survey, text, length);
    if (ml_survey_finish(survey) != 0)
        abort();
    enum ml_verdict verdict = survey->is_growing
                                  ? ML_VERDICT_GROWING
                                  : survey->chosen->trends[ml_study_main(survey->chosen)].verdict;
    ml_survey_free(survey);
    free(text);
    return verdict;
}

static void try_seed(uint64_t seed, unsigned place, struct tally *tally)
{
    for (unsigned number = 0; number < LOG_CASES; number++) {
        struct log_case what;
        enum ml_verdict verdict = judge(seed, number, &what);
        bool is_right = verdict == expected(what.answer) ||
                        (what.may_be_steady && verdict == ML_VERDICT_STEADY);
        tally->names[what.kind] = what.name;
        tally->said[what.kind][verdict]++;
        tally->right[what.kind][place] += is_right;
        tally->false_alarms += verdict == ML_VERDICT_GROWING && what.answer != ANSWER_GROWING;
        tally->wrong += !is_right;
        if (!is_right)
            printf("seed %lu, case %u: %s is called %s\n", (unsigned long)seed, number, what.name,
                   ml_verdict_word(verdict));
    }
}

static void print_table(const struct tally *tally, unsigned seeds, char **names)
{
    printf("| kind |");
    for (unsigned i = 0; i < seeds; i++)
        printf(" %s |", names[i]);
    printf(" said where wrong |\n|---|");
    for (unsigned i = 0; i < seeds; i++)
        printf("---:|");
    printf("---|\n");
    for (unsigned kind = 0; kind < LOG_CASE_KINDS; kind++) {
        unsigned each = LOG_CASES / LOG_CASE_KINDS;
        printf("| %s |", tally->names[kind]);
        for (unsigned i = 0; i < seeds; i++)
            printf(" %u/%u |", tally->right[kind][i], each);
        for (unsigned v = 0; v < ML_VERDICTS; v++)
            if (tally->said[kind][v] > 0 && tally->said[kind][v] < seeds * each)
                printf(" %s %u", ml_verdict_word((enum ml_verdict)v), tally->said[kind][v]);
        printf(" |\n");
    }
    printf("\n%u of %u right, %u false alarms\n", seeds * LOG_CASES - tally->wrong,
           seeds * LOG_CASES, tally->false_alarms);
}

int main(int argc, char **argv)
{
    static char first[] = "7001", second[] = "7002", third[] = "7003", fourth[] = "7004",
                fifth[] = "7005";
    static char *unseen[] = { first, second, third, fourth, fifth };
    static struct tally tally;
    unsigned seeds = sizeof(unseen) / sizeof(unseen[0]);
    char **names = unseen;
    if (argc > 1) {
        seeds = argc - 1 < SEEDS_MOST ? (unsigned)argc - 1 : SEEDS_MOST;
        names = argv + 1;
    }
    for (unsigned i = 0; i < seeds; i++)
        try_seed(strtoull(names[i], NULL, 10), i, &tally);
    print_table(&tally, seeds, names);
    return tally.wrong <= seeds * WRONG_MOST && tally.false_alarms == 0 ? 0 : 1;
}
