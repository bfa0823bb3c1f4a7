/*
 * Warnings about nets that cannot learn as they are. A net that gives each class the same chance has the loss
 * ln(classes); ones of the usual fillers, on inputs of moderate size, begin near it.
 */
#include "train/warnings.h"

#include <math.h>

#include "base/log.h"
#include "ops/op_class.h"

#define FAR 5.0 /* times that loss */

static bool fills_equal(const struct filler *f)
{
    return f->kind == FILLER_CONSTANT || (f->kind == FILLER_UNIFORM && !(f->min < f->max)) ||
           (f->kind == FILLER_GAUSSIAN && !(f->std > 0.0));
}

static bool reads(const struct graph_node *n, int value)
{
    bool any = false;

    for (int j = 0; j < n->desc.x_count; j++)
        any = any || n->x[j] == value;
    return any;
}

/* Does a loss read that value, also through a split? with_softmax: one that has a softmax of its own. */
static bool is_scores(const struct graph *g, int value, bool with_softmax)
{
    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_node *n = &g->nodes[i];
        for (int j = 0; n->x[0] == value && n->desc.kind == OP_SPLIT && j < n->desc.y_count; j++)
            if (is_scores(g, n->y[j], with_softmax))
                return true;
        if (reads(n, value) && op_is(&n->desc, OP_LOSS) && (!with_softmax || n->desc.kind == OP_SOFTMAX_LOSS))
            return true;
    }
    return false;
}

/* Are the node's weights equal at the beginning, and is that a fault? A layer whose output a loss reads
 * learns all the same, and one output has no others that it could be equal to. */
static bool begins_equal(const struct session *s, const struct graph *g, const struct graph_node *n)
{
    const struct graph_param *weights = n->param_count > 0 ? &g->params[n->param[0]] : NULL;

    return weights && n->desc.backward && !is_scores(g, n->y[0], false) && n->use[0] == 0 &&
           weights->rank > 1 && weights->dims[0] > 1 && weights->mult.lr_mult > 0.0 &&
           fills_equal(&weights->filler) && !safetensors_find(&s->init, weights->name);
}

static void warn_of_equal_weights(const struct session *s)
{
    const struct graph *g = s->replica.train.graph;
    struct str names = {0};
    int count = 0;

    for (size_t i = 0; i < g->node_count; i++)
        if (begins_equal(s, g, &g->nodes[i]) && count++ < 5)
            str_append(&names, "%s'%s'", count > 1 ? ", " : "", g->params[g->nodes[i].param[0]].name);
    if (count > 0)
        log_line(
            CLR_LOG_WARNING,
            "all values of %s%s are equal, so the outputs of each such layer stay equal and the net hardly "
            "learns: give the layer a filler, such as weight_filler { type: \"msra\" }",
            str_text(&names), count > 5 ? " and others" : "");
    str_clear(&names);
}

/* The loss has a softmax of its own: of probabilities it stays near that of chance. */
static void warn_of_softmax(const struct graph *g)
{
    for (size_t i = 0; i < g->node_count; i++)
        if (g->nodes[i].desc.kind == OP_SOFTMAX && is_scores(g, g->nodes[i].y[0], true))
            log_line(
                CLR_LOG_WARNING,
                "a loss reads what layer '%s' makes: SoftmaxWithLoss computes the softmax itself, so the "
                "net learns slowly; take the layer away",
                g->nodes[i].desc.label);
}

void warn_of_net(const struct session *s)
{
    const struct graph *g = s->replica.test.graph;
    const struct graph_value *logits = g->logits >= 0 ? &g->values[g->logits] : NULL;
    const int classes = s->o->data->classes;
    char outputs[STR_COUNT], has[STR_COUNT];

    if (logits && logits->shape.c > classes)
        log_line(CLR_LOG_WARNING, "'%s' has %s, and '%s' has %s: the other outputs are never correct",
                 logits->name, str_count(outputs, (uint64_t)logits->shape.c, "output"), s->o->data->name,
                 str_count(has, (uint64_t)classes, "class"));
    warn_of_softmax(s->replica.train.graph);
    warn_of_equal_weights(s);
}

/* Of all losses of the net, with their weights; INFINITY: one has no logits. */
static double loss_of_chance(const struct session *s)
{
    const struct graph *g = s->replica.train.graph;
    double sum = 0.0;

    for (size_t i = 0; i < g->node_count; i++) {
        const struct op_desc *d = &g->nodes[i].desc;
        const struct op_class *class = op_class(d->kind);
        if (op_is(d, OP_LOSS) && d->u.loss.weight != 0.0f)
            sum += class->chance ? fabs((double)d->u.loss.weight) * class->chance(d) : (double)INFINITY;
    }
    return sum;
}

void warn_of_first_loss(const struct session *s, double loss)
{
    const double chance = loss_of_chance(s);
    const bool bytes = fabs(s->scale) > 1.0 / 32.0;
    char amount[32] = "not finite";

    if (loss <= FAR * chance)
        return;
    if (isfinite(loss))
        (void)snprintf(amount, sizeof amount, "%.4g", loss);
    log_line(CLR_LOG_WARNING, "the first loss is %s, and %.3g where each class has the same chance: %s",
             amount, chance,
             bytes ? "the net's inputs are too large. `scale` 0.00392156862745098, also as a field of "
                     "transform_param, divides pixels by 255"
                   : "the initial weights are too large; weight_filler { type: \"msra\" } fits layers before "
                     "a ReLU");
}

#define FIRST_COUNTS 0.05 /* of a first batch, where the latest counts 1 */

/* A layer in whose running statistics the first batches still count. *batches: how many there were. NULL: no
 * layer has such. */
static const struct graph_node *find_young(const struct session *s, float *batches)
{
    const struct graph *g = s->replica.train.graph;

    for (size_t i = 0; i < g->node_count; i++) {
        const struct graph_node *n = &g->nodes[i];
        const cl_mem count = n->desc.kind == OP_BATCH_NORM ? s->replica.params.w[n->param[2]] : NULL;
        if (count && n->desc.u.batch_norm.statistics == BATCH_NORM_OF_BATCH &&
            ocl_read(s->replica.ctx, count, 0, sizeof *batches, batches, NULL) == 0 &&
            pow((double)n->desc.u.batch_norm.fraction, (double)*batches) > FIRST_COUNTS)
            return n;
    }
    return NULL;
}

bool warn_of_young_statistics(const struct session *s, double loss)
{
    const double chance = loss_of_chance(s);
    const struct graph_node *young;
    char count[STR_COUNT];
    float batches;

    if (loss < chance || !(s->state.last_loss < chance / 2.0))
        return false;
    young = find_young(s, &batches);
    if (young)
        log_line(CLR_LOG_WARNING,
                 "the loss of the evaluated images is %.4g, that of training %.4g, and %.3g where each class "
                 "has the same chance: in the running statistics of layer '%s' the first of %s batches still "
                 "count, from before the net had learned. A moving_average_fraction below %g forgets them; "
                 "'clr-cl eval --refresh-statistics 100' evaluates the weights without them",
                 loss, s->state.last_loss, chance, young->layer->name,
                 str_count(count, (uint64_t)batches, ""), (double)young->desc.u.batch_norm.fraction);
    return young != NULL;
}
