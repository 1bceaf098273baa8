/* Which layout the engine's blocked one is. */
#include <stdlib.h>

#include "blocked.h"
#include "core/graph.h"
#include "core/layout.h"
#include "proto.h"

#define CHANNELS 32
#define PLANE 2 /* values of a channel */

static mae_layout layout_of(const float *blocked)
{
    const mae_shape shape = {MAE_F32, 4, {1, CHANNELS, 1, PLANE}};
    float dense[CHANNELS * PLANE];
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++) {
        mae_layout_unblock(layout, &shape, blocked, dense);
        int i = 0;
        while (i < CHANNELS * PLANE && dense[i] == (float)i)
            i++;
        if (i == CHANNELS * PLANE)
            return layout;
    }
    return MAE_LAYOUT_DENSE;
}

static mae_error *run_probe(const mae_ort *ort, OrtSession *session, mae_layout *ret_layout)
{
    static const mae_shape shape = {MAE_F32, 4, {1, CHANNELS, 1, PLANE}};
    static const char *const input = "x", *const output = "y";
    float values[CHANNELS * PLANE], blocked[CHANNELS * PLANE];
    OrtValue *x = NULL, *y = NULL;
    for (int i = 0; i < CHANNELS * PLANE; i++)
        values[i] = (float)i;
    mae_error *error = mae_ort_value_wrap(ort, &shape, values, sizeof values, &x);
    if (!error)
        error = mae_ort_value_wrap(ort, &shape, blocked, sizeof blocked, &y);
    if (!error)
        error =
            mae_ort_check(ort, ort->api->Run(session, NULL, &input, (const OrtValue *const *)&x, 1, &output, 1, &y));
    if (!error)
        *ret_layout = layout_of(blocked);
    if (x)
        ort->api->ReleaseValue(x);
    if (y)
        ort->api->ReleaseValue(y);
    return error;
}

mae_layout mae_ort_native_layout(const mae_ort *ort)
{
    static const mae_ort_session_config config = {.threads = 1};
    mae_layout layout = MAE_LAYOUT_DENSE;
    OrtSession *session = NULL;
    void *data = NULL;
    mae_onnx_blob model = {0};
    /* One reordering, whose result has the channels of its input. */
    mae_error *error = mae_ort_one_node("ReorderInput", "com.microsoft.nchwc", &data, &model.size);
    model.data = data;
    if (!error)
        error = mae_ort_session_create(ort, &model, &config, &session);
    free(data);
    if (!error)
        error = run_probe(ort, session, &layout);
    if (session)
        ort->api->ReleaseSession(session);
    mae_error_free(error); /* an engine without such operators has no such layout */
    return layout;
}
