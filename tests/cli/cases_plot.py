"""`clr-cl plot`: inputs it accepts, messages about the others, and its figures. No device."""

import csv
import json
import re

from harness import ROOT, case, check, clr, expect, expect_lines, fresh, write

KINDS = ["run", "loss", "range", "schedule", "bench"]
HISTORY = "iteration,trn_loss,lr,val_loss,val_acc\n"
RUN = HISTORY + "1,2.3,0.1,2.3,0.1\n5,2,0.1,2,0.3\n9,2,0.1,2,0.4\n"
RANGE = HISTORY + "".join(f"{t},2,{0.01 * t},2,{0.1 + 0.04 * t}\n" for t in range(1, 10))
LOSS = "iteration,trn_loss,lr\n1,2.3,0.1\n5,2,0.1\n9,1.9,0.1\n"
TIMING = "iteration,seconds\n1,0.5\n5,1\n9,2\n"
NUMBERS = "panel,axis,kind,name,x,y,low,high,line\n"


def make_run(folder, history=RUN, loss=LOSS, timing=TIMING, **settings):
    """A folder as `train` writes it."""
    for name, text in (("history.csv", history), ("loss.csv", loss), ("timing.csv", timing)):
        if text:
            write(folder / name, text)
    settings = {"net": "lenet", "data": "mnist", "iterations": 9, "seed": 1, **settings}
    write(folder / "run.json", json.dumps({"settings": settings, "device": {"name": "a CPU"}}))
    return folder


def curve(top, at):
    """A range test's accuracies at rates 0.001, 0.002, …: up to `top` at the rate 0.001 · at, and down."""
    return HISTORY + "".join(
        f"{t},2,{0.001 * t},2,{0.1 + (top - 0.1) * min(t / at, 1) * (1 if t < at + 6 else 0.3)}\n"
        for t in range(1, 41))


def make_range(folder, text=RANGE, **settings):
    """A folder as `range-test` writes it."""
    make_run(folder, history=None, timing=None, **settings)
    write(folder / "range.csv", text)
    write(folder / "range.json", json.dumps({"untrained": 0.1, "classes": 10, "images": 1000, "iterations": 40,
                                             "diverged": False}))
    return folder


def make_inputs(base):
    """Every kind of input, by name."""
    known = ROOT / "src" / "bench" / "known" / "h200-quick.json"
    run, test = make_run(base / "run"), make_range(base / "range")
    for seed in (1, 2):
        make_range(base / "tests" / f"seed-{seed}", seed=seed)
        make_range(base / "decays" / "decay-0.1" / f"seed-{seed}", seed=seed)
        make_run(base / "runs" / f"r{seed}", seed=seed)
        make_run(base / "experiment" / f"r-seed-{seed}", seed=seed)
    write(base / "experiment" / "results.csv", "run,seed,status,iterations\n")
    (base / "empty").mkdir()
    files = {name: write(base / name, text) for name, text in (
        ("table.csv", RANGE), ("falling.csv", RUN.replace("9,2,0.1", "9,2,0.01")),
        ("schedule.csv", "iteration,lr,momentum\n1,0.1,0.9\n2,0.1,0.9\n"), ("numbers.csv", NUMBERS),
        ("bars.csv", "layer,pass,device,legend,unit,median,min,max\nconv1,forward,A,1 images/s: A,ms,2,1,3\n"),
        ("figure.png", b"\x89PNG\r\n\x1a\n"), ("text.txt", "hello\n"))}
    return {"run": run, "unevaluated": make_run(base / "unevaluated", history=None),
            "begun": make_run(base / "begun", history=None, loss=None, timing=None), "range": test,
            "tests": base / "tests", "decays": base / "decays", "runs": base / "runs",
            "experiment": base / "experiment", "empty": base / "empty", "history.csv": run / "history.csv",
            "loss.csv": run / "loss.csv", "timing.csv": run / "timing.csv", "range.csv": test / "range.csv",
            "run.json": run / "run.json", "range.json": test / "range.json", "bench": known,
            "results.csv": base / "experiment" / "results.csv", "missing": base / "missing", **files}


