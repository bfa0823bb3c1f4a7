/* The types of layers: ROW(name), where layer_name is its struct layer_class. Included by layer.c. */
ROW(data)
ROW(input)
ROW(convolution)
ROW(pooling)
#define ELEMENTWISE(name, ...) ROW(name)
#include "ops/elementwise_rows.h"
#undef ELEMENTWISE
ROW(eltwise)
ROW(concat)
ROW(lrn)
ROW(batch_norm)
ROW(scale)
ROW(bias)
ROW(inner_product)
ROW(dropout)
ROW(softmax)
ROW(softmax_loss)
ROW(accuracy)
