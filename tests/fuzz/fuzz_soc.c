/* A SoC file: what was read must be writable, and what was written must read as a SoC file again. */
#include "targets.h"

#include <stdlib.h>
#include <string.h>

#include "core/soc.h"

static mae_error *parse(const char *text, size_t size, mae_soc **ret_soc)
{
    mae_json *json = NULL;
    MAE_TRY(mae_json_parse("folder/fuzz", text, size, &json));
    mae_error *error = mae_soc_from_json("folder/fuzz", json, ret_soc);
    mae_json_destroy(json);
    return error;
}

int fuzz_soc(const uint8_t *data, size_t size)
{
    mae_soc *soc = NULL, *again = NULL;
    json_t *json = NULL;
    char *text = NULL;
    mae_error *error = parse((const char *)data, size, &soc);
    if (error) {
        mae_error_free(error);
        return 0;
    }
    error = mae_soc_to_json(soc, &json);
    if (!error)
        error = mae_json_text(json, &text);
    if (!error)
        error = parse(text, strlen(text), &again);
    int result = error || again->n_pes != soc->n_pes ? -1 : 1;
    mae_error_free(error);
    free(text);
    json_decref(json);
    mae_soc_destroy(again);
    mae_soc_destroy(soc);
    return result;
}
