/* Models: imported with the reference engine's help. */
#include <stdlib.h>

#include "core/graph.h"
#include "session/internal.h"

static mae_error *find_evaluator(mae_context *context, const mae_onnx_evaluator **ret_evaluator)
{
    mae_pe *reference;
    MAE_TRY(mae_error_wrap(mae_context_reference(context, &reference), "importing a model needs ONNX Runtime"));
    const mae_backend *backend = reference->backend;
    const void *service = backend->service ? backend->service(MAE_ONNX_EVALUATOR_SERVICE) : NULL;
    if (!service)
        return mae_error_new(MAE_ERR_FAILED, "backend %s cannot evaluate models", backend->name);
    *ret_evaluator = service;
    return NULL;
}

static mae_error *import(mae_model *model, const char *path, const mae_input_shape *shapes, size_t n_shapes)
{
    const mae_onnx_evaluator *evaluator;
    MAE_TRY(find_evaluator(model->context, &evaluator));
    mae_onnx_shape *wanted = calloc(n_shapes + 1, sizeof *wanted);
    if (!wanted)
        return mae_error_nomem();
    for (size_t i = 0; i < n_shapes; i++)
        wanted[i] = (mae_onnx_shape){shapes[i].input, shapes[i].rank, shapes[i].dims};
    mae_error *error = mae_onnx_import(path, wanted, n_shapes, evaluator, &model->graph);
    free(wanted);
    return error;
}

mae_error *mae_model_open(mae_context *context, const char *path, const mae_input_shape *shapes, size_t n_shapes,
                          mae_model **ret_model)
{
    mae_model *model = calloc(1, sizeof *model);
    if (!model)
        return mae_error_nomem();
    model->context = context;
    mae_error *error = import(model, path, shapes, n_shapes);
    if (error) {
        free(model);
        return error;
    }
    *ret_model = model;
    return NULL;
}

void mae_model_close(mae_model *model)
{
    if (!model)
        return;
    if (!model->context->abandoned)
        mae_onnx_graph_destroy(model->graph);
    free(model);
}

const mae_graph *mae_model_graph(const mae_model *model)
{
    return model->graph;
}

bool mae_model_supports(const mae_model *model, int pe, int layer, const char **ret_reason)
{
    mae_pe *device = model->context->pes[pe].pe;
    return device->ops->supports(device, model->graph, layer, ret_reason);
}

const char *mae_dtype_text(mae_dtype dtype)
{
    return mae_dtype_name(dtype);
}

const char *mae_kind_text(mae_kind kind)
{
    return mae_kind_name(kind);
}
