/* Rules of layers: which of them are in the net of a phase, for its level and its stages. */
#include "net_texts.h"

#include <string.h>

#include <clr/log.h>

#include "base/fs.h"
#include "net/graph.h"

#define NEITHER 0u
#define TRAIN   PHASE_TRAIN
#define TEST    PHASE_TEST
#define BOTH    (PHASE_TRAIN | PHASE_TEST)

/* One layer, and the phases whose net has it. */
START_TEST(test_stages__rules_are_caffes)
{
    static const struct {
        const char *state, *rules;
        unsigned phases;
    } cases[] = {
        {"", "", BOTH},
        {"", "include { }", BOTH},
        {"", "exclude { }", NEITHER},
        {"", "include { phase: TEST }", TEST},
        {"", "exclude { phase: TEST }", TRAIN},
        {"", "include { phase: TEST } include { phase: TRAIN }", BOTH},
        {"", "exclude { phase: TEST } exclude { phase: TRAIN }", NEITHER},
        {"", "include { stage: 'a' }", NEITHER},
        {"", "include { not_stage: 'a' }", BOTH},
        {"", "exclude { stage: 'a' }", BOTH},
        {"stage: 'a'", "include { stage: 'a' }", BOTH},
        {"stage: 'a'", "include { phase: TEST stage: 'a' }", TEST},
        {"stage: 'a'", "include { stage: 'a' stage: 'b' }", NEITHER},
        {"stage: 'a' stage: 'b'", "include { stage: 'a' stage: 'b' }", BOTH},
        {"stage: 'a'", "include { stage: 'a' } include { stage: 'b' }", BOTH},
        {"stage: 'a'", "include { stage: 'b' } include { phase: TRAIN }", TRAIN},
        {"stage: 'a'", "include { not_stage: 'a' }", NEITHER},
        {"stage: 'a'", "include { not_stage: 'b' not_stage: 'a' }", NEITHER},
        {"stage: 'a'", "include { stage: 'a' not_stage: 'b' }", BOTH},
        {"stage: 'a'", "exclude { stage: 'a' phase: TRAIN }", TEST},
        {"", "include { min_level: 1 }", NEITHER},
        {"", "include { min_level: 0 max_level: 0 }", BOTH},
        {"", "include { max_level: -1 }", NEITHER},
        {"level: 3", "include { min_level: 3 max_level: 3 }", BOTH},
        {"level: 3", "include { min_level: 4 }", NEITHER},
        {"level: 3", "include { max_level: 2 }", NEITHER},
        {"phase: TEST level: 3", "include { phase: TRAIN min_level: 3 }", TRAIN},
        {"level: -2", "exclude { max_level: -2 phase: 0 }", TEST},
    };
    char text[512];

    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        struct clr_net_spec *spec;
        (void)snprintf(text, sizeof text,
                       "state { %s } layer { name: 'd' type: 'Data' top: 'd' }\n"
                       "layer { name: 'r' type: 'ReLU' bottom: 'd' top: 'r' %s }",
                       cases[i].state, cases[i].rules);
        spec = must_load(text);
        ck_assert_msg(spec->layer_count == (cases[i].phases == NEITHER ? 1 : 2) &&
                          spec->left_out == (cases[i].phases == NEITHER) &&
                          (cases[i].phases == NEITHER || spec->layers[1].phases == cases[i].phases),
                      "state { %s }, %s: %zu layers", cases[i].state, cases[i].rules, spec->layer_count);
        clr_net_destroy(spec);
    }
}
END_TEST

static int g_lines;
static char g_line[512];

static void keep_line(void *user, enum clr_log_level level, const char *line)
{
    (void)user;
    (void)level;
    g_lines++;
    (void)snprintf(g_line, sizeof g_line, "%s", line);
}

