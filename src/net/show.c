/* `net show`: the graph as a table for people, and as JSON. */
#include <clr/net.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"
#include "base/str.h"
#include "net/layer.h"
#include "ops/op_class.h"

/* What one node costs. Sizes are those of the numbers themselves, without padding and workspaces. */
struct cost {
    size_t params;        /* that learn */
    double madds;         /* per image, forward */
    double activation;    /* bytes of its output for the batch, and of the gradient where there is one */
    double param_storage; /* bytes: weights, and gradient and momentum where it learns */
};

static struct cost node_cost(const struct graph *g, const struct graph_node *n)
{
    struct cost c = {.madds = n->madds};
    size_t values;

    for (int k = 0; k < n->param_count; k++) {
        const struct graph_param *p = &g->params[n->param[k]];
        const size_t count = n->use[k] == 0 ? p->count : 0; /* shared ones count for the first layer */
        c.params += p->state ? 0 : count;
        c.param_storage += 4.0 * (double)count * (n->desc.backward && !p->state ? 3.0 : 1.0);
    }
    for (int j = 0; j < n->desc.y_count && !n->in_place; j++) /* a split has gradients alone */
        if (shape_count(&n->desc.y[j], &values))
            c.activation += 4.0 * (double)values *
                            (n->desc.backward && !op_class(n->desc.kind)->needs.y_is_x ? 2.0 : 1.0);
    return c;
}

static void add_cost(struct cost *sum, const struct cost *c)
{
    sum->params += c->params;
    sum->madds += c->madds;
    sum->activation += c->activation;
    sum->param_storage += c->param_storage;
}

static double input_bytes(const struct graph *g)
{
    size_t values = 0;

    (void)shape_count(&g->values[g->images].shape, &values);
    return 4.0 * (double)values;
}

/* The graph to show: of training where the net can be trained, else of testing. */
static int show_graph(struct graph **out, const struct clr_net_spec *spec, struct clr_image_shape input,
                      int batch, struct clr_error *err)
{
    bool loss = false;

    if (!input.channels)
        input = spec->input;
    if (!input.channels)
        return clr_error_set(err, CLR_EINPUT,
                             "%s does not say what shape its images have: name a data set, or put "
                             "'input_param { shape { dim: N dim: C dim: H dim: W } }' into its Data layer",
                             spec->file);
    for (size_t i = 0; i < spec->layer_count; i++)
        loss |= (spec->layers[i].class->flags & LAYER_LOSS) && (spec->layers[i].phases & PHASE_TRAIN);
    return graph_create(out, spec, loss ? PHASE_TRAIN : PHASE_TEST, input, batch, err);
}

static void shape_text(char *out, size_t size, const struct shape *s)
{
    if (s->h == 1 && s->w == 1)
        (void)snprintf(out, size, "%d", s->c);
    else
        (void)snprintf(out, size, "%d x %d x %d", s->c, s->h, s->w);
}

/* "Convolution"; another word for a node that was inserted. */
static const char *node_type(const struct graph_node *n)
{
    const char *inserted = graph_is_inserted(n) ? op_class(n->desc.kind)->inserted : NULL;

    return inserted ? inserted : n->layer->class->type;
}

static void describe(char *out, size_t size, const struct graph_node *n)
{
    char detail[32] = "";

    if (n->layer->class->detail && n->desc.label == n->layer->name)
        n->layer->class->detail(detail, sizeof detail, &n->desc);
    (void)snprintf(out, size, "%s%s%s", node_type(n), detail[0] ? " " : "", detail);
}

struct row {
    char cell[6][SPEC_NAME + 16];
};

static void fill_row(struct row *row, const char *layer, const char *type, const char *shape,
                     const struct cost *c)
{
    memset(row, 0, sizeof *row);
    str_copy(row->cell[0], sizeof row->cell[0], layer);
    str_copy(row->cell[1], sizeof row->cell[1], type);
    str_copy(row->cell[2], sizeof row->cell[2], shape);
    if (c->params)
        (void)str_count(row->cell[3], c->params, "");
    if (c->madds > 0.0)
        (void)str_count(row->cell[4], (uint64_t)fmin(c->madds, 1e19), "");
    if (c->activation + c->param_storage > 0.0)
        (void)str_bytes(row->cell[5], c->activation + c->param_storage);
}

static void put_rule(struct str *out, const int width[6])
{
    int total = 10; /* five gaps of two */

    for (int k = 0; k < 6; k++)
        total += width[k];
    for (int i = 0; i < total; i++)
        str_append(out, "-");
    str_append(out, "\n");
}

/* Names and shapes to the left, numbers to the right. The last row is the total. */
static void put_rows(struct str *out, const struct row *rows, size_t count)
{
    int width[6] = {0};

    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 6; k++) {
            int n = (int)strlen(rows[i].cell[k]);
            width[k] = n > width[k] ? n : width[k];
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 1 || i + 1 == count)
            put_rule(out, width);
        for (int k = 0; k < 6; k++)
            str_append(out, k < 3 ? "%s%-*s" : "%s%*s", k ? "  " : "", width[k], rows[i].cell[k]);
        while (out->length > 0 && out->text[out->length - 1] == ' ')
            out->text[--out->length] = '\0';
        str_append(out, "\n");
    }
}

/* Nodes of the file's layers: without the loss that is implied, the last one. */
static size_t file_nodes(const struct graph *g, const struct clr_net_spec *spec)
{
    const bool implied = g->node_count > 0 && g->nodes[g->node_count - 1].layer == &spec->implied_loss;

    return g->node_count - implied;
}

