/* Draws boxes around the text that a PP-OCR detection network sees in a picture.
 *
 *     show_text MODEL.onnx PICTURE OUT.png PLAN.json
 *
 * The plan says how the network is mapped and at what size it looks at the picture ("mae bench MODEL
 * --shape x=1,3,H,W -o PLAN.json").
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/image.h"
#include "cli/message.h"
#include "mae/mae.h"
#include "text_regions.h"

/* As the network was trained: the mean and deviation of ImageNet, and what counts as text. */
static const cli_pixels pixels = {CLI_LAYOUT_NCHW, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, false};
#define THRESHOLD 0.3f

/* The picture at the network's size is what boxes are drawn on. */
typedef struct scene {
    mae_context *context;
    mae_model *model;
    mae_plan *plan;
    mae_session *session;
    cli_image picture, canvas;
    float *input;
    text_region *regions;
    size_t n_regions;
} scene;

static int open_network(scene *s, const char *model, const char *plan)
{
    CLI_TRY(cli_report(mae_plan_read(plan, &s->plan)));
    mae_input_shape shape = {0};
    if (s->plan->n_model_inputs == 1)
        shape = (mae_input_shape){s->plan->model_input_names[0], s->plan->model_input_shapes[0].rank,
                                  s->plan->model_input_shapes[0].dims};
    CLI_TRY(cli_report(mae_context_create(NULL, &s->context)));
    CLI_TRY(cli_report(mae_model_open(s->context, model, &shape, shape.rank > 0, &s->model)));
    return cli_report(mae_session_open(s->context, s->model, s->plan, &s->session));
}

static int feed(scene *s, const char *path)
{
    const mae_graph *graph = mae_model_graph(s->model);
    const mae_tensor *input = &graph->tensors[graph->inputs[0]];
    CLI_TRY(cli_image_read(path, &s->picture));
    s->input = malloc(input->bytes);
    if (!s->input)
        return cli_nomem();
    CLI_TRY(cli_image_to_tensor(path, &s->picture, &pixels, &input->shape, s->input));
    return cli_report(mae_session_set_input(s->session, 0, s->input, input->bytes));
}

/* The network's one output is a map of how likely each pixel belongs to text. */
static int find_text(scene *s)
{
    const void *map;
    mae_shape shape;
    CLI_TRY(cli_report(mae_session_run(s->session)));
    CLI_TRY(cli_report(mae_session_output(s->session, 0, &map, &shape)));
    if (shape.dtype != MAE_F32 || shape.rank != 4 || shape.dims[0] != 1 || shape.dims[1] != 1)
        return cli_error(MAE_ERR_INPUT, "the network's output is not a map of text");
    s->canvas.height = (int)shape.dims[2];
    s->canvas.width = (int)shape.dims[3];
    if (!text_regions_find(map, s->canvas.width, s->canvas.height, THRESHOLD, &s->regions, &s->n_regions))
        return cli_nomem();
    return 0;
}

/* A dot of two by two pixels. */
static void paint(cli_image *image, int left, int top)
{
    static const uint8_t red[3] = {226, 40, 60};
    for (int y = top; y < top + 2; y++) {
        for (int x = left; x < left + 2; x++) {
            if (x >= 0 && y >= 0 && x < image->width && y < image->height)
                memcpy(image->rgb + ((size_t)y * (size_t)image->width + (size_t)x) * 3, red, 3);
        }
    }
}

static void draw(cli_image *image, const text_region *r)
{
    for (int side = 0; side < 4; side++) {
        const double *from = r->corner[side], *to = r->corner[(side + 1) % 4];
        int steps = (int)ceil(hypot(to[0] - from[0], to[1] - from[1])) + 1;
        for (int i = 0; i <= steps; i++) {
            double part = (double)i / steps;
            paint(image, (int)lround(from[0] + part * (to[0] - from[0])),
                  (int)lround(from[1] + part * (to[1] - from[1])));
        }
    }
}

static int draw_all(scene *s, const char *path)
{
    float *rgb;
    CLI_TRY(cli_image_resize(&s->picture, s->canvas.width, s->canvas.height, &rgb));
    size_t n = (size_t)s->canvas.width * (size_t)s->canvas.height * 3;
    s->canvas.rgb = malloc(n);
    for (size_t i = 0; i < n && s->canvas.rgb; i++)
        s->canvas.rgb[i] = (uint8_t)(rgb[i] + 0.5f);
    free(rgb);
    if (!s->canvas.rgb)
        return cli_nomem();
    for (size_t i = 0; i < s->n_regions; i++)
        draw(&s->canvas, &s->regions[i]);
    return cli_image_write_png(path, &s->canvas);
}

static int show(scene *s, char **argv)
{
    CLI_TRY(open_network(s, argv[1], argv[4]));
    CLI_TRY(feed(s, argv[2]));
    CLI_TRY(find_text(s));
    CLI_TRY(draw_all(s, argv[3]));
    printf("%zu regions of text in %s, drawn in %s (%d x %d)\n", s->n_regions, argv[2], argv[3], s->canvas.width,
           s->canvas.height);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return cli_error(MAE_ERR_USAGE, "usage: show_text MODEL.onnx PICTURE OUT.png PLAN.json");
    scene s = {0};
    int status = show(&s, argv);
    free(s.regions);
    free(s.input);
    free(s.picture.rgb);
    free(s.canvas.rgb);
    mae_session_close(s.session);
    mae_plan_destroy(s.plan);
    mae_model_close(s.model);
    mae_context_destroy(s.context);
    return status;
}
