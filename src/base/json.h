/* JSON on top of jansson: with the place of every value, and files written whole. */
#ifndef MAE_BASE_JSON_H
#define MAE_BASE_JSON_H

#include <jansson.h>

#include "base/error.h"

typedef struct mae_json mae_json;

/* Parses a file; MAE_ERR_INPUT names file, line, column and reason. Duplicate keys are refused. */
MAE_MUST_CHECK mae_error *mae_json_read(const char *path, size_t limit, mae_json **ret_json);

/* Parses text; `name` stands for the file in messages. */
MAE_MUST_CHECK mae_error *mae_json_parse(const char *name, const char *text, size_t size, mae_json **ret_json);
void mae_json_destroy(mae_json *json); /* takes NULL */

json_t *mae_json_root(const mae_json *json); /* borrowed */

/* An MAE_ERR_INPUT error "FILE:LINE:COLUMN: PATH: reason" about the value at `path`, written like
 * "layers[3].cost.gpu.time_ms" ("" is the root). Keys that hold other than [A-Za-z0-9_-] are written
 * as ["the key"]. Where the path does not exist, its nearest parent is named. */
MAE_MUST_CHECK mae_error *mae_json_error(const mae_json *json, const char *path, const char *format, ...)
    MAE_PRINTF(3, 4);

/* Writes compactly indented JSON, 17 significant digits, whole or not at all. */
MAE_MUST_CHECK mae_error *mae_json_write(const json_t *value, const char *path);
/* The same as text; freed with free(). */
MAE_MUST_CHECK mae_error *mae_json_text(const json_t *value, char **ret_text);

#endif