# For each input, in the order of KINDS: "" where it is drawn, else the message after its name. A kind
# without a text of its own has the last one. Then: the message where no kind is named.
RUN_WAY = "draw it with 'clr-cl plot run IN -o FIGURE'$"
LOSS_WAY = "draw it with 'clr-cl plot loss IN -o FIGURE'$"
RANGE_WAY = "draw it with 'clr-cl plot range IN -o FIGURE'$"
BELOW = "name what is in it, as in 'clr-cl plot {} IN/{} -o FIGURE'$"
OF_RUN = "name its folder, as in 'clr-cl plot {} [^ ]*/run -o FIGURE'$"
OF_RANGE = "name its folder, as in 'clr-cl plot {} [^ ]*/range -o FIGURE'$"
UNREADABLE = "(?:cannot read|cannot open|:1: |no such file)"
SAID = {
    "run": ["", "", f"' holds a run, while .*{RUN_WAY}"],
    "unevaluated": [f"' holds a run that was not evaluated yet, while .*{LOSS_WAY}", "",
                    f"' holds a run that was not evaluated yet, while .*{LOSS_WAY}"],
    "begun": ["' holds a run that has only begun, while 'plot KIND' draws [^:]*$"],
    "range": [f"' holds a range test, while .*{RANGE_WAY}", "", "", f"' holds a range test, while .*{RANGE_WAY}"],
    "tests": [f"' holds several range tests, while .*{RANGE_WAY}", "", "",
             f"' holds several range tests, while .*{RANGE_WAY}"],
    "decays": [f"' holds several range tests, while .*{RANGE_WAY}", "", "",
              f"' holds several range tests, while .*{RANGE_WAY}"],
    "runs": [f"' holds several runs, while .*{BELOW.format('run', 'r1')}",
             f"' holds several runs, while .*{BELOW.format('loss', 'r1')}",
             f"' holds several runs, while .*{BELOW.format('run', 'r1')}"],
    "experiment": [f"' holds an experiment, with its figures, while .*{BELOW.format('run', 'r-seed-1')}",
                   f"' holds an experiment, with its figures, while .*{BELOW.format('loss', 'r-seed-1')}",
                   f"' holds an experiment, with its figures, while .*{BELOW.format('run', 'r-seed-1')}"],
    "empty": ["' is a folder with nothing to draw, while 'plot KIND' draws [^:]*$"],
    "history.csv": ["", f"' is a table of accuracies, while .*{RUN_WAY}"],
    "loss.csv": [f"' is a table of losses, while .*{LOSS_WAY}", "", f"' is a table of losses, while .*{LOSS_WAY}"],
    "timing.csv": [f"' holds the times of a run.*, while .*{OF_RUN.format('run')}",
                   f"' holds the times of a run.*, while .*{OF_RUN.format('loss')}",
                   f"' holds the times of a run.*, while .*{OF_RUN.format('run')}"],
    "range.csv": [f"' is the table of a range test, while .*{RANGE_WAY}"] * 2 +
                 ["", f"' is the table of a range test, while .*{RANGE_WAY}"],
    "table.csv": ["", f"' is a table of accuracies, while .*{RUN_WAY}", "",
                  f"' is a table of accuracies, while .*{RUN_WAY}"],
    "falling.csv": ["", f"' is a table of accuracies, while .*{RUN_WAY}",
                    ":4: the rate falls .*, and never does in a range test",
                    f"' is a table of accuracies, while .*{RUN_WAY}"],
    "schedule.csv": [f"' is a schedule, while .*draw it with 'clr-cl plot schedule IN -o FIGURE'$"] * 3 +
                    ["", "' is a schedule, while .*draw it with 'clr-cl plot schedule IN -o FIGURE'$"],
    "bench": [r"' is a report of 'clr-cl bench', while .*draw it with 'clr-cl plot bench IN -o FIGURE'$"] * 4 + [""],
    "run.json": [f"' holds the settings of a run, while .*{OF_RUN.format('run')}",
                 f"' holds the settings of a run, while .*{OF_RUN.format('loss')}",
                 f"' holds the settings of a run, while .*{OF_RUN.format('run')}"],
    "range.json": [f"' holds the bounds of a range test, while .*{OF_RANGE.format('range')}",
                   f"' holds the bounds of a range test, while .*{OF_RANGE.format('loss')}",
                   f"' holds the bounds of a range test, while .*{OF_RANGE.format('range')}"],
    "results.csv": ["' holds the results of an experiment.*, while 'plot KIND' draws [^:]*$"],
    "numbers.csv": ["' holds the numbers of a figure.*, while 'plot KIND' draws [^:]*$"],
    "bars.csv": ["' holds the numbers of a figure.*, while 'plot KIND' draws [^:]*$"],
    "figure.png": ["' is a figure already, while 'plot KIND' draws [^:]*$"],
    "missing": [UNREADABLE],
    "text.txt": ["' is no file that clr-cl draws, while 'plot KIND' draws f[^:]* that 'clr-cl [^:]* writes"],
}


@case
def plot_says_what_its_input_is():
    """Every kind of figure of every kind of input."""
    inputs = make_inputs(fresh("inputs"))
    check(set(inputs) == set(SAID), set(inputs) ^ set(SAID))
    for name, said in SAID.items():
        for i, kind in enumerate(KINDS):
            want = said[min(i, len(said) - 1)].replace("KIND", kind).replace("IN", re.escape(str(inputs[name])))
            figure = fresh("a.png")
            result = clr("plot", kind, inputs[name], "-o", figure)
            if want:
                expect(result, 4, [], ["^clr-cl: .*" + want])
                expect_lines(result.err, 1)
            else:
                expect(result, 0)
            check(figure.exists() == (not want), f"{figure}\n{result}")


@case
def plot_names_a_folder_that_fits():
    """With several kinds in one folder, the message names the first of the requested kind."""
    base = fresh("mixed")
    make_range(base / "a")
    make_run(base / "b")
    make_run(base / "c")
    for kind, name in (("run", "b"), ("loss", "a"), ("schedule", "a")):
        expect(clr("plot", kind, base, "-o", "x.png"), 4, [],
               [f"name what is in it, as in 'clr-cl plot {'range' if kind == 'schedule' else kind} .*/{name} -o"])


@case
def plot_says_which_kind_is_missing():
    inputs = make_inputs(fresh("inputs"))
    for name, way in (("run", RUN_WAY), ("range", RANGE_WAY), ("decays", RANGE_WAY), ("loss.csv", LOSS_WAY),
                      ("unevaluated", LOSS_WAY), ("runs", BELOW.format("run", "r1")),
                      ("run.json", OF_RUN.format("run")), ("figure.png", "is a figure already$")):
        way = way.replace("IN", re.escape(str(inputs[name])))
        for more in ([], ["-o", "x.png"]):
            expect(clr("plot", inputs[name], *more), 2, [], [f"'plot' needs a kind before its files: .*{way}"])
    for name in ("missing", "text.txt"):
        expect(clr("plot", inputs[name], "-o", "x.png"), 2, [], ["there is no 'clr-cl plot .*': it is run, loss, "])


