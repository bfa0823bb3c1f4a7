"""Output that needs no file and no device: help, options, numbers, schedules."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from harness import (ROOT, Place, Result, case, check, clr, device, expect, expect_lines, fresh, skip, table,
                     write)

TRAIN = ["train", "--net", "quick", "--data", "nowhere", "--iterations", "3", "--out", "never-made"]
SWEEP = ["range-test"] + TRAIN[1:]
EXP = ["schedule", "--policy", "exp", "--lr", "0.1", "--iterations", "3"]
FIXED = ["schedule", "--policy", "fixed", "--lr", "0.5", "--iterations", "2"]
CYCLE = ["schedule", "--policy", "triangular", "--min-lr", "0.001", "--max-lr", "0.006", "--step-size", "3",
         "--iterations", "6"]


def commands():
    """The names that `clr-cl --help` lists."""
    result = expect(clr("--help"), 0, "^Usage: clr-cl COMMAND")
    check(result.err == "", f"--help wrote to stderr\n{result}")
    lines = result.out[result.out.index("Commands:"):result.out.index("clr-cl COMMAND --help")]
    return re.findall(r"^  ([a-z-]+) ", lines, re.M)


def check_help(command):
    result = expect(clr(command, "--help"), 0, [f"^Usage: clr-cl {command} ", "^  -h, --help", "^Examples:"])
    check(result.err == "", f"--help wrote to stderr\n{result}")
    wide = [line for line in result.out.splitlines() if len(line) > 80]
    check(not wide, f"lines over 80 columns: {wide}")
    check(result.out.endswith("\n"), "no newline at the end")
    return result.out


def offered(*words):
    """What may follow these words and begins with the last one."""
    return expect(clr(*words[:-1], "--complete", words[-1]), 0).out.split()


@case
def completion_lists_what_may_follow():
    for words, expected in ((["tr"], ["train"]), (["train", "--net", "ca"], ["caffe-quick", "caffe-full"]),
                            (["train", "--out", "x", "--momentum-"], ["--momentum-convention"]),
                            (["train", "--policy", "tri"], ["triangular", "triangular2"]),
                            (["plot", "--quiet", "-o", "run", "r"], ["run", "range"]),
                            (["net", "show", "le"], ["lenet"]),
                            (["net", "show", "--batch", "9", "le"], ["lenet"]),
                            (["net", "layers", "In"], ["Input", "InnerProduct"]),
                            (["net", "show", "lenet", "q"], []), (["net", "layers", "--"], []),
                            (["plot", "run", "-o", "r"], []), (["plot", "bench", "--mul"], []),
                            (["plot", "run", "--over", ""], ["iterations", "time"]),
                            (["bench", "compare", "--device"], []), (["data", "list", ""], []),
                            (["data", "info", "f"], ["fashion-mnist"]), (["train", "--out", ""], []),
                            (["experiment", "q"], ["quick-look"])):
        check(offered(*words) == expected, f"{words}: {offered(*words)}")


REFUSED = r"unknown (option|layer)|--[a-z0-9-]+ takes|takes no|not for|there is no 'clr-cl|no effect"


def check_accepted(*words, values=("",)):
    """With one of the values at the end, a command refuses no word; it may lack others, or a device."""
    for value in values:
        result = clr(*words[:-1], words[-1] + value, env={"CLR_DEVICE": "none"})
        if not re.search(REFUSED, result.err):
            return
    check(False, f"{result}")


def check_offered(command, *sub):
    """All that is offered after a command or its sub-command, and after its options."""
    words = offered(command, *sub, "")
    count = 0
    for option in offered(command, *sub, "--"):
        values = offered(command, *sub, option, "")
        if values and values != words:  # which follow a flag
            for value in values:
                check_accepted(command, *sub, f"{option}={value}")
        else:
            check_accepted(command, *sub, option, values=["=none", "", "=1", "=0.5", "=3x32x32", "=0.1:0.2"])
        count += 1
    for word in words:
        check_accepted(command, *sub, word)
        if not sub and command in ("bench", "data", "net", "plot"):
            count += check_offered(command, word)
        count += 1
    return count


@case
def commands_accept_what_completion_offers():
    count = sum(check_offered(command) for command in offered(""))
    check(count > 200, f"only {count} words are offered")


def completed(shell, script):
    """What a shell prints, with the folder of the script and the program as $1 and $2, whose home is the program's."""
    program = Path(Place.program)
    result = subprocess.run([*shell, "-c", script, "-", ROOT / "src" / "cli" / "completions", f"~/{program.name}"],
                            stdout=subprocess.PIPE, text=True, check=True,
                            env=dict(os.environ, HOME=str(program.parent)))
    return result.stdout.splitlines()


