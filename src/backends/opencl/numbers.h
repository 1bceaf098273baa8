/* Numbers that the host and the kernels share: this file stands in front of kernels.cl when that is compiled. */
#ifndef MAE_BACKENDS_OPENCL_NUMBERS_H
#define MAE_BACKENDS_OPENCL_NUMBERS_H

/* Functions of one number, with parameters a and b. */
#define MAE_CL_SAME 0
#define MAE_CL_RELU 1
#define MAE_CL_LEAKY_RELU 2
#define MAE_CL_CLIP 3
#define MAE_CL_SIGMOID 4
#define MAE_CL_TANH 5
#define MAE_CL_HARD_SIGMOID 6
#define MAE_CL_HARD_SWISH 7
#define MAE_CL_ELU 8
#define MAE_CL_SELU 9
#define MAE_CL_EXP 10
#define MAE_CL_LOG 11
#define MAE_CL_SQRT 12
#define MAE_CL_ABS 13
#define MAE_CL_NEG 14
#define MAE_CL_RECIPROCAL 15
#define MAE_CL_ERF 16
#define MAE_CL_SOFTPLUS 17
#define MAE_CL_FLOOR 18
#define MAE_CL_CEIL 19

/* Functions of two numbers; the first four reduce, too. */
#define MAE_CL_ADD 0
#define MAE_CL_MAX 1
#define MAE_CL_MIN 2
#define MAE_CL_MUL 3
#define MAE_CL_SUB 4
#define MAE_CL_DIV 5
#define MAE_CL_POW 6
#define MAE_CL_PRELU 7

#endif
