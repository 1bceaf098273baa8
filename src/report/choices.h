/* What the pictures of choices share. */
#ifndef MAE_REPORT_CHOICES_H
#define MAE_REPORT_CHOICES_H

#include <stdio.h>

#include "report/page.h"

typedef enum mae_choice_kind { MAE_CHOICE_SINGLE = 0, MAE_CHOICE_GREEDY, MAE_CHOICE_PLAN } mae_choice_kind;

typedef struct mae_choice_mark {
    mae_choice_kind kind;
    const char *name;
    mae_prediction cost;
    const char *ref; /* JSON pointer to its figures */
} mae_choice_mark;

#define MAE_MOST_CHOICES 64

typedef struct mae_choices {
    bool energy;                   /* is there energy to compare? Then all of this has it */
    const mae_report_front *front; /* NULL: there is none */
    const char *front_ref;
    size_t n;
    mae_choice_mark marks[MAE_MOST_CHOICES]; /* the plan last */
    char refs[MAE_MOST_CHOICES + 1][48];
} mae_choices;

void mae_choices_collect(const mae_report *report, mae_choices *choices);

/* Without energy: how the latencies of random mappings are distributed, and where the others stand. */
void mae_choices_histogram(const mae_page *page, const mae_choices *choices);

#endif
