/*
 * Functions of every number by itself, as layers: the rows of cl/elementwise.cl. Included where ELEMENTWISE,
 * PARAMETER, ENGINE and NONE are defined; one row is a layer.
 *
 *     ELEMENTWISE(name, "Type", "what it computes", "block", fields, f, f′, fields of struct elementwise)
 *
 * Type and block (NULL: none) are those of Caffe's files. The fields are parameters, a[0] and so on:
 * PARAMETER(number, "field", "what it is", default, least, most, two values to verify with); ENGINE where
 * Caffe has that field; NONE where there are none. f is a function of x and a, in double precision: the
 * reference, in which ln_base() is the natural logarithm of a base. f′, which multiplies dy, is a function
 * of x or y, as .from_y says, and a. .forward and .backward are the same for the kernel, in OpenCL C
 * without a space: of vectors x, y, dy, of ZERO and ONE, of numbers A0, A1, A2 and of LN_A0, the natural
 * logarithm of a base A0. Formulas and defaults are Caffe's (its layers of the same names) but where a
 * comment says otherwise.
 */

/* A NaN stays one. Where the slope is 0, a plain 0, never −0, as of operators that do a rectifier. */
ELEMENTWISE(relu, "ReLU", "max(x, 0)", "relu_param",
            PARAMETER(0, "negative_slope", "factor of numbers below 0", 0.0, 0.0, 1000.0, 0.0, 0.1) ENGINE,
            x > 0.0 ? x : x * a[0], y > 0.0 ? 1.0 : a[0],
            .forward = "x<=ZERO?(A0>0.0f?x*(floatv)(A0):ZERO):x",
            .backward = "y>ZERO?dy:(A0>0.0f?dy*(floatv)(A0):ZERO)", .from_y = true, .keeps_0 = true)

/* Where exp(−x) is infinite, y is 0. */
ELEMENTWISE(sigmoid, "Sigmoid", "1 / (1 + exp(-x))", "sigmoid_param", ENGINE, 1.0 / (1.0 + exp(-x)),
            y *(1.0 - y), .forward = "ONE/(ONE+exp(-x))", .backward = "dy*y*(ONE-y)", .from_y = true)

ELEMENTWISE(tanh, "TanH", "tanh(x)", "tanh_param", ENGINE, tanh(x), 1.0 - y * y, .forward = "tanh(x)",
            .backward = "dy*(ONE-y*y)", .from_y = true)

/* D.-A. Clevert, T. Unterthiner, S. Hochreiter: arXiv:1511.07289. */
ELEMENTWISE(elu, "ELU", "x, or alpha (exp(x) - 1) below 0", "elu_param",
            PARAMETER(0, "alpha", "factor of what is below 0", 1.0, 0.0, 1000.0, 1.0, 0.3) NONE,
            x > 0.0 ? x : a[0] * expm1(x), y > 0.0 ? 1.0 : y + a[0],
            .forward = "x>ZERO?x:(floatv)(A0)*expm1(x)", .backward = "y>ZERO?dy:dy*(y+(floatv)(A0))",
            .from_y = true, .keeps_0 = true)

/* P. Ramachandran, B. Zoph, Q. V. Le: arXiv:1710.05941. */
ELEMENTWISE(swish, "Swish", "x / (1 + exp(-beta x))", "swish_param",
            PARAMETER(0, "beta", "factor in the exponent", 1.0, -1000.0, 1000.0, 1.0, 0.5) ENGINE,
            x / (1.0 + exp(-a[0] * x)), (1.0 + a[0] * x / (1.0 + exp(a[0] * x))) / (1.0 + exp(-a[0] * x)),
            .forward = "x/(ONE+exp((floatv)(-A0)*x))",
            .backward = "dy*(ONE+(floatv)(A0)*x/(ONE+exp((floatv)(A0)*x)))/(ONE+exp((floatv)(-A0)*x))",
            .keeps_0 = true)