@case
def bash_completes():
    """The words as bash splits them."""
    lines = completed(["bash"], """. "$1/clr-cl.bash"; program=$2
        complete_words() { COMP_WORDS=("$program" "$@"); COMP_CWORD=$#; _clr_cl; echo "${COMPREPLY[*]}"; }
        complete_words sched; complete_words train --net q; complete_words train --net = ca
        complete_words train --policy =; complete_words bench --device 0 : 1 com; complete_words train --out x""")
    check(lines[:3] == ["schedule", "quick", "caffe-quick caffe-full"], lines)
    check(lines[3].startswith("fixed ") and lines[4:] == ["compare", ""], lines)


@case
def zsh_completes():
    """The script for zsh, which finds it by itself, with the functions that it ends in replaced by echo."""
    if not shutil.which("zsh"):
        skip("zsh is not installed")
    lines = completed(["zsh", "-f"], """fpath=("$1" $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[clr-cl]
        compadd() { echo $words_that_follow; }; compset() { }; _files() { echo files; }; autoload +X _clr-cl; program=$2
        complete_words() { words=("$program" "$@"); CURRENT=$#words; _clr-cl; }
        complete_words sched; complete_words train --net q; complete_words train --net=ca
        complete_words train --out q""")
    check(lines == ["_clr-cl", "schedule", "quick", "caffe-quick caffe-full", "files"], lines)


@case
def options_that_are_wrong_are_reported_at_once():
    result = expect(clr("train", "--itertions", "3", "--lr", "x", "--help"), 2, [],
                    ["^clr-cl: unknown option '--itertions'", "^--lr takes a number above 0"])
    expect_lines(result.err, 2)


@case
def help_of_the_program():
    check("train" in commands() and len(commands()) > 12, f"the help lists {commands()}")


@case
def readme_has_every_command():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    lacking = [c for c in commands() if not re.search(rf"^\| `clr-cl {c}[ `]", page, re.M)]
    check(not lacking, f"the table of commands in README.md lacks {lacking}")


@case
def help_of_every_command():
    """A usage line that does not end in [OPTION...] has all options."""
    for command in commands():
        text = check_help(command)
        usage = text[:text.index("\n\n")]
        for option in re.findall(r"^  (?:-\w, )?--([a-z-]+)", text, re.M):
            check(option in usage or "OPTION" in usage or option == "help", f"no --{option} in: {usage}")


@case
def help_of_an_option_begins_with_its_policies():
    out = expect(clr("schedule", "--help"), 0).out
    for option, policies in (("power", "inv, poly"), ("t-mult", "sgdr"), ("lr", "fixed, multistep, exp, step, inv")):
        check(re.search(rf"--{option} [A-Z] +{policies}", out), f"--{option} is not for {policies}\n{out}")


@case
def man_page_knows_every_option():
    page = (ROOT / "docs" / "clr-cl.1").read_text(encoding="utf-8")
    for command in commands():
        check(f".Cm {command}" in page, f"the man page lacks the command {command}")
        for option in re.findall(r"^  (?:-\w, )?--([a-z-]+)", check_help(command), re.M):
            check(re.search(rf"Fl -{option}\b", page), f"the man page lacks --{option} of {command}")


@case
def version():
    result = expect(clr("--version"), 0, r"^clr-cl \d+\.\d+\.\d+ \(")
    check(result.err == "", "--version wrote to stderr")


