/*
 * Winograd convolution F(4×4, R×R), R = 3 or 5, stride 1: forward, data gradient (the forward pass on
 * flipped weights) and weight gradient F(R×R, 4×4). Formulas and transforms: cl/winograd.clh. The sums over
 * channels (over tiles, for dw) are T·T small matrix products.
 *
 * The image is cut into TY×TX tiles, numbered n·TY·TX + ty·TX + tx over the batch; NT tiles at a time go
 * through transform → products → inverse. x needs a halo of zeros that covers the last tile
 * (src/ops/conv_winograd.c).
 *
 * FUSED 1, for CPUs: one work-item takes NT tiles through everything, with the transformed values in local
 * memory, which on a CPU is a piece of a core's cache. It has no barriers: a work-group is one work-item.
 *   winograd_fused        NDRange (ceil(batch·TY·TX / NT))
 *   winograd_slices       NDRange (SLICES)               → partial
 * FUSED 0: the stages are kernels of their own, NT tiles a launch, from tile `first` on; v and m (z) lie in
 * the workspace, from V_AT and M_AT on, after u or the partial sums.
 *   winograd_input        NDRange (NT, X_CB)             → v [POS][V_STEP]: NT rows of ICP
 *   winograd_multiply     NDRange (NT/TT, OCG, POS)      → m [OCG][POS][M_STEP]: NT rows of OB·V
 *   winograd_output       NDRange (NT, Y_CB)             → y
 *   winograd_dy           NDRange (NT, DY_CB)            → z [POS][Z_STEP]: NT rows of OCP
 *   winograd_accumulate   NDRange (ICP/TT, OCG, POS)     → partial (SLICES is 1)
 * Both:
 *   winograd_filter       NDRange (ICP + 1, OCG·OB)      w → u [OCG][POS][U_STEP]: ICP rows of OB·V,
 *                         then the bias, [OCG·OB·V]
 *   winograd_weights      NDRange (DY_CB, IC + 1)        partial → dw, db: neighbours read neighbouring sums
 *
 * partial: [SLICES][POS][ICP][OCP], then [SLICES][OCP] for the bias, summed in ascending order of slices.
 *
 * OC IC R PH PW OH OW  of the pass; V; X_…, Y_… (forward) or DY_… (weight gradient): layouts, all of block V
 * TT OB                tile of a product: TT tiles (weight gradient: input channels) × OB vectors in
 *                      registers; TT divides NT (ICP)
 * NT                   tiles at a time
 * BIAS FLIP RELU       0 or 1; MASK 1: y is zero where mask (layout MASK_…) is not positive
 * SLICES PER_SLICE     images of slice s: [s·PER_SLICE, (s+1)·PER_SLICE) below the batch
 */
#ifndef R
#error "conv_winograd.cl needs R and the other macros of its header"
#endif

#include "winograd.clh"

#define TY    ((OH + 3) / 4)
#define TX    ((OW + 3) / 4)
#define TILES (TY * TX)
#define ICP   (X_CB * V)

/* Floats from position to position of u, v, m and z: one vector more than they need, since a power of two
 * would put all positions of a tile into the same few sets of a cache. */
#define U_STEP (ICP * OB * V + V)
#define V_STEP (NT * ICP + V)
#define M_STEP (NT * OB * V + V)
#define Z_STEP (NT * OCP + V)

/*
 * The rows and columns of a tile go through its transforms one by one on a CPU: all at once, the compiler
 * interleaves them and spills. On a GPU an array in registers needs indices that are constants.
 */
#if FUSED
#define SCRATCH __local
#define ONE_BY_ONE _Pragma("unroll 1")
#else
#define SCRATCH __global
#define ONE_BY_ONE _Pragma("unroll")
#endif

/* ------------------------------------------------------------------ stages */

/* Bᵀ x B of V channels of one tile; v: place of position 0, positions lie `stride` floats apart. */
void input_tile(SCRATCH float *v, size_t stride, __global const float *x)
{
    floatv rows[POS], in[T], out[T];

    ONE_BY_ONE for (int i = 0; i < T; i++) {
        UNROLL for (int j = 0; j < T; j++)
            in[j] = LOADV(j, x + (size_t)i * (X_WP * V));
        transform_input(rows + i * T, in);
    }
    ONE_BY_ONE for (int j = 0; j < T; j++) {
        UNROLL for (int i = 0; i < T; i++)
            in[i] = rows[i * T + j];
        transform_input(out, in);
        UNROLL for (int i = 0; i < T; i++)
            STOREV(out[i], 0, v + (size_t)(i * T + j) * stride);
    }
}

/* First input element of channel block cb of a tile. */
#define TILE_AT(L, tile, cb, dy, dx)                                                                         \
    AT(L, (tile) / TILES, cb, (tile) % TILES / TX * 4 + (dy), (tile) % TILES % TX * 4 + (dx))

