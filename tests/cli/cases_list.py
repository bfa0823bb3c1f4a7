"""clr-cl list: tables of runs."""

import csv
import json
import os
import shutil
import socket
import subprocess

from harness import ROOT, Place, case, check, clr, expect, fresh, skip, write

OLD = ROOT / "tests" / "golden" / "version-0.1"


def run_folder(path, status="finished", **changes):
    """A folder whose run.json has what list reads."""
    result = {"iterations": 600, "val_acc": 0.5, "best_acc": 0.625, "seconds": 90.0}
    result.update(changes)
    settings = {"net": "nets/mine.prototxt", "data": "fashion-mnist", "iterations": 600, "seed": 7, "validation": 0,
                "schedule": {"policy": "triangular", "min_lr": 0.001, "max_lr": 0.04, "step_size": 100}}
    path.mkdir(parents=True)
    write(path / "run.json", json.dumps({"format": 1, "status": status, "settings": settings, "result": result,
                                         "started": "2026-11-30T20:00:00Z", "device": {"name": "a, b"}}))
    return path


@case
def list_prints_a_table():
    folder = fresh("list")
    run_folder(folder / "b", val_acc=0.75)
    run_folder(folder / "deep" / "er" / "a", status="diverged", iterations=119, diverged_at=120)
    lines = expect(clr("list", folder), 0).out.splitlines()
    check(len(lines) == 3 and lines[0].split() == "run net data policy seed state accuracy best time".split(), lines)
    expected = "b mine.prototxt fashion-mnist triangular 0.001 to 0.04 7 finished 75.00 % 62.50 % 1.5 min"
    check(lines[1].split() == f"{folder}/{expected}".split(), lines[1])
    check("diverged at 120 of 600" in lines[2], lines[2])
    check([line.split()[0][-1] for line in expect(clr("list", folder, "--sort", "accuracy"), 0).out.splitlines()[1:]]
          == ["b", "a"], "order")


@case
def list_overwrites_no_run():
    folder, archive = run_folder(fresh("list") / "a"), ROOT / "docs" / "results" / "short"
    copy = write(folder.parent / "runs.json", (archive / "runs.json").read_text(encoding="utf-8"))
    write(folder.parent / "histories.csv", (archive / "histories.csv").read_text(encoding="utf-8"))
    for file in (folder / "run.json", copy):
        before = file.read_bytes()
        result = clr("list", folder.parent, "--csv", file)
        check(file.read_bytes() == before, f"{file} was overwritten\n{result}")
        expect(result, 2, [], ["are the same file: write to another one$"])


@case
def list_as_csv_and_json():
    folder = fresh("list")
    run_folder(folder / "a")
    expect(clr("list", folder, "--csv", folder / "runs.csv"), 0)
    with open(folder / "runs.csv", encoding="utf-8", newline="") as file:
        row, = csv.DictReader(file)
    check((row["device"], row["accuracy"], row["planned"], row["seconds"]) == ("a, b", "0.5", "600", "90"), row)
    run, = json.loads(expect(clr("list", folder, "--json"), 0).out)
    check(run["net"] == "nets/mine.prototxt" and run["best"] == 0.625 and run["held_out"] is False, run)


@case
def list_tells_a_running_run_from_a_killed_one():
    folder = fresh("list")
    run_folder(folder / "a", status="running")
    states = {os.getpid(): "running", 4194304: "stopped"}  # no process has a number so large
    for process, state in states.items():
        write(folder / "a" / ".lock", f"{process} {socket.gethostname()}\n")
        run, = json.loads(expect(clr("list", folder, "--json"), 0).out)
        check(run["state"] == state, run)


@case
def list_leaves_out_what_it_cannot_read():
    folder = fresh("list")
    run_folder(folder / "good")
    write(run_folder(folder / "bad") / "run.json", "{")
    result = expect(clr("list", folder), 4, ["good"], ["warning", "bad/run.json", "1 run could not be read"])
    check(len(result.out.splitlines()) == 2, result.out)
    empty = fresh("empty")
    empty.mkdir()
    expect(clr("list", folder / "good", empty), 0, ["good"], ["there is no run in '.*empty'"])
    expect(clr("list", empty), 4, [], ["there is no run in", "nothing to list"])
    write(folder / "bad" / "run.json", "{}")
    result = expect(clr("list", folder / "bad"), 4, [], ["bad' is not of a run: it has no settings", "nothing to list"])
    check(not result.out, f"a table without runs\n{result}")
    expect(clr("list", empty / "no"), 4, [], ["'.*/no' does not exist"])
    expect(clr("list", write(empty / "file", "")), 4, [], ["'.*/file' is no folder"])
    expect(clr("list"), 2, [], ["needs a folder"])