@case
def plot_histories_need_their_settings():
    """An experiment's histories.csv alone, under another name, and without the requested runs."""
    archive, base = ROOT / "docs" / "results" / "short", fresh("copy")
    table, copy = write(base / "histories.csv", (archive / "histories.csv").read_text()), base / "copy.csv"
    for path in (table, copy):
        copy.write_text(table.read_text())
        result = expect(clr("plot", "run", path, "-o", base / "x.png"), 4, [],
                        [f"'{re.escape(str(path))}' .*'{re.escape(str(base))}/runs.json' .*: copy both files"])
        expect_lines(result.err, 1)
    write(base / "runs.json", (archive / "runs.json").read_text())
    expect(clr("plot", "run", copy, "-o", base / "x.png"), 4, [], ["copy both files of the experiment, as histories"])
    expect(clr("plot", "run", table, "-o", base / "x.png"), 0)
    lines = table.read_text().splitlines(True)
    at = len(lines) - 2
    table.write_text("".join(lines[:at] + lines[:at - 1:-1]))
    expect(clr("plot", "run", table, "-o", base / "x.png"), 4, [],
           [f"clr-cl: {re.escape(str(table))}:{at + 2}: iteration [0-9]+ follows [0-9]+: they must ascend$"])
    table.write_text("".join(lines))
    expect(clr("plot", "range", table, "-o", base / "x.png"), 4, [],
           ["holds runs only, which are drawn with 'clr-cl plot run'"])
    table.write_text(lines[0])
    write(base / "runs.json", '{"format": 1, "runs": {}}')
    for kind in "run", "range":
        expect(clr("plot", kind, table, "-o", base / "x.png"), 4, [], ["holds no finished run yet$"])


@case
def plot_refuses_the_same_twice():
    inputs = make_inputs(fresh("inputs"))
    link = inputs["run"].parent / "link"
    link.symlink_to(inputs["run"])
    for kind, name in (("run", "run"), ("loss", "loss.csv"), ("schedule", "schedule.csv"), ("bench", "bench")):
        expect(clr("plot", kind, inputs[name], inputs[name], "-o", "x.png"), 2, [], ["name it once$"])
    expect(clr("plot", "run", inputs["run"], link, "-o", "x.png"), 2, [], ["run' and '.*link' are the same"])
    expect(clr("plot", "range", inputs["tests"], inputs["tests"] / "seed-2", "-o", "x.png"), 2, [],
           ["seed-2'.*name it once"])


@case
def plot_overwrites_no_input():
    """Nor a file beside it that is read too, whatever the command line names: a folder, a table, an archive."""
    archive, base = ROOT / "docs" / "results" / "short", fresh("inputs")
    inputs, runs = make_inputs(base), {name: write(base / "archive" / name, (archive / name).read_text())
                                       for name in ("histories.csv", "runs.json")}
    one = base / "archive" / next(iter(json.loads(runs["runs.json"].read_text())["runs"]))
    for kind, drawn, read in (
            ("run", inputs["run"], inputs["history.csv"]), ("run", inputs["history.csv"], inputs["run.json"]),
            ("range", inputs["tests"], inputs["tests"] / "seed-1" / "range.csv"),
            ("range", inputs["decays"], inputs["decays"] / "decay-0.1" / "seed-2" / "run.json"),
            ("run", runs["histories.csv"], runs["histories.csv"]), ("run", runs["histories.csv"], runs["runs.json"]),
            ("run", one, runs["histories.csv"]), ("run", one, runs["runs.json"])):
        before = read.read_bytes()
        result = clr("plot", kind, drawn, "-o", base / "x.png", "--csv", read)
        check(read.read_bytes() == before, f"{read} was overwritten\n{result}")
        expect(result, 2, [], [f"'{re.escape(str(read))}' and .* are the same file: write to another one$"])
    check(not (base / "x.png").exists(), "a figure was written first")


@case
def plot_helps_with_one_kind():
    whole = expect(clr("plot", "--help"), 0, ["^Usage: clr-cl plot run.loss.range.schedule.bench FILE"]).out
    options = {"over": "run loss", "rates": "run loss", "multiples": "run loss schedule", "y-min": "run range",
               "label": " ".join(KINDS), "known": "bench", "title": " ".join(KINDS), "csv": " ".join(KINDS)}
    for kind in KINDS:
        text = expect(clr("plot", kind, "--help"), 0, [f"^Usage: clr-cl plot {kind} ", f"^{kind}: ", "^Examples:"]).out
        for option, kinds in options.items():
            check((f"  --{option} " in text or f"  --{option}\n" in text) == (kind in kinds.split()),
                  f"{kind} --{option}\n{text}")
            check(f"  --{option}" in whole, option)


@case
def plot_labels_have_equals_signs():
    """Names of folders, and texts, with '=' in them."""
    base = fresh("runs")
    plain, odd = make_run(base / "lr", seed=1), make_run(base / "lr=0.1", RUN.replace("0.4", "0.5"), net="quick")
    numbers = base / "numbers.csv"

    def names(*labels):
        expect(clr("plot", "run", plain, odd, "-o", base / "a.svg", "--csv", numbers,
                   *[word for label in labels for word in ("--label", label)]), 0)
        return {row["name"] for row in csv.DictReader(numbers.open(encoding="utf-8")) if row["kind"] == "point"}
    check("a=b" in names("lr=a=b"), "text with a sign")
    check("high" in names("lr=0.1=high"), "name with a sign")
    check(names("lr=low", f"{odd}=x=y") == {"low", "x=y"}, "path with a sign")
    for labels in (["lr=same", "lr=0.1=same"], ["lr=0.1=lenet"]):
        expect(clr("plot", "run", plain, odd, "-o", base / "b.svg",
                   *[word for label in labels for word in ("--label", label)]), 2, [],
               ["--label .*: two curves would be called '(same|lenet)': 'lr' and 'lr=0.1'"])
    check(not (base / "b.svg").exists(), "drawn all the same")
    schedules = [write(base / d / "s.csv", f"iteration,lr,momentum\n1,0.{d},0.9\n2,0.1,0.9\n") for d in ("1", "2")]
    expect(clr("plot", "schedule", *schedules, "-o", base / "c.svg", "--csv", numbers), 0)
    check({row["name"] for row in csv.DictReader(numbers.open(encoding="utf-8"))} == set(map(str, schedules)),
          "schedules of one name")


