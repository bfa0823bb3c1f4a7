/* Initial values of parameters from the fillers of the net and the seed (host only). */
#ifndef NET_INIT_H
#define NET_INIT_H

#include "net/graph.h"

/*
 * Fill out[0 … p->count) by p's filler, whose shape it fits (graph.c). But for orthogonal, element i of
 * parameter number `number` depends on (seed, number, i) alone. Fails if memory is short: CLR_ENOMEM.
 */
int init_fill(float *out, const struct graph_param *p, int number, uint64_t seed, struct clr_error *err);

#endif
