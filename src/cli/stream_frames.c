#include "cli/stream_frames.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/message.h"

#define MOST_BYTES ((size_t)1 << 30)

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

/* The folder of "[NAME=]FOLDER"; NULL: it is none. Names may hold a "=". */
static const char *folder_of(const char *text)
{
    if (is_folder(text))
        return text;
    for (const char *equals = strchr(text, '='); equals; equals = strchr(equals + 1, '='))
        if (is_folder(equals + 1))
            return equals + 1;
    return NULL;
}

static int is_frame(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* ---- loading ---- */

static int add(cli_stream_frames *frames, const cli_input_args *args, const mae_graph *graph, size_t *bytes)
{
    cli_inputs *more = realloc(frames->frames, (frames->n + 1) * sizeof *more);
    if (!more)
        return cli_nomem();
    frames->frames = more;
    CLI_TRY(cli_inputs_load(args, "stream", graph, &more[frames->n]));
    for (size_t i = 0; i < more[frames->n].n; i++)
        *bytes += more[frames->n].tensors[i].bytes;
    frames->n++;
    return *bytes <= MOST_BYTES ? 0 : cli_usage("stream", "there are more than 1 GiB of frames");
}

static int add_file(cli_stream_frames *frames, const cli_input_args *args, size_t which, const char *folder,
                    const char *file, const mae_graph *graph, size_t *bytes)
{
    cli_input_args one = *args;
    const char *text = args->inputs.item[which];
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, file) < 0)
        return cli_nomem();
    bool skip = is_folder(path);
    free(path);
    if (skip)
        return 0;
    if (asprintf(&path, "%.*s%s/%s", (int)(folder - text), text, folder, file) < 0)
        return cli_nomem();
    one.inputs.item[which] = path;
    int status = add(frames, &one, graph, bytes);
    free(path);
    return status;
}

static int add_folder(cli_stream_frames *frames, const cli_input_args *args, size_t which, const char *folder,
                      const mae_graph *graph)
{
    struct dirent **entries = NULL;
    size_t bytes = 0;
    int n = scandir(folder, &entries, is_frame, alphasort), status = 0;
    if (n < 0)
        return cli_error(MAE_ERR_INPUT, "%s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        if (!status)
            status = add_file(frames, args, which, folder, entries[i]->d_name, graph, &bytes);
        free(entries[i]);
    }
    free(entries);
    if (!status && frames->n == 0)
        return cli_error(MAE_ERR_INPUT, "%s: there are no files in this folder", folder);
    return status;
}

int cli_stream_frames_load(const cli_input_args *args, const mae_graph *graph, cli_stream_frames *frames)
{
    const char *folder = NULL;
    size_t which = 0, bytes = 0;
    *frames = (cli_stream_frames){.n = 0};
    for (size_t i = 0; i < args->inputs.n; i++) {
        const char *here = folder_of(args->inputs.item[i]);
        if (here && folder)
            return cli_usage("stream", "two inputs are folders: %s and %s", folder, here);
        if (here) {
            folder = here;
            which = i;
        }
    }
    if (folder)
        return add_folder(frames, args, which, folder, graph);
    return args->inputs.n > 0 ? add(frames, args, graph, &bytes) : 0;
}

void cli_stream_frames_clear(cli_stream_frames *frames)
{
    for (size_t i = 0; i < frames->n; i++)
        cli_inputs_clear(&frames->frames[i]);
    free(frames->frames);
    *frames = (cli_stream_frames){.n = 0};
}

/* ---- giving them to the session ---- */

static int set_random(const mae_graph *graph, mae_live *live, size_t input)
{
    const mae_tensor *tensor = &graph->tensors[graph->inputs[input]];
    void *data = malloc(tensor->bytes + 1);
    if (!data)
        return cli_nomem();
    mae_error *error = mae_tensor_fill(tensor, 1, data);
    if (!error)
        error = mae_live_set_input(live, input, data, tensor->bytes);
    free(data);
    return cli_report(error);
}

int cli_stream_frames_set(const cli_stream_frames *frames, size_t frame, const mae_graph *graph, mae_live *live)
{
    if (frame > 0 && frames->n <= 1)
        return 0;
    const cli_inputs *inputs = frames->n ? &frames->frames[frame % frames->n] : NULL;
    for (size_t i = 0; i < graph->n_inputs; i++)
        CLI_TRY(inputs ? cli_report(mae_live_set_input(live, i, inputs->tensors[i].data, inputs->tensors[i].bytes))
                       : set_random(graph, live, i));
    return 0;
}