@case
def plot_labels_take_the_last_part():
    """FILE's last part is what the shell shows; two names for what is drawn as one curve are an error."""
    base = fresh("runs")
    files = [write(base / name, RUN) for name in ("tri.csv", "tri2.csv")]
    expect(clr("plot", "run", *files, "-o", base / "a.png", "--csv", base / "a.csv", "--label", "tri2.csv=halved"), 0)
    check(",halved" in (base / "a.csv").read_text(encoding="utf-8"), "not called so")
    seeds = [make_run(base / f"r{seed}", seed=seed) for seed in (1, 2)]
    expect(clr("plot", "run", *seeds, "-o", base / "a.png", "--label", "r1=a", "--label", "r2=b"), 2, [],
           ["--label r1=a and r2=b: both are drawn as one curve"])
    expect(clr("plot", "run", *seeds, "-o", base / "a.png", "--label", "r1=a", "--label", "r2=a"), 0)


@case
def plot_names_cannot_break_its_files():
    base = fresh("runs")
    first, second = make_run(base / "a\x1b[2J\nb"), make_run(base / "c", seed=2, net="quick")
    for label in ([], ["--label", "c=d\x1b]0;\r\n\x9b,\"e\""]):
        expect(clr("plot", "run", first, second, "-o", base / "a.svg", "--csv", base / "a.csv", *label,
                   *([] if label else ["--label", "c=e"])), 0)
        for name in ("a.svg", "a.csv"):
            text = (base / name).read_text(encoding="utf-8")
            check(not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), f"{name} has control characters")
        rows = list(csv.reader((base / "a.csv").open(encoding="utf-8", newline="")))
        check({len(row) for row in rows} == {9}, rows)


@case
def plot_range_marks_the_range_of_each_group():
    """Two decays: the figure of both has the same bounds as the figure of each."""
    base = fresh("tests")
    alone = {}
    for decay, top, at in (("0.1", 0.6, 20), ("0.2", 0.7, 14)):
        folder = make_range(base / f"decay-{decay}", curve(top, at), weight_decay=float(decay))
        expect(clr("plot", "range", folder, "-o", base / "a.svg", "--csv", base / "a.csv"), 0)
        alone[decay] = [(row["low"], row["high"]) for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
                        if row["name"] == "range to train in"]
        check(len(alone[decay]) == 1, alone)
    flat = make_range(base / "decay-0.3", curve(0.1, 20), weight_decay=0.3)
    for width in (320, 960):
        expect(clr("plot", "range", base, "-o", base / "a.png", "--csv", base / "a.csv", "--width", width), 0)
    ranges = {row["name"]: (row["low"], row["high"]) for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
              if row["kind"] == "range"}
    check(ranges == {"weight decay 0.1: range to train in": alone["0.1"][0],
                     "weight decay 0.2: range to train in": alone["0.2"][0],
                     "weight decay 0.3: no range read": ("", "")}, f"{ranges} {alone} {flat}")


@case
def plot_range_says_where_an_interval_is_cut():
    """A plateau from the second rate on: the bound may be below the first one, unlike that of a narrow peak."""
    base = fresh("tests")
    flat = HISTORY + "".join(f"{t},2,{0.001 * t},2,{0.5 if t > 1 else 0.1}\n" for t in range(1, 41))
    for text, cut in ((flat, True), (curve(0.6, 20), False)):
        folder = make_range(base / f"cut-{cut}", text)
        expect(clr("plot", "range", folder, "-o", base / "a.png", "--csv", base / "a.csv"), 0)
        found = "cut at the first rate" in (base / "a.csv").read_text(encoding="utf-8")
        check(found == cut, (base / "a.csv").read_text(encoding="utf-8"))


@case
def plot_says_what_it_leaves_out():
    base = fresh("runs")
    runs = [make_run(base / f"r{k}", HISTORY + f"1,2,0.1,2,0.1\n{10 + k},2,0.1,2,0.5\n{20 + k},2,0.1,2,0.6\n",
                     lr=k, lenet=k) for k in range(8)]
    runs.append(make_run(base / "slow", HISTORY + "1,2,0.1,2,0.1\n20,2,0.1,2,0.3\n60,2,0.1,2,0.4\n", lenet=9))
    said = expect(clr("plot", "run", *runs, "-o", base / "a.png"), 0).err
    check(re.search("^too many curves reach 40.0 % for a mark at each; not marked: 'lenet 1' at 11, .*'lenet 7' at 17$",
                    said, re.M), said)
    check(re.search("^9 curves are more than the 7 [^:]*: --multiples draws each by itself; grey and "
                    "without their names: 'lenet 7', 'lenet 9'$", said, re.M), said)
    short = make_run(base / "short", HISTORY + "1,2,0.1,2,0.1\n9,2,0.1,2,0.5\n", LOSS[:LOSS.index("5,")])
    ten = "".join(f"{t},2,0.1\n" for t in range(3, 31, 3))
    whole = make_run(base / "whole", loss="iteration,trn_loss,lr\n1,2,0.1\n2,2,0.1\n3,2,0.1\n")
    for kind, option, least, enough in (
            ("run", "--validate-every", 3, [base / "r1"]),
            ("loss", "--log-every", 10, [make_run(base / "ten", loss="iteration,trn_loss,lr\n" + ten), whole])):
        expect(clr("plot", kind, short, "-o", base / "a.png"), 0, [],
               [f"^fewer than {least} points: .*; 'train' records more of them with a smaller {option}$"])
        for folder in enough:
            check("fewer" not in clr("plot", kind, folder, "-o", base / "a.png").err, f"said of {folder}")