table("usage", [
    ("no command", [], 2, [], ["no command", "--help"]),
    ("unknown command", ["frobnicate"], 2, [], ["unknown command 'frobnicate'"]),
    ("misspelled command", ["trian"], 2, [], ["did you mean 'train'"]),
    ("unknown option of the program", ["--verbose"], 2, [], ["unknown option '--verbose'"]),
    ("unknown option", ["train", "--frobnicate"], 2, [], ["unknown option '--frobnicate'", "train --help"]),
    ("misspelled option", ["train", "--itertions", "3"], 2, [], ["did you mean '--iterations'"]),
    ("misspelled option with =", ["train", "--itertions=3"], 2, [], ["did you mean '--iterations'"]),
    ("option that is not offered", ["eval", "--resume"], 2, [], ["unknown option '--resume'"]),
    ("unknown letter", ["plot", "-x"], 2, [], ["unknown option '-x'"]),
    ("value missing", ["train", "--lr"], 2, [], ["--lr needs a value"]),
    ("value that popt expands", ["train", "--lr", "!#:+"], 2, [], ["no argument may have '!#:\\+'"]),
    ("value of a flag", ["train", "--quiet=yes"], 2, [], ["--quiet takes no value"]),
    ("argument left over", ["devices", "all"], 2, [], ["unexpected argument 'all'"]),
    ("arguments left over", ["train", "a", "b"], 2, [], ["unexpected argument 'a'"]),
    ("bench with an unknown verb", ["bench", "comprae", "a", "b"], 2, [],
     ["there is no 'clr-cl bench comprae'; usage: clr-cl bench"]),
    ("bench compare of one file", ["bench", "compare", ROOT / "src/bench/known/h200-quick.json"], 2, [],
     ["has a single device", "--known"]),
    ("bench compare with a net", ["bench", "compare", "a.json", "b.json", "--net", "full"], 2, [],
     ["--net: not for 'bench compare', only for 'bench'$"]),
    ("bench with known devices", ["bench", "--known"], 2, [], ["--known: not for 'bench', only for 'bench compare'"]),
    ("bench with a comparison's file", ["bench", "--csv", "a.csv"], 2, [],
     ["--csv: not for 'bench', only for"]),
    ("bench with a figure that is none", ["bench", "--plot", "a.gif"], 2, [], ["a.gif"]),
    ("bench with one file twice", ["bench", "--plot", "a.png", "--json", "a.png"], 2, [], ["are the same file"]),
    ("bench to standard output", ["bench", "--json", "-"], 2, [], ["'-' is not standard output: .*/dev/stdout"]),
    ("bench compare to standard output", ["bench", "compare", ROOT / "src/bench/known/h200-quick.json", "--known",
                                          "--markdown", "-"], 2, [], ["'-' is not standard output"]),
    ("list to standard output", ["list", ".", "--csv", "-"], 2, [], ["'-' is not standard output"]),
    ("schedule to standard output", ["schedule", "--policy", "fixed", "--lr", "1", "--iterations", "3", "--csv", "-"],
     2, [], ["'-' is not standard output"]),
    ("numbers of a figure to standard output", ["plot", "run", "x", "-o", "x.png", "--csv", "-"], 2, [],
     ["'-' is not standard output"]),
    ("bench with a batch of none", ["bench", "--batch", "0"], 2, [], ["--batch"]),
    ("data with an unknown verb", ["data", "fetch", "cifar10"], 2, [], ["usage: clr-cl data"]),
    ("net layers with options", ["net", "layers", "--json"], 2, [],
     ["--json: not for .net layers., only for .net show."]),
    ("data list with a name", ["data", "list", "cifar10"], 2, [], ["^clr-cl: .data list. takes no argument"]),
    ("net with an unknown verb", ["net", "draw", "quick"], 2, [], ["usage: clr-cl net"]),
    ("net with two sizes", ["net", "show", "quick", "--input", "3x32x32", "--data", "x"], 2, [],
     ["give one"]),
    ("net with half a size", ["net", "show", "quick", "--input", "3x32"], 2, [], ["--input takes channels"]),
    ("plot of an unknown kind", ["plot", "pie", "x.csv", "-o", "x.png"], 2, [],
     ["run, loss, range, schedule or bench"]),
    ("plot of time where there is none", ["plot", "range", "x", "-o", "x.png", "--over", "time"], 2, [],
     ["--over: not for 'plot range', only for 'plot run', 'plot loss'$"]),
    ("plot of accuracy over rates", ["plot", "run", "x", "-o", "x.png", "--over", "rate"], 2, [], ["plot range"]),
    ("plot of rates over rates", ["plot", "loss", "x", "-o", "x.png", "--over", "rate", "--rates"], 2, [], ["--rates"]),
    ("plot of losses from a percentage on", ["plot", "loss", "x", "-o", "x.png", "--y-min", "9"], 2, [],
     ["--y-min: not for 'plot loss'"]),
    ("sweep that falls", SWEEP + ["--min-lr", "0.1", "--max-lr", "0.01"], 2, [], ["not below --max-lr 0.01"]),
    ("schedule in epochs", CYCLE + ["--step-size", "4ep"], 2, [], ["--step-size 4ep", "data set"]),
    ("partial init of nothing", TRAIN + ["--policy", "fixed", "--lr", "1", "--init-partial"], 2, [],
     ["--init FILE"]),
])

