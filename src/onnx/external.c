/* Weights in files beside the model: read straight to where they stay, from nowhere but the model's folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx/model.h"

typedef struct external {
    const char *location; /* relative to the model's folder */
    uint64_t offset, length;
    bool has_length;
} external;

static mae_error *parse_number(const char *key, const char *text, uint64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || end == text || *end || strchr(text, '-'))
        return mae_error_new(MAE_ERR_INPUT, "external data: %s is not a number: \"%s\"", key, text);
    *ret_number = number;
    return NULL;
}

static mae_error *parse_entry(const Onnx__TensorProto *proto, external *ret_external)
{
    external e = {0};
    for (size_t i = 0; i < proto->n_external_data; i++) {
        const char *key = mae_onnx_text(proto->external_data[i]->key);
        const char *value = mae_onnx_text(proto->external_data[i]->value);
        if (strcmp(key, "location") == 0)
            e.location = value;
        if (strcmp(key, "offset") == 0)
            MAE_TRY(parse_number(key, value, &e.offset));
        if (strcmp(key, "length") == 0) {
            MAE_TRY(parse_number(key, value, &e.length));
            e.has_length = true;
        }
    }
    if (!e.location || !*e.location)
        return mae_error_new(MAE_ERR_INPUT, "external data without a location");
    *ret_external = e;
    return NULL;
}

static bool leaves_folder(const char *location)
{
    if (*location == '/')
        return true;
    for (const char *part = location; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == 0))
            return true;
    }
    return false;
}

static const char *folder_of(mae_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return ".";
    return mae_arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

/* The real path of the file; refused when symbolic links lead out of the model's folder. */
static mae_error *resolve(const mae_onnx_model *model, const char *location, char *real)
{
    char folder_real[PATH_MAX];
    const char *folder = folder_of(model->arena, model->path);
    const char *joined = folder ? mae_arena_printf(model->arena, "%s/%s", folder, location) : NULL;
    if (!joined)
        return mae_error_nomem();
    if (leaves_folder(location))
        return mae_error_new(MAE_ERR_INPUT, "external data outside the model's folder: \"%s\"", location);
    if (!realpath(folder, folder_real) || !realpath(joined, real))
        return mae_error_new(MAE_ERR_INPUT, "external data in \"%s\": %s", location, strerror(errno));
    size_t n = strlen(folder_real);
    if (strncmp(real, folder_real, n) != 0 || (n > 1 && real[n] != '/'))
        return mae_error_new(MAE_ERR_INPUT, "external data outside the model's folder: \"%s\" is a link to %s",
                             location, real);
    return NULL;
}

static mae_error *read_at(int fd, uint64_t offset, uint8_t *data, size_t size)
{
    while (size) {
        ssize_t n = pread(fd, data, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return mae_error_new(MAE_ERR_INPUT, "cannot read: %s", n < 0 ? strerror(errno) : "became shorter");
        data += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return NULL;
}

static mae_error *read_range(int fd, const external *e, size_t bytes, mae_arena *arena, uint8_t **ret_data)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode))
        return mae_error_new(MAE_ERR_INPUT, "not a regular file");
    uint64_t size = (uint64_t)info.st_size;
    if (e->offset > size || bytes > size - e->offset)
        return mae_error_new(MAE_ERR_INPUT, "%zu bytes at %llu do not lie within the file's %llu", bytes,
                             (unsigned long long)e->offset, (unsigned long long)size);
    uint8_t *data = mae_arena_alloc(arena, bytes);
    if (!data)
        return mae_error_nomem();
    MAE_TRY(read_at(fd, e->offset, data, bytes));
    *ret_data = data;
    return NULL;
}

/* Bytes that the shape asks for, so that a wrong length is found before anything is read. */
static mae_error *bytes_wanted(const Onnx__TensorProto *proto, const external *e, size_t *ret_bytes)
{
    mae_shape shape = {.dtype = (mae_dtype)proto->data_type, .rank = (int)proto->n_dims};
    if (proto->n_dims > MAE_MAX_RANK || !mae_dtype_size(shape.dtype))
        return mae_error_new(MAE_ERR_UNSUPPORTED, "external data of ONNX type %d with %zu dimensions",
                             (int)proto->data_type, proto->n_dims);
    if (proto->n_dims)
        memcpy(shape.dims, proto->dims, proto->n_dims * sizeof *shape.dims);
    if (!mae_shape_bytes(&shape, ret_bytes) || *ret_bytes > PTRDIFF_MAX)
        return mae_error_new(MAE_ERR_INPUT, "impossible dimensions");
    if (e->has_length && e->length != *ret_bytes)
        return mae_error_new(MAE_ERR_INPUT, "external data of %llu bytes where the shape has %zu",
                             (unsigned long long)e->length, *ret_bytes);
    return NULL;
}

static mae_error *load_tensor(const mae_onnx_model *model, Onnx__TensorProto *proto)
{
    if (proto->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return NULL;
    external e;
    char real[PATH_MAX];
    size_t bytes = 0;
    MAE_TRY(parse_entry(proto, &e));
    MAE_TRY(bytes_wanted(proto, &e, &bytes));
    MAE_TRY(resolve(model, e.location, real));
    int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0)
        return mae_error_new(MAE_ERR_INPUT, "external data in \"%s\": %s", e.location, strerror(errno));
    mae_error *error = read_range(fd, &e, bytes, model->arena, &proto->raw_data.data);
    close(fd);
    MAE_TRY(mae_error_wrap(error, "external data in \"%s\"", e.location));
    proto->raw_data.len = bytes;
    proto->has_raw_data = true;
    proto->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__DEFAULT;
    proto->has_data_location = false;
    proto->n_external_data = 0;
    return NULL;
}

static mae_error *load_graph(const mae_onnx_model *model, const Onnx__GraphProto *graph);

/* Depth is bounded: the wire format's nesting was, when it was checked. */
static mae_error *load_attribute(const mae_onnx_model *model, const Onnx__AttributeProto *attribute)
{
    if (attribute->t)
        MAE_TRY(mae_error_wrap(load_tensor(model, attribute->t), "attribute \"%s\"", mae_onnx_text(attribute->name)));
    for (size_t i = 0; i < attribute->n_tensors; i++)
        MAE_TRY(mae_error_wrap(load_tensor(model, attribute->tensors[i]), "attribute \"%s\"",
                               mae_onnx_text(attribute->name)));
    if (attribute->g)
        MAE_TRY(load_graph(model, attribute->g));
    for (size_t i = 0; i < attribute->n_graphs; i++)
        MAE_TRY(load_graph(model, attribute->graphs[i]));
    return NULL;
}

static mae_error *load_graph(const mae_onnx_model *model, const Onnx__GraphProto *graph)
{
    for (size_t i = 0; i < graph->n_initializer; i++)
        MAE_TRY(mae_error_wrap(load_tensor(model, graph->initializer[i]), "initializer \"%s\"",
                               mae_onnx_text(graph->initializer[i]->name)));
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_attribute; k++)
            MAE_TRY(mae_error_wrap(load_attribute(model, graph->node[i]->attribute[k]), "node \"%s\"",
                                   mae_onnx_text(graph->node[i]->name)));
    return NULL;
}

mae_error *mae_onnx_load_external(mae_onnx_model *model)
{
    return mae_error_wrap(load_graph(model, model->proto->graph), "%s", model->path);
}
