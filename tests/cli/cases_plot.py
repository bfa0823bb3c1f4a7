"""`clr-cl plot`: what it takes, what it says of the rest, what it draws. No device."""

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
    """A folder as `train` leaves it."""
    for name, text in (("history.csv", history), ("loss.csv", loss), ("timing.csv", timing)):
        if text:
            write(folder / name, text)
    settings = {"net": "lenet", "data": "mnist", "iterations": 9, "seed": 1, **settings}
    write(folder / "run.json", json.dumps({"settings": settings, "device": {"name": "a CPU"}}))
    return folder


def make_range(folder, text=RANGE, **settings):
    """A folder as `range-test` leaves it."""
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
        ("figure.png", b"\x89PNG\r\n\x1a\n"), ("text.txt", "hello\n"))}
    return {"run": run, "unevaluated": make_run(base / "unevaluated", history=None),
            "begun": make_run(base / "begun", history=None, loss=None, timing=None), "range": test,
            "tests": base / "tests", "decays": base / "decays", "runs": base / "runs",
            "experiment": base / "experiment", "empty": base / "empty", "history.csv": run / "history.csv",
            "loss.csv": run / "loss.csv", "timing.csv": run / "timing.csv", "range.csv": test / "range.csv",
            "run.json": run / "run.json", "range.json": test / "range.json", "bench": known,
            "results.csv": base / "experiment" / "results.csv", "missing": base / "missing", **files}


# For each input, in the order of KINDS: "" where it is drawn, else what is said behind its name. A kind
# without a text of its own says the last one. Then: what is said where no kind is named.
RUN_WAY = "draw it with 'clr-cl plot run IN -o FIGURE'$"
LOSS_WAY = "draw it with 'clr-cl plot loss IN -o FIGURE'$"
RANGE_WAY = "draw it with 'clr-cl plot range IN -o FIGURE'$"
BELOW = "name the folders in it, as in 'clr-cl plot {} IN/{} -o FIGURE'$"
OF_RUN = "name its folder, as in 'clr-cl plot {} [^ ]*/run -o FIGURE'$"
OF_RANGE = "name its folder, as in 'clr-cl plot {} [^ ]*/range -o FIGURE'$"
UNREADABLE = "(?:cannot read|cannot open|:1: |no such file)"
SAID = {
    "run": ["", "", f"' holds a run, while .*{RUN_WAY}"],
    "unevaluated": [f"' holds a run that was not evaluated yet, while .*{LOSS_WAY}", "",
                    f"' holds a run that was not evaluated yet, while .*{LOSS_WAY}"],
    "begun": ["' holds a run that has only begun, while 'plot KIND' draws [^:]*$"],
    "range": [f"' holds a range test, while .*{RANGE_WAY}", "", "", f"' holds a range test, while .*{RANGE_WAY}"],
    "tests": [f"' holds several range tests, while .*{RANGE_WAY}"] * 2 +
             ["", f"' holds several range tests, while .*{RANGE_WAY}"],
    "decays": [f"' holds several range tests, while .*{RANGE_WAY}"] * 2 +
              ["", f"' holds several range tests, while .*{RANGE_WAY}"],
    "runs": [f"' holds several runs, while .*{BELOW.format('run', 'r1')}",
             f"' holds several runs, while .*{BELOW.format('loss', 'r1')}",
             f"' holds several runs, while .*{BELOW.format('run', 'r1')}"],
    "experiment": [f"' holds an experiment, with its figures, while .*{BELOW.format('run', 'r-seed-1')}",
                   f"' holds an experiment, with its figures, while .*{BELOW.format('loss', 'r-seed-1')}",
                   f"' holds an experiment, with its figures, while .*{BELOW.format('run', 'r-seed-1')}"],
    "empty": ["' is a folder without anything to draw, while 'plot KIND' draws [^:]*$"],
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
                    ":4: the rate falls .*: this is no range test",
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
    "figure.png": ["' is a figure already, while 'plot KIND' draws [^:]*$"],
    "missing": [UNREADABLE],
    "text.txt": [UNREADABLE],
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
def plot_says_which_kind_is_missing():
    inputs = make_inputs(fresh("inputs"))
    for name, way in (("run", RUN_WAY), ("range", RANGE_WAY), ("decays", RANGE_WAY), ("loss.csv", LOSS_WAY),
                      ("unevaluated", LOSS_WAY), ("runs", BELOW.format("run", "r1")),
                      ("run.json", OF_RUN.format("run")), ("figure.png", "is a figure already$")):
        way = way.replace("IN", re.escape(str(inputs[name])))
        for more in ([], ["-o", "x.png"]):
            expect(clr("plot", inputs[name], *more), 2, [], [f"'plot' needs a kind in front of its files: .*{way}"])
    for name in ("missing", "text.txt"):
        expect(clr("plot", inputs[name], "-o", "x.png"), 2, [], ["there is no 'plot .*': it is run, loss, range, "])
    expect(clr("plot"), 2, [], ["'plot' needs a kind of figure: run, loss"])
    expect(clr("plot", "loss"), 2, [], ["'plot loss' needs something to draw; usage: clr-cl plot loss"])


@case
def plot_helps_with_one_kind():
    whole = expect(clr("plot", "--help"), 0, ["^Usage: clr-cl plot run.loss.range.schedule.bench FILE"]).out
    options = {"over": "run loss", "rates": "run loss", "multiples": "run loss schedule", "y-min": "run range",
               "label": "run loss range schedule", "title": " ".join(KINDS), "csv": " ".join(KINDS)}
    for kind in KINDS:
        text = expect(clr("plot", kind, "--help"), 0, [f"^Usage: clr-cl plot {kind} ", f"^{kind}: ", "^Examples:"]).out
        for option, kinds in options.items():
            check((f"  --{option} " in text or f"  --{option}\n" in text) == (kind in kinds.split()),
                  f"{kind} --{option}\n{text}")
            check(f"  --{option}" in whole, option)
