/*
 * K tensors of one shape, number by number: y = Σ c_j·x_j, Π x_j or max x_j, j = 0 … K−1 in that order. Going
 * back, to one input at a time: dx_J = c_J·dy, dy·Π x_j (j ≠ J), or dy where x_J is the maximum, else 0. Of
 * equal maxima it is the second of the first two, else the first (Caffe's rule). A NaN among the x makes y
 * one.
 *
 * eltwise_forward    NDRange (ceil(H/ROWS), TO_CB, batch)   y from x0, x1, …
 * eltwise_backward   NDRange (ceil(H/ROWS), TO_CB, batch)  dx from dy and, but for sums, x0, x1, …
 *
 * OP (0: sum, 1: product, 2: maximum) K; of a sum C0 C1 …; going back J and, of a sum, CJ
 * MASK   1: the result is 0 where m, laid out as M_…, is not positive
 *
 * X0_… X1_… TO_… (y or dx) DY_… M_… V H W ROWS (rows a work-item handles)
 */
#ifndef K
#error "eltwise.cl needs K and the other macros of its header"
#endif

/* F(0) F(1) … F(K − 1) */
#define ALL1(F) F(0)
#define ALL2(F) ALL1(F) F(1)
#define ALL3(F) ALL2(F) F(2)
#define ALL4(F) ALL3(F) F(3)
#define ALL5(F) ALL4(F) F(4)
#define ALL6(F) ALL5(F) F(5)
#define ALL7(F) ALL6(F) F(6)
#define ALL8(F) ALL7(F) F(7)
#define ALL     CAT(ALL, K)

#define PARAM(j) , __global const float *x##j
#define LOAD(j)  const floatv v##j = LOADV(w, x##j + AT(X##j, n, cb, h, 0));

#if MASK
#define MASK_PARAM , __global const float *m
#define STORE(v, to)                                                                                         \
    STOREV(LOADV(w, m + AT(M, n, cb, h, 0)) > (floatv)(0.0f) ? (v) : (floatv)(0.0f), w, to)
#else
#define MASK_PARAM
#define STORE(v, to) STOREV(v, w, to)
#endif

#if OP == 0
#define FIRST     0.0f
#define NEXT(j)   y += (floatv)(C##j) * v##j;
#define XS(F)
#define RESULT(v) ((floatv)(CJ) * (v))
#elif OP == 1
#define FIRST     1.0f
#define NEXT(j)   y *= v##j;
#define XS(F)     ALL(F)
#define BACK(j)   y *= j == J ? (floatv)(1.0f) : v##j;
#define RESULT(v) ((v) * y)
#else
#define FIRST     -INFINITY
#define NEXT(j)   y = (v##j > y) | (v##j != v##j) ? v##j : y;
#define XS(F)     ALL(F)
#define BACK(j)                                                                                              \
    winner = (j == 1 ? v##j >= y : v##j > y) ? (intv)(j) : winner;                                           \
    y = fmax(y, v##j);
#define RESULT(v) (winner == (intv)(J) ? (v) : (floatv)(0.0f))
#endif

#ifndef J
__kernel void eltwise_forward(__global float *out ALL(PARAM) MASK_PARAM, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= TO_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++)
        for (int w = 0; w < W; w++) {
            floatv y = (floatv)(FIRST);
            ALL(LOAD)
            ALL(NEXT)
            STORE(y, out + AT(TO, n, cb, h, 0));
        }
}
#else
__kernel void eltwise_backward(__global float *dx, __global const float *dy XS(PARAM) MASK_PARAM, int batch)
{
    const int h0 = (int)get_global_id(0) * ROWS, cb = (int)get_global_id(1), n = (int)get_global_id(2);

    if (cb >= TO_CB || n >= batch)
        return;
    for (int h = h0; h < min(h0 + ROWS, H); h++)
        for (int w = 0; w < W; w++) {
            const floatv back = LOADV(w, dy + AT(DY, n, cb, h, 0));
            floatv y = (floatv)(FIRST);
            intv winner = (intv)(0);
            XS(LOAD)
            XS(BACK)
            STORE(RESULT(back), dx + AT(TO, n, cb, h, 0));
        }
}
#endif
