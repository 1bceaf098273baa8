#include "cli/plot.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS 64
#define ROWS 16

typedef struct canvas {
    double low_x, high_x, low_y, high_y;
    char cell[ROWS][COLUMNS + 1];
} canvas;

static void widen(canvas *c, const mae_prediction *cost)
{
    c->low_x = fmin(c->low_x, cost->latency_ms);
    c->high_x = fmax(c->high_x, cost->latency_ms);
    c->low_y = fmin(c->low_y, cost->energy_mj);
    c->high_y = fmax(c->high_y, cost->energy_mj);
}

static int place(double value, double low, double high, int cells)
{
    return high > low ? (int)lround((value - low) / (high - low) * (cells - 1)) : 0;
}

static void mark(canvas *c, const mae_prediction *cost, char sign)
{
    int x = place(cost->latency_ms, c->low_x, c->high_x, COLUMNS);
    int y = place(cost->energy_mj, c->low_y, c->high_y, ROWS);
    c->cell[ROWS - 1 - y][x] = sign;
}

static void print(const canvas *c)
{
    printf("predicted energy (mJ)\n");
    for (int y = 0; y < ROWS; y++) {
        if (y == 0 || y == ROWS - 1)
            printf("%10.4g |", y == 0 ? c->high_y : c->low_y);
        else
            printf("%10s |", "");
        int end = COLUMNS;
        while (end > 0 && c->cell[y][end - 1] == ' ')
            end--;
        printf("%.*s\n", end, c->cell[y]);
    }
    printf("%10s +", "");
    for (int x = 0; x < COLUMNS; x++)
        putchar('-');
    printf("\n%10s  %-*.4g%10.4g  predicted latency (ms)\n", "", COLUMNS - 10, c->low_x, c->high_x);
}

void cli_plot_front(const mae_front *front, const mae_plan *plan)
{
    canvas c = {INFINITY, -INFINITY, INFINITY, -INFINITY, {{0}}};
    for (int y = 0; y < ROWS; y++)
        memset(c.cell[y], ' ', COLUMNS);
    for (size_t i = 0; i < front->n_points; i++)
        widen(&c, &front->points[i].cost);
    widen(&c, &plan->predicted);
    for (size_t i = 0; i < plan->n_single; i++)
        widen(&c, &plan->single[i].cost);
    for (size_t i = 0; i < front->n_points; i++)
        mark(&c, &front->points[i].cost, '.');
    for (size_t i = 0; i < plan->n_single; i++)
        mark(&c, &plan->single[i].cost, (char)('A' + i % 26));
    mark(&c, &plan->predicted, '*');
    print(&c);
    printf("* this plan   . %zu plans of the front", front->n_points);
    if (!front->exact)
        printf(" (not exact: it misses no trade-off by more than %.3g %%)", front->epsilon * 100);
    for (size_t i = 0; i < plan->n_single; i++)
        printf("   %c %s", (char)('A' + i % 26), plan->single[i].name);
    putchar('\n');
}