/* Layers of one name, told apart by their stages; those that are left out may be of any type. */
START_TEST(test_stages__one_name_in_several_states)
{
    static const char net[] =
        "layer { name: 'd' type: 'Data' top: 'd' top: 'l' include { phase: TRAIN } }\n"
        "layer { name: 'd' type: 'Data' top: 'd' top: 'l' include { phase: TEST stage: 'one' }\n"
        "  transform_param { scale: 0.5 } }\n"
        "layer { name: 'd' type: 'Python' top: 'd' include { phase: TEST stage: 'two' } }\n"
        "layer { name: 'ip' type: 'InnerProduct' bottom: 'd' top: 'ip' inner_product_param { num_output: 3 } "
        "}\n"
        "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: 'ip' bottom: 'l' }\n";
    const struct clr_image_shape input = {3, 9, 7};
    struct clr_net_spec *spec = NULL;
    struct clr_error err = {0};
    struct graph *g = NULL;
    char text[1024], path[128];

    spec = must_load(net);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, input, 2, &err), 0);
    graph_destroy(g);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, input, 2, &err), CLR_EINPUT);
    ck_assert_msg(strstr(err.message, "of no layer before it (TEST phase). Layers were left out"), "%s",
                  err.message);
    clr_net_destroy(spec);
    (void)snprintf(text, sizeof text, "state { stage: 'one' }\n%s", net);
    (void)snprintf(path, sizeof path, "%s/net.prototxt", support_temp_dir());
    ck_assert_int_eq(fs_write_atomic(path, text, strlen(text), &err), 0);
    g_lines = 0;
    clr_log_set_sink(keep_line, NULL);
    ck_assert_msg(clr_net_load(&spec, path, &err) == 0, "%s", err.message);
    clr_log_set_sink(NULL, NULL);
    ck_assert_msg(g_lines == 1 && strstr(g_line, "left out, since their rules hold in neither phase: 'd'"),
                  "%s", g_line);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, input, 2, &err), 0);
    ck_assert(g->transform.scale == 0.5);
    graph_destroy(g);
    clr_net_destroy(spec);
}
END_TEST

#define DATA    "layer { name: 'd' type: 'Data' top: 'd' top: 'l' }\n"
#define LOSS(x) "layer { name: 'loss' type: 'SoftmaxWithLoss' bottom: '" x "' bottom: 'l' }\n"
#define DENSE(name, x, more)                                                                                 \
    "layer { name: '" name "' type: 'InnerProduct' bottom: '" x "' top: '" name                              \
    "' inner_product_param { num_output: 3 " more " } }\n"
#define TWO(train, test) "train_net_param {\n" train "}\ntest_net_param {\n" test "}\n"