@case
def plot_over_time_ends_with_the_times():
    """timing.csv ends early: no times are invented, and a message says so."""
    base = fresh("runs")
    run = make_run(base / "r", timing="iteration,seconds\n1,0.5\n5,1\n")
    for kind in ("run", "loss"):
        args = ["--over", "time", "--rates", "--csv", base / "a.csv"]
        expect(clr("plot", kind, run, "-o", base / "a.png", *args), 0, [],
               ["^warning: 'r': 1 points? .*end of timing.csv",
                "^warning: the rates of 'r' are drawn as far as its timing.csv goes"])
        rows = [row for row in csv.DictReader((base / "a.csv").open(encoding="utf-8")) if row["kind"] == "point"]
        check([row["x"] for row in rows] == ["0.5", "1"] * 2, rows)
    write(run / "timing.csv", "iteration,seconds\n")
    expect(clr("plot", "loss", run, "-o", base / "b.png", "--over", "time"), 4, [],
           ["timing.csv:1: ends before iteration 1, the first one of .*loss.csv"])


@case
def plot_reads_the_neighbours_of_a_table():
    """The table of a run, named by itself, has the run's schedule: rates go up and down between its rows."""
    base = fresh("runs")
    run = make_run(base / "tri", schedule={"policy": "triangular", "min_lr": 0.1, "max_lr": 0.5, "step_size": 2})
    for kind, name in (("run", "history.csv"), ("loss", "loss.csv")):
        said = expect(clr("plot", kind, run / name, "-o", base / "a.png", "--rates", "--csv", base / "a.csv"), 0).err
        check("warning" not in said, said)
        rates = [(row["x"], row["y"]) for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
                 if row["panel"] == "learning rate"]
        check(("3", "0.5") in rates, f"{name}: {rates}")
    alone = write(base / "alone" / "loss.csv", LOSS)
    expect(clr("plot", "loss", alone, "-o", base / "a.png", "--rates"), 0, [],
           ["row to row of its loss.csv: no run.json"])


@case
def plot_jumps_stand_upright():
    """The same jump in a figure of the schedule and in one of a run: at the first update with the new rate."""
    base = fresh("runs")
    steps = ["--policy", "multistep", "--lr", "0.1", "--gamma", "0.1", "--milestones", "4", "--iterations", "9"]
    expect(clr("schedule", *steps, "--csv", base.parent / "s.csv"), 0)
    run = make_run(base / "r", RUN.replace("5,2,0.1", "5,2,0.01").replace("9,2,0.1", "9,2,0.01"),
                   LOSS.replace("5,2,0.1", "5,2,0.01").replace("9,1.9,0.1", "9,1.9,0.01"),
                   schedule={"policy": "multistep", "lr": 0.1, "gamma": 0.1, "milestones": [4]})
    for args in (["schedule", base.parent / "s.csv"], ["run", run, "--rates"]):
        expect(clr("plot", *args, "-o", base / "a.png", "--csv", base / "a.csv"), 0)
        at = [(row["x"], row["y"]) for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
              if row["panel"] == "learning rate"]
        check([p for p in at if p[0] == "5"] == [("5", "0.1"), ("5", "0.01")], f"{args}: {at}")
        check(all(p[1] == "0.1" for p in at if int(p[0]) < 5), f"{args}: {at}")


@case
def plot_files_stay_small():
    """A figure has as many points as its width can show; its CSV has all numbers."""
    base = fresh("many")
    rows = 60000
    table = write(base / "range.csv", HISTORY + "".join(
        f"{t},2,{t * 1e-6:.9g},2,{0.1 + 0.5 * t / rows + 0.01 * (t * 7919 % 13):.6g}\n" for t in range(1, rows + 1)))
    schedule = base / "s.csv"
    expect(clr("schedule", "--policy", "triangular", "--min-lr", "0.001", "--max-lr", "0.01", "--step-size", "7",
               "--iterations", rows, "--csv", schedule), 0)
    history = write(base / "h.csv", table.read_text(encoding="utf-8"))
    for args in (["range", table], ["schedule", schedule], ["run", history]):
        expect(clr("plot", *args, "-o", base / "a.svg", "--csv", base / "a.csv"), 0)
        size = (base / "a.svg").stat().st_size
        check(size < 6e6, f"{args}: {size} bytes")
        with (base / "a.csv").open(encoding="utf-8") as file:
            check(sum(",point," in line for line in file) >= rows, "not all numbers")


