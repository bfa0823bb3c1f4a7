"""Experiments: finished runs are not repeated, and an experiment that was stopped ends in the same results."""

import csv
import io
import json
import re
import shutil
import signal
import subprocess
import time

from cases_resume import kill_often, wait_for
from harness import (Place, case, check, clr, device, expect, expect_lines, fresh, names, pretended, skip, slow_case,
                     tiny_data, tiny_net, write)


ONE = 'policy: "1cycle" max_lr: 0.02'


def experiment(one=ONE, seeds="[1, 2]", iterations=40, every=20):
    """A file with two runs of the small net, a range test, and a figure of each; one: of the second run."""
    common = f'net: "{tiny_net()}" data: "{tiny_data()}" batch: 10'
    return write(fresh("x.prototxt"), f"""
name: "small"
seed: {seeds}
at: {every}
reach: 0.05
options {{ {common} iterations: {iterations} validate_every: {every} checkpoint_every: 10 log_every: 10 }}
run {{ name: "fixed" policy: "fixed" lr: 0.01 }}
run {{ name: "one" {one} }}
range_test {{ name: "range" {common} min_lr: 0.0001 max_lr: 0.1 iterations: 20 seed: 1 }}
figure {{ file: "runs.png" run: "fixed" run: "one" }}
figure {{ file: "range.svg" kind: RANGE run: "range" }}
""")


def rows(out):
    return list(csv.DictReader(io.StringIO((out / "results.csv").read_text(encoding="utf-8"))))


@case
def experiment_runs_what_is_missing():
    device()
    file, out = experiment(), fresh("out")
    first = expect(clr("experiment", file, "--out", out), 0, [r"^\| fixed \| 2 \| 40 \| [0-9.]+ ± [0-9.]+ \|"],
                   ["small: 5 runs, none done", "run 1 of 5: fixed, seed 1", "run 5 of 5: one, seed 2",
                    "^fixed, seed 2: accuracy [0-9.]+ % after 40 iterations",
                    "^range, seed 1: (min-lr .*, max-lr|no bounds: )"])
    check("no checkpoint" not in first.err, f"nothing was begun: {first}")
    check(names(out) == ["experiment.prototxt", "fixed-seed-1", "fixed-seed-2", "histories.csv", "one-seed-1",
                         "one-seed-2", "range-seed-1", "range.svg", "results.csv", "results.md", "runs.json",
                         "runs.png"], f"{names(out)}")
    table = rows(out)
    check([(r["run"], r["seed"], r["status"], r["iterations"]) for r in table] ==
          [("fixed", "1", "finished", "40"), ("fixed", "2", "finished", "40"), ("one", "1", "finished", "40"),
           ("one", "2", "finished", "40")], f"{table}")
    with open(out / "fixed-seed-2" / "history.csv", encoding="utf-8") as history:
        last = list(csv.DictReader(history))[-1]
    check(table[1]["val_acc"] == last["val_acc"] and table[1]["acc_at_20"] and table[1]["reached_0.05"], f"{table}")
    before = (out / "results.csv").read_bytes()
    for name in ("results.md.tmp-123", "histories.csv.tmp-7", "runs.json.tmp-7", "runs.png.tmp-9",
                 "results.md.tmp-1x", "mine.tmp-1"):
        write(out / name, "what a killed process left, and what none did")
    again = expect(clr("experiment", file, "--out", out), 0, [re.escape(first.out.splitlines()[2])],
                   ["5 runs, all done"])
    check([n for n in names(out) if "tmp" in n] == ["mine.tmp-1", "results.md.tmp-1x"], f"{names(out)}")
    check("run 1 of" not in again.err and (out / "results.csv").read_bytes() == before, f"{again}")
    shutil.rmtree(out / "one-seed-1")
    (out / "one-seed-1").mkdir()        # an empty folder: the run is made again
    expect_lines(expect(clr("experiment", file, "--out", out, "--quiet"), 0).err, 0)
    check((out / "results.csv").read_bytes() == before, "not the same results again")


@case
def experiment_of_some_seeds():
    device()
    out = fresh("out")
    expect(clr("experiment", experiment(seeds="[3, 1, 2]"), "--out", out, "--seeds", 1), 0,
           [r"^\| fixed \| 1 \| 40 \| [0-9.]+ \|"], ["small: 3 runs, none done"])
    check({r["seed"] for r in rows(out)} == {"3"}, f"{rows(out)}")


