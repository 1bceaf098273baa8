/* ONNX Runtime as its users run it, nothing of mae's around it: inputs and outputs allocated once, then Run. */
#ifndef MAE_BENCH_PLAIN_ORT_H
#define MAE_BENCH_PLAIN_ORT_H

#include <stdbool.h>

typedef struct plain_ort plain_ort;

/* `shapes`: n texts "NAME=1,3,224,224" for inputs with dynamic dimensions. NULL after saying why. */
plain_ort *plain_ort_open(const char *model, int threads, bool spin, const char *const *shapes, int n_shapes);
bool plain_ort_run(void *session, int frames, double *ret_ms); /* ctx of a contestant */
void plain_ort_close(plain_ort *session);                      /* takes NULL */

#endif
