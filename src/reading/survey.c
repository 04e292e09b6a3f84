/* SPDX-License-Identifier: MIT */
#include "reading/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the time of the run that was chosen before: one that is shorter does not take its place. */
static const double LENGTH_SHARE = 0.25;

struct ml_survey *ml_survey_new(int64_t from_ns, int64_t to_ns, unsigned wanted)
{
    struct ml_survey *survey = calloc(1, sizeof(*survey));
    if (survey != NULL) {
        survey->from_ns = from_ns;
        survey->to_ns = to_ns;
        survey->wanted = wanted;
    }
    return survey;
}

void ml_survey_free(struct ml_survey *survey)
{
    if (survey == NULL)
        return;
    ml_study_free(survey->current);
    ml_study_free(survey->chosen);
    free(survey);
}

/* ---- runs -------------------------------------------------------------------------------- */

static bool is_better(const struct ml_survey *survey, const struct ml_study *study)
{
    const struct ml_study *chosen = survey->chosen;
    if (survey->wanted == ML_SURVEY_LAST)
        return true;
    if (survey->wanted != 0)
        return study->run.number == survey->wanted;
    if (chosen == NULL)
        return true;
    enum ml_verdict verdict = study->trends[ml_study_main(study)].verdict;
    enum ml_verdict before = chosen->trends[ml_study_main(chosen)].verdict;
    if (before == ML_VERDICT_SHORT)
        return verdict != ML_VERDICT_SHORT ||
               ml_study_hours(study) >= LENGTH_SHARE * ml_study_hours(chosen);
    return verdict != ML_VERDICT_SHORT &&
           ml_study_hours(study) >= LENGTH_SHARE * ml_study_hours(chosen);
}

static void keep_brief(struct ml_survey *survey, const struct ml_study *study)
{
    if (survey->briefs_count == ML_SURVEY_RUNS) {
        survey->briefs_count--;
        memmove(survey->briefs, survey->briefs + 1,
                survey->briefs_count * sizeof(survey->briefs[0]));
    }
    ml_brief_of(study, &survey->briefs[survey->briefs_count++]);
}

static void end_run(struct ml_survey *survey)
{
    struct ml_study *study = survey->current;
    survey->current = NULL;
    if (study != NULL && study->samples > 0) {
        survey->runs++;
        survey->is_out_of_memory |= !ml_study_judge(study);
        keep_brief(survey, study);
        if (is_better(survey, study)) {
            ml_study_free(survey->chosen);
            survey->chosen = study;
            return;
        }
    }
    ml_study_free(study);
}

static void begin_run(void *context, const struct ml_log_run *run)
{
    struct ml_survey *survey = context;
    end_run(survey);
    survey->current = ml_study_new(run);
    survey->is_out_of_memory |= survey->current == NULL;
}

static void take_sample(void *context, const struct ml_log_sample *sample)
{
    struct ml_survey *survey = context;
    if (survey->current == NULL || sample->time_ns < survey->from_ns ||
        sample->time_ns > survey->to_ns)
        return;
    if (survey->samples++ == 0)
        survey->first_ns = sample->time_ns;
    survey->last_ns = sample->time_ns;
    ml_study_add(survey->current, sample);
}

/* ---- what happened ------------------------------------------------------------------------ */

static void keep_note(struct ml_survey *survey, const struct ml_log_event *event)
{
    if (survey->notes_count == ML_SURVEY_NOTES) {
        survey->notes_more++;
        return;
    }
    struct ml_note *note = &survey->notes[survey->notes_count++];
    size_t length = event->length < ML_NOTE_BYTES - 1 ? event->length : ML_NOTE_BYTES - 1;
    *note = (struct ml_note){ .kind = event->kind,
                              .run = survey->current->run.number,
                              .has_time = event->has_time,
                              .time_ns = event->time_ns };
    /* A character of UTF-8 is not cut in two. */
    while (length < event->length && length > 0 &&
           ((unsigned char)event->text[length] & 0xC0) == 0x80)
        length--;
    for (size_t i = 0; i < length; i++)
        note->text[i] =
            (unsigned char)event->text[i] < 0x20 || event->text[i] == 0x7F ? ' ' : event->text[i];
}

static void take_event(void *context, const struct ml_log_event *event)
{
    struct ml_survey *survey = context;
    if (survey->current == NULL)
        return;
    bool is_inside =
        !event->has_time || (event->time_ns >= survey->from_ns && event->time_ns <= survey->to_ns);
    if (is_inside || event->kind == ML_EVENT_LIMIT)
        ml_study_note(survey->current, event);
    if (is_inside && (event->kind == ML_EVENT_MARK || event->kind == ML_EVENT_ALERT))
        keep_note(survey, event);
}

struct ml_log_visitor ml_survey_visitor(struct ml_survey *survey)
{
    return (struct ml_log_visitor){
        .context = survey, .run = begin_run, .sample = take_sample, .event = take_event
    };
}

/* What no other run does needs more to be believed of one. */
static bool is_sure(const struct ml_study *study)
{
    static const double SURE = 0.99;
    bool is = false;
    for (unsigned i = 0; i < study->curves; i++)
        is |= study->trends[i].verdict == ML_VERDICT_GROWING && study->trends[i].confidence >= SURE;
    return is;
}

/* It was not sure enough. */
static void calm(struct ml_study *study)
{
    for (unsigned i = 0; i < study->curves; i++)
        if (study->trends[i].verdict == ML_VERDICT_GROWING) {
            study->trends[i].verdict = ML_VERDICT_STEADY;
            study->trends[i].confidence = 0.5;
        }
}

int ml_survey_finish(struct ml_survey *survey)
{
    end_run(survey);
    if (survey->is_out_of_memory)
        return -ENOMEM;
    if (survey->chosen == NULL)
        return -ENODATA;
    const struct ml_pool *pool = &survey->pool;
    if (survey->wanted == 0)
        ml_pool_runs(survey->briefs, survey->briefs_count, &survey->pool);
    bool is_alone = pool->growing < pool->judged;
    survey->is_growing = pool->is_growing ||
                         (ml_study_grows(survey->chosen) && (!is_alone || is_sure(survey->chosen)));
    if (!survey->is_growing)
        calm(survey->chosen);
    return 0;
}
