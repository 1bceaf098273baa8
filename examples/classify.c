/* What libmae does, in one page: measure a network, plan it, run it, and print the five highest outputs.
 *
 *     classify MODEL.onnx [INPUT]
 *
 * The last bytes of INPUT are the values of the network's input, as in .npy files, in ONNX's test data
 * (input_0.pb) and in raw dumps; without INPUT they are random.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mae/mae.h"

/* Prints an error, if there is one; true if there was none. */
static bool ok(mae_error *error)
{
    if (error)
        fprintf(stderr, "classify: %s\n", mae_error_message(error));
    bool good = error == NULL;
    mae_error_free(error);
    return good;
}

static bool feed(mae_session *session, const mae_graph *graph, const char *path)
{
    if (!path)
        return ok(mae_session_fill_inputs(session, 1));
    size_t bytes = graph->tensors[graph->inputs[0]].bytes;
    void *values = malloc(bytes);
    FILE *file = fopen(path, "rb");
    bool good = values && file && fseek(file, -(long)bytes, SEEK_END) == 0 && fread(values, 1, bytes, file) == bytes;
    if (!good)
        fprintf(stderr, "classify: %s: cannot read %zu bytes\n", path, bytes);
    good = good && ok(mae_session_set_input(session, 0, values, bytes));
    if (file)
        fclose(file);
    free(values);
    return good;
}

static bool print_top(mae_session *session)
{
    const void *data;
    mae_shape shape;
    if (!ok(mae_session_output(session, 0, &data, &shape)))
        return false;
    size_t n = shape.dtype == MAE_F32;
    for (int i = 0; i < shape.rank; i++)
        n *= (size_t)shape.dims[i];
    const float *score = data, *last = NULL;
    for (int place = 1; place <= 5 && (size_t)place <= n; place++) {
        const float *best = NULL; /* the highest of those behind the last one printed */
        for (const float *s = score; s < score + n; s++) {
            bool behind = !last || *s < *last || (*s == *last && s > last);
            if (behind && (!best || *s > *best))
                best = s;
        }
        if (!best)
            break;
        printf("%d. output %td: %g\n", place, best - score, (double)*best);
        last = best;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: classify MODEL.onnx [INPUT]\n");
        return 2;
    }
    mae_context *context = NULL;
    mae_model *model = NULL;
    mae_profile *profile = NULL;
    mae_plan *plan = NULL;
    mae_session *session = NULL;
    const mae_profile_options quick = {.budget_s = 1};
    const mae_goal goal = MAE_GOAL_INIT; /* least latency */
    bool good = ok(mae_context_create(NULL, &context)) && ok(mae_model_open(context, argv[1], NULL, 0, &model)) &&
                ok(mae_profile_measure(context, model, &quick, &profile)) &&
                ok(mae_plan_solve(profile, &goal, &plan)) && ok(mae_session_open(context, model, plan, &session)) &&
                feed(session, mae_model_graph(model), argv[2]) && ok(mae_session_run(session)) && print_top(session);
    mae_session_close(session);
    mae_plan_destroy(plan);
    mae_profile_destroy(profile);
    mae_model_close(model);
    mae_context_destroy(context);
    return good ? 0 : 1;
}