MISSING = [     # a command line, what is missing, the command line of the example
    (["train"], "--net NET, --data DATA, --out DIR, --policy P and --iterations N are missing",
     "train --net lenet --data fashion-mnist --out run --policy fixed --lr 0.01 --iterations 1000"),
    (["train", "--policy", "triangular", "--max-lr", "0.02", "--out", "a b"],
     "--net NET, --data DATA and --iterations N are missing; --policy triangular needs --min-lr R and --step-size N",
     "train --policy triangular --max-lr 0.02 --out 'a b' --net lenet --data fashion-mnist --min-lr 0.001 "
     "--step-size 200 --iterations 1000"),
    (TRAIN + ["--policy", "exp"], "--policy exp needs --lr R and --gamma G",
     "train --net quick --data nowhere --iterations 3 --out never-made --policy exp --lr 0.01 --gamma 0.99"),
    (TRAIN, "--policy P is missing: .*triangular.*how the rate changes",
     "train --net quick --data nowhere --iterations 3 --out never-made --policy fixed --lr 0.01"),
    (["train", "--resume"], "--out DIR is missing: .*", "train --resume --out run"),
    (["range-test"], "--net NET, --data DATA, --out DIR, --min-lr A, --max-lr B and --iterations N are missing",
     "range-test --net lenet --data fashion-mnist --out range --min-lr 0.001 --max-lr 0.5 --iterations 1000"),
    (["eval"], "'eval' needs the folder of a run, or --weights, --net and --data", "eval run"),
    (["eval", "--net", "quick"], "--data DATA and --weights FILE are missing",
     "eval --net quick --data fashion-mnist --weights run/final.safetensors"),
    (["export", "--net", "quick"], "--weights FILE and --caffemodel OUT are missing",
     "export --net quick --weights run/final.safetensors --caffemodel net.caffemodel"),
    (["schedule", "--policy", "sgdr", "--cycles", "2"], "--policy sgdr needs --min-lr R, --max-lr R and --step-size N",
     "schedule --policy sgdr --cycles 2 --min-lr 0.001 --max-lr 0.01 --step-size 200"),
    (["experiment"], r"an experiment \(a built-in name, or a file\) and --out DIR are missing",
     "experiment fashion --out experiment"),
    (["experiment", "--out", "x"], "'experiment' needs an experiment: a built-in name, or a file",
     "experiment --out x fashion"),
    (["plot"], r"a kind of figure \(run, loss, range, schedule or bench\) and --output FIGURE are missing",
     "plot run run --output figure.png"),
    (["plot", "range"], r"something to draw \(folders of range tests\) and --output FIGURE are missing",
     "plot range range --output figure.png"),
    (["plot", "run", "x"], "--output FIGURE is missing: the file to write.*", "plot run x --output figure.png"),
    (["plot", "bench", "-o", "x.png"], "'plot bench' needs something to draw: files of 'clr-cl bench --json'",
     "plot bench -o x.png bench.json"),
    (["net"], "'net' needs a sub-command: show or layers", "net show quick"),
    (["net", "show", "--json"], "'net show' needs a net: a name or a file", "net show --json quick"),
    (["data"], "'data' needs a sub-command: info or list", "data info fashion-mnist"),
    (["data", "info"], "'data info' needs a data set: a name or a folder", "data info fashion-mnist"),
    (["bench", "compare"], "'bench compare' needs files that 'clr-cl bench --json' wrote",
     "bench compare mine.json --known"),
    (["list"], "'list' needs a folder", "list ."),
]


