/* Allocation with checked sizes: see mem.h. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

bool clr_mul_size(size_t *out, size_t a, size_t b)
{
    if (a != 0 && b > SIZE_MAX / a)
        return false;
    *out = a * b;
    return true;
}

bool clr_add_size(size_t *out, size_t a, size_t b)
{
    if (b > SIZE_MAX - a)
        return false;
    *out = a + b;
    return true;
}

int mem_new(void *out, size_t count, size_t element_size, const char *what, struct clr_error *err)
{
    void *p = calloc(count ? count : 1, element_size);

    if (!p)
        return clr_error_set(err, CLR_ENOMEM, "out of memory: %zu × %zu bytes for %s", count, element_size,
                             what);
    memcpy(out, &p, sizeof p);
    return 0;
}

int mem_check_struct(const void *filled, size_t size, const char *name, struct clr_error *err)
{
    const size_t theirs = filled ? *(const size_t *)filled : 0;

    if (!filled)
        return clr_error_set(err, CLR_EUSAGE, "struct %s is NULL: it must be given", name);
    return theirs == size ? 0
                          : clr_error_set(err, CLR_EUSAGE,
                                          "struct %s has %zu bytes, not %zu: its `size` is not set, or the "
                                          "program was compiled with headers of another version",
                                          name, theirs, size);
}

int mem_check_given(const void *value, const char *field, struct clr_error *err)
{
    return value ? 0 : clr_error_set(err, CLR_EUSAGE, "`%s` is NULL: it must be given", field);
}

int mem_check_texts(const char *const *texts, size_t count, const char *field, struct clr_error *err)
{
    int rc = count > 0 ? mem_check_given(texts, field, err) : 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        if (!texts[i])
            rc = clr_error_set(err, CLR_EUSAGE, "`%s[%zu]` is NULL: it must be given", field, i);
    return rc;
}

int mem_check_range(int value, int least, int most, const char *field, struct clr_error *err)
{
    return value >= least && value <= most
               ? 0
               : clr_error_set(err, CLR_EUSAGE, "`%s` is %d, outside %d…%d", field, value, least, most);
}

int mem_grow(void *array, size_t *capacity, size_t need, size_t element_size, const char *what,
             struct clr_error *err)
{
    size_t new_capacity = *capacity ? *capacity : 16, size;
    void *old, *p;

    if (need <= *capacity)
        return 0;
    while (new_capacity < need) {
        if (!clr_mul_size(&new_capacity, new_capacity, 2))
            return clr_error_set(err, CLR_ENOMEM, "too many elements for %s", what);
    }
    if (!clr_mul_size(&size, new_capacity, element_size))
        return clr_error_set(err, CLR_ENOMEM, "too many elements for %s", what);
    memcpy(&old, array, sizeof old);
    p = realloc(old, size);
    if (!p)
        return clr_error_set(err, CLR_ENOMEM, "out of memory: %zu bytes for %s", size, what);
    memset((char *)p + *capacity * element_size, 0, size - *capacity * element_size);
    memcpy(array, &p, sizeof p);
    *capacity = new_capacity;
    return 0;
}

uint64_t mem_load_u64(const void *bytes)
{
    const unsigned char *in = bytes;
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--)
        value = value << 8 | in[i];
    return value;
}

void mem_store_u64(void *bytes, uint64_t value)
{
    unsigned char *out = bytes;

    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

int mem_new_aligned(void *out, size_t size_bytes, const char *what, struct clr_error *err)
{
    const size_t page = 4096;
    size_t rounded;
    void *p;

    if (!clr_add_size(&rounded, size_bytes, page))
        return clr_error_set(err, CLR_ENOMEM, "out of memory: %zu bytes for %s", size_bytes, what);
    rounded = rounded / page * page;
    p = aligned_alloc(page, rounded);
    if (!p)
        return clr_error_set(err, CLR_ENOMEM, "out of memory: %zu bytes for %s", size_bytes, what);
    memcpy(out, &p, sizeof p);
    return 0;
}
