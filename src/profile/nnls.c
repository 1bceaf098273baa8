/* The active-set method of C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", 1974, chapter 23,
 * on the normal equations: there are some ten columns, and they are scaled to length one. */
#include "profile/nnls.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Keeps columns that say the same from making the equations singular; far below what is measured. */
#define RIDGE 1e-12

typedef struct problem {
    size_t n;
    double *gram;   /* n x n */
    double *target; /* transposed A times y */
    double *length; /* of the columns */
    bool *passive;  /* free to be positive */
    size_t *index;  /* of the passive columns */
    double *factor; /* Cholesky factor of their part of `gram` */
    double *x, *trial;
} problem;

static void finish(problem *p)
{
    free(p->gram);
    free(p->target);
    free(p->length);
    free(p->passive);
    free(p->index);
    free(p->factor);
    free(p->x);
    free(p->trial);
}

static mae_error *init(problem *p, size_t n)
{
    p->n = n;
    p->gram = calloc(n * n + 1, sizeof(double));
    p->factor = calloc(n * n + 1, sizeof(double));
    p->target = calloc(n + 1, sizeof(double));
    p->length = calloc(n + 1, sizeof(double));
    p->x = calloc(n + 1, sizeof(double));
    p->trial = calloc(n + 1, sizeof(double));
    p->passive = calloc(n + 1, sizeof(bool));
    p->index = calloc(n + 1, sizeof(size_t));
    if (p->gram && p->factor && p->target && p->length && p->x && p->trial && p->passive && p->index)
        return NULL;
    finish(p);
    return mae_error_nomem();
}

static void make_equations(problem *p, const double *a, const double *y, size_t n_rows)
{
    size_t n = p->n;
    for (size_t r = 0; r < n_rows; r++)
        for (size_t i = 0; i < n; i++)
            p->length[i] += a[r * n + i] * a[r * n + i];
    for (size_t i = 0; i < n; i++)
        p->length[i] = sqrt(p->length[i]);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n; i++) {
            if (!(p->length[i] > 0))
                continue;
            double u = a[r * n + i] / p->length[i];
            p->target[i] += u * y[r];
            for (size_t j = 0; j < n; j++)
                if (p->length[j] > 0)
                    p->gram[i * n + j] += u * a[r * n + j] / p->length[j];
        }
    }
    for (size_t i = 0; i < n; i++)
        p->gram[i * n + i] += RIDGE;
}

/* Solves the equations of the passive columns into `trial`; false if they are singular all the same. */
static bool solve_passive(problem *p)
{
    size_t m = 0, n = p->n;
    for (size_t i = 0; i < n; i++)
        if (p->passive[i])
            p->index[m++] = i;
    double *l = p->factor;
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = p->gram[p->index[i] * n + p->index[j]];
            for (size_t k = 0; k < j; k++)
                sum -= l[i * n + k] * l[j * n + k];
            if (i == j && !(sum > 0))
                return false;
            l[i * n + j] = i == j ? sqrt(sum) : sum / l[j * n + j];
        }
    }
    memset(p->trial, 0, n * sizeof *p->trial);
    for (size_t i = 0; i < m; i++) {
        double sum = p->target[p->index[i]];
        for (size_t k = 0; k < i; k++)
            sum -= l[i * n + k] * p->trial[p->index[k]];
        p->trial[p->index[i]] = sum / l[i * n + i];
    }
    for (size_t i = m; i-- > 0;) {
        double sum = p->trial[p->index[i]];
        for (size_t k = i + 1; k < m; k++)
            sum -= l[k * n + i] * p->trial[p->index[k]];
        p->trial[p->index[i]] = sum / l[i * n + i];
    }
    return true;
}

/* The column whose growth would lower the error fastest; n if none would. */
static size_t steepest(const problem *p)
{
    size_t best = p->n;
    double most = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->passive[i] || !(p->length[i] > 0))
            continue;
        double slope = p->target[i];
        for (size_t j = 0; j < p->n; j++)
            slope -= p->gram[i * p->n + j] * p->x[j];
        if (slope > most) {
            most = slope;
            best = i;
        }
    }
    double scale = 0;
    for (size_t i = 0; i < p->n; i++)
        scale = fmax(scale, fabs(p->target[i]));
    return most > 1e-12 * scale ? best : p->n;
}

/* Moves from x towards the trial as far as nothing turns negative, and fixes at 0 what would have. */
static bool step(problem *p)
{
    double part = 1;
    for (size_t i = 0; i < p->n; i++)
        if (p->passive[i] && p->trial[i] <= 0)
            part = fmin(part, p->x[i] / (p->x[i] - p->trial[i] + 1e-300));
    bool whole = true;
    for (size_t i = 0; i < p->n; i++) {
        bool blocks = p->passive[i] && p->trial[i] <= 0;
        p->x[i] += part * (p->trial[i] - p->x[i]);
        if (blocks && p->x[i] <= 1e-15) {
            p->x[i] = 0;
            p->passive[i] = false;
        }
        whole = whole && !blocks;
    }
    return whole;
}

mae_error *mae_nnls(const double *a, const double *y, size_t n_rows, size_t n_columns, double *ret_x)
{
    problem p;
    MAE_TRY(init(&p, n_columns));
    make_equations(&p, a, y, n_rows);
    for (size_t round = 0; round < 3 * n_columns + 3; round++) {
        size_t column = steepest(&p);
        if (column == n_columns)
            break;
        p.passive[column] = true;
        bool solved = solve_passive(&p);
        for (size_t i = 0; solved && i <= n_columns && !step(&p); i++)
            solved = solve_passive(&p);
        if (!solved) {
            p.passive[column] = false;
            break;
        }
    }
    for (size_t i = 0; i < n_columns; i++)
        ret_x[i] = p.length[i] > 0 ? fmax(0, p.x[i] / p.length[i]) : 0;
    finish(&p);
    return NULL;
}