#if !FUSED
__kernel void winograd_input(__global float *restrict work, __global const float *restrict x, int first,
                             int batch)
{
    const int t = (int)get_global_id(0), cb = (int)get_global_id(1);
    const int tile = min(first + t, batch * TILES - 1); /* after the last one: that one again; not used */

    if (t < NT && cb < X_CB)
        input_tile(work + V_AT + (size_t)t * ICP + cb * V, V_STEP,
                   x + TILE_AT(X, tile, cb, -PH, -PW));
}
#endif

#ifdef Y_BLOCK
#define OCG ((Y_CB + OB - 1) / OB)
#define U_GROUP (POS * U_STEP)

__kernel void winograd_filter(__global float *restrict u, __global const float *restrict w,
                              __global const float *restrict b)
{
    const int c = (int)get_global_id(0), ob = (int)get_global_id(1);
    floatv tile[POS];

    if (c > ICP || ob >= OCG * OB)
        return;
    if (c == ICP) {
        for (int lane = 0; lane < V; lane++)
            u[OCG * U_GROUP + ob * V + lane] = ob * V + lane < BIAS * OC ? b[ob * V + lane] : 0.0f;
        return;
    }
    filter_tile(tile, w, ob, c);
    __global float *to = u + (size_t)(ob / OB) * U_GROUP + (size_t)(c * OB + ob % OB) * V;
    for (int p = 0; p < POS; p++)
        STOREV(tile[p], 0, to + (size_t)p * U_STEP);
}

/* m[t][o] = Σ_c v[t][c]·u[c][o] for TT tiles and OB vectors. */
void multiply(SCRATCH float *m, SCRATCH const float *v, __global const float *u)
{
    floatv acc[TT][OB];

    UNROLL for (int t = 0; t < TT; t++)
        UNROLL for (int o = 0; o < OB; o++)
            acc[t][o] = VEC(0.0f);
    for (int c = 0; c < ICP; c++) {
        floatv w[OB];
        UNROLL for (int o = 0; o < OB; o++)
            w[o] = LOADV(o, u);
        u += OB * V;
        UNROLL for (int t = 0; t < TT; t++) {
            const floatv a = VEC(v[t * ICP + c]);
            UNROLL for (int o = 0; o < OB; o++)
                acc[t][o] = fma(a, w[o], acc[t][o]);
        }
    }
    UNROLL for (int t = 0; t < TT; t++)
        UNROLL for (int o = 0; o < OB; o++)
            STOREV(acc[t][o], t * OB + o, m);
}

/* Aᵀ m A of V channels of one tile, and what follows a convolution. */
void output_tile(__global float *y, SCRATCH const float *m, __global const float *mask, floatv bias, int tile,
                 int ob)
{
    const int n = tile / TILES, y0 = tile % TILES / TX * 4, x0 = tile % TILES % TX * 4;
    floatv columns[4 * T], in[T], out[5];

    ONE_BY_ONE for (int j = 0; j < T; j++) {
        UNROLL for (int i = 0; i < T; i++)
            in[i] = LOADV(0, m + (i * T + j) * M_STEP);
        transform_output(out, in, 4);
        UNROLL for (int i = 0; i < 4; i++)
            columns[i * T + j] = out[i];
    }
    ONE_BY_ONE for (int i = 0; i < 4; i++) {
        transform_output(out, columns + i * T, 4);
        UNROLL for (int j = 0; j < 4; j++) {
            floatv value = out[j] + bias;
            /* &, as clang warns of a && that is constant */
            if ((OH % 4 == 0 || y0 + i < OH) & (OW % 4 == 0 || x0 + j < OW)) {
#if RELU
                value = value <= VEC(0.0f) ? VEC(0.0f) : value;
#endif
#if MASK
                value = LOADV(0, mask + AT(MASK, n, ob, y0 + i, x0 + j)) > VEC(0.0f) ? value : VEC(0.0f);
#endif
                STOREV(value, 0, y + AT(Y, n, ob, y0 + i, x0 + j));
            }
        }
    }
}