/* D. Hendrycks, K. Gimpel: arXiv:1606.08415; with the exact erf(), as PyTorch's default. Not in Caffe. */
ELEMENTWISE(gelu, "GELU", "x (1 + erf(x / sqrt(2))) / 2", NULL, NONE, 0.5 * x * erfc(-x * M_SQRT1_2),
            0.5 * erfc(-x * M_SQRT1_2) + x * exp(-0.5 * x * x) * (0.5 * M_SQRT1_2 * M_2_SQRTPI),
            .forward = "(floatv)(0.5f)*x*erfc((floatv)(-M_SQRT1_2_F)*x)",
            .backward =
                "dy*((floatv)(0.5f)*erfc((floatv)(-M_SQRT1_2_F)*x)+x*exp((floatv)(-0.5f)*x*x)*(floatv)"
                "(0.5f*M_SQRT1_2_F*M_2_SQRTPI_F))",
            .keeps_0 = true)

ELEMENTWISE(absval, "AbsVal", "the absolute value of x", NULL, NONE, fabs(x), (x > 0.0) - (x < 0.0),
            .forward = "fabs(x)", .backward = "dy*sign(x)", .keeps_0 = true)

ELEMENTWISE(bnll, "BNLL", "log(1 + exp(x))", NULL, NONE, fmax(x, 0.0) + log1p(exp(-fabs(x))),
            1.0 / (1.0 + exp(-x)), .forward = "fmax(x,ZERO)+log1p(exp(-fabs(x)))",
            .backward = "dy/(ONE+exp(-x))")

ELEMENTWISE(exp, "Exp", "base to the power of (shift + scale x)", "exp_param",
            PARAMETER(0, "base", "above 0, or -1 for e", -1.0, -1.0, 1e6, -1.0, 2.5)
                PARAMETER(1, "scale", "factor of x", 1.0, -1e6, 1e6, 1.0, -0.5)
                    PARAMETER(2, "shift", "added to it", 0.0, -1e6, 1e6, 0.0, 0.7) NONE,
            exp(ln_base(a[0]) * (a[2] + a[1] * x)), y *a[1] * ln_base(a[0]),
            .forward = "exp((floatv)(LN_A0)*((floatv)(A2)+(floatv)(A1)*x))",
            .backward = "dy*y*(floatv)(A1*LN_A0)", .from_y = true, .base = true)

ELEMENTWISE(log, "Log", "logarithm to the base of (shift + scale x)", "log_param",
            PARAMETER(0, "base", "above 0, or -1 for e", -1.0, -1.0, 1e6, -1.0, 2.5)
                PARAMETER(1, "scale", "factor of x", 1.0, -1e6, 1e6, 0.9, -0.5)
                    PARAMETER(2, "shift", "added to it", 0.0, -1e6, 1e6, 8.0, 9.0) NONE,
            log(a[2] + a[1] * x) / ln_base(a[0]), a[1] / (ln_base(a[0]) * (a[2] + a[1] * x)),
            .forward = "log((floatv)(A2)+(floatv)(A1)*x)*(floatv)(1.0f/LN_A0)",
            .backward = "dy*(floatv)(A1/LN_A0)/((floatv)(A2)+(floatv)(A1)*x)", .base = true)

/* At power 0, 1 for every x, and no gradient; pow(x, −1) at 0 would be infinite. */
ELEMENTWISE(power, "Power", "(shift + scale x) to that power", "power_param",
            PARAMETER(0, "power", "the exponent", 1.0, -1e6, 1e6, 2.0, 3.0)
                PARAMETER(1, "scale", "factor of x", 1.0, -1e6, 1e6, 1.0, -0.5)
                    PARAMETER(2, "shift", "added to it", 0.0, -1e6, 1e6, 0.0, 1.5) NONE,
            pow(a[2] + a[1] * x, a[0]), a[0] == 0.0 ? 0.0 : a[0] * a[1] * pow(a[2] + a[1] * x, a[0] - 1.0),
            .forward = "A0==1.0f?(floatv)(A2)+(floatv)(A1)*x:pow((floatv)(A2)+(floatv)(A1)*x,(floatv)(A0))",
            .backward = "A0==0.0f?ZERO:A0==1.0f?dy*(floatv)(A1):dy*(floatv)(A0*A1)*"
                        "pow((floatv)(A2)+(floatv)(A1)*x,(floatv)(A0-1.0f))")
