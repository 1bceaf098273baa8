/* Times that were measured, by key: a table of fixed size, since modules hold no memory that somebody would have to
 * free. */
#include <pthread.h>

#include "backends/onednn/probe.h"

#define ROOM 8192 /* a power of two; some hundred convolutions a network, a handful of times each */
#define MOST (ROOM / 4 * 3)

static struct {
    pthread_mutex_t lock;
    size_t n;
    struct {
        mae_dnn_key key; /* zero: free */
        double ns;
    } rows[ROOM];
} times = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* FNV-1a, twice, from different starts. */
void mae_dnn_key_add(mae_dnn_key *key, const void *data, size_t bytes)
{
    const unsigned char *at = data;

    for (size_t i = 0; i < bytes; i++) {
        key->a = (key->a ^ at[i]) * 1099511628211u;
        key->b = (key->b ^ (at[i] + 0x9eu)) * 1099511628211u;
    }
}

mae_dnn_key mae_dnn_key_of(const mae_dnn_pe *pe)
{
    mae_dnn_key key = {14695981039346656037u, 0x6c62272e07bb0142u};

    mae_dnn_key_add_number(&key, pe->threads);
    for (size_t i = 0; i < pe->n_cores; i++)
        mae_dnn_key_add_number(&key, pe->cores[i]);
    return key;
}

/* The key's row, or the free one where it belongs. */
static size_t row_of(const mae_dnn_key *key)
{
    size_t i = key->a & (ROOM - 1);

    while ((times.rows[i].key.a || times.rows[i].key.b) &&
           (times.rows[i].key.a != key->a || times.rows[i].key.b != key->b))
        i = (i + 1) & (ROOM - 1);
    return i;
}

bool mae_dnn_times_find(const mae_dnn_key *key, double *ret_ns)
{
    pthread_mutex_lock(&times.lock);
    size_t i = row_of(key);
    bool found = times.rows[i].key.a || times.rows[i].key.b;
    if (found)
        *ret_ns = times.rows[i].ns;
    pthread_mutex_unlock(&times.lock);
    return found;
}

void mae_dnn_times_keep(const mae_dnn_key *key, double ns)
{
    pthread_mutex_lock(&times.lock);
    size_t i = row_of(key);
    bool is_new = !times.rows[i].key.a && !times.rows[i].key.b;
    if (is_new && times.n < MOST) { /* the first stays: what was decided by it stays decided */
        times.rows[i].key = *key;
        times.rows[i].ns = ns;
        times.n++;
    }
    pthread_mutex_unlock(&times.lock);
}
