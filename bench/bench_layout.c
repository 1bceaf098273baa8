/* How fast is a blocked tensor made dense, beside a copy of it (the least that bringing it elsewhere can take)?
 *
 *     bench_layout [--seconds N]
 *
 * Turn by turn; the part of the copy's bandwidth with its 95 % interval. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "core/graph.h"
#include "core/layout.h"
#include "rounds.h"

typedef struct tensor {
    mae_layout layout;
    mae_shape shape;
    size_t bytes;
    float *from, *to;
} tensor;

static bool run_unblock(void *ctx, int frames, double *ret_ms)
{
    const tensor *t = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++)
        mae_layout_unblock(t->layout, &t->shape, t->from, t->to);
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

static bool run_copy(void *ctx, int frames, double *ret_ms)
{
    const tensor *t = ctx;
    uint64_t begin = mae_clock_now_ns();
    for (int i = 0; i < frames; i++) {
        memcpy(t->to, t->from, t->bytes);
        __asm__ volatile("" ::: "memory"); /* every one of them is made */
    }
    *ret_ms = (double)(mae_clock_now_ns() - begin) * 1e-6;
    return true;
}

static bool measure(mae_layout layout, int64_t channels, int64_t height, int64_t width, double seconds)
{
    tensor t = {.layout = layout, .shape = {MAE_F32, 4, {1, channels, height, width}}};
    if (!mae_shape_bytes(&t.shape, &t.bytes))
        return false;
    t.from = aligned_alloc(64, (t.bytes + 63) / 64 * 64);
    t.to = aligned_alloc(64, (t.bytes + 63) / 64 * 64);
    bool done = t.from && t.to;
    if (done) {
        memset(t.from, 1, t.bytes);
        memset(t.to, 1, t.bytes);
        static contestant both[2];
        both[0] = (contestant){.name = "unblock", .run = run_unblock, .ctx = &t};
        both[1] = (contestant){.name = "copy", .run = run_copy, .ctx = &t};
        done = run_rounds(both, 2, 0, 10, seconds);
        mae_interval copy = interval_of(&both[1]), part = ratio_of(&both[1], &both[0]);
        printf("blocked%-2d %4d x %3d x %3d  %6.2f MiB  copy %6.2f GB/s  dense at %.2f of that (%.2f to %.2f)\n",
               (int)mae_layout_block(layout), (int)channels, (int)height, (int)width, (double)t.bytes / (1 << 20),
               (double)t.bytes / copy.median * 1e-6, part.median, part.low, part.high);
    }
    free(t.from);
    free(t.to);
    return done;
}

int main(int argc, char **argv)
{
    static const int64_t shapes[][3] = {{64, 112, 112}, {64, 75, 75},  {256, 56, 56}, {128, 64, 64},
                                        {512, 28, 28},  {480, 27, 27}, {96, 64, 96}};
    double seconds = argc == 3 && strcmp(argv[1], "--seconds") == 0 ? atof(argv[2]) : 1;
    for (mae_layout layout = MAE_LAYOUT_BLOCKED8; layout <= MAE_LAYOUT_BLOCKED16; layout++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            if (!measure(layout, shapes[i][0], shapes[i][1], shapes[i][2], seconds))
                return 1;
    return 0;
}
