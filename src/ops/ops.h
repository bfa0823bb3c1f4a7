/*
 * The kinds of operators there are: ROW(OP_NAME, name), where op_name is its struct op_class. Included where
 * ROW is defined.
 */
ROW(OP_CONV, conv)
ROW(OP_CONV_POOL, conv_pool) /* a first convolution with the maximum pool after it (cl/conv_pool.cl): no dx */
ROW(OP_POOL, pool)
ROW(OP_ELEMENTWISE, elementwise) /* a function of every number by itself (ops/elementwise_rows.h) */
ROW(OP_ELTWISE, eltwise)         /* sum, product or maximum of all x */
ROW(OP_CONCAT, concat)           /* the channels of all x, one after the other */
ROW(OP_SLICE, slice)             /* the opposite: y are parts of the channels of x */
ROW(OP_CONSTANT, constant)       /* no x; desc.x[0] has the shape of y */
ROW(OP_SPLIT, split)             /* y are x, one for each reader that sends a gradient back; dx = Σ dy */
ROW(OP_LRN, lrn)
ROW(OP_BATCH_NORM, batch_norm)
ROW(OP_SCALE, scale) /* a factor and a term for each channel */
ROW(OP_DENSE, dense) /* InnerProduct; x (N,C,H,W) counts as C·H·W inputs in logical order, y is (N,F,1,1) */
ROW(OP_DROPOUT, dropout)                   /* drops where desc.backward is set (training), else copies */
ROW(OP_SOFTMAX, softmax)                   /* over the channels of every pixel */
ROW(OP_SOFTMAX_LOSS, softmax_loss)         /* x: logits (N,F,1,1); dx = weight·(softmax − onehot)/batch */
ROW(OP_HINGE_LOSS, hinge_loss)             /* likewise; dx as the margins are missed */
ROW(OP_EUCLIDEAN_LOSS, euclidean_loss)     /* of two values, or of one number and the label */
ROW(OP_SIGMOID_LOSS, sigmoid_loss)         /* likewise */
ROW(OP_CONTRASTIVE_LOSS, contrastive_loss) /* of two values and whether they are similar */
ROW(OP_ACCURACY, accuracy)
ROW(OP_RELAYOUT, relayout) /* same shape in another layout, or (N,C,H,W) → (N,C·H·W,1,1) in logical order */