@case
def all_that_is_missing_is_said_at_once():
    """And with the command line that follows nothing is missing."""
    for given, what, example in MISSING:
        err = expect(clr(*given), 2, [], [f"^clr-cl: {what}; for example: \\S*clr-cl {re.escape(example)}$"]).err
        words = shlex.split(err.split("; for example: ")[1])[1:]
        if words[0] != "experiment" and "--resume" not in words:    # the one would train, the other needs a run
            check(clr(*(word.replace("fashion-mnist", "nowhere") for word in words)).code != 2, f"refused: {words}")


@case
def every_policy_has_an_example():
    listed = re.search(r"^  --policy P +(.*?): how", check_help("schedule"), re.S | re.M)[1]
    for policy in re.findall(r"\w+", listed.replace(" or ", ", ")):
        err = expect(clr("schedule", "--policy", policy, "--quiet"), 2).err
        words = shlex.split(err.split("; for example: ")[1])[1:]
        rows = expect(clr(*words), 0).out.splitlines()
        check(len(rows) == 1001 and rows[1] != rows[1000] or policy == "fixed", f"{policy}: {rows[1]} {rows[-1]}")


table("policy", [
    ("unknown", ["schedule", "--policy", "trangular", "--iterations", "3"], 2, [],
     ["trangular", "'triangular'"]),
    ("exp with a factor of 0", EXP + ["--gamma", "0"], 2, [], ["--gamma is 0: it must be above 0 and at most 1"]),
    ("exp that grows", EXP + ["--gamma", "1.5"], 2, [], ["--gamma is 1.5"]),
    ("fixed without a rate", TRAIN + ["--policy", "fixed"], 2, [], ["--lr"]),
    ("triangular without max", TRAIN + ["--policy", "triangular", "--min-lr", "1"], 2, [], ["--max-lr"]),
    ("triangular without step size", TRAIN + ["--policy", "triangular", "--min-lr", "1", "--max-lr", "2"],
     2, [], ["--step-size"]),
    ("exp_range without gamma", TRAIN + ["--policy", "exp_range", "--min-lr", "1", "--max-lr", "2",
                                         "--step-size", "3"], 2, [], ["--gamma"]),
    ("multistep without milestones", TRAIN + ["--policy", "multistep", "--lr", "1", "--gamma", "0.1"], 2, [],
     ["--milestones"]),
    ("min above max", TRAIN + ["--policy", "triangular", "--min-lr", "2", "--max-lr", "1", "--step-size",
                             "3"], 2, [], ["--min-lr"]),
    ("milestones that fall", TRAIN + ["--policy", "multistep", "--lr", "1", "--gamma", "0.1", "--milestones",
                                      "5,3"], 2, [], ["--milestones"]),
    ("milestones in epochs, of which the data decide", TRAIN + ["--policy", "multistep", "--lr", "1", "--gamma", "0.1",
                                                                "--milestones", "1100ep,1200ep,60000"], 4, [],
     ["no data set and no folder"]),
    ("milestones in epochs that fall", TRAIN + ["--policy", "multistep", "--lr", "1", "--gamma", "0.1", "--milestones",
                                                "5ep,3ep"], 2, [], ["--milestones must ascend"]),
    ("milestones that fall around one in epochs", TRAIN + ["--policy", "multistep", "--lr", "1", "--gamma", "0.1",
                                                           "--milestones", "300,1ep,200"], 2, [],
     ["--milestones must ascend: 200 comes after 300"]),
])

