/* The threads of the library, lent to kernels. */
#include <dlfcn.h>

#include "backends/onednn/unit.h"

/* oneDNN may have been built without OpenMP, so the module does not link to it itself. GOMP_parallel is what compilers
 * call; other OpenMP runtimes than GNU's have it, too. */
void mae_dnn_find_threads(mae_dnn_pe *pe)
{
    *(void **)&pe->set_threads = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    *(void **)&pe->run_threads = dlsym(RTLD_DEFAULT, "GOMP_parallel");
    *(void **)&pe->thread_number = dlsym(RTLD_DEFAULT, "omp_get_thread_num");
    *(void **)&pe->thread_count = dlsym(RTLD_DEFAULT, "omp_get_num_threads");
}

void mae_dnn_use_threads(const mae_dnn_pe *pe)
{
    if (pe->set_threads)
        pe->set_threads(pe->threads);
}

typedef struct job {
    const mae_dnn_pe *pe;
    mae_dnn_kernel_fn *kernel;
    const void *params;
    void *const *data;
} job;

static MAE_DNN_UNWATCHED void do_share(void *ctx)
{
    const job *j = ctx;
    j->kernel(j->params, j->data, (size_t)j->pe->thread_number(), (size_t)j->pe->thread_count());
}

void mae_dnn_kernel_run(const mae_dnn_pe *pe, mae_dnn_kernel_fn *kernel, const void *params, void *const *data,
                        size_t shares)
{
    size_t threads = (size_t)pe->threads < shares ? (size_t)pe->threads : shares;
    job j = {pe, kernel, params, data};

    if (threads > 1 && pe->run_threads && pe->thread_number && pe->thread_count)
        pe->run_threads(do_share, &j, (unsigned)threads, 0);
    else
        kernel(params, data, 0, 1);
}
