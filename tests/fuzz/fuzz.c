/* What all harnesses share: see fuzz.h. */
#include "fuzz.h"

#include <clr/log.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

const struct clr_device fuzz_devices[2] = {
    {.type = CLR_DEVICE_CPU,
     .name = "A CPU",
     .vendor = "A maker",
     .version = "OpenCL 3.0",
     .driver = "3.1",
     .platform_name = "A platform",
     .platform_version = "OpenCL 3.0",
     .compute_units = 8,
     .clock_mhz = 3000,
     .native_float_width = 16,
     .max_work_group = 4096,
     .global_memory = UINT64_C(16) << 30,
     .max_allocation = UINT64_C(4) << 30,
     .local_memory = 512 << 10,
     .address_align_bytes = 128,
     .usable = true},
    {.type = CLR_DEVICE_GPU,
     .name = "A GPU",
     .vendor = "A maker",
     .version = "OpenCL 1.2",
     .driver = "1.0",
     .platform_name = "A platform",
     .platform_version = "OpenCL 1.2",
     .compute_units = 16,
     .clock_mhz = 1500,
     .native_float_width = 1,
     .max_work_group = 256,
     .global_memory = UINT64_C(8) << 30,
     .max_allocation = UINT64_C(2) << 30,
     .local_memory = 32 << 10,
     .address_align_bytes = 256,
     .usable = true},
};

_Noreturn void fuzz_broken(const char *file, int line, const char *promise)
{
    (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, promise);
    abort();
}

/* ------------------------------------------------------------------ messages */

void fuzz_readable(const char *text)
{
    FUZZ_CHECK(text[0]);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        FUZZ_CHECK((*p >= ' ' || *p == '\n' || *p == '\t') && *p != 0x7f);
        FUZZ_CHECK(!(p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0));
    }
}

bool fuzz_worked(int rc, const struct clr_error *err)
{
    FUZZ_CHECK(rc <= 0 && rc >= CLR_EINTERRUPTED);
    if (rc == 0)
        return true;
    FUZZ_CHECK(err->code == rc);
    fuzz_readable(err->message);
    return false;
}

static void check_line(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    (void)level;
    fuzz_readable(line);
}

/* ------------------------------------------------------------------ files */

static const char *folder(void)
{
    static const char *dir;

    if (!dir) {
        dir = support_temp_dir();
        clr_log_set_sink(check_line, NULL);
    }
    return dir;
}

const char *fuzz_path(const char *name)
{
    static char paths[2][256];
    static unsigned next;
    char *path = paths[next++ % 2];

    (void)snprintf(path, sizeof paths[0], "%s%s%s", folder(), name[0] ? "/" : "", name);
    return path;
}

void fuzz_write(const char *name, const void *data, size_t size)
{
    const char *path = fuzz_path(name), *slash = strchr(name, '/');
    char above[64];
    int fd;

    if (slash) {
        (void)snprintf(above, sizeof above, "%.*s", (int)(slash - name), name);
        (void)mkdir(fuzz_path(above), 0777);
    }
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(size == 0 || write(fd, data, size) == (ssize_t)size);
    (void)close(fd);
}

void fuzz_write_text(const char *name, const char *text)
{
    fuzz_write(name, text, strlen(text));
}

char *fuzz_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    FUZZ_CHECK(text);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}
