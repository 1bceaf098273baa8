/* Every SoC file of examples/socs is read, fits the schema, says whether it was tried, and has its page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <dirent.h>

#include "core/soc.h"
#include "support/schema.h"

static void check_example(const char *source, const char *name)
{
    char path[4096], page[8192];
    snprintf(path, sizeof path, "%s/examples/socs/%s", source, name);
    mae_soc *soc = NULL;
    mae_error *error = mae_soc_read(path, &soc);
    if (error)
        fail_msg("%s", mae_error_message(error));
    size_t length = strlen(name) - strlen(".json");
    assert_true(strncmp(soc->name, name, length) == 0 && soc->name[length] == 0);
    mae_soc_destroy(soc);
    json_t *json = json_load_file(path, 0, NULL);
    const char *note = json_string_value(json_object_get(json, "note"));
    assert_true(note && strstr(note, "tried"));
    json_t *schema = schema_load("schemas/mae-soc.schema.json");
    schema_check(schema, json, name);
    json_decref(schema);
    json_decref(json);
    snprintf(page, sizeof page, "%s/docs/boards/%.*s.md", source, (int)length, name);
    if (access(page, R_OK) != 0)
        fail_msg("no %s", page);
}

static void examples_are_whole(void **state)
{
    (void)state;
    char folder[4096];
    size_t n = 0;
    snprintf(folder, sizeof folder, "%s/examples/socs", getenv("MAE_SOURCE_DIR"));
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        check_example(getenv("MAE_SOURCE_DIR"), entry->d_name);
        n++;
    }
    closedir(dir);
    assert_true(n >= 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(examples_are_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
