#include "backends/sim/value.h"

#include <string.h>

#define SAMPLES 4096u

/* The finaliser of splitmix64 over the sum: cheap, and good enough to tell values apart. */
uint64_t sim_mix(uint64_t hash, uint64_t value)
{
    uint64_t z = hash * 0x9e3779b97f4a7c15u + value + 0x632be59bd9b4e019u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sim_hash_text(const char *text)
{
    uint64_t hash = 0;
    for (; *text; text++)
        hash = sim_mix(hash, (unsigned char)*text);
    return hash;
}

/* The bits of element `i`, in the low bytes. */
static uint64_t element(uint64_t seed, size_t i, mae_dtype dtype)
{
    uint64_t r = sim_mix(seed, i);
    if (dtype == MAE_F32) {
        float value = (float)((int32_t)(r >> 40) - (1 << 23)) * 0x1p-23f;
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    if (dtype == MAE_F64) {
        double value = (double)((int64_t)(r >> 11) - (INT64_C(1) << 52)) * 0x1p-52;
        memcpy(&r, &value, sizeof r);
        return r;
    }
    if (dtype == MAE_F16)
        return 0x3800u | (r & 0x83ffu); /* one half to one, either sign */
    if (dtype == MAE_BF16)
        return 0x3f00u | (r & 0x807fu);
    return dtype == MAE_BOOL ? r & 1 : r & 0x7f;
}

void sim_value_write(uint64_t seed, const mae_shape *shape, void *data)
{
    size_t n = 0, size = mae_dtype_size(shape->dtype);
    mae_shape_count(shape, &n);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = element(seed, i, shape->dtype);
        memcpy((char *)data + i * size, &bits, size);
    }
}

/* Element of the k-th sample; the first and the last element are always among them. */
static size_t sample(size_t k, size_t n)
{
    if (n <= SAMPLES)
        return k;
    return (size_t)((double)k * ((double)(n - 1) / (SAMPLES - 1)) + 0.5);
}

uint64_t sim_value_digest(const mae_shape *shape, const void *data)
{
    size_t n = 0, size = mae_dtype_size(shape->dtype);
    mae_shape_count(shape, &n);
    uint64_t digest = n;
    for (size_t k = 0; k < n && k < SAMPLES; k++) {
        uint64_t bits = 0;
        memcpy(&bits, (const char *)data + sample(k, n) * size, size);
        digest = sim_mix(digest, bits);
    }
    return digest;
}

uint64_t sim_value_digest_of(uint64_t seed, const mae_shape *shape)
{
    size_t n = 0;
    mae_shape_count(shape, &n);
    uint64_t digest = n;
    for (size_t k = 0; k < n && k < SAMPLES; k++)
        digest = sim_mix(digest, element(seed, sample(k, n), shape->dtype));
    return digest;
}
