/* Reproducible inputs. */
#include <string.h>

#include "base/stats.h"
#include "core/graph.h"

/* IEEE half of a float, rounded towards zero; what is too small for a normal half becomes 0. */
static uint16_t half_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    int exponent = (int)(bits >> 23 & 0xffu) - 127 + 15;
    if (exponent <= 0)
        return sign;
    if (exponent >= 31)
        return (uint16_t)(sign | 0x7bffu);
    return (uint16_t)(sign | (uint16_t)(exponent << 10) | (uint16_t)(bits >> 13 & 0x3ffu));
}

static uint16_t bfloat_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

static void fill_floats(mae_rng *rng, mae_dtype dtype, void *data, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double value = mae_rng_normal(rng);
        if (dtype == MAE_F64)
            ((double *)data)[i] = value;
        else if (dtype == MAE_F32)
            ((float *)data)[i] = (float)value;
        else
            ((uint16_t *)data)[i] = dtype == MAE_F16 ? half_of((float)value) : bfloat_of((float)value);
    }
}

/* 0 and 1 are valid indices, lengths, token numbers and flags almost everywhere. */
static void fill_integers(mae_rng *rng, size_t element, void *data, size_t n)
{
    unsigned char *bytes = data;
    memset(bytes, 0, n * element);
    for (size_t i = 0; i < n; i++)
        bytes[i * element] = (unsigned char)(mae_rng_next(rng) >> 63); /* little-endian */
}

static bool is_float(mae_dtype dtype)
{
    return dtype == MAE_F32 || dtype == MAE_F64 || dtype == MAE_F16 || dtype == MAE_BF16;
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a, 64 bits */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

mae_error *mae_tensor_fill(const mae_tensor *tensor, uint64_t seed, void *data)
{
    size_t n = 0;
    if (!tensor->is_static || mae_dtype_size(tensor->shape.dtype) == 0 || !mae_shape_count(&tensor->shape, &n))
        return mae_error_new(MAE_ERR_UNSUPPORTED, "input %s has no size known beforehand", tensor->name);
    /* By name, so that a tensor gets the same values everywhere. */
    mae_rng rng = {seed ^ hash_name(tensor->name)};
    if (is_float(tensor->shape.dtype))
        fill_floats(&rng, tensor->shape.dtype, data, n);
    else
        fill_integers(&rng, mae_dtype_size(tensor->shape.dtype), data, n);
    return NULL;
}
