/*
 * Readers of files against hostile input. Each NAME.c here feeds bytes to one reader and checks what it
 * promises about everything that it accepts and refuses. Linked with libFuzzer (-Dfuzz=enabled) it becomes
 * fuzz_NAME, which tools/fuzz runs; with replay.c, replay_NAME, which the unit suite runs on all files of
 * corpus/NAME and found/NAME: real ones, and those that once broke something.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <clr/device.h>
#include <clr/error.h>

/* One input; returns 0. A broken promise ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                                \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            fuzz_broken(__FILE__, __LINE__, #condition);                                                     \
    } while (0)
_Noreturn void fuzz_broken(const char *file, int line, const char *promise);

/* 0 (true), or a documented code with a message that is not empty and steers no terminal (false). */
bool fuzz_worked(int rc, const struct clr_error *err);
/* Check a text that is shown: not empty, no control characters but line ends and tabs. */
void fuzz_readable(const char *text);

/* Write "NAME" or "FOLDER/NAME" below a folder that is removed at the end. */
void fuzz_write(const char *name, const void *data, size_t size);
void fuzz_write_text(const char *name, const char *text);
/* The path of that file or folder; the last two stay valid. "": the folder itself. */
const char *fuzz_path(const char *name);

/* The input as a string, cut at its first zero byte where it has one; free with free(). */
char *fuzz_text(const uint8_t *data, size_t size);

/* A CPU and a GPU that are not here. */
extern const struct clr_device fuzz_devices[2];

#endif