table("number", [(f"--{option} '{text}'", command + [f"--{option}", text], 2, [],
                  [f"--{option} takes .*not '"]) for command, option, texts in (
    (FIXED, "lr", ["abc", "nan", "NaN", "inf", "-inf", "1e999", "", " 1", "1 ", "1x", "0", "-1", "1,5",
                   "--lr", "1e-50"]),
    (SWEEP, "min-lr", ["1e-46"]),
    (SWEEP, "max-lr", ["1e-50"]),
    (TRAIN, "min-lr", ["1e-50"]),
    (TRAIN, "scale", ["1e-50"]),
    (TRAIN, "weight-decay", ["1e-50"]),
    (SWEEP, "weight-decay", ["1e-50", "0.1,1e-50"]),
    (FIXED, "momentum", ["1", "-0.1", "nan"]),
    (FIXED, "gamma", ["1e7", "inf", "nan"]),
    (FIXED, "power", ["-1", "101", "nan"]),
    (FIXED, "cycles", ["0", "-1", "1.5", "1ep"]),
    (TRAIN, "checkpoint-every", ["-1", "1ep", ""]),
    (FIXED, "cycle-momentum", ["0.9", "0.8:1", "0.8:nan", "0.8:0.9:0.95", ":"]),
    (FIXED, "iterations", ["0", "-1", "abc", "", "1.5", "1e3", "99999999999", "3ep"]),
    (FIXED, "step-size", ["0", "0ep", "-1ep", "nanep", "ep", "1e999ep", "4 ep"]),
    (FIXED, "milestones", ["", "1,", ",1", "1,,2", "1,x", "0"]),
    (TRAIN, "batch", ["0", "-5", "abc", "", "1e2", "99999999999"]),
    (TRAIN, "seed", ["-1", "1.5", "", "99999999999999999999"]),
    (TRAIN, "weight-decay", ["nan", "-1", "inf"]),
    (TRAIN, "scale", ["nan", "0", ""]),
    (TRAIN, "validation", ["-1", "1.5"]),
    (TRAIN, "log-every", ["0"]),
    (TRAIN, "order", ["random", ""]),
    (TRAIN, "mean", ["median"]),
    (TRAIN, "last-batch", ["pad"]),
    (TRAIN, "momentum-convention", ["tensorflow"]),
    (SWEEP, "sweep", ["square"]),
) for text in texts])


@case
def last_option_wins():
    result = expect(clr(*FIXED, "--lr", "0.25", "--iterations=1"), 0)
    check(result.out == "iteration,lr,momentum\n1,0.25,0.9\n", f"wrong rows\n{result}")


@case
def schedule_prints_rows():
    rows = expect(clr(*CYCLE, "--cycle-momentum", "0.8:0.9"), 0).out.splitlines()
    check(len(rows) == 7 and rows[0] == "iteration,lr,momentum", f"rows: {rows}")
    # 0.001 + 0.005·u and 0.9 − 0.1·u for u = 0, 1/3, 2/3, 1, 2/3, 1/3
    for t, row in enumerate(rows[1:]):
        u = (0, 1 / 3, 2 / 3, 1, 2 / 3, 1 / 3)[t]
        n, lr, momentum = row.split(",")
        check(int(n) == t + 1 and abs(float(lr) - 0.001 - 0.005 * u) < 1e-9
              and abs(float(momentum) - 0.9 + 0.1 * u) < 1e-8, f"row {t}: {row}")


@case
def schedule_writes_the_rows_it_prints():
    csv = fresh("schedule.csv")
    expect(clr(*CYCLE, "--csv", csv), 0, [], ["wrote"])
    check(csv.read_text(encoding="utf-8") == clr(*CYCLE).out, "the file is not what is printed")


@case
def schedule_says_when_it_ends_inside_a_cycle():
    expect(clr(*CYCLE, "--iterations", "7"), 0, [], ["inside a cycle"])
    check(clr(*CYCLE).err == "", "it is said of whole cycles too")


@case
def schedule_draws():
    for extension, magic in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        figure = fresh(f"schedule.{extension}")
        expect(clr(*CYCLE, "--plot", figure), 0)
        check(figure.read_bytes().startswith(magic), f"{figure} is no {extension}")
        check([p.name for p in figure.parent.iterdir()] == [figure.name], "more than the figure is left")


@case
def schedule_draws_nothing_where_it_cannot():
    figure = fresh("schedule.gif")
    expect(clr(*CYCLE, "--plot", figure), 2, [], ["gif"])
    expect(clr(*CYCLE, "--plot", figure, "--csv", figure.parent / "a.csv"), 2, [], ["gif"])
    check(not list(figure.parent.iterdir()), "something is left behind")
    result = expect(clr(*CYCLE, "--plot", figure.parent / "none" / "a.png"), 1, [], ["none/a.png'"])
    check("csv" not in result.err, f"names a file that nobody asked for\n{result}")
    expect(clr(*CYCLE, "--plot", figure.parent / "none" / "a.png"), 1, [], ["none"])
    expect(clr(*CYCLE, "--csv", figure.parent / "none" / "a.csv"), 1, [], ["none"])
    expect(clr(*CYCLE, "--plot", figure.parent / "a.png", "--csv", figure.parent / "none" / "a.csv"), 1, [], ["none"])
    check(not list(figure.parent.iterdir()), "a figure without its rows")
    expect(clr(*CYCLE, "--plot", "-"), 2, [], ["the format of '-' is not known"])
    expect(clr(*CYCLE, "--csv", "-"), 2, [], ["'-' is not standard output: use /dev/stdout"])


