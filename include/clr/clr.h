/** Everything of libclr-cl. */
#ifndef CLR_CLR_H
#define CLR_CLR_H

#include <clr/bench.h>
#include <clr/dataset.h>
#include <clr/device.h>
#include <clr/doctor.h>
#include <clr/error.h>
#include <clr/log.h>
#include <clr/net.h>
#include <clr/optimizer.h>
#include <clr/plot.h>
#include <clr/range.h>
#include <clr/schedule.h>
#include <clr/train.h>
#include <clr/trainer.h>
#include <clr/tune.h>
#include <clr/version.h>

#endif