@case
def schedule_figures_say_it_in_words():
    """The PNG's text has the title of `schedule --plot` as it is drawn."""
    base = fresh("figures") / "a.png"
    base.parent.mkdir(exist_ok=True)
    for args, words in ((["sgdr", "--min-lr", "0.001", "--max-lr", "0.05", "--step-size", "10", "--t-mult", "2"],
                         "sgdr 0.001…0.05, periods of 10, 20, 40, …"),
                        (["sgdr", "--min-lr", "0.001", "--max-lr", "0.05", "--step-size", "10"],
                         "sgdr 0.001…0.05, periods of 10"),
                        (["1cycle", "--max-lr", "0.05"], "1cycle from 0.002 up to 0.05 at 30 %, down to 2×10⁻⁷")):
        expect(clr("schedule", "--policy", *args, "--iterations", "80", "--plot", base), 0)
        data = base.read_bytes()
        check(words.encode() in data, f"no '{words}' in the figure's text")


def diverge(folder, after, at=None, backoffs=0):
    """As `train` writes a run whose loss is not finite after so many iterations; at: the iteration in the message;
    or, with backoffs, one that was continued with smaller rates."""
    path = folder / "run.json"
    write(path, json.dumps({**json.loads(path.read_text(encoding="utf-8")),
                            "status": "finished" if backoffs else "diverged",
                            "result": {"iterations": after, "diverged_at": at, "backoffs": backoffs}}))
    return folder


@case
def plot_says_that_rates_were_halved():
    """A run that went back is not what its schedule says; milestones are apart."""
    base = fresh("runs")
    plain = make_run(base / "plain", schedule={"policy": "fixed", "lr": 2})
    steps = make_run(base / "steps", schedule={"policy": "multistep", "lr": 2, "gamma": 0.1, "milestones": [3, 7]})
    more = make_run(base / "more", schedule={"policy": "multistep", "lr": 2, "gamma": 0.1, "milestones": [3, 8]})
    halved = make_run(base / "halved", schedule={"policy": "fixed", "lr": 2}, net="quick")
    again = make_run(base / "again", schedule={"policy": "fixed", "lr": 2}, net="quick", seed=2)
    diverge(halved, 9, backoffs=5)

    def names(*inputs):
        expect(clr("plot", "run", *inputs, "-o", base / "a.png", "--csv", base / "a.csv"), 0)
        return {row["name"] for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
                if row["kind"] == "point"}
    check(names(halved) == {"fixed 2, halved 5 times"}, names(halved))
    write(halved / "history.csv", RUN.replace("0.4", "0.5"))
    check(names(plain, halved) == {"lenet", "quick, halved 5 times"}, names(plain, halved))
    check(names(halved, again) == {"fixed 2, halved up to 5 times, 2 runs"}, names(halved, again))
    write(more / "history.csv", RUN.replace("0.4", "0.5"))
    check(names(steps, more) == {"milestones 3, 7", "milestones 3, 8"}, names(steps, more))


@case
def plot_says_which_run_ends_a_curve():
    """One of two repeats diverged, or was stopped: the mean ends there, and the message has the correct reason."""
    base = fresh("runs")
    whole, early = make_run(base / "whole"), make_run(base / "early", RUN[:RUN.index("9,")], LOSS[:LOSS.index("9,")],
                                                      seed=2)
    mean = "the mean of its group's 2 runs ends at iteration 5$"

    def draw(kind, *inputs):
        said = expect(clr("plot", kind, *inputs, "-o", base / "a.png", "--csv", base / "a.csv"), 0).err
        rows = list(csv.DictReader((base / "a.csv").open(encoding="utf-8")))
        return said, [(row["name"], row["x"]) for row in rows if row["kind"] == "mark"]
    for kind in ("run", "loss"):
        said, marks = draw(kind, whole, early)
        check(re.search(f"^warning: 'early' ends at iteration 5: {mean}", said, re.M) and not marks, f"{said}{marks}")
        check("fewer than" not in said and said.count("warning") == 1, said)
    diverge(early, 7)
    for kind in ("run", "loss"):
        said, marks = draw(kind, whole, early)
        check(re.search(f"^warning: 'early' diverged at iteration 8: {mean}", said, re.M), said)
        check("fewer than" not in said and said.count("warning") == 1, said)
        check([at for name, at in marks if name.endswith(", 2 runs: diverged")] == ["8"], marks)
        said, marks = draw(kind, early)
        check(re.search("^warning: 'early' diverged at iteration 8: its curve ends at iteration 5$", said, re.M), said)
        check("fewer than" not in said and len(marks) == 1, f"{said}{marks}")
        diverge(early, 7, at=7)  # in the evaluation after it
        check([at for _, at in draw(kind, early)[1]] == ["7"], "the evaluation of iteration 7 showed it")
        diverge(early, 7)
        said, marks = draw(kind, whole)
        check("warning" not in said and not marks, said)
    low = make_run(base / "low", RUN.replace("0.3", "0.1").replace("0.4", "0.1"), net="quick")
    expect(clr("plot", "run", low, whole, early, "-o", base / "a.png", "--csv", base / "a.csv", "--y-min", "20"), 0,
           [], ["'quick' has no accuracy"])
    check(",mark,\"lenet, 2 runs: diverged\",8," in (base / "a.csv").read_text(encoding="utf-8"), "of another curve")


@case
def plot_of_an_axis_above_all_accuracies():
    """Nothing would be drawn; of several curves those that reach it are, each with its range."""
    base = fresh("tests")
    low, high = (make_range(base / name, curve(top, 10), net=name) for name, top in (("low", 0.5), ("high", 0.7)))
    for inputs in ([low], [low, high]):
        expect(clr("plot", "range", *inputs, "-o", base / "a.png", "--y-min", "80"), 4, [],
               [f"'{inputs[-1].name}' has no accuracy of 80 % or more: nothing to draw"])
    check(not (base / "a.png").exists(), "there is a figure")
    expect(clr("plot", "range", low, high, "-o", base / "a.png", "--csv", base / "a.csv", "--y-min", "60"), 0, [],
           ["'low' has no accuracy of 60 % or more: it is not drawn"])
    table = (base / "a.csv").read_text(encoding="utf-8")
    check(",point,high," in table and ",low," not in table.partition("\n")[2], table)


