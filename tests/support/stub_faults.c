/*
 * Calls of the pretended driver that fail, and objects that the program under test did not release.
 *
 *     STUB_OPENCL_REPORT=FILE   written when the process ends: "calls N", then, where a call was made to
 *                               fail, "failed NAME", and "left COUNT KIND" for objects that were not
 *                               released
 *     STUB_OPENCL_FAIL=N:CODE   call N, counted from 1, returns CODE; N+:CODE: it and all after it, as on a
 *                               device that is lost
 *
 *     STUB_OPENCL_INTERRUPT=N   the N-th clBuildProgram fails after a SIGINT, as where Ctrl-C ends the
 *                               compiler, a process of its own, too
 *
 * Releasing and retaining do not count: a program can do nothing about such a failure.
 */
#include "stub_icd.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[OBJECT_KINDS] = {"context", "queue", "buffer", "event", "program", "kernel"};

static struct {
    long calls, fail_at; /* 0: none */
    bool from_there;
    cl_int code;
    const char *failed; /* the first one */
    int living[OBJECT_KINDS];
} state;

bool is_reporting(void)
{
    return getenv("STUB_OPENCL_REPORT") != NULL;
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("STUB_OPENCL_FAIL");
    char *end;

    if (!text)
        return;
    state.fail_at = strtol(text, &end, 10);
    state.from_there = *end == '+';
    end += state.from_there;
    if (*end == ':')
        state.code = (cl_int)strtol(end + 1, NULL, 10);
    if (state.fail_at < 1 || state.code == CL_SUCCESS)
        abort(); /* an invalid variable: the test would test nothing */
}

cl_int count_call(const char *name)
{
    state.calls++;
    if (state.fail_at == 0 || (state.from_there ? state.calls < state.fail_at : state.calls != state.fail_at))
        return CL_SUCCESS;
    if (!state.failed)
        state.failed = name;
    return state.code;
}

bool is_interrupted(void)
{
    static long builds;
    const char *text = getenv("STUB_OPENCL_INTERRUPT");

    return text && ++builds == strtol(text, NULL, 10) && raise(SIGINT) == 0;
}

void count_object(enum object_kind kind, int change)
{
    state.living[kind] += change;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("STUB_OPENCL_REPORT");
    FILE *f = path ? fopen(path, "w") : NULL;

    if (!f)
        return;
    (void)fprintf(f, "calls %ld\n", state.calls);
    if (state.failed)
        (void)fprintf(f, "failed %s\n", state.failed);
    for (size_t i = 0; i < OBJECT_KINDS; i++)
        if (state.living[i] != 0)
            (void)fprintf(f, "left %d %s\n", state.living[i], kinds[i]);
    (void)fclose(f);
}
