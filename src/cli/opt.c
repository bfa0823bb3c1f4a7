/* Options of the command line: see opt.h. popt splits argv; values are parsed here, strictly. */
#include "cli/opt.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <popt.h>

#include "base/fs.h"
#include "cli/common.h"
#include "cli/complete.h"

#define HELP_COLUMN    28
#define MAX_ITERATIONS 1000000000u
#define PART           64 /* bytes of one number of a list */

/* ---- tables -------------------------------------------------------------------------------------------- */

void opt_add(struct opt_set *set, const char *title, const struct opt *table, size_t count)
{
    for (size_t i = 0; i < count && set->count < OPT_MAX; i++) {
        set->groups[set->count] = i == 0 ? title : NULL;
        set->options[set->count++] = table[i];
    }
}

const struct opt *opt_find(const struct opt_set *set, const char *name)
{
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->options[i].name, name) == 0)
            return &set->options[i];
    return NULL;
}

bool opt_given(const struct opt_set *set, const char *name)
{
    const struct opt *o = opt_find(set, name);

    return o && set->given[o - set->options];
}

const struct opt_sub *opt_sub_named(const struct opt_command *command, const char *name)
{
    for (const struct opt_sub *s = command->subs; s && s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

bool opt_fits(const struct opt *o, const struct opt_command *command, const struct opt_sub *sub)
{
    return o->only == 0 || (o->only & (sub ? OPT_SUB(sub - command->subs) : OPT_NO_SUB)) != 0;
}

/* "sgd, nesterov or adam" */
static void list_choices(struct str *out, const struct opt *o)
{
    for (int i = 0; o->choices[i]; i++)
        str_append(out, "%s%s", i == 0 ? "" : o->choices[i + 1] || o->file ? ", " : " or ", o->choices[i]);
    if (o->file)
        str_append(out, " or a file");
}

/* The help, after what it begins with. */
static void append_help(struct str *out, const struct opt *o)
{
    if (o->list_choices)
        list_choices(out, o);
    else if (o->list)
        o->list(out, o->name);
    str_append(out, "%s%s", o->list_choices || o->list ? ": " : "", o->help);
}

/* ---- what is missing ---- */

static bool is_missing(const struct opt_set *set, const struct opt *o, const char *name)
{
    return o->like && !opt_given(set, o->name) && (name ? strcmp(name, o->name) == 0 : true) &&
           (!o->needed || o->needed(set, o));
}

/* The argument that comes next, if it is required. *sub: the sub-command that was given. */
static struct opt_sub next_argument(const struct opt_set *set, const struct opt_command *command,
                                    const struct opt_sub **sub)
{
    const struct opt_sub *s = command->subs;

    *sub = NULL;
    if (set->arg_count < command->min_args)
        return (struct opt_sub){
            .name = s ? s->name : NULL, .asks = command->asks, .like = s ? s->like : command->like};
    s = set->arg_count > 0 ? opt_sub_named(command, set->args[0]) : NULL;
    if (!s)
        return (struct opt_sub){0};
    *sub = s;
    return set->arg_count > 1 ? (struct opt_sub){0} : (struct opt_sub){.asks = s->asks, .like = s->like};
}

/* "an experiment (a built-in name, or a file) and --out DIR" */
static void list_missing(struct str *s, const char *argument, const struct opt *const *options, size_t count)
{
    const size_t first = argument ? 1 : 0, all = first + count;

    const char *const colon = argument ? strchr(argument, ':') : NULL;

    if (argument)
        str_append(s, "%.*s", (int)strcspn(argument, ":"), argument);
    if (colon)
        str_append(s, " (%s)", colon + 2);
    for (size_t i = first; i < all; i++)
        str_append(s, "%s--%s %s",
                   i == 0        ? ""
                   : i + 1 < all ? ", "
                                 : " and ",
                   options[i - first]->name, options[i - first]->argument);
}

/* The command line as it was given, with what is missing. */
static int append_example(struct str *s, struct opt_set *set, const struct opt_sub *argument,
                          const char *name, struct clr_error *err)
{
    int rc = 0;

    cli_quote(s, cli_program());
    for (char **word = set->argv; *word; word++) {
        str_append(s, " ");
        cli_quote(s, *word);
    }
    str_append(s, "%s%s", argument->name ? " " : "", argument->name ? argument->name : "");
    str_append(s, "%s%s", argument->like ? " " : "", argument->like ? argument->like : "");
    for (size_t i = 0; i < set->count && rc == 0; i++) {
        const struct opt *o = &set->options[i];
        if (!is_missing(set, o, name))
            continue;
        str_append(s, " --%s %s", o->name, o->like);
        rc = opt_add_value(set, o->name, o->like, err); /* others may be required with it */
    }
    return rc;
}

int opt_require(struct opt_set *set, const struct opt_command *command, const char *name, bool example,
                struct clr_error *err)
{
    const struct opt *always[OPT_MAX], *chosen[OPT_MAX];
    const struct opt_sub *sub, argument = next_argument(set, command, &sub);
    size_t count = 0, chosen_count = 0;
    struct str s = {0};
    int rc = 0;

    if (command->subs && set->arg_count > 0 && !sub)
        return 0; /* the command refuses it */
    for (const struct opt *o = set->options; o < set->options + set->count; o++)
        if (is_missing(set, o, name))
            *(o->by ? &chosen[chosen_count++] : &always[count++]) = o;
    if (!argument.asks && count + chosen_count == 0)
        return 0;
    if (argument.asks && count + chosen_count == 0) {
        str_append(&s, "'%s%s%s' needs %s", command->name, sub ? " " : "", sub ? sub->name : "",
                   argument.asks);
    } else if (argument.asks || count > 0) {
        list_missing(&s, argument.asks, always, count);
        str_append(&s, " %s missing", (argument.asks ? 1 : 0) + count > 1 ? "are" : "is");
    }
    if (!argument.asks && count == 1 && chosen_count == 0) {
        str_append(&s, ": ");
        append_help(&s, always[0]);
    }
    if (chosen_count > 0) {
        str_append(&s, "%s--%s %s needs ", s.length > 0 ? "; " : "", chosen[0]->by,
                   set->texts[opt_find(set, chosen[0]->by) - set->options]);
        list_missing(&s, NULL, chosen, chosen_count);
    }
    if (example) {
        str_append(&s, "; for example: ");
        rc = append_example(&s, set, &argument, name, err);
    }
    if (rc == 0)
        rc = str_check(&s, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "%s", str_text(&s));
    str_clear(&s);
    return rc;
}

uint64_t opt_span_iterations(const struct opt_span *span, uint64_t per_epoch)
{
    double n = span->epochs * (double)per_epoch;

    if (!(span->epochs > 0))
        return span->iterations;
    if (n < 1)
        return 1;
    return n > MAX_ITERATIONS ? MAX_ITERATIONS : (uint64_t)(n + 0.5);
}

/* ---- help ---------------------------------------------------------------------------------------------- */

void opt_print_wrapped(const char *text, size_t indent, size_t column)
{
    struct str s = {0};

    str_append_wrapped(&s, text, indent, column);
    (void)fputs(str_text(&s), stdout);
    str_clear(&s);
}

static void print_option(const struct opt *o)
{
    struct str help = {0};
    int n = printf("  ");

    if (o->letter)
        n += printf("-%c, ", o->letter);
    n += printf("--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (n + 2 > HELP_COLUMN) {
        (void)putchar('\n');
        n = 0;
    }
    append_help(&help, o);
    opt_print_wrapped(str_text(&help), HELP_COLUMN, (size_t)n);
    str_clear(&help);
}

static void print_help(const struct opt_set *set, const struct opt_command *command)
{
    static const struct opt help = {.name = "help", .letter = 'h', .help = "print this text and exit"};
    int n = printf("Usage: clr-cl %s ", command->name);

    opt_print_wrapped(command->usage, (size_t)n, (size_t)n);
    (void)putchar('\n');
    opt_print_wrapped(command->about, 0, 0);
    for (size_t i = 0; i < set->count; i++) {
        if (set->groups[i])
            printf("\n%s:\n", set->groups[i]);
        if (!set->options[i].hidden)
            print_option(&set->options[i]);
    }
    if (set->count == 0)
        printf("\nOptions:\n");
    print_option(&help);
    if (command->examples)
        printf("\nExamples:\n%s", command->examples);
}

/* ---- values -------------------------------------------------------------------------------------------- */

/* "from 1 to 100", "above 0", "of 0 or more": what a number may be. */
static void describe_range(const struct opt *o, struct str *s)
{
    const char *low = o->above ? "above" : "from";

    if (o->max > 0)
        str_append(s, " %s %.10g %s %.10g", low, o->min,
                   o->below   ? "to below"
                   : o->above ? "and at most"
                              : "to",
                   o->max);
    else if (o->above)
        str_append(s, " above %.10g", o->min);
    else
        str_append(s, " of %.10g or more", o->min);
}

static bool parse_text(const struct opt *o, const char *text, void *out)
{
    if (o->kind == OPT_TEXT)
        *(const char **)out = text;
    return *text || o->may_be_empty;
}

static bool parse_int(const struct opt *o, const char *text, void *out)
{
    return str_parse_int(text, (int)o->min, o->max > 0 ? (int)o->max : INT32_MAX, out);
}

static bool parse_u64(const struct opt *o, const char *text, void *out)
{
    return str_parse_u64(text, (uint64_t)o->min, o->max > 0 ? (uint64_t)o->max : UINT64_MAX, out);
}

static bool parse_real(const struct opt *o, const char *text, void *out)
{
    double v;

    if (!str_parse_double(text, o->min, o->max > 0 ? o->max : HUGE_VAL, &v) || (o->above && v <= o->min) ||
        (o->below && v >= o->max) || !str_fits_float(v))
        return false;
    *(double *)out = v;
    return true;
}

static bool parse_span(const struct opt *o, const char *text, void *out)
{
    struct opt_span *span = out;
    char number[PART];
    size_t n = strlen(text);

    *span = (struct opt_span){0};
    if (n <= 2 || strcmp(text + n - 2, "ep") != 0)
        return str_parse_u64(text, (uint64_t)o->min, MAX_ITERATIONS, &span->iterations);
    str_copy(number, n - 1 < sizeof number ? n - 1 : sizeof number, text);
    return str_parse_double(number, 0, MAX_ITERATIONS, &span->epochs) && span->epochs > 0;
}

/* Cut the part before `separator` off *text, which becomes NULL after the last one. False: it is too long. */
static bool next_part(const char **text, char separator, char part[PART])
{
    const char *end = strchr(*text, separator);
    const size_t n = end ? (size_t)(end - *text) : strlen(*text);

    if (n >= PART)
        return false;
    memcpy(part, *text, n);
    part[n] = '\0';
    *text = end ? end + 1 : NULL;
    return true;
}

static bool parse_spans(const struct opt *o, const char *text, void *out)
{
    struct opt_spans *list = out;
    char part[PART];

    for (list->count = 0; text; list->count++)
        if (list->count == OPT_SPANS_MAX || !next_part(&text, ',', part) ||
            !parse_span(o, part, &list->spans[list->count]))
            return false;
    return true;
}

static bool parse_list(const struct opt *o, const char *text, char separator, struct opt_reals *out)
{
    char part[PART];

    for (out->count = 0; text; out->count++)
        if (out->count == OPT_REALS_MAX || !next_part(&text, separator, part) ||
            !parse_real(o, part, &out->values[out->count]))
            return false;
    return true;
}

static bool parse_reals(const struct opt *o, const char *text, void *out)
{
    return parse_list(o, text, ',', out);
}

static bool parse_pair(const struct opt *o, const char *text, void *out)
{
    struct opt_reals list;

    if (!parse_list(o, text, ':', &list) || list.count != 2)
        return false;
    memcpy(out, list.values, 2 * sizeof(double));
    return true;
}

static bool parse_shape(const struct opt *o, const char *text, void *out)
{
    int *shape = out;
    struct opt_reals list;

    if (!parse_list(o, text, 'x', &list) || list.count != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        shape[i] = (int)list.values[i];
        if (list.values[i] != floor(list.values[i]))
            return false;
    }
    return true;
}

static bool parse_choice(const struct opt *o, const char *text, void *out)
{
    const int i = str_index(text, o->choices);

    if (o->kind == OPT_EITHER)
        *(bool *)out = i == 1;
    else
        *(int *)out = i;
    if (o->file)
        *o->file = i < 0 && fs_is_path(text) ? text : NULL;
    return i >= 0 || (o->file && *o->file);
}

/* Of OPT_FLAG nothing is parsed. */
static const struct {
    const char *takes;
    bool (*parse)(const struct opt *o, const char *text, void *out);
} kinds[] = {
    [OPT_TEXT] = {"a text that is not empty", parse_text},
    [OPT_TEXTS] = {"a text that is not empty", parse_text},
    [OPT_CHOICE] = {NULL, parse_choice},
    [OPT_EITHER] = {NULL, parse_choice},
    [OPT_INT] = {"a whole number", parse_int},
    [OPT_U64] = {"a whole number", parse_u64},
    [OPT_REAL] = {"a number", parse_real},
    [OPT_SPAN] = {"iterations (2000) or epochs (4ep), each", parse_span},
    [OPT_SPANS] = {"up to 64 numbers of iterations (60000,65000) or epochs (4ep,8ep), each", parse_spans},
    [OPT_REALS] = {"up to 16 numbers (0.0005,0.004), each", parse_reals},
    [OPT_PAIR] = {"two numbers A:B, each", parse_pair},
    [OPT_SHAPE] = {"channels, height and width: 3x32x32; each", parse_shape},
};

/* "--lr takes a number above 0 and at most 1, not '2'" */
static int refuse(const struct opt *o, const char *text, struct clr_error *err)
{
    const bool choice = o->kind == OPT_CHOICE || o->kind == OPT_EITHER;
    const char *near = choice ? str_nearest(text, o->choices) : NULL;
    struct str s = {0};
    double v;
    int rc;

    if (choice)
        list_choices(&s, o);
    else
        str_append(&s, "%s", kinds[o->kind].takes);
    if (o->kind >= OPT_INT) {
        describe_range(o, &s);
        if (str_parse_double(text, -HUGE_VAL, HUGE_VAL, &v) && !str_fits_float(v))
            str_append(&s, " that is neither too large nor too small for float32");
    }
    rc = str_check(&s, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "--%s takes %s, not '%s'%s%s%s", o->name, str_text(&s), text,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    str_clear(&s);
    return rc;
}

static int add_text(const struct opt *o, const char *text, struct clr_error *err)
{
    struct opt_texts *list = o->value;
    int rc;

    if (list->count == OPT_TEXTS_MAX)
        return clr_error_set(err, CLR_EUSAGE, "--%s is given more than %d times", o->name, OPT_TEXTS_MAX);
    rc = str_duplicate(&list->values[list->count], text, err);
    list->count += rc == 0;
    return rc;
}

static int set_value(const struct opt *o, const char *text, struct clr_error *err)
{
    if (o->kind == OPT_FLAG)
        *(bool *)o->value = true;
    else if (!kinds[o->kind].parse(o, text, o->value))
        return refuse(o, text, err);
    return o->kind == OPT_TEXTS ? add_text(o, text, err) : 0;
}

/* ---- parsing ------------------------------------------------------------------------------------------- */

static int unknown_option(const struct opt_set *set, const struct opt_command *command, const char *text,
                          struct clr_error *err)
{
    const char *names[OPT_MAX + 2], *near;
    char name[64];

    for (size_t i = 0; i < set->count; i++)
        names[i] = set->options[i].name;
    names[set->count] = "help";
    names[set->count + 1] = NULL;
    str_copy(name, sizeof name, text + strspn(text, "-"));
    name[strcspn(name, "=")] = '\0';
    near = strncmp(text, "--", 2) == 0 ? str_nearest(name, names) : NULL;
    return clr_error_set(err, CLR_EUSAGE, "unknown option '%.*s'%s%s%s 'clr-cl %s --help' lists the options",
                         (int)strcspn(text, "="), text, near ? ", did you mean '--" : "", near ? near : "",
                         near ? "'?" : ":", command->name);
}

static int popt_failure(const struct opt_set *set, const struct opt_command *command, int code,
                        struct clr_error *err)
{
    const char *option = poptBadOption(set->context, POPT_BADOPTION_NOALIAS);

    switch (code) {
    case POPT_ERROR_BADOPT:
        return unknown_option(set, command, option, err);
    case POPT_ERROR_NOARG:
        return clr_error_set(err, CLR_EUSAGE, "%s needs a value; see 'clr-cl %s --help'", option,
                             command->name);
    case POPT_ERROR_UNWANTEDARG:
        return clr_error_set(err, CLR_EUSAGE, "%.*s takes no value", (int)strcspn(option, "="), option);
    case POPT_ERROR_MALLOC:
        return clr_error_set(err, CLR_ENOMEM, "out of memory for options");
    default:
        return clr_error_set(err, CLR_EUSAGE, "%s: %s", option, poptStrerror(code));
    }
}

/* "--known: not for 'bench', only for 'bench compare'" */
static int refuse_option(const struct opt *o, const struct opt_command *command, const struct opt_sub *sub,
                         struct clr_error *err)
{
    struct str s = {0};
    const char *comma = "";
    int rc;

    str_append(&s, "--%s: not for '%s%s%s', only for", o->name, command->name, sub ? " " : "",
               sub ? sub->name : "");
    if (opt_fits(o, command, NULL)) {
        str_append(&s, " '%s'", command->name);
        comma = ",";
    }
    for (const struct opt_sub *other = command->subs; other->name; other++)
        if (opt_fits(o, command, other)) {
            str_append(&s, "%s '%s %s'", comma, command->name, other->name);
            comma = ",";
        }
    rc = str_check(&s, err);
    if (rc == 0)
        rc = clr_error_set(err, CLR_EUSAGE, "%s", str_text(&s));
    str_clear(&s);
    return rc;
}

/* Refuse what a sub-command does not take. The command refuses one that does not exist. */
static int check_sub(const struct opt_set *set, const struct opt_command *command, struct clr_error *err)
{
    const char *name = set->arg_count > 0 ? set->args[0] : NULL;
    const struct opt_sub *sub = name ? opt_sub_named(command, name) : NULL;

    if (!command->subs || (!sub && (name || command->min_args > 0)))
        return 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->given[i] && !opt_fits(&set->options[i], command, sub))
            return refuse_option(&set->options[i], command, sub, err);
    if (sub && sub->alone && set->arg_count > 1)
        return clr_error_set(err, CLR_EUSAGE, "'%s %s' takes no argument, and '%s' is one", command->name,
                             sub->name, set->args[1]);
    return 0;
}

static int take_args(struct opt_set *set, const struct opt_command *command, struct clr_error *err)
{
    int rc;

    set->args = poptGetArgs(set->context);
    while (set->args && set->args[set->arg_count])
        set->arg_count++;
    if (set->arg_count > command->max_args)
        return clr_error_set(err, CLR_EUSAGE, "unexpected argument '%s'; usage: clr-cl %s %s",
                             set->args[command->max_args], command->name, command->usage);
    rc = check_sub(set, command, err);
    return rc < 0 || command->adds ? rc : opt_require(set, command, NULL, true, err);
}

static int make_popt_table(struct opt_set *set, struct clr_error *err)
{
    struct poptOption *table = NULL;
    size_t i;
    int rc = mem_new(&table, set->count + 2, sizeof *table, "options", err);

    if (rc < 0)
        return rc;
    set->table = table;
    for (i = 0; i < set->count; i++) {
        const struct opt *o = &set->options[i];
        table[i] = (struct poptOption){
            o->name, o->letter, o->kind == OPT_FLAG ? POPT_ARG_NONE : POPT_ARG_STRING, NULL, (int)i + 1,
            NULL,    NULL};
    }
    table[i] = (struct poptOption){"help", 'h', POPT_ARG_NONE, NULL, OPT_MAX + 1, NULL, NULL};
    table[i + 1] = (struct poptOption)POPT_TABLEEND;
    return 0;
}

/* The text, which is taken, as the value of option i; of a flag NULL. */
static int give(struct opt_set *set, size_t i, char *text, struct clr_error *err)
{
    free(set->texts[i]);
    set->texts[i] = text;
    set->given[i] = true;
    return set_value(&set->options[i], text, err);
}

int opt_add_value(struct opt_set *set, const char *name, const char *text, struct clr_error *err)
{
    char *copy = NULL;
    int rc = 0;

    if (opt_given(set, name))
        return 0;
    if (text)
        rc = str_duplicate(&copy, text, err);
    return rc < 0 ? rc : give(set, (size_t)(opt_find(set, name) - set->options), copy, err);
}

/* The option of popt's code, with its value. */
static int take_option(struct opt_set *set, int code, struct clr_error *err)
{
    const size_t i = (size_t)code - 1;
    char *text;

    if (code == OPT_MAX + 1) /* --help */
        return 0;
    text = set->options[i].kind == OPT_FLAG ? NULL : poptGetOptArg(set->context);
    if (!text && set->options[i].kind != OPT_FLAG)
        return clr_error_set(err, CLR_EUSAGE, "--%s needs a value", set->options[i].name);
    return give(set, i, text, err);
}

int opt_parse(struct opt_set *set, const struct opt_command *command, int argc, char **argv,
              struct clr_error *err)
{
    struct str faults = {0}; /* a line each */
    int code, rc;

    set->argv = argv;
    if (argc > 2 && strcmp(argv[argc - 2], "--complete") == 0) {
        complete_option(set, command, argv + 1, argc - 3, argv[argc - 1]);
        return 1;
    }
    rc = make_popt_table(set, err);
    if (rc < 0)
        return rc;
    for (int k = 1; k < argc; k++) /* popt would put the next argument in its place */
        if (strstr(argv[k], "!#:+"))
            return clr_error_set(err, CLR_EUSAGE, "'%.100s': no argument may have '!#:+' in it", argv[k]);
    set->context = poptGetContext("clr-cl", argc, (const char **)argv, set->table, 0);
    if (!set->context)
        return clr_error_set(err, CLR_ENOMEM, "out of memory for options");
    while ((code = poptGetNextOpt(set->context)) != -1 && (rc == 0 || rc == CLR_EUSAGE)) {
        if (code == OPT_MAX + 1 && faults.length == 0) {
            print_help(set, command);
            return 1;
        }
        rc = code < 0 ? popt_failure(set, command, code, err) : take_option(set, code, err);
        if (rc == CLR_EUSAGE)
            str_append(&faults, "%s%s", faults.length > 0 ? "\n" : "", err->message);
    }
    if ((rc == 0 || rc == CLR_EUSAGE) && (faults.length > 0 || faults.failed))
        rc = str_errors(&faults, CLR_EUSAGE, err);
    str_clear(&faults);
    return rc < 0 ? rc : take_args(set, command, err);
}

void opt_clear(struct opt_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        struct opt_texts *list = set->options[i].kind == OPT_TEXTS ? set->options[i].value : NULL;
        free(set->texts[i]);
        while (list && list->count > 0)
            free(list->values[--list->count]);
    }
    if (set->context)
        (void)poptFreeContext(set->context);
    free(set->table);
    *set = (struct opt_set){0};
}
