#include "support/tree.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

void tree_make(test_tree *tree)
{
    strcpy(tree->root, "/tmp/mae-tree-XXXXXX");
    assert_non_null(mkdtemp(tree->root));
}

static void make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        assert_true(mkdir(path, 0777) == 0 || errno == EEXIST);
        *slash = '/';
    }
}

void tree_put(const test_tree *tree, const char *path, const char *format, ...)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", tree->root, path);
    make_folders(whole);
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    va_list args;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fputc('\n', file);
    assert_int_equal(fclose(file), 0);
}

void tree_remove(const test_tree *tree, const char *path)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", tree->root, path);
    assert_int_equal(unlink(whole), 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

void tree_finish(test_tree *tree)
{
    nftw(tree->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
