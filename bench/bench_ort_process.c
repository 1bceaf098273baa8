/* ONNX Runtime with its defaults in a process of its own: reads numbers of frames, answers with milliseconds.
 *
 *     bench_ort_process MODEL THREADS [NAME=1,3,224,224 ...]
 */
#include <stdio.h>
#include <stdlib.h>

#include "plain_ort.h"

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    plain_ort *session = plain_ort_open(argv[1], atoi(argv[2]), true, (const char *const *)argv + 3, argc - 3);
    if (!session)
        return 1;
    int frames;
    double ms;
    puts("ready");
    fflush(stdout);
    while (scanf("%d", &frames) == 1 && plain_ort_run(session, frames, &ms)) {
        printf("%.9g\n", ms);
        fflush(stdout);
    }
    plain_ort_close(session);
    return 0;
}