#if FUSED
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
winograd_fused(__global float *restrict y, __global const float *restrict x, __global const float *restrict u,
               __global const float *restrict mask, int batch)
{
    __local float v[POS * V_STEP] ALIGNED, m[POS * M_STEP] ALIGNED;
    const int first = (int)get_global_id(0) * NT, total = batch * TILES;

    for (int t = 0; t < NT; t++) { /* after the last tile: that one again; not used */
        const int tile = min(first + t, total - 1);
        for (int cb = 0; cb < X_CB; cb++)
            input_tile(v + t * ICP + cb * V, V_STEP, x + TILE_AT(X, tile, cb, -PH, -PW));
    }
    for (int g = 0; g < OCG; g++) {
        for (int p = 0; p < POS; p++)
            for (int t = 0; t < NT; t += TT)
                multiply(m + p * M_STEP + t * (OB * V), v + p * V_STEP + t * ICP,
                         u + (size_t)g * U_GROUP + (size_t)p * U_STEP);
        for (int t = 0; t < NT && first + t < total; t++)
            for (int o = 0; o < OB && g * OB + o < Y_CB; o++)
                output_tile(y, m + (t * OB + o) * V, mask, LOADV(g * OB + o, u + OCG * U_GROUP), first + t,
                            g * OB + o);
    }
}
#else
__kernel void winograd_multiply(__global float *work)
{
    const int t = (int)get_global_id(0) * TT, g = (int)get_global_id(1), p = (int)get_global_id(2);

    if (t < NT && g < OCG && p < POS)
        multiply(work + M_AT + ((size_t)g * POS + p) * M_STEP + t * (OB * V),
                 work + V_AT + (size_t)p * V_STEP + t * ICP,
                 work + (size_t)g * U_GROUP + (size_t)p * U_STEP);
}

__kernel void winograd_output(__global float *restrict y, __global const float *restrict work,
                              __global const float *restrict mask, int first, int batch)
{
    const int t = (int)get_global_id(0), ob = (int)get_global_id(1);

    if (t < NT && first + t < batch * TILES && ob < Y_CB)
        output_tile(y, work + M_AT + (size_t)(ob / OB) * POS * M_STEP + (size_t)t * (OB * V) + ob % OB * V,
                    mask, LOADV(ob, work + OCG * U_GROUP), first + t, ob);
}
#endif
#endif /* Y_BLOCK */

/* ------------------------------------------------------------------ weight gradient */

#ifdef DY_BLOCK
#define OCP (DY_CB * V)

/* Gʷ dy Gʷᵀ of V channels of one tile, like input_tile(); dy's halo gives zeros beyond the image. */
void dy_tile(SCRATCH float *z, size_t stride, __global const float *dy)
{
    floatv rows[4 * T], in[4], out[T];

    ONE_BY_ONE for (int i = 0; i < 4; i++) {
        UNROLL for (int j = 0; j < 4; j++)
            in[j] = LOADV(j, dy + (size_t)i * (DY_WP * V));
        transform_filter(rows + i * T, in, 4);
    }
    ONE_BY_ONE for (int j = 0; j < T; j++) {
        UNROLL for (int i = 0; i < 4; i++)
            in[i] = rows[i * T + j];
        transform_filter(out, in, 4);
        UNROLL for (int i = 0; i < T; i++)
            STOREV(out[i], 0, z + (size_t)(i * T + j) * stride);
    }
}

void no_tile(SCRATCH float *z, size_t stride)
{
    for (int p = 0; p < POS; p++)
        STOREV(VEC(0.0f), 0, z + (size_t)p * stride);
}

/* sum[c][o] += Σ_t v[t][c]·z[t][o] for TT input channels and `count` ≤ OB vectors, over NT tiles. */
void accumulate(__global float *sum, SCRATCH const float *v, SCRATCH const float *z, bool start, int count)
{
    floatv acc[TT][OB];

    UNROLL for (int c = 0; c < TT; c++)
        UNROLL for (int o = 0; o < OB; o++)
            acc[c][o] = start || (DY_CB % OB != 0 && o >= count) ? VEC(0.0f) : LOADV(o, sum + c * OCP);
    for (int t = 0; t < NT; t++) {
        floatv d[OB];
        UNROLL for (int o = 0; o < OB; o++)
            d[o] = DY_CB % OB != 0 && o >= count ? VEC(0.0f) : LOADV(o, z + t * OCP);
        UNROLL for (int c = 0; c < TT; c++) {
            const floatv a = VEC(v[t * ICP + c]);
            UNROLL for (int o = 0; o < OB; o++)
                acc[c][o] = fma(a, d[o], acc[c][o]);
        }
    }
    UNROLL for (int c = 0; c < TT; c++)
        UNROLL for (int o = 0; o < OB; o++)
            if (DY_CB % OB == 0 || o < count)
                STOREV(acc[c][o], o, sum + c * OCP);
}

/* Position (1,1) holds SUM_SCALE² times the sum of a tile: the bias gradient falls off. */
void accumulate_bias(__global float *sum, SCRATCH const float *z, bool start)
{
    for (int ob = 0; ob < DY_CB; ob++) {
        floatv acc = start ? VEC(0.0f) : LOADV(ob, sum);
        for (int t = 0; t < NT; t++)
            acc += LOADV(ob, z + (T + 1) * Z_STEP + t * OCP);
        STOREV(acc, ob, sum);
    }
}

