/* The way of a segment with blocked borders through the engine: in, optimised, out, changed, in again. */
#include <stdlib.h>

#include "base/file.h"
#include "blocked.h"
#include "folder.h"
#include "proto.h"
#include "timing.h"

#define WEIGHTS "weights.bin" /* that the optimised model refers to, beside it */
#define MODEL_LIMIT ((size_t)1 << 30)

/* What changes a graph, whose lists it may replace by longer ones of its own. */
typedef mae_error *change(mae_ort_laid *laid, Onnx__GraphProto *graph);

static mae_error *extend(mae_ort_laid *laid, Onnx__GraphProto *graph)
{
    return mae_ort_blocked_extend(laid, graph);
}

static mae_error *changed(mae_ort_laid *laid, change *how, const void *data, size_t size, void **ret_data,
                          size_t *ret_size)
{
    Onnx__ModelProto *model;
    MAE_TRY(mae_ort_proto_unpack(data, size, "a segment's model", &model));
    Onnx__GraphProto *whole = model->graph, graph = *whole;
    mae_error *error = how(laid, &graph);
    model->graph = &graph;
    if (!error)
        error = mae_ort_proto_pack(model, ret_data, ret_size);
    model->graph = whole;
    onnx__model_proto__free_unpacked(model, NULL);
    return error;
}

/* A session that is made for the model it leaves behind. */
static mae_error *optimise(const mae_ort *ort, mae_ort_laid *laid, const mae_onnx_blob *model, const char *path)
{
    const mae_ort_session_config config = {
        .threads = 1, .optimise = true, .only_optimise = true, .optimised_path = path, .optimised_weights = WEIGHTS};
    OrtSession *session;
    void *data = NULL;
    mae_onnx_blob extended = *model;
    MAE_TRY(changed(laid, extend, model->data, model->size, &data, &extended.size));
    extended.data = data;
    mae_error *error = mae_ort_session_create(ort, &extended, &config, &session);
    free(data);
    if (!error)
        ort->api->ReleaseSession(session);
    return error;
}

/* Changes the model in the file, whose weights lie beside it. */
static mae_error *strip_file(mae_ort_laid *laid, const char *path, mae_ort_timing *times)
{
    void *data, *stripped = NULL;
    size_t size;
    mae_error *error = mae_file_read(path, MODEL_LIMIT, &data, &size);
    if (error)
        return mae_error_recode(error, MAE_ERR_FAILED);
    error = changed(laid, mae_ort_blocked_strip, data, size, &stripped, &size);
    free(data);
    if (!error)
        error = mae_file_write(path, stripped, size);
    if (!error && times)
        error = mae_ort_timing_take_model(times, laid->graph, laid->segment, stripped, size);
    free(stripped);
    return error;
}

static mae_error *make_in(const mae_ort_folder *folder, const mae_ort *ort, mae_ort_laid *laid,
                          const mae_onnx_blob *model, const mae_ort_session_config *config, mae_ort_timing *times,
                          OrtSession **ret_session)
{
    char path[PATH_MAX];
    mae_ort_session_config plain = *config;
    plain.optimise = false;
    plain.optimised_path = NULL;
    MAE_TRY(mae_ort_folder_join(folder, "model.onnx", path));
    MAE_TRY(optimise(ort, laid, model, path));
    MAE_TRY(strip_file(laid, path, times));
    return mae_ort_session_load(ort, path, &plain, ret_session);
}

mae_error *mae_ort_blocked_session(const mae_ort *ort, mae_ort_laid *laid, const mae_onnx_blob *model,
                                   const mae_ort_session_config *config, mae_ort_timing *times,
                                   OrtSession **ret_session)
{
    mae_ort_folder folder;
    MAE_TRY(mae_ort_folder_make(&folder));
    mae_error *error = make_in(&folder, ort, laid, model, config, times, ret_session);
    mae_ort_folder_remove(&folder); /* weights that the engine has mapped stay mapped */
    return error;
}