@case
def experiment_shared_by_two_machines():
    """Each trains other seeds; their folders together are the whole experiment."""
    device()
    file, one, two = experiment(seeds="[1, 2, 3]"), fresh("one"), fresh("two")
    expect(clr("experiment", file, "--out", one, "--seeds", "1-1"), 0, [], ["small: 3 runs, none done"])
    expect(clr("experiment", file, "--out", two, "--seeds", "2-3"), 0, [], ["small: 4 runs, none done"])
    check(not (two / "fixed-seed-1").exists() and (two / "one-seed-3").exists(), f"{names(two)}")
    for folder in two.glob("*-seed-*"):
        folder.rename(one / folder.name)
    expect(clr("experiment", file, "--out", one), 0, [r"^\| fixed \| 3 \| 40 \|"], ["small: 7 runs, all done"])
    for wrong in ("0", "3-2", "a-b", "1-", "7-9"):
        expect(clr("experiment", file, "--out", one, "--seeds", wrong), 2, [], ["--seeds"])


@case
def experiment_goes_on_after_a_run_that_failed():
    """The others are trained and reported, and the exit code is that of the run that failed."""
    device()
    bad = tiny_net("num_output: 10", "num_output: 3")
    file, out = experiment(one=f'net: "{bad}" policy: "fixed" lr: 0.01'), fresh("out")
    result = expect(clr("experiment", file, "--out", out), 4, [r"^\| fixed \| 2 \| 40 \|"],
                    ["warning: 'one', seed 1, failed .exit code 4.", "warning: 'one', seed 2, failed",
                     "2 runs of 5 failed; run the same command again"])
    check("range, seed 1" in result.err and (out / "results.md").exists(), result)


@case
def experiment_of_more_seeds_than_there_are():
    device()
    expect(clr("experiment", experiment(seeds="1", iterations=2, every=1), "--out", fresh("out"), "--seeds", 3), 0, [],
           ["warning: --seeds 3: no run has more than 1"])


@case
def experiment_on_two_devices():
    """Two workers at a time, the same results."""
    device()
    file, one, two, twice = experiment(), fresh("out"), fresh("out"), {"POCL_DEVICES": "pthread pthread"}
    listed = json.loads(clr("devices", "--json", env=twice).out)["devices"]
    places = [d["id"] for d in listed if d["platform"] == "Portable Computing Language"]
    if len(places) < 2:
        skip("PoCL, which can have two devices, is missing")
    expect(clr("experiment", file, "--out", one, "--device", places[0]), 0)
    expect(clr("experiment", file, "--out", two, "--device", ",".join(places), env=twice), 0, [],
           [f"run 2 of 5: .*, on {places[1]}"])
    check((one / "results.csv").read_bytes() == (two / "results.csv").read_bytes(), "other results")


@case
def experiment_chooses_devices_before_it_runs():
    env, file, out = pretended(False), experiment(), fresh("out")
    for wanted, code, said in (("0:0,foo", 3, "--device: no device matches 'foo'"), (",", 2, "',' names no device"),
                               ("0:0,gpu", 2, r"--device: 0:0 \(.*\) is named twice")):
        result = expect(clr("experiment", file, "--out", out, "--device", wanted, env=env), code, [], [said])
        expect_lines(result.err, 1)
    check(not out.exists(), "something was begun")
    env["CLR_DEVICE"] = "all"
    expect(clr("experiment", file, "--out", out, "--seeds", "1", env=env), 1, [],
           ["run 1 of 3: fixed, seed 1, on 0:0$"])


@slow_case
def experiment_after_kills_has_the_same_results():
    device()
    file, whole = experiment(iterations=1500, every=100), fresh("out")
    expect(clr("experiment", file, "--out", fresh("out"), "--seeds", 1), 0)     # compiles the kernels
    began = time.monotonic()
    expect(clr("experiment", file, "--out", whole), 0)
    seconds = time.monotonic() - began

    def begin():
        out = fresh("out")
        return out, ["experiment", file, "--out", out]

    def finish(out, args):
        expect(clr(*args), 0)
        for name in ["results.csv"] + [f"{run}-seed-{n}/{file}" for run in ("fixed", "one") for n in (1, 2)
                                       for file in ("history.csv", "loss.csv", "final.safetensors")]:
            check((whole / name).read_bytes() == (out / name).read_bytes(), f"{name} differs")

    kill_often(10, 5, 0.3 * seconds, begin, finish)


