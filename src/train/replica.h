/*
 * What one device holds of a run: the nets of both phases, the parameters, the images, and what batches
 * leave.
 */
#ifndef TRAIN_REPLICA_H
#define TRAIN_REPLICA_H

#include <jansson.h>

#include "net/net.h"
#include "ops/batch.h"
#include "ops/optimizer.h"

struct session;
struct tunedb;

/* A net of one phase, the images that go into it and the results that come out. */
struct phase {
    struct graph *graph; /* NULL: nothing is trained */
    struct net *net;
    struct batch *batch;
    const struct device_images *images; /* the set that its batches are taken from */
    cl_mem index;                       /* numbers of images, in the order in which they are taken */
    cl_mem losses, hits;                /* of each image; a training phase has no hits */
};

struct replica {
    const struct clr_device *device;
    struct tunedb *records; /* of the device */
    struct ocl_options ocl; /* may be changed until replica_start() */
    struct ocl_context *ctx;
    struct phase train, test;
    struct params params;
    struct device_images train_images, test_images;
    struct optimizer *optimizer;
};

/*
 * The operators of the graphs that are there, their variants, and the memory of all.
 *
 * @param sets  arrays of parameters, as in params_plan()
 * @param kept  the variants of a checkpoint, {PHASE: {LAYER: {PASS: VARIANT}}}, or NULL: the fastest known
 */
int replica_plan(struct replica *r, int sets, const json_t *kept, struct clr_error *err);

/* Bytes of the nets, as planned. */
size_t replica_net_bytes(const struct replica *r);

/* Allocate and compile, with the images, lists and first weights of *s. */
int replica_start(struct replica *r, const struct session *s, struct clr_error *err);

/* All but the records. */
void replica_clear(struct replica *r);

/*
 * Enqueue: the images index[b->index_offset … + b->count) go through the net. *b says how many, where their
 * results go, and what random numbers are made of; the buffers are put into it here.
 */
int replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err);

/* Enqueue the update of all parameters by their gradients, as optimizer_update(). */
int replica_update(struct replica *r, double rate, double momentum, uint64_t iteration,
                   struct clr_error *err);

#endif