@case
def list_leaves_out_folders_without_permission():
    """As root, without the capability to read them all the same."""
    folder = fresh("list")
    run_folder(folder / "good")
    (folder / "closed").mkdir(mode=0)
    drop = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if drop and (not shutil.which(drop[0]) or subprocess.run([*drop, "true"], check=False).returncode):
        skip("setpriv cannot drop the capabilities of root")
    done = subprocess.run([*drop, Place.program, "list", folder], env=Place.environment(), capture_output=True,
                          text=True, check=False)
    (folder / "closed").chmod(0o700)
    check(done.returncode == 0 and "good" in done.stdout and "closed" not in done.stdout, done)
    check("closed' is left out: Permission denied" in done.stderr, done)


@case
def list_names_a_run_once():
    """Whatever links and arguments lead to it, also where it cannot be read or has no folder; names are whole."""
    folder = fresh("list")
    long = run_folder(folder / "runs" / ("a" * 200))
    write(run_folder(folder / "runs" / "bad") / "run.json", "{")
    (folder / "runs" / "up").symlink_to("..")
    (folder / "runs" / "0").symlink_to(long.name)
    result = expect(clr("list", f"{folder}/runs//", folder, f"{long}/", long), 4, [rf"^{long} +mine"],
                    ["1 run could not be read"])
    check(len(result.out.splitlines()) == len(result.err.splitlines()) == 2, result)
    shutil.copytree(ROOT / "docs" / "results" / "short", folder / "archive")
    (folder / "link").symlink_to("archive")
    runs = [run["run"] for run in json.loads(expect(clr("list", folder / "archive", "--json"), 0).out)]
    again = clr("list", folder / "archive", f"{runs[0]}/", folder / "link", "--json")
    again = [run["run"].replace("link", "archive") for run in json.loads(expect(again, 0).out)]
    check(again == runs, f"{again}, not {runs}")


@case
def list_reads_runs_of_0_1_and_of_experiments_without_folders():
    check(len(json.loads(expect(clr("list", OLD, "--json"), 0).out)) >= 1, OLD)
    folder = fresh("list")
    shutil.copytree(ROOT / "docs" / "results" / "short", folder, dirs_exist_ok=True)
    runs = json.loads(expect(clr("list", folder, "--json"), 0).out)
    check(len(runs) >= 3 and all(run["state"] == "finished" for run in runs), runs)
    run, = json.loads(expect(clr("list", runs[0]["run"], "--json"), 0).out)
    check(run == runs[0], f"another run by its name: {run}")


@case
def list_shows_what_a_run_has_done_so_far():
    """A run that is killed has no result, but its tables; seeds have 64 bits, and names may be no UTF-8."""
    folder = fresh("list")
    for name, status, state in (("a", "running", "stopped"), ("b", "failed", "failed"), ("\udce4", "failed", "failed")):
        path = run_folder(folder / name, status=status)
        root = json.loads((path / "run.json").read_text(encoding="utf-8"))
        root["settings"]["seed"] = str(2**64 - 1)
        del root["result"]
        write(path / "run.json", json.dumps(root))
        write(path / "history.csv", "iteration,trn_loss,lr,val_loss,val_acc\n1,2,0.1,2,0.5\n40,2,0.1,2,0.25\n")
        write(path / "timing.csv", "iteration,seconds\n1,0.5\n40,2\n")
        if name != "\udce4":
            check(f"{state} at 40 of 600" in expect(clr("list", path), 0).out, state)
    for run in json.loads(expect(clr("list", folder, "--json"), 0).out):
        is_ = run["seed"], run["iterations"], run["accuracy"], run["best"], run["seconds"]
        check(is_ == (str(2**64 - 1), 40, 0.25, 0.5, 2.0), run)