@case
def experiment_is_kept_in_two_files():
    """histories.csv and runs.json in place of the runs' folders: the same tables, the same figures."""
    device()
    file, out = experiment(), fresh("out")
    expect(clr("experiment", file, "--out", out), 0, [], ["none done"])
    files = ("results.csv", "results.md", "histories.csv", "runs.json")
    before = [(out / name).read_bytes() for name in files]
    table = list(csv.DictReader(io.StringIO(before[2].decode())))
    check(list(table[0]) == ["run", "seed", "iteration", "trn_loss", "lr", "val_loss", "val_acc", "seconds"], table[0])
    check({(r["run"], r["seed"]) for r in table} ==
          {("fixed", "1"), ("fixed", "2"), ("one", "1"), ("one", "2"), ("range", "1")}, f"{table}")
    for path in (out, tiny_net(), tiny_data()):
        check(str(path) not in before[3].decode(), f"runs.json names {path}")
        check(str(path).encode() not in (out / "runs.png").read_bytes(), f"a figure names {path}")
    for kind, name in (("run", "fixed-seed-1"), ("range", "range-seed-1")):
        draw = ["plot", kind, out / name, "-o", out / "x.png", "--csv"]
        expect(clr(*draw, out / f"{kind}-before"), 0)
        shutil.rmtree(out / name)
        expect(clr(*draw, out / f"{kind}-after"), 0)
        check((out / f"{kind}-before").read_bytes() == (out / f"{kind}-after").read_bytes(), f"{kind}: another figure")
    for folder in out.glob("*-seed-*"):
        shutil.rmtree(folder)
    for name in files:
        write(out / f"{name}.tmp-123", "half")
    expect(clr("experiment", file, "--out", out), 0, [], ["5 runs, all done", "5 of them.*histories.csv",
                                                          "and 2 figures in"])
    check(not list(out.glob("*.tmp-*")), f"left over: {names(out)}")
    check([(out / name).read_bytes() for name in files] == before, "other tables")
    expect(clr("plot", "run", out / "histories.csv", "-o", out / "y.png", "--csv", out / "y.csv"), 0)
    check("one" not in names(out) and "fixed" in (out / "y.csv").read_text(encoding="utf-8"), names(out))
    expect(clr("plot", "run", out / "histories.csv", "-o", out / "y.png", "--csv", out / "y.csv", "--label",
               "fixed=as published"), 0)
    check("as published" in (out / "y.csv").read_text(encoding="utf-8"), "no label for the run's name")
    expect(clr("plot", "run", out, "-o", out / "z.png"), 4, [], ["histories.csv"])
    expect(clr("plot", "loss", out / "fixed-seed-1", "-o", out / "z.png"), 4, [], ["loss.csv", "histories.csv"])
    archive_survives(file, out)


def archive_survives(file, out):
    """No run that is in histories.csv and runs.json only is lost or trained again without a word."""
    before = {name: (out / name).read_bytes() for name in names(out)}
    kept = {name: before[name].decode() for name in ("histories.csv", "runs.json")}
    runs, table = json.loads(kept["runs.json"]), kept["histories.csv"].splitlines(keepends=True)

    def refused(name, text, message):
        write(out / name, text)
        expect(clr("experiment", file, "--out", out), 4, [],
               ["nothing is trained until .* are restored, since .*: .*" + message])
        write(out / name, kept[name])

    refused("runs.json", kept["runs.json"][:-40], r"runs\.json:\d+: ")
    refused("runs.json", json.dumps(dict(runs, format=2)), "format 2.* reads format 1")
    refused("runs.json", '{"format": 1, "runs": {}}', r"histories.csv:2: 'fixed-seed-1' is missing in")
    refused("histories.csv", "".join(table[:2] + table[3:]), "rows of .*fixed-seed-1' in histories.csv do not fit")
    (out / "histories.csv").unlink()
    refused("runs.json", kept["runs.json"], "histories.csv' is missing")
    write(out / "histories.csv", kept["histories.csv"])
    write(out / "runs.json", kept["runs.json"][:-40])
    expect(clr("plot", "run", out / "fixed-seed-1/", "-o", out / "z.png"), 4, [], [r"runs\.json:\d+: "])
    write(out / "runs.json", kept["runs.json"])
    changed = write(fresh("y.prototxt"), file.read_text(encoding="utf-8").replace("lr: 0.01 }", "lr: 0.02 }"))
    expect(clr("experiment", changed, "--out", out), 2, [], ["there is a run with other options in .*fixed-seed-1"])
    check(before == {name: (out / name).read_bytes() for name in names(out)}, f"{names(out)}")
    fewer = write(fresh("y.prototxt"), file.read_text(encoding="utf-8").replace("seed: [1, 2]", "seed: 2"))
    expect(clr("experiment", fewer, "--out", out), 0, [], ["3 runs, all done", "2 runs more in histories.csv only"])
    check(json.loads((out / "runs.json").read_text(encoding="utf-8"))["runs"] == runs["runs"], "a run is another")
    check(sorted((out / "histories.csv").read_text(encoding="utf-8").splitlines(keepends=True)) == sorted(table),
          "a row is another")