@case
def schedule_keeps_what_is_no_file():
    link = fresh("link")
    link.symlink_to("/dev/null")
    expect(clr(*CYCLE, "--csv", link), 0)
    check(link.is_symlink(), "a link to a device was replaced by a file")


@case
def options_that_the_policy_does_not_use():
    result = clr(*FIXED, "--step-size", "2", "--gamma", "0.5", "--quiet")
    expect(result, 0, [], ["warning: --step-size has no effect: policy fixed", "warning: --gamma"])
    expect_lines(result.err, 2)
    check(clr(*CYCLE).err == "", "said of options that are used")


@case
def messages_do_not_steer_the_terminal():
    damaged = write(fresh("damaged.csv"), "iteration,lr\033[31m\a\n1,2\n")
    result = expect(clr("plot", "run", damaged, "-o", fresh("a.png")), 4, [], ["damaged.csv:1"])
    check(not re.search("[\x00-\x09\x0b-\x1f\x7f]", result.err), f"control characters: {result.err!r}")


@case
def closed_descriptors():
    shell = 'exec "$0" "$@" >&- 2>&-'
    csv = fresh("a.csv")
    command = ["sh", "-c", shell, Place.program, *CYCLE]
    for args, code in ((["--csv", csv], 0), ([], 1)):
        done = subprocess.run([*command, *map(str, args)], env=Place.environment(), timeout=60, check=False)
        check(done.returncode == code, f"{args}: exit code {done.returncode}, not {code}")
    check(csv.read_text(encoding="utf-8") == clr(*CYCLE).out, "messages in the file")


@case
def quiet_says_nothing():
    result = clr(*CYCLE, "--iterations", "7", "--csv", fresh("a.csv"), "--quiet")
    check(result.err == "", f"stderr is not empty\n{result}")
    solver = write(fresh("a.prototxt"), 'base_lr: 0.1 lr_policy: "fixed" max_iter: 2 solver_mode: CPU net: "lenet"')
    out = fresh("out")
    for quiet, lines in ((["--quiet"], 1), ([], 2)):
        result = expect(clr("train", "--solver", solver, "--data", "none", "--out", out, *quiet), 4, [], ["'none'"])
        expect_lines(result.err, lines)


@case
def full_disk_is_a_failure():
    long = ["schedule", "--policy", "fixed", "--lr", 0.1, "--iterations", 10000]
    for args in (["--help"], ["--version"], ["train", "--help"], ["devices", "--json"], CYCLE, long):
        with open("/dev/full", "wb") as full:
            expect(clr(*args, stdout=full), 1, [], ["cannot write to standard output: No space left"])


@case
def messages_without_a_reader_end_nothing():
    csv, reader, writer = fresh("a.csv"), *os.pipe()
    os.close(reader)
    done = subprocess.run([Place.program, *map(str, CYCLE), "--csv", str(csv)], env=Place.environment(), timeout=60,
                          stderr=writer, check=False)
    os.close(writer)
    check(done.returncode == 0 and csv.exists(), f"exit code {done.returncode}")


@case
def nothing_is_made_by_a_refusal():
    folder = fresh("out")
    expect(clr(*TRAIN, "--out", folder, "--policy", "fixed"), 2)
    check(not folder.exists(), "--out was made")


