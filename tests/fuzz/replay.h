/* Replays a corpus: each file as it is, cut short, and with single bytes changed, each time as exactly so many bytes
 * of their own, so that a sanitizer sees a read beyond them. */
#ifndef MAE_FUZZ_REPLAY_H
#define MAE_FUZZ_REPLAY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "base/file.h"
#include "base/stats.h"
#include "targets.h"

typedef int replay_target(const uint8_t *data, size_t size);

static inline int replay_bytes(replay_target *target, const char *path, const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + !size);
    assert_non_null(copy);
    if (size)
        memcpy(copy, data, size);
    int result = target(copy, size);
    free(copy);
    if (result < 0)
        fail_msg("a fault, by %s", path);
    return result;
}

/* Is the file itself accepted? */
static inline bool replay_file(replay_target *target, const char *path)
{
    void *data = NULL;
    size_t size = 0;
    mae_error *error = mae_file_read(path, 1 << 20, &data, &size);
    if (error)
        fail_msg("%s", mae_error_message(error));
    bool accepted = replay_bytes(target, path, data, size) > 0;
    for (size_t n = 0; n < size; n += 1 + size / 50)
        replay_bytes(target, path, data, n);
    mae_rng rng = {size};
    uint8_t *bytes = data;
    for (int i = 0; size && i < 100; i++) {
        size_t at = mae_rng_next(&rng) % size;
        uint8_t kept = bytes[at];
        /* A bit for binary files; what has a meaning in text. */
        bytes[at] =
            i % 2 ? kept ^ (uint8_t)(1u << mae_rng_next(&rng) % 8) : (uint8_t) "0-9\"{}[],:e."[mae_rng_next(&rng) % 12];
        replay_bytes(target, path, data, size);
        bytes[at] = kept;
    }
    free(data);
    return accepted;
}

/* At least so many files, and so many of them accepted: not only refusals are replayed. */
static inline void replay_corpus(const char *name, replay_target *target, size_t least_files, size_t least_accepted)
{
    char path[4096];
    size_t files = 0, accepted = 0;
    const char *source = getenv("MAE_SOURCE_DIR");
    if (!source)
        skip();
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s", source, name);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/tests/fuzz/corpus/%s/%s", source, name, entry->d_name);
        accepted += replay_file(target, path);
        files++;
    }
    closedir(folder);
    assert_true(files >= least_files);
    assert_true(accepted >= least_accepted);
}

#endif
