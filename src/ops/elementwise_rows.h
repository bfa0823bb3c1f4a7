/*
 * Functions of every number by itself, as layers: the rows of cl/elementwise.cl. Included where ELEMENTWISE,
 * PARAMETER and NO_PARAMETER are defined; one row is a layer.
 *
 *     ELEMENTWISE(name, "Type", "what it computes", "block", parameter, f, f′, fields of struct elementwise)
 *
 * Type and block are those of Caffe's files. Of the parameter a: PARAMETER("field", "what it is", default,
 * least, most, another value to verify with). f is a function of x and a, in double precision: the reference.
 * f′, which multiplies dy, is a function of x or y, as .from_y says, and a. .forward and .backward are the
 * same for the kernel, in OpenCL C without a space: of vectors x, y, dy, and of A, ZERO and ONE. Formulas and
 * defaults are Caffe's (its layers of the same names).
 */

/* A NaN stays one. Where the slope is 0, a plain 0, never −0, as of operators that do a rectifier. */
ELEMENTWISE(relu, "ReLU", "max(x, 0)", "relu_param",
            PARAMETER("negative_slope", "factor of numbers below 0", 0.0, 0.0, 1000.0, 0.1),
            x > 0.0 ? x : x * a, y > 0.0 ? 1.0 : a, .forward = "x<=ZERO?(A>0.0f?x*(floatv)(A):ZERO):x",
            .backward = "y>ZERO?dy:(A>0.0f?dy*(floatv)(A):ZERO)", .from_y = true, .keeps_0 = true)

/* Where exp(−x) is infinite, y is 0. */
ELEMENTWISE(sigmoid, "Sigmoid", "1 / (1 + exp(-x))", "sigmoid_param", NO_PARAMETER, 1.0 / (1.0 + exp(-x)),
            y *(1.0 - y), .forward = "ONE/(ONE+exp(-x))", .backward = "dy*y*(ONE-y)", .from_y = true)

ELEMENTWISE(tanh, "TanH", "tanh(x)", "tanh_param", NO_PARAMETER, tanh(x), 1.0 - y * y, .forward = "tanh(x)",
            .backward = "dy*(ONE-y*y)", .from_y = true)