@case
def plot_refuses_what_it_cannot_draw():
    header = "iteration,trn_loss,lr,val_loss,val_acc\n"
    history = write(fresh("history.csv"), header + "1,2.3,0.1,2.3,0.1\n9,2,0.1,2,0.3\n")
    folder = history.parent
    expect(clr("plot", "run", history, "-o", folder / "a.png"), 0, [], ["wrote"])
    expect(clr("plot", "run", history, "-o", folder / "a.gif"), 2, [], ["gif"])
    expect(clr("plot", "run", history, "-o", folder / "b.png", "--width", "319"), 2, [], ["--width .* 320"])
    expect(clr("plot", "run", folder / "none.csv", "-o", folder / "b.png"), 4, [], ["none.csv"])
    expect(clr("plot", "run", history, "-o", folder / "none" / "b.png"), 1, [], ["none"])
    expect(clr("plot", "run", history, "-o", folder / "b.png", "--csv", folder / "none" / "b.csv"), 1, [], ["none"])
    expect(clr("plot", "run", history, "-o", "-"), 2, [], ["the format of '-' is not known"])
    write(folder / "broken.csv", header + "1,2.3,0.1,oops,0.1\n")
    expect(clr("plot", "run", folder / "broken.csv", "-o", folder / "b.png"), 4, [], ["broken.csv:2"])
    expect(clr("plot", "run", history, "-o", folder / "b.png", "--label", "histry=x"), 2, [],
           ["--label histry=.*: nothing that is drawn is called 'histry'; there are "])
    expect(clr("plot", "run", history, "-o", folder / "b.gif", "--csv", folder / "b.csv"), 2, [], ["gif"])
    left = sorted(p.name for p in folder.iterdir())
    check(left == ["a.png", "broken.csv", "history.csv"], f"left behind: {left}")


@case
def plot_tells_what_it_draws_as_numbers():
    header = "iteration,trn_loss,lr,val_loss,val_acc\n"
    first = write(fresh("one.csv"), header + "1,2.3,0.1,2.3,0.1\n9,2,0.1,2,0.8\n")
    second = write(first.parent / "two.csv", header + "1,2.3,0.1,2.3,0.1\n9,2,0.1,2,0.9\n")
    numbers = first.parent / "numbers.csv"
    figure = first.parent / "a.png"
    expect(clr("plot", "run", first, second, "-o", figure, "--csv", numbers, "--label", "two=the second, at last",
               "--label", f"{first}=the first", "--rates"), 0, [],
           ["warning: the rates of 'one' are drawn straight from row to row of its one.csv", "wrote .*, .*numbers"])
    lines = numbers.read_text(encoding="utf-8").splitlines()
    check(lines[0] == "panel,axis,kind,name,x,y,low,high,line", lines[0])
    check("accuracy (%),iteration,point,the first,9,80,,," in lines, lines)
    check('accuracy (%),iteration,point,"the second, at last",9,90,,,' in lines, lines)
    check('learning rate,iteration,point,"the second, at last",9,0.1,,,' in lines, lines)
    schedule = first.parent / "schedule.csv"
    expect(clr("schedule", "--policy", "fixed", "--lr", "0.1", "--iterations", "3", "--csv", schedule), 0)
    expect(clr("plot", "schedule", schedule, "-o", figure, "--csv", numbers), 0)
    check("learning rate,iteration,point,,3,0.1,,," in numbers.read_text(encoding="utf-8").splitlines(), "no row")
    for wrong in ("one", "=x", "one="):
        expect(clr("plot", "run", first, "-o", figure, "--label", wrong), 2, [], ["--label takes NAME=TEXT"])


def bench_peers(*args):
    done = subprocess.run([sys.executable, ROOT / "tools" / "bench-peers", *map(str, args)], text=True,
                          env=Place.environment(), capture_output=True, timeout=120, check=False)
    return Result(["(tools/bench-peers)", *args], done.returncode, done.stdout, done.stderr)


@case
def bench_peers_says_what_is_wrong_with_its_options():
    expect(bench_peers("--help"), 0, ["--net .*caffe-full", "--venv DIR"])
    for args in (["--net", "nope"], ["--batch", "0"], ["--threads", "100000"], ["--clr-cl", "/nowhere/clr-cl"]):
        result = bench_peers(*args)
        check(result.code == 2 and args[0] in result.err and args[1] in result.err, f"{args}\n{result}")


@case
def bench_peers_refuses_a_net_that_is_another_one():
    """A fake PyTorch whose net has one tensor: bench-peers must not compare it with clr-cl."""
    device()
    python = write(fresh("venv") / "bin" / "python", """#!/bin/sh
case "$*" in
*--worker*) echo '{"parameters": [[32, 3, 5, 5]]}' ;;
*) echo '{"torch": "0", "onednn": "0", "cpu": "none", "python": "0", "executable": "none"}' ;;
esac
""")
    python.chmod(0o755)
    result = bench_peers("--net", "quick", "--clr-cl", Place.program, "--venv", python.parent.parent)
    check(result.code == 1 and "quick is another net in PyTorch" in result.err, result)