@case
def experiment_in_a_folder_with_an_odd_name():
    file = experiment(iterations=2, every=2)
    out = fresh("run") / "b\udcffk"
    expect(clr("experiment", file, "--out", out, env=pretended(True)), 2, [], ["--out is not UTF-8"])
    check(not out.exists(), "the folder was made")
    device()
    out = fresh("run") / "a\n\tb, \"c\""
    expect(clr("experiment", file, "--out", out, "--seeds", "1"), 0, ["^\\| fixed \\| 1 "])
    check(len(rows(out)) == 2 and json.loads((out / "runs.json").read_text(encoding="utf-8")), f"{rows(out)}")
    expect(clr("experiment", file, "--out", out, "--seeds", "1"), 0, [], ["3 runs, all done"])


@case
def experiment_stops_at_a_signal():
    device()
    file, out = experiment(iterations=20000, every=1000), fresh("out")
    with subprocess.Popen([Place.program, "experiment", file, "--out", out, "--seeds", "1"], cwd=Place.scratch,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=Place.environment()) as process:
        wait_for(process, (out / "fixed-seed-1" / "history.csv").exists)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read().decode()
        check(process.wait(timeout=120) == 130, f"exit code {process.returncode}: {said}")
    check(said.count("stopping and saving the run") == 1 and "run the same command again" in said, said)
    run = json.loads((out / "fixed-seed-1" / "run.json").read_text(encoding="utf-8"))
    check(run["status"] == "interrupted", f"{run['status']}")
    check(not (out / ".lock").exists() and not (out / "one-seed-1").exists(), f"{names(out)}")


