"""Run folders of clr-cl 0.1 (tests/golden/version-0.1, made by 683a295 from tests/golden/tiny-data)."""

import json
import shutil
from pathlib import Path

from harness import case, check, clr, device, expect, fresh

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def old_runs():
    folder = fresh("old")
    shutil.copytree(GOLDEN / "version-0.1", folder)
    return folder


@case
def version_0_1_is_drawn():
    old = old_runs()
    for kind, run in (("run", "run"), ("loss", "run"), ("range", "range")):
        expect(clr("plot", kind, old / run, "-o", old / "x.png", "--csv", old / "x.csv"), 0)
        check((old / "x.csv").read_text(encoding="utf-8").count("\n") > 5, kind)


@case
def version_0_1_is_evaluated():
    device()
    old = old_runs()
    expect(clr("eval", "--net", old / "net.prototxt", "--weights", old / "run" / "final.safetensors",
               "--data", GOLDEN / "tiny-data"), 0, ["^accuracy 40.00 %, loss 1.5801, 20 images"])


@case
def version_0_1_is_resumed():
    device()
    old = old_runs()
    args = ["train", "--resume", "--out", old / "run", "--net", old / "net.prototxt", "--data", GOLDEN / "tiny-data"]
    expect(clr(*args, "--iterations", 24), 0, ["after 24 iterations"],
           ["the run in '.*' was made with .*", "resumed after iteration 16"])


@case
def version_of_another_format_is_told():
    """One message with both versions; nothing is trained."""
    device()
    old = old_runs()
    args = ["train", "--resume", "--out", old / "run", "--net", old / "net.prototxt", "--data", GOLDEN / "tiny-data",
            "--iterations", 24]
    file = old / "run" / "checkpoint-16.clr"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"clr-cl checkpoint 1\n", b"clr-cl checkpoint 27\n", 1))
    expect(clr(*args), 4, [], [r"of clr-cl 0.1.0: '.*checkpoint-16.clr' has format 27; clr-cl \S+ reads format 1"])
    file.write_bytes(content)
    run = json.loads((old / "run" / "run.json").read_text(encoding="utf-8"))
    run.update(format=2, version="9.8")
    (old / "run" / "run.json").write_text(json.dumps(run), encoding="utf-8")
    for command in (args, ["plot", "run", old / "run", "-o", old / "x.png"], ["eval", old / "run"],
                    ["list", old / "run"]):
        expect(clr(*command), 4, [], [r"run.json' has format 2, of clr-cl 9.8; this is clr-cl \S+, .* format 1"])
    run.update(format=1)
    del run["version"]
    (old / "run" / "run.json").write_text(json.dumps(run), encoding="utf-8")
    expect(clr(*args), 4, [], ["run.json' is not a run's file"])
    check(sorted(p.name for p in (old / "run").glob("*.clr")) == ["checkpoint-16.clr"], "something was trained")
