/*
 * The nets of a solver's file: `net`, `train_net` and `test_net` name files, `net_param`, `train_net_param`
 * and `test_net_param` are nets, `train_state` and `test_state` say for which stages and levels. Caffe's
 * order (src/caffe/solver.cpp): one of the first four of training; of several test nets one is evaluated
 * here, the first.
 *
 * A run stores a net as one text. If a solver has more than the name of one file, that text is a solver's
 * file with just these fields, and the nets in it.
 */
#ifndef NET_SOLVER_NET_H
#define NET_SOLVER_NET_H

#include "net/spec.h"

struct solver_nets {
    size_t field[2];          /* numbers of the fields that give the net of training and of evaluation */
    char *path[2];            /* the files that these name, or what is built in; NULL: they are nets */
    bool one;                 /* both are the same */
    struct net_states states; /* train_state, test_state */
};

/* Is it a solver's file? It has a field of a net, or a rate, and no layers. */
bool solver_nets_are_in(const struct prototxt *doc);

/*
 * Find them, as r reads the file. A path is taken as it stands, from the working directory, or else from the
 * solver's folder, whole or by the longest end of it that is there. Problems are those of r's file;
 * CLR_EINPUT, CLR_ENOMEM. Clear *out in any case.
 */
int solver_nets_find(struct solver_nets *out, struct pt_reader *r, bool quiet, struct clr_error *err);
void solver_nets_clear(struct solver_nets *nets);

/* Mark the fields of nets as read. */
void solver_nets_skip(struct pt_reader *r);

/* Is it the file of one net, for no stages and level 0? */
bool solver_nets_plain(const struct solver_nets *nets);

/*
 * Read the nets of the file in spec->text, which *doc is, into *spec, and replace spec->text by what is
 * stored. files false: the nets must be in it.
 */
int solver_nets_read(struct clr_net_spec *spec, struct prototxt *doc, bool files, bool quiet,
                     struct clr_error *err);

#endif
