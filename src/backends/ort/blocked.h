/* Segments whose borders lie in the engine's own blocked layout (NCHWc).
 *
 * The engine brings convolutions, and what stands between them, into that layout by itself, but at the
 * borders of a model it reorders. So a segment with such borders is optimised once with stand-ins for who
 * makes its inputs: convolutions, behind which the engine keeps the layout. Of the optimised model the
 * stand-ins and the reorderings at the borders are taken off, and what is left is loaded as it is. */
#ifndef MAE_BACKENDS_ORT_BLOCKED_H
#define MAE_BACKENDS_ORT_BLOCKED_H

#include <onnx.pb-c.h>

#include "base/arena.h"
#include "ort.h"

/* A segment, and what has become of its borders. */
typedef struct mae_ort_laid {
    const mae_graph *graph;
    const mae_segment *segment;
    const mae_borders *borders; /* what is asked for; its `outputs` are not touched */
    mae_layout layout;          /* the engine's own */
    mae_arena *arena;           /* of what follows */
    const char **inputs;        /* names in the model, at first the tensors' */
    const char **outputs;
    mae_layout *output_layouts;
} mae_ort_laid;

/* Is anything but dense wanted, or offered, that the engine has? */
bool mae_ort_blocked_is_wanted(const mae_ort_laid *laid);

/* Puts the stand-ins in, in front of the inputs that come blocked. The model keeps what it is given. */
MAE_MUST_CHECK mae_error *mae_ort_blocked_extend(const mae_ort_laid *laid, Onnx__GraphProto *graph);

/* Takes stand-ins and reorderings off the optimised model, and writes what its borders are now.
 * MAE_ERR_UNSUPPORTED if the engine has made something else of it. */
MAE_MUST_CHECK mae_error *mae_ort_blocked_strip(mae_ort_laid *laid, Onnx__GraphProto *graph);

/* A session of the model (which places.c may have marked). `times` (NULL: not timed) gets the model that
 * runs. The model's weights are not needed any more. */
typedef struct mae_ort_timing mae_ort_timing;
MAE_MUST_CHECK mae_error *mae_ort_blocked_session(const mae_ort *ort, mae_ort_laid *laid, const mae_onnx_blob *model,
                                                  const mae_ort_session_config *config, mae_ort_timing *times,
                                                  OrtSession **ret_session);

/* -- native.c -- */

/* The layout this engine computes convolutions in on this machine, found out by a look at what it makes of
 * known values; MAE_LAYOUT_DENSE if there is none that others could know. */
mae_layout mae_ort_native_layout(const mae_ort *ort);

#endif
