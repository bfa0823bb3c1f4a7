/*
 * What one device has of a run: the nets of both phases, the parameters, the images, and the results of
 * batches.
 */
#ifndef TRAIN_REPLICA_H
#define TRAIN_REPLICA_H

#include <jansson.h>

#include "net/net.h"
#include "ops/average.h"
#include "ops/batch.h"
#include "ops/optimizer.h"

struct session;
struct tunedb;

/* A net of one phase, its images and its results. */
struct phase {
    struct graph *graph; /* NULL: nothing is trained */
    struct net *net;
    struct batch *batch;
    const struct device_images *images; /* the set that its batches are taken from */
    cl_mem index;                       /* numbers of images, in the order in which they are taken */
    cl_mem losses, hits; /* of each image: its losses, and 1 if it is correct; no hits in training */
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
    struct average *average; /* of the weights, in PARAMS_E; NULL: there is none */
};

/*
 * Choose the operators of both graphs and their variants, and plan the memory.
 *
 * @param sets  of parameters, as in params_plan()
 * @param kept  the variants of a checkpoint, {PHASE: {LAYER: {PASS: VARIANT}}}; NULL: the fastest ones known
 */
int replica_plan(struct replica *r, unsigned sets, const json_t *kept, struct clr_error *err);

/* Bytes of the nets, as planned. */
size_t replica_net_bytes(const struct replica *r);

/* What of the images of that data set the net of a phase takes. */
struct batch_view replica_view(const struct graph *g, const struct clr_dataset *d);

/* Allocate, compile, and write the images, lists and first weights of *s to the device. */
int replica_start(struct replica *r, const struct session *s, struct clr_error *err);

/* Free everything but the records. */
void replica_clear(struct replica *r);

/*
 * Enqueue the forward pass of the images index[b->index_offset … + b->count). The caller sets the count,
 * the offsets and the random numbers' key in *b; its buffers are set here.
 */
int replica_forward(const struct phase *p, struct net_batch *b, struct clr_error *err);

#endif
