#include "plan/tags.h"

/* 1 + row: a segment that began like this row and must not end like it or its fellows (their cost would
 * be the row's); 1 + n_rows + row: the row itself, its cost paid in advance. */
const mae_model_row *mae_tag_row(const mae_model *m, uint64_t tag, bool *ret_committed)
{
    *ret_committed = tag > m->n_rows;
    return tag == 0 ? NULL : &m->rows[(tag - 1) % m->n_rows];
}

/* The first row of the PE that begins at this layer: stands for all of them. */
uint64_t mae_tag_pending(const mae_model *m, int layer, int pe)
{
    const mae_model_layer *l = &m->layers[layer];
    for (size_t r = l->first_row; r < l->first_row + l->n_rows; r++)
        if (m->rows[r].pe == pe)
            return 1 + r;
    return 0;
}

/* Is there a row that begins like `row` and ends at `last` (or, with `later`, there or later)? */
static bool ends_like_a_row(const mae_model *m, const mae_model_row *row, int last, bool later)
{
    const mae_model_layer *l = &m->layers[row->first];
    for (size_t r = l->first_row; r < l->first_row + l->n_rows; r++)
        if (m->rows[r].pe == row->pe && (m->rows[r].last == last || (later && m->rows[r].last > last)))
            return true;
    return false;
}

/* May the segment open at boundary `b` end there, or go on there? */
void mae_tag_allowed(const mae_model *m, uint64_t tag, int b, bool *ret_end, bool *ret_on)
{
    bool committed;
    const mae_model_row *row = mae_tag_row(m, tag, &committed);
    *ret_end = *ret_on = true;
    if (row && committed)
        *ret_end = !(*ret_on = b - 1 < row->last);
    else if (row)
        *ret_end = !ends_like_a_row(m, row, b - 1, false);
}

uint64_t mae_tag_going_on(const mae_model *m, uint64_t tag, int layer)
{
    bool committed;
    const mae_model_row *row = mae_tag_row(m, tag, &committed);
    if (row && !committed && !ends_like_a_row(m, row, layer, true))
        return 0;
    return tag;
}
