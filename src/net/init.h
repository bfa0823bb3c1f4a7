/* Initial values of parameters from the fillers of the net and the seed (host only). */
#ifndef NET_INIT_H
#define NET_INIT_H

#include "net/graph.h"

/* Fill out[0 … p->count). Element i of parameter number `number` depends on (seed, number, i) alone. */
void init_fill(float *out, const struct graph_param *p, int number, uint64_t seed);

#endif
