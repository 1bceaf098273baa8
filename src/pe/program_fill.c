/* Reproducible inputs. */
#include "pe/program_impl.h"

mae_error *mae_program_fill(mae_program *program, uint64_t seed)
{
    for (size_t i = 0; i < program->n_slots; i++) {
        const mae_program_slot *slot = &program->slots[i];
        if (slot->producer >= 0)
            continue;
        const mae_tensor *tensor = &program->graph->tensors[slot->host.tensor];
        MAE_TRY(mae_tensor_fill(tensor, seed, slot->host.host));
    }
    return NULL;
}
