#include "cli/input.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/file.h"
#include "cli/image.h"
#include "cli/message.h"
#include "cli/npy.h"
#include "cli/pb.h"

#define MAX_FILE ((size_t)4 << 30)

const cli_option cli_input_options[CLI_N_INPUT_OPTIONS] = {
    {"input", 'i', CLI_TEXTS, offsetof(cli_input_args, inputs), "[NAME=]FILE",
     ".npy, .pb, JPEG, PNG or random:SEED; once per input", 0},
    {"mean", 0, CLI_TEXT, offsetof(cli_input_args, mean), "A[,B,C]", "images: (pixel/255 - mean) / std (default 0)", 0},
    {"std", 0, CLI_TEXT, offsetof(cli_input_args, std), "A[,B,C]", "images: per channel of the network (default 1)", 0},
    {"layout", 0, CLI_TEXT, offsetof(cli_input_args, layout), "LAYOUT",
     "images: nchw or nhwc (default: as the input's shape says)", 0},
    {"swap-rgb", 0, CLI_FLAG, offsetof(cli_input_args, swap_rgb), NULL, "images: the network wants blue first", 0},
};

/* ---- how images become tensors ---- */

/* One number for all channels, or three. */
static int parse_channels(const char *command, const char *option, const char *text, double values[static 3])
{
    int n = 0;
    for (const char *p = text;; p++) {
        char *end;
        double value = strtod(p, &end);
        if (n == 3 || end == p || !isfinite(value) || (*end && *end != ','))
            return cli_usage(command, "--%s needs one or three numbers, not '%s'", option, text);
        values[n++] = value;
        p = end;
        if (!*p)
            break;
    }
    if (n == 2)
        return cli_usage(command, "--%s needs one or three numbers, not '%s'", option, text);
    if (n == 1)
        values[1] = values[2] = values[0];
    return 0;
}

static int parse_pixels(const cli_input_args *args, const char *command, cli_pixels *ret_pixels)
{
    cli_pixels pixels = CLI_PIXELS_INIT;
    pixels.swap_rgb = args->swap_rgb;
    if (args->mean)
        CLI_TRY(parse_channels(command, "mean", args->mean, pixels.mean));
    if (args->std)
        CLI_TRY(parse_channels(command, "std", args->std, pixels.std));
    for (int c = 0; c < 3; c++) {
        if (pixels.std[c] == 0)
            return cli_usage(command, "--std may not be 0");
    }
    if (args->layout && strcmp(args->layout, "nchw") == 0)
        pixels.layout = CLI_LAYOUT_NCHW;
    else if (args->layout && strcmp(args->layout, "nhwc") == 0)
        pixels.layout = CLI_LAYOUT_NHWC;
    else if (args->layout)
        return cli_usage(command, "--layout is nchw or nhwc, not '%s'", args->layout);
    *ret_pixels = pixels;
    return 0;
}

/* ---- which input ---- */

/* "a, b"; for messages. */
static const char *input_names(const mae_graph *graph, char text[static 1024])
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < graph->n_inputs && n < 900; i++)
        n += (size_t)snprintf(text + n, 1024 - n, "%s%.100s", i ? ", " : "", graph->tensors[graph->inputs[i]].name);
    return text;
}

static int find_input(const mae_graph *graph, const char *name, size_t length)
{
    for (size_t i = 0; i < graph->n_inputs; i++) {
        const char *other = graph->tensors[graph->inputs[i]].name;
        if (strlen(other) == length && memcmp(other, name, length) == 0)
            return (int)i;
    }
    return -1;
}

/* Splits "[NAME=]FILE". *ret_input is -1 without a name. Names and files may both hold a "=". */
static int split(const char *command, const mae_graph *graph, const char *text, int *ret_input, const char **ret_file)
{
    for (const char *equals = strchr(text, '='); equals; equals = strchr(equals + 1, '=')) {
        int input = find_input(graph, text, (size_t)(equals - text));
        if (input >= 0) {
            *ret_input = input;
            *ret_file = equals + 1;
            return 0;
        }
    }
    if (strchr(text, '=') && access(text, F_OK) < 0) {
        char names[1024];
        return cli_usage(command, "the network has no input '%.*s', only: %s", (int)strcspn(text, "="), text,
                         input_names(graph, names));
    }
    *ret_input = -1;
    *ret_file = text;
    return 0;
}