@case
def plot_marks_the_divergence_of_every_curve():
    """Also of a grey one, and of a range test, which ends with it as planned."""
    base = fresh("runs")
    runs = [make_run(base / f"r{i}", RUN.replace("0.4", f"0.4{i}"), net=f"net{i}") for i in range(9)]
    diverge(runs[8], 9)
    for more in ([], ["--multiples"]):
        expect(clr("plot", "run", *runs, "-o", base / "a.png", "--csv", base / "a.csv", *more), 0)
        check(",mark,net8: diverged,10," in (base / "a.csv").read_text(encoding="utf-8"), f"{more}: no mark")
    test = diverge(make_range(base / "test"), 9, at=9)
    path = test / "run.json"
    write(path, path.read_text(encoding="utf-8").replace("diverged\"", "finished\"", 1))
    expect(clr("plot", "loss", test, "-o", base / "a.png", "--csv", base / "a.csv"), 0)
    check(": diverged,9," in (base / "a.csv").read_text(encoding="utf-8"), "no mark of a range test")


@case
def plot_run_takes_periods_that_end_a_little_later_for_as_long():
    """Periods of sgdr end at 602 iterations, not at 600: the lowest curve still sets the level."""
    base = fresh("runs")
    rows = HISTORY + "".join(f"{t},2,0.1,2,{0.1 + 0.0005 * t:.4g}\n" for t in (1, 200, 400, 600))
    low = make_run(base / "low", rows, iterations=600)
    high = make_run(base / "high", rows.replace("600,2,0.1,2,0.4", "602,2,0.1,2,0.5").replace("0.3\n", "0.45\n"),
                    net="quick", iterations=602)
    expect(clr("plot", "run", low, high, "-o", base / "a.png", "--csv", base / "a.csv"), 0)
    marks = [(row["name"], row["x"]) for row in csv.DictReader((base / "a.csv").open(encoding="utf-8"))
             if row["kind"] == "mark"]
    check(marks and marks[-1][1] == "600" and ("400", "400") in marks, marks)


@case
def plot_loss_shows_the_others_beside_one_that_diverges():
    base = fresh("runs")
    grown = LOSS.replace("5,2,", "5,22,").replace("9,1.9,", "9,7e18,")
    runs = [make_run(base / "fine"), make_run(base / "grown", loss=grown, net="quick"),
            make_run(base / "noisy", loss=grown.replace("7e18", "2"), net="full")]
    said = expect(clr("plot", "loss", *runs, "-o", base / "a.png", "--csv", base / "a.csv"), 0).err
    check(re.findall("^warning: .*", said, re.M) == [
        "warning: 'quick' has losses up to 7e+18: it is cut at 4.6, where the axis ends"], said)
    check(",7e+18," in (base / "a.csv").read_text(encoding="utf-8"), "not all numbers")


@case
def plot_range_calls_repeats_by_their_folder():
    base = fresh("tests")
    single, seeds = make_range(base / "single", net="quick"), base / "three"
    for seed in (1, 2, 3):
        make_range(seeds / f"seed-{seed}", seed=seed)
        make_range(base / "many" / "decay-0.1" / f"seed-{seed}", seed=seed, data="x" * 60, weight_decay=0.1)
        make_range(base / "mixed" / f"seed-{seed}", seed=seed, lr=seed)
    for folder in (single, *seeds.iterdir()):  # without settings of their own, curves are called by their folders
        seed = json.loads((folder / "run.json").read_text(encoding="utf-8"))["settings"]["seed"]
        write(folder / "run.json", json.dumps({"settings": {"seed": seed, "mean": [folder == single]}}))

    def names(*args):
        expect(clr("plot", "range", *args, "-o", base / "a.svg", "--csv", base / "a.csv"), 0)
        rows = csv.DictReader((base / "a.csv").open(encoding="utf-8"))
        return {row["name"].split(" (equal")[0]: 1 for row in rows if row["kind"] == "point"}.keys()
    check(names(single, seeds) == {"single", "three, 3 runs"}, names(single, seeds))
    check(names(single, seeds, base / "many") == {"single", "three, 3 runs", "decay-0.1, 3 runs"}, "of decays")
    for decay in (0.1, 0.02, 1e-05):
        make_range(base / "sorted" / f"decay-{decay}", weight_decay=decay)
    found = list(names(base / "sorted"))
    check(found == [f"weight decay {decay}" for decay in ("10⁻⁵", "0.02", "0.1")], f"{found}")
    for name in ("three", seeds, f"{seeds}/seed-2"):
        check(names(single, seeds, "--label", f"{name}=of three") == {"single", "of three, 3 runs"}, name)
    check(names(single, f"{seeds}/", "--label", f"{seeds}/=a=b") == {"single", "a=b, 3 runs"}, "with a slash")
    check(names(single, base / "mixed") == {"single", "lr 1", "lr 2", "lr 3"}, names(single, base / "mixed"))
    expect(clr("plot", "range", base / "mixed", "-o", base / "b.svg", "--label", f"{base / 'mixed'}=a"), 2, [],
           ["several are called like that"])