/* What a net without a loss is good for. */
static void put_ending(struct str *out, const struct graph *g, const struct clr_net_spec *spec)
{
    if (file_nodes(g, spec) < g->node_count)
        str_append(
            out,
            "\nThe net has no loss: it cannot be trained. 'clr-cl eval' evaluates it with '%s' as logits.\n",
            g->values[g->logits].name);
    else if (g->loss_count == 0)
        str_append(out,
                   "\nThe net has no loss, and does not end with a number for each class: it can be neither "
                   "trained nor evaluated.\n");
}

static int put_table(struct str *out, const struct graph *g, const struct clr_net_spec *spec,
                     struct clr_error *err)
{
    struct cost sum = {.activation = input_bytes(g)}, c = sum;
    struct row *rows, head = {{"layer", "type", "output", "parameters", "multiply-adds", "memory"}};
    char text[64], type[64];
    size_t n = 0;
    int rc = mem_new(&rows, g->node_count + 3, sizeof *rows, "table", err);

    if (rc < 0)
        return rc;
    rows[n++] = head;
    shape_text(text, sizeof text, &g->values[g->images].shape);
    fill_row(&rows[n++], g->values[g->images].name, "images", text, &c);
    for (size_t i = 0; i < file_nodes(g, spec); i++) {
        const struct graph_node *node = &g->nodes[i];
        c = node_cost(g, node);
        add_cost(&sum, &c);
        shape_text(text, sizeof text, &node->desc.y[0]);
        describe(type, sizeof type, node);
        fill_row(&rows[n++], node->desc.label, type, node->desc.y_count ? text : "", &c);
    }
    fill_row(&rows[n++], "total", "", "", &sum);
    put_rows(out, rows, n);
    free(rows);
    return 0;
}

int clr_net_show(char **text, const struct clr_net_spec *spec, struct clr_image_shape input, int batch,
                 struct clr_error *err)
{
    struct str out = {0};
    struct graph *g;
    int rc = show_graph(&g, spec, input, batch, err);

    if (rc < 0)
        return rc;
    str_append(&out, "%s (%s)\n\n", spec->name[0] ? spec->name : "net", spec->file);
    rc = put_table(&out, g, spec, err);
    str_append(&out,
               "\nMultiply-adds are those of the forward pass for one image. Memory is for a batch of %d%s:\n"
               "outputs%s; layout padding and workspaces come on top.\n",
               batch, g->phase == PHASE_TRAIN ? " in training" : "",
               g->phase == PHASE_TRAIN ? " and their gradients, parameters with gradients and momentum"
                                       : " and parameters");
    put_ending(&out, g, spec);
    graph_destroy(g);
    if (rc == 0)
        return str_take(text, &out, err);
    str_clear(&out);
    return rc;
}

/* ------------------------------------------------------------------ JSON */

static json_t *json_node(const struct graph *g, const struct graph_node *n, struct cost *sum)
{
    struct cost c = node_cost(g, n);
    const struct shape *s = &n->desc.y[0];
    json_t *shape = n->desc.y_count ? json_pack("[i, i, i]", s->c, s->h, s->w) : json_array();

    add_cost(sum, &c);
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:I}", "name", n->desc.label, "type", node_type(n), "output",
                     shape, "parameters", (json_int_t)c.params, "multiply_adds", (json_int_t)c.madds,
                     "memory_bytes", (json_int_t)(c.activation + c.param_storage));
}

static json_t *json_param(const struct graph_param *p)
{
    json_t *shape = json_array();

    for (int i = 0; i < p->rank; i++)
        shape = json_append(shape, json_integer(p->dims[i]));
    return json_pack("{s:s, s:o, s:f, s:f}", "name", p->name, "shape", shape, "lr_mult", p->mult.lr_mult,
                     "decay_mult", p->mult.decay_mult);
}

/* NULL where memory ran out (jansson's functions pass NULL through). */
static json_t *json_graph(const struct graph *g, const struct clr_net_spec *spec)
{
    const struct shape *s = &g->values[g->images].shape;
    struct cost sum = {.activation = input_bytes(g)};
    json_t *layers = json_array(), *params = json_array();
    int bad = 0;

    for (size_t i = 0; i < file_nodes(g, spec); i++)
        bad |= json_array_append_new(layers, json_node(g, &g->nodes[i], &sum));
    for (size_t i = 0; i < g->param_count; i++)
        bad |= json_array_append_new(params, json_param(&g->params[i]));
    if (bad) {
        json_decref(layers);
        json_decref(params);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:s, s:i, s:[i, i, i], s:o, s:o, s:I, s:I, s:I}", "name", spec->name, "file",
                     spec->file, "phase", g->phase == PHASE_TRAIN ? "TRAIN" : "TEST", "batch", g->batch,
                     "input", s->c, s->h, s->w, "layers", layers, "tensors", params, "parameters",
                     (json_int_t)sum.params, "multiply_adds", (json_int_t)sum.madds, "memory_bytes",
                     (json_int_t)(sum.activation + sum.param_storage));
}

int clr_net_show_json(char **text, const struct clr_net_spec *spec, struct clr_image_shape input, int batch,
                      struct clr_error *err)
{
    struct graph *g;
    json_t *json;
    char *dump;
    int rc = show_graph(&g, spec, input, batch, err);

    if (rc < 0)
        return rc;
    json = json_graph(g, spec);
    dump = json_dumps(json, JSON_INDENT(2));
    json_decref(json);
    graph_destroy(g);
    if (!dump)
        return clr_error_set(err, CLR_EINPUT, "%s: its names are not UTF-8, or memory ran out", spec->file);
    *text = dump;
    return 0;
}