/* Training and evaluation have nets of their own, with the same parameters. */
START_TEST(test_stages__two_nets_of_a_solver)
{
    static const char net[] = "train_state { stage: 'a' level: 1 } test_state { level: 0 }\n" TWO(
        "state { level: 5 } layer { name: 'd' type: 'Data' top: 'd' top: 'l' include { stage: 'a' max_level: "
        "1 "
        "phase: TRAIN } }\n" DENSE("ip", "d", "weight_filler { type: 'xavier' }") LOSS("ip"),
        "state { level: 5 } layer { name: 'd' type: 'Data' top: 'd' top: 'l' include { max_level: 0 } "
        "}\n" DENSE("ip", "d", "") LOSS("ip"));
    static const struct {
        const char *text, *message;
    } cases[] = {
        {TWO(DATA DENSE("a", "d", "") DENSE("b", "a", "") LOSS("b"),
             DATA DENSE("b", "d", "") DENSE("a", "b", "") LOSS("a")),
         "f:3: layer 'a': it has parameters and must be in both phases, at the same place"},
        {TWO(DATA DENSE("a", "d", "") LOSS("a"), DATA DENSE("a", "d", "bias_term: false") LOSS("a")),
         "f:3: layer 'a': it has parameters and must be in both phases"},
        {TWO(DATA DENSE("a", "d", "bias_term: false") LOSS("a"), DATA DENSE("a", "d", "") LOSS("a")),
         "f:8: layer 'a': it has parameters and must be in both phases"},
        {TWO(DATA DENSE("a", "d", "") LOSS("a"), DATA DENSE("b", "d", "") LOSS("b")),
         "f:3: layer 'a': it has parameters and must be in both phases"},
    };
    const struct clr_image_shape input = {3, 9, 7};
    struct clr_net_spec *spec = must_load(net);
    struct graph *g = NULL;
    struct clr_error err;

    ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, input, 2, &err), 0);
    ck_assert_int_eq(g->params[0].filler.kind, FILLER_XAVIER);
    graph_destroy(g);
    ck_assert_int_eq(graph_create(&g, spec, PHASE_TEST, input, 2, &err), 0);
    ck_assert_int_eq(g->params[0].filler.kind, FILLER_CONSTANT);
    graph_destroy(g);
    clr_net_destroy(spec);
    for (size_t i = 0; i < MEM_COUNT(cases); i++) {
        spec = must_load(cases[i].text);
        ck_assert_int_eq(graph_create(&g, spec, PHASE_TRAIN, input, 2, &err), CLR_EINPUT);
        ck_assert_msg(strncmp(err.message, cases[i].message, strlen(cases[i].message)) == 0, "%s",
                      err.message);
        clr_net_destroy(spec);
    }
}
END_TEST

START_TEST(test_stages__errors_have_their_place)
{
    static const struct refused cases[] = {
        {"train_state { phase: TEST } net_param { }",
         "f:1:15: 'train_state' is of the TRAIN phase, but its 'phase' is TEST"},
        {"test_state { phase: 0 } net_param { }",
         "f:1:14: 'test_state' is of the TEST phase, but its 'phase' is TRAIN"},
        {"state { stage: a }", "f:1:9: field 'stage' is 'a'; it takes a string in quotes"},
        {"state { stag: 'a' }", "f:1:9: unknown field 'stag' in state: did you mean 'stage'?"},
        {"state { } state { }", "f:1:11: field 'state' is given twice"},
        {"base_lr: 0.1", "f:1:1: there is no net: give 'net', or 'train_net', or 'net_param'"},
        {"net: 'quick'", "f:1:1: a net in memory cannot name a file"},
        {"net_param { layer { } layers { } }", "f:1:13: 'layer' is the present format, 'layers' (line 1)"},
        {"net_param { lyer { } }", "f:1:13: unknown field 'lyer' in net_param: did you mean 'layer'?"},
        {"state: 1", "f:1:1: field 'state' is '1'; it takes a block"},
        {"layer { include { stages: 'a' } }",
         "f:1:19: unknown field 'stages' in include: did you mean 'stage'"},
        {"layer { include { min_level: 'a' } }", "f:1:19: field 'min_level' is 'a'; it takes a whole number"},
        {"layer { name: 'x' type: 'ReLU' bottom: 'a' top: 'x' exclude { } }",
         "f: there is no 'layer { … }' in it whose rules hold in a phase"},
        {"layer { name: 'x' type: 'ReLU' bottom: 'a' top: 'x' include { phase: TEST } }\n"
         "layer { name: 'x' type: 'ReLU' bottom: 'a' top: 'x' include { not_stage: 'b' } }",
         "f:2:1: a layer 'x' is there already, in line 1"},
    };

    must_refuse(cases, MEM_COUNT(cases));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stages");
    TCase *tc = tcase_create("stages");

    tcase_add_test(tc, test_stages__rules_are_caffes);
    tcase_add_test(tc, test_stages__one_name_in_several_states);
    tcase_add_test(tc, test_stages__two_nets_of_a_solver);
    tcase_add_test(tc, test_stages__errors_have_their_place);
    suite_add_tcase(s, tc);
    return support_run(s, true);
}
