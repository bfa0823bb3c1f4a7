/*
 * What a file is, by its first bytes. Sources: the safetensors format (a 64-bit length, then JSON); ZIP and
 * pickle, which torch.save() writes; HDF5's signature; caffe.proto (field 1 of NetParameter is its name, 2
 * and 100 are layers, 3 to 8 what belongs to old nets).
 */
#include <clr/file_kind.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "net/prototxt.h"

#define HEAD_BYTES 4096

/* Fields that only one of the three has. */
static enum clr_file_kind prototxt_kind(const char *path)
{
    static const struct {
        const char *field;
        enum clr_file_kind kind;
    } fields[] = {
        {"layer", CLR_FILE_NET},        {"layers", CLR_FILE_NET},
        {"input", CLR_FILE_NET},        {"base_lr", CLR_FILE_SOLVER},
        {"lr_policy", CLR_FILE_SOLVER}, {"max_iter", CLR_FILE_SOLVER},
        {"test_iter", CLR_FILE_SOLVER}, {"snapshot", CLR_FILE_SOLVER},
        {"net_param", CLR_FILE_SOLVER}, {"train_net_param", CLR_FILE_SOLVER},
        {"run", CLR_FILE_EXPERIMENT},   {"range_test", CLR_FILE_EXPERIMENT},
    };
    enum clr_file_kind kind = CLR_FILE_UNKNOWN;
    struct prototxt doc = {0};
    char *text = NULL;
    size_t size = 0;

    if (fs_read(path, PT_LIMIT_BYTES, &text, &size, NULL) == 0 &&
        prototxt_parse(&doc, path, text, size, NULL) == 0)
        for (size_t i = doc.fields[0].first; i && kind == CLR_FILE_UNKNOWN; i = doc.fields[i].next)
            for (size_t k = 0; k < MEM_COUNT(fields); k++)
                if (strcmp(doc.fields[i].name, fields[k].field) == 0)
                    kind = fields[k].kind;
    prototxt_clear(&doc);
    free(text);
    return kind;
}

static bool begins(const unsigned char *head, size_t size, const char *with, size_t length)
{
    return size >= length && memcmp(head, with, length) == 0;
}

/* NetParameter: a name and then another field of it, or a layer at once; or the name that Caffe gives to
 * such files. */
static bool is_caffemodel(const char *path, const unsigned char *head, size_t size)
{
    static const char next[] = "\x12\x1a\x20\x28\x32\x38\x42"; /* layers, input … input_shape */
    const char *end = strrchr(path, '.');
    size_t at = 0;

    if (end && strcmp(end, ".caffemodel") == 0)
        return true;
    if (size > 2 && head[0] == 0x0a && head[1] < 0x80 && (size_t)head[1] + 4 < size)
        at = 2u + head[1];
    for (size_t i = 2; i < at; i++)
        if (head[i] < ' ' || head[i] > '~')
            return false;
    return size > at + 2 &&
           ((head[at] == 0xa2 && head[at + 1] == 0x06) || (at > 0 && head[at] && strchr(next, head[at])));
}

enum clr_file_kind clr_file_kind(const char *path)
{
    unsigned char head[HEAD_BYTES];
    struct stat st;
    size_t size;
    FILE *f;

    if (stat(path, &st) != 0)
        return CLR_FILE_UNKNOWN;
    if (S_ISDIR(st.st_mode))
        return fs_exists_in(path, "run.json") ? CLR_FILE_RUN : CLR_FILE_UNKNOWN;
    f = S_ISREG(st.st_mode) ? fopen(path, "rb") : NULL;
    if (!f)
        return CLR_FILE_UNKNOWN;
    size = fread(head, 1, sizeof head, f);
    (void)fclose(f);
    if (begins(head, size, "clr-cl checkpoint ", 18))
        return CLR_FILE_CHECKPOINT;
    if (begins(head, size, "PK\3\4", 4) || begins(head, size, "\x80\2", 2))
        return CLR_FILE_PYTORCH;
    if (begins(head, size, "\x89HDF\r\n\x1a\n", 8))
        return CLR_FILE_HDF5;
    if (size > 8 && head[8] == '{' && memcmp(head + 4, "\0\0\0\0", 4) == 0)
        return CLR_FILE_SAFETENSORS;
    if (is_caffemodel(path, head, size))
        return CLR_FILE_CAFFEMODEL;
    return memchr(head, '\0', size) ? CLR_FILE_UNKNOWN : prototxt_kind(path);
}
