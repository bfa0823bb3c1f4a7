/*
 * Run a harness on all files of some folders, in the order of their names: replay_NAME FOLDER…. A missing
 * folder counts as empty; it is a failure if none has a file. A file takes a second at most, as in
 * tools/fuzz.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"

#define LIMIT_FILE ((size_t)1 << 20)
#define LIMIT_NS   UINT64_C(1000000000)

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool replay(const char *path)
{
    struct clr_error err;
    uint8_t *exact;
    char *data;
    size_t size;
    uint64_t began;

    if (fs_read(path, LIMIT_FILE, &data, &size, &err) < 0) {
        printf("%s\n", err.message);
        return false;
    }
    exact = malloc(size ? size : 1); /* exactly its size, so that reads after the end are detected */
    FUZZ_CHECK(exact);
    memcpy(exact, data, size);
    free(data);
    printf("%s\n", path); /* printed before: after a crash it is too late */
    (void)fflush(stdout);
    began = clock_ns();
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    if (clock_ns() - began < LIMIT_NS * (getenv("CK_TIMEOUT_MULTIPLIER") ? 20 : 1))
        return true;
    printf("that took longer than a second\n");
    return false;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0;

    for (int i = 1; i < argc; i++) {
        struct dirent **entries = NULL;
        const int count = scandir(argv[i], &entries, is_file, alphasort);
        for (int k = 0; k < count; k++) {
            char *path = NULL;
            const bool good = fs_join(&path, argv[i], entries[k]->d_name, NULL) == 0 && replay(path);
            passed += good;
            failed += !good;
            free(path);
            free(entries[k]);
        }
        free(entries);
    }
    if (passed + failed == 0) {
        printf("there is no file in these folders\n");
        failed = 1;
    }
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed > 0;
}