@case
def plot_range_says_what_it_cannot_know():
    """A table alone: bounds, and what the accuracy was measured on, are in the other files of its folder."""
    base = fresh("tests")
    whole = make_range(base / "whole", curve(0.6, 20))
    alone = write(base / "alone" / "range.csv", curve(0.6, 20))
    note = f"^no bounds are read from '{re.escape(str(alone))}': range.json is not beside it$"

    def draw(*inputs):
        said = expect(clr("plot", "range", *inputs, "-o", base / "a.png", "--csv", base / "a.csv"), 0).err
        rows = list(csv.DictReader((base / "a.csv").open(encoding="utf-8")))
        return bool(re.search(note, said, re.M)), rows[0]["panel"], len([row for row in rows if row["low"]])
    check(draw(whole) == (False, "test accuracy (%)", 2), draw(whole))
    check(draw(alone) == (True, "accuracy (%)", 0), draw(alone))
    check(draw(alone.parent) == (True, "accuracy (%)", 0), draw(alone.parent))
    check(draw(whole, alone) == (True, "accuracy (%)", 1), draw(whole, alone))
    write(alone.parent / "range.json", (whole / "range.json").read_text(encoding="utf-8"))
    check(draw(alone) == (False, "accuracy (%)", 2), draw(alone))


@case
def plot_marks_each_of_few_points():
    """The curve of a test that ended at once is one point, on an axis that goes to the last rate."""
    base = fresh("tests")
    sweep = {"policy": "linear sweep", "min_lr": 0.5, "max_lr": 5, "step_size": 150}
    for points in (1, 2, 5):
        text = HISTORY + "".join(f"{t},2,{0.5 + 0.01 * t:.3g},2,{0.2 - 0.02 * t:.3g}\n" for t in range(1, points + 1))
        folder = make_range(base / f"r{points}", text, iterations=150, schedule=sweep)
        expect(clr("plot", "range", folder, "-o", base / "a.svg"), 0)
        dots = len(re.findall("fill:rgb.0%,44.7", (base / "a.svg").read_text(encoding="utf-8")))
        check(dots == points, f"{dots} of {points} points")
        losses = "iteration,trn_loss,lr\n" + "".join(f"{100 * t},{2.3 * 0.9 ** t},1\n" for t in range(1, points + 1))
        expect(clr("plot", "loss", make_run(base / f"l{points}", loss=losses), "-o", base / "a.svg"), 0)
        dots = len(re.findall("fill:rgb.0%,44.7", (base / "a.svg").read_text(encoding="utf-8")))
        check(dots == points + 1, f"{dots} of {points} losses and the legend's")


@case
def plot_legends_have_the_colours_of_the_figure():
    """Bands have the colours of their curves; the interval of a bound partly covers the recommended range."""
    base = fresh("runs")
    runs = [make_run(base / f"{net}-{seed}", RUN.replace("0.4", f"0.{seed}"), net=net, seed=seed)
            for net in ("quick", "lenet") for seed in (4, 5)]
    tests = make_range(base / "range", curve(0.6, 20))
    for args, fills in ((["run", *runs], {"rgb(0%,44.705882%,69.803922%);fill-opacity:0.25": 2,
                                          "rgb(83.529412%,36.862745%,0%);fill-opacity:0.25": 2}),
                        (["range", tests], {"rgb(0%,61.960784%,45.098039%);fill-opacity:0.1": 3,
                                            "rgb(90.196078%,62.352941%,0%);fill-opacity:0.22": 2})):
        expect(clr("plot", *args, "-o", base / "a.svg"), 0)
        text = (base / "a.svg").read_text(encoding="utf-8")
        found = {fill: len(re.findall(re.escape(f"fill:{fill};"), text)) for fill in fills}
        check(found == fills, f"{args[0]}: {found}")


@case
def plot_bench_takes_labels_and_known_reports():
    known, table = ROOT / "src" / "bench" / "known" / "h200-quick.json", fresh("a.csv")
    draws = ("plot", "bench", known, "--known", "-o", fresh("a.png"), "--csv", table, "--label")
    expect(clr(*draws, "h200-quick.json=big = fast", "--label", "NVIDIA H100 80GB HBM3=H100"), 0)
    names = {row["device"] for row in csv.DictReader(table.open(encoding="utf-8"))}
    check(len(names) == 3 and {"big = fast", "H100"} < names, names)
    expect(clr(*draws, "x=y"), 2, [], ["--label x=…: nothing that is drawn is called 'x'; there are NVIDIA H200"])
    expect(clr(*draws, "NVIDIA H200=a", "--label", "NVIDIA H100 80GB HBM3=a"), 2, [],
           ["two curves would be called 'a': 'NVIDIA H200' and "])
    both = [known, write(fresh("reports") / "h200-quick.json", known.read_text(encoding="utf-8"))]
    expect(clr("plot", "bench", *both, "-o", fresh("a.png"), "--label", "h200-quick=a"), 2, [],
           ["several are called like that; name the one with its path"])
    expect(clr("plot", "bench", *both, "-o", fresh("a.png"), "--label", f"{both[1]}=a", "--csv", table), 0)
    names = {row["device"] for row in csv.DictReader(table.open(encoding="utf-8"))}
    check("a" in names and len(names) == 2, names)
    expect(clr("plot", "run", known, "--known", "-o", "x.png"), 2, [], ["--known: not for 'plot run'"])


@case
def plot_bench_says_where_layers_are_joined():
    """A CPU joins the first convolution with its pool: its bar includes more work than a GPU's."""
    known = ROOT / "src" / "bench" / "known"
    figure = fresh("figure.png")
    both = [known / "xeon-2-cores-quick.json", known / "h200-quick.json"]
    expect(clr("plot", "bench", *both, "-o", figure), 0, [], ["warning: .*Xeon.* has pool1 in conv1"])
    check("pool1" not in expect(clr("plot", "bench", both[1], "-o", figure), 0).err, "a warning for nothing")
