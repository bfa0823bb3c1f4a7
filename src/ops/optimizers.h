/* The optimizers there are: ROW(enum, name), where optimizer_name is its struct optimizer_class. */
ROW(CLR_OPTIMIZER_SGD, sgd)
ROW(CLR_OPTIMIZER_NESTEROV, nesterov)
ROW(CLR_OPTIMIZER_ADAM, adam)
ROW(CLR_OPTIMIZER_RMSPROP, rmsprop)
ROW(CLR_OPTIMIZER_ADAMW, adamw)
ROW(CLR_OPTIMIZER_ADAGRAD, adagrad)
ROW(CLR_OPTIMIZER_ADADELTA, adadelta)