/* The input a nameless file is for: the only one, or the one the file itself names. */
static int guess_input(const char *command, const mae_graph *graph, const char *file, const char *name, int *ret_input)
{
    int input = graph->n_inputs == 1 ? 0 : -1;
    if (input < 0 && name)
        input = find_input(graph, name, strlen(name));
    if (input < 0) {
        char names[1024];
        return cli_usage(command, "which input is %s for? Write NAME=%s, with one of: %s", file, file,
                         input_names(graph, names));
    }
    *ret_input = input;
    return 0;
}

/* ---- reading ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static int load_image(const char *path, const void *data, size_t size, const cli_pixels *pixels, const mae_shape *shape,
                      cli_tensor *ret_tensor)
{
    cli_tensor tensor = {.shape = *shape};
    cli_image image;
    CLI_TRY(cli_image_parse(path, data, size, &image));
    int status = 0;
    if (!cli_shape_bytes(shape, &tensor.bytes))
        status = cli_error(MAE_ERR_INPUT, "%s: an image does not fit this input", path);
    else if (!(tensor.data = malloc(tensor.bytes ? tensor.bytes : 1)))
        status = cli_nomem();
    else
        status = cli_image_to_tensor(path, &image, pixels, shape, tensor.data);
    free(image.rgb);
    if (status)
        free(tensor.data);
    else
        *ret_tensor = tensor;
    return status;
}

static bool is_npy(const void *data, size_t size)
{
    return size >= 6 && memcmp(data, "\x93NUMPY", 6) == 0;
}

/* The content says what a file is; a name that promises an image or an array is held to it. */
static int load_data(const char *path, const void *data, size_t size, const cli_pixels *pixels, const mae_shape *shape,
                     cli_tensor *ret_tensor)
{
    if (is_npy(data, size) || ends_with(path, ".npy"))
        return cli_npy_parse(path, data, size, ret_tensor);
    if (cli_image_is(data, size))
        return load_image(path, data, size, pixels, shape, ret_tensor);
    if (ends_with(path, ".pb"))
        return cli_pb_parse(path, data, size, ret_tensor);
    return cli_error(MAE_ERR_INPUT, "%s: not an image (JPEG, PNG), nor .npy or .pb", path);
}

static int check_fits(const char *path, const cli_tensor *tensor, const mae_tensor *input)
{
    bool same = tensor->shape.dtype == input->shape.dtype && tensor->shape.rank == input->shape.rank;
    for (int i = 0; same && i < input->shape.rank; i++)
        same = tensor->shape.dims[i] == input->shape.dims[i];
    char is[256], wanted[256];
    if (!same)
        return cli_error(MAE_ERR_INPUT, "%s: is %s, but input '%s' is %s", path, cli_shape_text(&tensor->shape, is),
                         input->name, cli_shape_text(&input->shape, wanted));
    return 0;
}

static int put(cli_inputs *inputs, const mae_graph *graph, const char *command, const char *path, int input,
               cli_tensor *tensor)
{
    const mae_tensor *wanted = &graph->tensors[graph->inputs[input]];
    if (inputs->tensors[input].data)
        return cli_usage(command, "input '%s' is given twice", wanted->name);
    CLI_TRY(check_fits(path, tensor, wanted));
    inputs->tensors[input] = *tensor;
    *tensor = (cli_tensor){0};
    return 0;
}

static int load_file(cli_inputs *inputs, const mae_graph *graph, const char *command, const char *path, int input,
                     const cli_pixels *pixels)
{
    void *data;
    size_t size;
    CLI_TRY(cli_file_read(path, MAX_FILE, &data, &size));
    /* An image is shaped by the input it is for, so that has to be known before. */
    int status = 0;
    if (input < 0 && cli_image_is(data, size))
        status = guess_input(command, graph, path, NULL, &input);
    const mae_shape *shape = input >= 0 ? &graph->tensors[graph->inputs[input]].shape : NULL;
    cli_tensor tensor = {0};
    if (!status)
        status = load_data(path, data, size, pixels, shape, &tensor);
    free(data);
    if (!status && input < 0)
        status = guess_input(command, graph, path, tensor.name, &input);
    if (!status)
        status = put(inputs, graph, command, path, input, &tensor);
    cli_tensor_clear(&tensor);
    return status;
}

