/* A folder tree that stands for a machine's sysfs. */
#ifndef MAE_TESTS_TREE_H
#define MAE_TESTS_TREE_H

typedef struct test_tree {
    char root[64];
} test_tree;

void tree_make(test_tree *tree);
/* Writes ROOT/path, its folders made as needed. */
void tree_put(const test_tree *tree, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));
void tree_remove(const test_tree *tree, const char *path);
void tree_finish(test_tree *tree); /* removes it all */

#endif
