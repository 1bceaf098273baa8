/* What a profile says it was measured on: the words of kernels of PCs, boards, servers, and of one that tells nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "profile/machine.h"
#include "support/tree.h"

#define CPUINFO "proc/cpuinfo"
#define DEVICE_TREE "proc/device-tree/model"
#define DMI "sys/class/dmi/id/product_name"
#define ARM_CPUINFO                                                                                                    \
    "processor\t: 0\nBogoMIPS\t: 62.50\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd42\n"

static void is_called(const test_tree *tree, const char *wanted)
{
    char text[64];
    mae_machine_name(tree->root, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void processors_have_names(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, CPUINFO, "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Some CPU @ 2.1GHz\nmodel name\t: Other\n");
    tree_put(&tree, DMI, "Some PC\n");
    is_called(&tree, "Some CPU @ 2.1GHz");
    tree_finish(&tree);
}

/* The first of these that there is. */
static void boards_have_names(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    tree_put(&tree, CPUINFO, "%s", ARM_CPUINFO);
    is_called(&tree, "processor with cores of part number 0xd42");
    tree_put(&tree, DMI, "Some Server\n");
    is_called(&tree, "Some Server");
    tree_put(&tree, DEVICE_TREE, "Some Board Developer Kit"); /* no line's end */
    is_called(&tree, "Some Board Developer Kit");
    tree_finish(&tree);
}

static void any_bytes_make_text(void **state)
{
    (void)state;
    test_tree tree;
    tree_make(&tree);
    is_called(&tree, "unknown");
    tree_put(&tree, DEVICE_TREE, "\n");
    is_called(&tree, "unknown");
    tree_put(&tree, DEVICE_TREE, "A\x01\xff\xc3 B\n");
    is_called(&tree, "A??? B");
    tree_put(&tree, DEVICE_TREE, "%0100d", 7); /* longer than the room for it */
    char text[64], nothing[2] = "x";
    mae_machine_name(tree.root, text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    mae_machine_name(tree.root, nothing, 1);
    assert_string_equal(nothing, "");
    tree_finish(&tree);
}

static void clocks_have_governors(void **state)
{
    (void)state;
    test_tree tree;
    char text[64];
    tree_make(&tree);
    mae_machine_governor(tree.root, text, sizeof text);
    assert_string_equal(text, "unknown");
    tree_put(&tree, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "schedutil\n");
    mae_machine_governor(tree.root, text, sizeof text);
    assert_string_equal(text, "schedutil");
    tree_finish(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processors_have_names),
        cmocka_unit_test(boards_have_names),
        cmocka_unit_test(any_bytes_make_text),
        cmocka_unit_test(clocks_have_governors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