/* ---- random numbers ---- */

static int put_random(cli_inputs *inputs, const mae_graph *graph, const char *command, const char *text, int input,
                      uint64_t seed)
{
    const mae_tensor *wanted = &graph->tensors[graph->inputs[input]];
    cli_tensor tensor = {.shape = wanted->shape};
    if (!cli_shape_bytes(&wanted->shape, &tensor.bytes))
        return cli_error(MAE_ERR_INPUT, "input '%s' cannot be filled with random numbers", wanted->name);
    tensor.data = malloc(tensor.bytes ? tensor.bytes : 1);
    if (!tensor.data)
        return cli_nomem();
    int status = cli_report(mae_tensor_fill(wanted, seed, tensor.data));
    if (!status)
        status = put(inputs, graph, command, text, input, &tensor);
    cli_tensor_clear(&tensor);
    return status;
}

/* Without a name, random numbers are for every input. */
static int load_random(cli_inputs *inputs, const mae_graph *graph, const char *command, const char *text, int input)
{
    char *end;
    errno = 0;
    unsigned long long seed = strtoull(text + strlen("random:"), &end, 10);
    if (end == text + strlen("random:") || *end || errno)
        return cli_usage(command, "'%s' is not random:SEED with a whole number", text);
    for (size_t i = 0; i < graph->n_inputs; i++) {
        if (input < 0 || (size_t)input == i)
            CLI_TRY(put_random(inputs, graph, command, text, (int)i, seed));
    }
    return 0;
}

/* ---- all of them ---- */

static int load_all(const cli_input_args *args, const char *command, const mae_graph *graph, cli_inputs *inputs)
{
    cli_pixels pixels;
    CLI_TRY(parse_pixels(args, command, &pixels));
    for (size_t i = 0; i < graph->n_inputs && args->inputs.n > 0; i++) {
        const mae_tensor *input = &graph->tensors[graph->inputs[i]];
        if (!input->is_static)
            return cli_usage(command, "input '%s' has no fixed shape; give it one with --shape", input->name);
    }
    for (size_t i = 0; i < args->inputs.n; i++) {
        int input;
        const char *file;
        CLI_TRY(split(command, graph, args->inputs.item[i], &input, &file));
        if (strncmp(file, "random:", 7) == 0)
            CLI_TRY(load_random(inputs, graph, command, file, input));
        else
            CLI_TRY(load_file(inputs, graph, command, file, input, &pixels));
    }
    for (size_t i = 0; i < graph->n_inputs && args->inputs.n > 0; i++) {
        if (!inputs->tensors[i].data)
            return cli_usage(command, "input '%s' is missing; give it with --input",
                             graph->tensors[graph->inputs[i]].name);
    }
    return 0;
}

int cli_inputs_load(const cli_input_args *args, const char *command, const mae_graph *graph, cli_inputs *ret_inputs)
{
    cli_inputs inputs = {.n = graph->n_inputs};
    inputs.tensors = calloc(inputs.n + 1, sizeof *inputs.tensors);
    if (!inputs.tensors)
        return cli_nomem();
    int status = load_all(args, command, graph, &inputs);
    if (status)
        cli_inputs_clear(&inputs);
    else
        *ret_inputs = inputs;
    return status;
}

mae_bench_input *cli_inputs_given(const cli_inputs *inputs, size_t *ret_n)
{
    mae_bench_input *given = calloc(inputs->n + 1, sizeof *given);
    *ret_n = 0;
    for (size_t i = 0; given && i < inputs->n; i++)
        if (inputs->tensors[i].data)
            given[(*ret_n)++] = (mae_bench_input){i, inputs->tensors[i].data, inputs->tensors[i].bytes};
    return given;
}

void cli_inputs_clear(cli_inputs *inputs)
{
    for (size_t i = 0; i < inputs->n; i++)
        cli_tensor_clear(&inputs->tensors[i]);
    free(inputs->tensors);
    *inputs = (cli_inputs){0};
}