#if FUSED
__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
winograd_slices(__global float *restrict partial, __global const float *restrict x,
                __global const float *restrict dy, int batch)
{
    __local float v[POS * V_STEP] ALIGNED, z[POS * Z_STEP] ALIGNED;
    const int s = (int)get_global_id(0);
    const int begin = min(s * PER_SLICE, batch) * TILES, end = min((s + 1) * PER_SLICE, batch) * TILES;
    __global float *sums = partial + (size_t)s * (POS * ICP * OCP);
    __global float *bias = partial + (size_t)SLICES * (POS * ICP * OCP) + (size_t)s * OCP;

    /* of an empty slice, one round with zeros, which writes zeros as its sums */
    for (int first = begin; first < max(end, begin + 1); first += NT) {
        for (int t = 0; t < NT; t++) {
            const int tile = min(first + t, batch * TILES - 1);
            for (int cb = 0; cb < X_CB; cb++)
                input_tile(v + t * ICP + cb * V, V_STEP, x + TILE_AT(X, tile, cb, -PH, -PW));
            for (int ob = 0; ob < DY_CB; ob++) {
                if (first + t < end)
                    dy_tile(z + t * OCP + ob * V, Z_STEP, dy + TILE_AT(DY, tile, ob, 0, 0));
                else
                    no_tile(z + t * OCP + ob * V, Z_STEP);
            }
        }
        for (int p = 0; p < POS; p++)
            for (int c = 0; c < ICP; c += TT)
                for (int ob = 0; ob < DY_CB; ob += OB)
                    accumulate(sums + ((size_t)p * ICP + c) * OCP + ob * V, v + p * V_STEP + c,
                               z + p * Z_STEP + ob * V, first == begin, DY_CB - ob);
        accumulate_bias(bias, z, first == begin);
    }
}
#else
__kernel void winograd_dy(__global float *restrict work, __global const float *restrict dy, int first,
                          int batch)
{
    const int t = (int)get_global_id(0), ob = (int)get_global_id(1);
    __global float *z = work + M_AT + (size_t)t * OCP + ob * V;

    if (t >= NT || ob >= DY_CB)
        return;
    if (first + t < batch * TILES)
        dy_tile(z, Z_STEP, dy + TILE_AT(DY, first + t, ob, 0, 0));
    else
        no_tile(z, Z_STEP);
}

__kernel void winograd_accumulate(__global float *work, int first)
{
    const int c = (int)get_global_id(0) * TT, ob = (int)get_global_id(1) * OB, p = (int)get_global_id(2);

    if (c >= ICP || ob >= DY_CB || p >= POS)
        return;
    accumulate(work + ((size_t)p * ICP + c) * OCP + ob * V, work + V_AT + (size_t)p * V_STEP + c,
               work + M_AT + (size_t)p * Z_STEP + ob * V, first == 0, DY_CB - ob);
    if (c == 0 && ob == 0 && p == 0)
        accumulate_bias(work + POS * ICP * OCP, work + M_AT, first == 0);
}
#endif

__kernel void winograd_weights(__global float *restrict dw, __global float *restrict db,
                               __global const float *restrict partial)
{
    const int ob = (int)get_global_id(0), c = (int)get_global_id(1);
    floatv columns[R * T], in[T], out[5];
    float lanes[V];

    if (c > IC - (BIAS ? 0 : 1) || ob >= DY_CB)
        return;
    if (c == IC) {
        floatv sum = VEC(0.0f);
        for (int s = 0; s < SLICES; s++)
            sum += LOADV(ob, partial + (size_t)SLICES * (POS * ICP * OCP) + (size_t)s * OCP);
        STOREV(sum * VEC(1.0f / (SUM_SCALE * SUM_SCALE)), 0, lanes);
        for (int lane = 0; lane < V && ob * V + lane < OC; lane++)
            db[ob * V + lane] = lanes[lane];
        return;
    }
    for (int j = 0; j < T; j++) {
        for (int i = 0; i < T; i++) {
            __global const float *from = partial + ((size_t)(i * T + j) * ICP + c) * OCP + ob * V;
            in[i] = VEC(0.0f);
            for (int s = 0; s < SLICES; s++)
                in[i] += LOADV(0, from + (size_t)s * (POS * ICP * OCP));
        }
        transform_output(out, in, R);
        for (int i = 0; i < R; i++)
            columns[i * T + j] = out[i];
    }
    for (int i = 0; i < R; i++) {
        transform_output(out, columns + i * T, R);
        for (int j = 0; j < R; j++) {
            STOREV(out[j], 0, lanes);
            for (int lane = 0; lane < V && ob * V + lane < OC; lane++)
                dw[(((ob * V + lane) * IC + c) * R + i) * R + j] = lanes[lane];
        }
    }
}
#endif /* DY_BLOCK */
