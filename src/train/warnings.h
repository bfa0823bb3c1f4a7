/* Warnings about nets that cannot learn as they are: what files written by hand often lack. */
#ifndef TRAIN_WARNINGS_H
#define TRAIN_WARNINGS_H

#include "train/session.h"

/* Of a planned run that begins: layers whose weights are all equal, and outputs that no class has. */
void warn_of_net(const struct session *s);

/* The loss of an evaluation, if it is not below that of chance, though that of training is, and if running
 * statistics are still of the first batches. Has it warned? */
bool warn_of_young_statistics(const struct session *s, double loss);

/* The loss of the first update, if it is far above that of a net that gives each class the same chance. */
void warn_of_first_loss(const struct session *s, double loss);

#endif