@case
def experiment_goes_on_though_nobody_reads_its_messages():
    """Messages cannot be written: a full disk, a closed descriptor, a reader that has ended."""
    device()
    file, said = experiment(seeds="1", iterations=4, every=2), fresh("said")
    for redirect in ("2>/dev/full", "2>&-", "2>&1 >{} | head -n 1"):
        out = fresh("out")
        line = f'"$0" experiment "$1" --out "$2" {redirect.format(said)}; exit 0'
        done = subprocess.run(["sh", "-c", line, Place.program, file, out], cwd=Place.scratch, timeout=120,
                              env=Place.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        text = said.read_text(encoding="utf-8") if said.exists() else done.stdout
        check("| one | 1 | 4 |" in text and "runs.png" in names(out), f"{redirect}: {names(out)}, {done}")


@case
def experiment_takes_no_run_that_was_cut_short():
    device()
    out, file = fresh("out"), experiment(seeds="1", every=10)
    expect(clr("experiment", file, "--out", out), 0)
    for name in ("fixed-seed-1/history.csv", "fixed-seed-1/loss.csv", "one-seed-1/timing.csv",
                 "range-seed-1/range.csv"):
        whole = (out / name).read_text(encoding="utf-8")
        lines = whole.splitlines(keepends=True)
        for cut in (lines[:-1], lines[:2], lines[:2] + lines[3:], lines + [lines[-1].replace("0,", "1,", 1)]):
            write(out / name, "".join(cut))
            expect(clr("experiment", file, "--out", out), 4, [], [f"{name}' does not fit run.json"])
        write(out / name, whole)
    expect(clr("experiment", file, "--out", out), 0, [], ["3 runs, all done"])


@case
def experiment_of_range_tests_says_what_they_read():
    device()
    out = fresh("out")
    file = write(fresh("x.prototxt"), f"""
name: "ranges"
range_test {{ name: "range" net: "{tiny_net()}" data: "{tiny_data()}" batch: 10 min_lr: 0.0001 max_lr: 0.1
             iterations: 20 seed: [1, 2] }}
""")
    result = expect(clr("experiment", file, "--out", out), 0,
                    [r"\A\| range test \| seed \| min-lr \| max-lr \| max-lr between \|$", r"^\| range \| 2 \|",
                     r"^\| range \| median of 2 \|"])
    for seed in (1, 2):
        read = json.loads((out / f"range-seed-{seed}" / "range.json").read_text(encoding="utf-8"))
        low, high = (f"{read[key]:.4g}" if read[key] else "–" for key in ("min_lr", "max_lr"))
        check(f"| range | {seed} | {low} | {high} | " in result.out, f"{result}, {low}, {high}")
        doubt = f"; uncertain: {read['doubt']} |" if read["doubt"] else " |"
        check(re.search(rf"^\| range \| {seed} \|.*[0-9a-z]{re.escape(doubt)}$", result.out, re.M),
              f"{result}, {doubt}")
    check(result.out in (out / "results.md").read_text(encoding="utf-8"), "results.md has another table")


@case
def experiment_takes_no_other_runs_for_its_own():
    """Runs with an option that was changed or removed since are refused."""
    device()
    out = fresh("out")
    expect(clr("experiment", experiment(ONE + " weight_decay: 0.1"), "--out", out, "--seeds", 1), 0)
    before = (out / "one-seed-1" / "run.json").read_bytes()
    for one in (ONE, ONE + " weight_decay: 0.2"):
        expect(clr("experiment", experiment(one), "--out", out, "--seeds", 1), 2, [],
               ["x.prototxt:8: there is a run with other options in .*one-seed-1"])
    check((out / "one-seed-1" / "run.json").read_bytes() == before, "the run was touched")


@case
def experiment_averages_repeats_alone():
    """A changed net file and exchanged images are refused: they would not be another seed of the same run."""
    device()
    file, out = experiment(), fresh("out")
    expect(clr("experiment", file, "--out", out, "--seeds", 1), 0)
    net, text = tiny_net(), tiny_net().read_text(encoding="utf-8")
    net.write_text(text + "# changed\n", encoding="utf-8")
    try:
        expect(clr("experiment", file, "--out", out), 2, [],
               [f"'{re.escape(str(net))}' is not what it was when the run in .*fixed-seed-1' was trained"])
    finally:
        net.write_text(text, encoding="utf-8")
    run = json.loads((out / "one-seed-1" / "run.json").read_text(encoding="utf-8"))
    changed = dict(run, data=dict(run["data"], sha256="0" * 64))
    write(out / "one-seed-1" / "run.json", json.dumps(changed))
    result = expect(clr("experiment", file, "--out", out), 2, [],
                    ["one-seed-2' was trained on other images than seed 1"])
    check((out / "fixed-seed-2").exists(), f"it stopped too early: {result}")
    shutil.rmtree(out / "fixed-seed-2")
    result = expect(clr("experiment", file, "--out", out), 2, [],
                    ["one-seed-2' was trained on other images than seed 1"])
    check(not (out / "fixed-seed-2").exists(), f"more was trained: {result}")
    # of another device, according to run.json
    run["resumed"] = [{"device_before": "another device", "device": run["device"]["name"]}]
    write(out / "one-seed-1" / "run.json", json.dumps(run))
    expect(clr("experiment", file, "--out", out), 0)
    text = (out / "results.md").read_text(encoding="utf-8")
    check("another device (a part of a run)" in text, text)


@case
def experiment_draws_what_it_can():
    device()
    out, file = fresh("out"), experiment(seeds="1")
    figures = 'figure { file: "no.png" run: "fixed" y_min: 99 } figure { file: "yes.pdf" run: "fixed" }'
    write(file, file.read_text(encoding="utf-8") + figures)
    expect(clr("experiment", file, "--out", out), 4, [r"^\| fixed \| 1 \|"],
           ["figure 'no.png' cannot be drawn: 'fixed.* has no accuracy of 99 % or more"])
    check("yes.pdf" in names(out) and "no.png" not in names(out), f"{names(out)}")
    page = (out / "results.md").read_text(encoding="utf-8")
    check("\n![](runs.png)\n" in page and "\n[yes.pdf](yes.pdf)\n" in page, page)


@case
def experiment_counts_divergence():
    device()
    out = fresh("out")
    args = ["experiment", experiment('policy: "1cycle" max_lr: 1e5'), "--out", out, "--seeds", 1]
    expect(clr(*args), 0, [r"one \| 1, 1 diverged at iteration \d+ \|"],
           ["warning: 'one', seed 1, diverged"])
    check([r["status"] for r in rows(out)] == ["finished", "diverged"], f"{rows(out)}")
    expect(clr(*args), 0, [], ["3 runs, all done", "wrote results.csv, results.md and 2 figures in"])
    text = args[1].read_text(encoding="utf-8").replace('run: "fixed" run: "one"', 'run: "one"')
    write(args[1], text.replace('kind: RANGE run: "range"', 'run: "one"'))
    expect(clr(*args), 0, [], ["wrote results.csv, results.md and 2 figures in"])   # up to where they diverged


@case
def experiment_refuses_before_it_runs():
    out = fresh("out")
    for one, code, message in ((ONE + " lrr: 1", 4, "unknown option.*--lrr"),
                               (ONE + ' out: "x"', 4, "'out' has no place"),
                               (ONE + ' data: "nowhere"', 4, "'one' cannot be run: there is no data set and no folder"),
                               (ONE + ' net: "no.prototxt"', 4, "'one' cannot be run: 'no.prototxt' is missing"),
                               ('policy: "1cycle" max_lr: -1', 4, "--max-lr"),
                               ('policy: "fixd" lr: 1', 4, "did you mean 'fixed'")):
        result = expect(clr("experiment", experiment(one), "--out", out), code, [], [message])
        check(re.search(r"x.prototxt:\d+:", result.err), f"which line?\n{result}")
        check(not out.exists(), f"{one}: there is something")
    text = experiment().read_text(encoding="utf-8")
    many = write(fresh("x.prototxt"), text + 'figure { file: "many.png" ' + 'run: "fixed" ' * 25 + "}")
    expect(clr("experiment", many, "--out", out), 4, [], ["more than 24 runs"])
    expect(clr("experiment", "--out", out), 2)
    expect(clr("experiment", "headline"), 2, [], ["--out DIR is missing"])
    expect(clr("experiment", "headlin", "--out", out), 4, [], ["did you mean 'headline'"])
    expect(clr("experiment", experiment(), "--out", "/dev/null/x"), 1)


@case
def experiment_reports_the_faults_of_all_runs():
    """A line for each option that is wrong, and one for all that are missing, once for all seeds of a run."""
    file = write(fresh("x.prototxt"), 'name: "x" seed: 1 seed: 2\nrun { name: "a" policy: "fixed" lr: 1 }\n'
                 'run { name: "b" policy: "fixd" lrr: 3 lr: 2 }')
    lines = expect(clr("experiment", file, "--out", fresh("out")), 4).err.splitlines()
    begin = [":2: 'a' cannot be run: --net NET, --data DATA and --iterations N are missing",
             ":3: 'b' cannot be run: --policy takes", ":3: 'b' cannot be run: unknown option '--lrr'"]
    check(all(want in line for want, line in zip(begin, lines)) and len(lines) == 3, lines)
    runs = "".join(f'run {{ name: "r{i}" lr: 1 }}\n' for i in range(60))
    expect(clr("experiment", write(file, 'name: "x"\n' + runs), "--out", fresh("out")), 4, [], ["^and [0-9]+ more$"])


@case
def experiment_writes_into_its_folder_alone():
    """A value is not parsed as an option: a flag's value can set neither another folder nor --help."""
    out, other = fresh("out"), fresh("other")
    for value in ("--help", f"--out={other}", "--resume", "yes"):
        file = experiment(f'{ONE} three_phase: "{value}"')
        write(out / "one-seed-1" / "run.json", "{}")
        expect(clr("experiment", file, "--out", out), 4, [], ["'one' cannot be run: --three-phase takes no value"])
        check(not other.exists() and names(out) == ["one-seed-1"], f"{names(out)}")
