#include "onnx/import.h"

#include "onnx/model.h"

static mae_error *work_out(mae_onnx_model *model, const mae_onnx_shape *shapes, size_t n_shapes,
                           const mae_onnx_evaluator *evaluator, mae_graph **ret_graph)
{
    MAE_TRY(mae_onnx_inline_functions(model));
    MAE_TRY(mae_onnx_model_build(model));
    MAE_TRY(mae_onnx_fix_inputs(model, shapes, n_shapes));
    MAE_TRY(mae_onnx_infer(model));
    MAE_TRY(mae_onnx_evaluate(model, evaluator));
    MAE_TRY(mae_onnx_fold(model));
    MAE_TRY(mae_onnx_fuse(model));
    MAE_TRY(mae_onnx_order(model));
    return mae_onnx_freeze(model, ret_graph);
}

/* Takes over the model. */
static mae_error *finish(mae_onnx_model *model, const mae_onnx_shape *shapes, size_t n_shapes,
                         const mae_onnx_evaluator *evaluator, mae_graph **ret_graph)
{
    mae_error *error = work_out(model, shapes, n_shapes, evaluator, ret_graph);
    if (error)
        mae_onnx_model_destroy(model);
    return error;
}

mae_error *mae_onnx_import(const char *path, const mae_onnx_shape *shapes, size_t n_shapes,
                           const mae_onnx_evaluator *evaluator, mae_graph **ret_graph)
{
    mae_onnx_model *model = NULL;
    MAE_TRY(mae_onnx_model_read(path, &model));
    return finish(model, shapes, n_shapes, evaluator, ret_graph);
}

mae_error *mae_onnx_import_bytes(const char *path, void *data, size_t size, const mae_onnx_shape *shapes,
                                 size_t n_shapes, const mae_onnx_evaluator *evaluator, mae_graph **ret_graph)
{
    mae_onnx_model *model = NULL;
    MAE_TRY(mae_onnx_model_parse(path, data, size, &model));
    return finish(model, shapes, n_shapes, evaluator, ret_graph);
}

void mae_onnx_graph_destroy(mae_graph *graph)
{
    if (graph)
        mae_onnx_model_destroy((mae_onnx_model *)graph->source);
}
