/* A plan: what was read must be writable, and what was written must read as a plan again. */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#include "core/plan.h"

static mae_error *parse(const char *text, size_t size, mae_plan **ret_plan)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_parse("fuzz", text, size, &json));
    mae_error *error = mae_plan_from_json(json, ret_plan);
    mae_json_destroy(json);
    return error;
}

int fuzz_plan(const uint8_t *data, size_t size)
{
    mae_plan *plan = NULL, *again = NULL;
    char *text = NULL;
    mae_error *error = parse((const char *)data, size, &plan);
    if (error) {
        mae_error_free(error);
        return 0;
    }
    error = mae_plan_to_json(plan, &text);
    if (!error)
        error = parse(text, strlen(text), &again);
    int result = error || again->n_segments != plan->n_segments ? -1 : 1;
    mae_error_free(error);
    free(text);
    mae_plan_destroy(again);
    mae_plan_destroy(plan);
    return result;
}
