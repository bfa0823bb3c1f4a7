/* The machine and the process: see host.h. Sources: proc(5), uname(2), getrusage(2). */
#include "base/host.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/str.h"

/* What stands after "KEY" and blanks, colons and tabs in a file of such lines; false: no such line. */
static bool find_line(const char *path, const char *key, char *out, size_t size)
{
    char line[512];
    size_t n = strlen(key);
    bool found = false;
    FILE *f = fopen(path, "r");

    while (f && !found && fgets(line, sizeof line, f)) {
        found = strncmp(line, key, n) == 0 && strchr(" \t:", line[n]);
        if (found) {
            char *value = line + n + strspn(line + n, " \t:");
            value[strcspn(value, "\n")] = '\0';
            str_copy(out, size, value);
        }
    }
    if (f)
        (void)fclose(f);
    return found;
}

uint64_t host_peak_resident_bytes(void)
{
    struct rusage usage;
    char text[64];
    uint64_t kib;

    if (find_line("/proc/self/status", "VmHWM", text, sizeof text)) {
        text[strcspn(text, " ")] = '\0';
        if (str_parse_u64(text, 0, UINT64_MAX / 1024, &kib))
            return kib * 1024;
    }
    if (getrusage(RUSAGE_SELF, &usage) < 0 || usage.ru_maxrss < 0)
        return 0;
#if defined(__APPLE__)
    return (uint64_t)usage.ru_maxrss; /* bytes there */
#else
    return (uint64_t)usage.ru_maxrss * 1024;
#endif
}

/* proc(5): the third field and later ones follow the name in brackets, which may have brackets in it. */
uint64_t host_process_ticks(long pid)
{
    enum { FIRST = 14, LAST = 17 }; /* user and system: its own, and of children that it waited for */
    char path[64], line[1024] = "", *at;
    uint64_t ticks = 0;
    FILE *f;

    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return 0;
    at = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    (void)fclose(f);
    for (int field = 3; at && (at = strchr(at, ' ')) != NULL && field <= LAST; field++, at++)
        ticks += field >= FIRST ? strtoull(at, NULL, 10) : 0;
    return ticks;
}

void host_cpu(char *out, size_t size)
{
    if (!find_line("/proc/cpuinfo", "model name", out, size))
        str_copy(out, size, "");
}

void host_os(char *out, size_t size)
{
    struct utsname u;

    if (uname(&u) < 0)
        str_copy(out, size, "");
    else
        (void)snprintf(out, size, "%.60s %.60s %.30s", u.sysname, u.release, u.machine);
}
