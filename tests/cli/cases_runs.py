"""Whole runs on the device: what they write, print and return."""

import csv
import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

from harness import (ROOT, Place, case, check, clr, clr_stopped, device, expect, expect_lines, fresh, names, pretended,
                     settings, skip, slow_case, tiny, tiny_data, tiny_net, write)

RUN_FILES = ["final.safetensors", "history.csv", "loss.csv", "run.json", "timing.csv"]


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def trained(**options):
    """The folder of a run that must succeed, and what it printed."""
    device()
    out = fresh("run")
    return out, expect(clr(*tiny(out=out, **options)), 0)


@case
def train_writes_a_run():
    out, result = trained()
    for name in RUN_FILES:
        check(name in names(out), f"{name} is missing: {names(out)}")
    check(not [n for n in names(out) if "tmp" in n], f"left behind: {names(out)}")
    expect(result, 0, ["^test accuracy .*20 iterations"],
           ["^device: ", "^iteration 10/20 ", "^iteration 20/20 ", "wrote"])
    check("\033" not in result.err and "\r" not in result.err, f"escapes in a file\n{result}")
    history = rows(out / "history.csv")
    columns = list(history[0])[:5]
    check(columns == ["iteration", "trn_loss", "lr", "val_loss", "val_acc"], f"columns: {columns}")
    check([r["iteration"] for r in history] == ["1", "10", "20"], f"iterations: {history}")
    check(all(0 <= float(r["val_acc"]) <= 1 and float(r["lr"]) == 0.01 for r in history), f"{history}")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    check("clr-cl train" in json.dumps(run), f"no command line in run.json: {run}")


@case
def train_again_gives_the_same_bytes():
    first, second = trained(log_every=1)[0], trained(log_every=1)[0]
    other = trained(log_every=1, seed=2)[0]
    for name in ("history.csv", "loss.csv", "final.safetensors"):
        bytes_of = [(run / name).read_bytes() for run in (first, second, other)]
        check(bytes_of[0] == bytes_of[1], f"{name} differs between equal runs")
        check(bytes_of[0] != bytes_of[2], f"{name} does not depend on the seed")
    check(len(rows(first / "loss.csv")) == 20, "loss.csv has not 20 rows")


@case
def batch_is_the_files_where_none_is_given():
    net = tiny_net("batch_size: 10", "batch_size: 25")
    note = r"^--batch 25, as '.*net.prototxt' says \(batch_size\)$"
    out, result = trained(net=net, batch=None, iterations=4)
    expect(result, 0, [], [note, "4 iterations of 25 images"])
    check(result.err.count("batch_size") == 1, f"reported more than once\n{result}")
    check(settings(out)["batch"] == 25, "run.json has another batch")
    expect(clr("train", "--resume", "--out", out, "--iterations", 6), 0, [], [note])
    out, result = trained(net=net, batch=50, iterations=4)
    check("batch_size" not in result.err, f"reported though it does not count\n{result}")
    check(settings(out)["batch"] == 50, "not the batch that was given")
    out, result = trained(net=tiny_net("data_param { batch_size: 10 }", ""), batch=None, iterations=2)
    check("batch_size" not in result.err and settings(out)["batch"] == 100, f"no batch of 100 without any\n{result}")
    expect(clr("net", "show", net), 0, ["batch of 25"], [note])
    expect(clr("net", "show", net, "--batch", 50), 0, ["batch of 50"])
    sweep = clr(*tiny("range-test", net=net, batch=None, out=fresh("range")))
    expect(sweep, 0, [], [note, "batches of 25|of 25 images"])


@case
def cropped_and_mirrored_images():
    """Random parts of images belong to an image in an epoch: a resumed run has the same ones. A crop of all is none."""
    def net(transform):
        return tiny_net("transform_param {", "transform_param { " + transform)
    nets = {"none": net(""), "all": net("crop_size: 32"), "crop": net("crop_size: 24"), "mirror": net("mirror: true"),
            "both": net("crop_size: 24 mirror: true")}
    runs = {name: trained(net=file, log_every=1, iterations=30)[0] for name, file in nets.items()}
    losses = {name: (run / "loss.csv").read_bytes() for name, run in runs.items()}
    check(losses["none"] == losses["all"], "a crop as large as the image changes the losses")
    check(len(set(losses.values())) == 4, f"runs are equal: {losses}")
    out, _ = trained(net=nets["both"], log_every=1, iterations=7)
    expect(clr("train", "--resume", "--out", out, "--iterations", 30), 0)
    for name in ("final.safetensors", "loss.csv"):
        check((out / name).read_bytes() == (runs["both"] / name).read_bytes(), f"{name} of a resumed run differs")
    expect(clr("eval", out), 0, ["^accuracy"])
    expect(clr(*tiny(net=net("crop_size: 33"), out=fresh("run"))), 4, [],
           ["crop_size 33 is more than images of 32×32 have"])


@case
def train_on_one_thread_gives_the_same_bytes():
    """PoCL's number of threads; other drivers ignore it."""
    device()
    runs = []
    for threads in (None, 1, 3):
        runs.append(fresh("run"))
        expect(clr(*tiny(out=runs[-1], net="quick", log_every=1), env={"POCL_MAX_PTHREAD_COUNT": threads}), 0)
    for name in ("history.csv", "loss.csv", "final.safetensors"):
        check(len({(run / name).read_bytes() for run in runs}) == 1, f"{name} depends on the number of threads")


@case
def train_for_whole_cycles():
    out, result = trained(policy="triangular", lr=None, min_lr=0.001, max_lr=0.01, step_size="0.2ep", cycles=2,
                          iterations=None, validate_every=0)
    check([r["iteration"] for r in rows(out / "history.csv")] == ["1", "16"], f"an epoch has 20 iterations\n{result}")
    check("inside a cycle" not in result.err, f"{result}")


@case
def train_learns():
    out, result = trained(mean="channel", iterations=300, validate_every=100, json=True)
    accuracy = json.loads(result.out)["accuracy"]
    check(accuracy > 0.5, f"accuracy {accuracy} on images that are easy")
    last = rows(out / "history.csv")[-1]
    check(abs(float(last["val_acc"]) - accuracy) < 1e-6, f"history says something else: {last}")
    evaluate = ["eval", "--weights", out / "final.safetensors", "--net", tiny_net(), "--data", tiny_data()]
    again = json.loads(expect(clr(*evaluate, "--json"), 0).out)
    check(abs(again["accuracy"] - accuracy) < 1e-6, f"eval says {again['accuracy']}, train {accuracy}")
    check(again["images"] == 100 and len(again["classes"]) == 10 and
          sum(c["right"] for c in again["classes"]) == round(100 * accuracy), f"classes: {again}")
    expect(clr(*evaluate, "--batch", "7"), 0, ["^accuracy ", "^CLASS ", "100 images"], ["--batch has no effect"])


@case
def nets_without_a_loss_are_evaluated():
    """A file for deployment has the loss and the accuracy of the net that was trained, but cannot be trained."""
    device()
    out = fresh("run")
    expect(clr(*tiny(out=out)), 0)
    wanted = expect(clr("eval", out), 0).out
    text = open(tiny_net(), encoding="utf-8").read()
    body = text[text.index("layer {", text.index("layer {") + 1):text.index('layer { name: "accuracy"')]
    for prob in "", 'layer { name: "p" type: "Softmax" bottom: "ip1" top: "p" }', \
                'layer { name: "p" type: "Softmax" bottom: "ip1" top: "ip1" }':
        deploy = write(fresh("deploy.prototxt"), 'input: "data" input_dim: [1, 3, 32, 32]\n' + body + prob)
        result = expect(clr("eval", "--net", deploy, "--weights", out / "final.safetensors", "--data", tiny_data()), 0,
                        [], ["the net has no loss in the TEST phase: that of a softmax of 'ip1' is computed"])
        check(result.out == wanted, f"{result}")
        expect(clr("net", "show", deploy), 0, ["The net has no loss: it cannot be trained"])
        bad = fresh("run")
        expect(clr(*tiny(out=bad, net=deploy)), 4, [], ["no loss layer in the TRAIN phase"])
        check(not bad.exists(), "a run was begun")
    again = fresh("run")
    loss = 'bottom: "ip1" bottom: "label" top: "loss"'
    expect(clr(*tiny(out=again, net=tiny_net(loss, loss + " include { phase: TRAIN }"))), 0)
    check((again / "history.csv").read_bytes() == (out / "history.csv").read_bytes(), "a loss for training alone")


@case
def train_averages_the_weights():
    device()
    out = fresh("run")
    result = expect(clr(*tiny(out=out, ema=0.9)), 0, ["^average of the weights: accuracy [0-9.]+ %, loss [0-9.]+$"])
    last = rows(out / "history.csv")[-1]
    check(f"accuracy {100 * float(last['ema_acc']):.2f} %, loss {float(last['ema_loss']):.4f}" in result.out, f"{last}")
    again = expect(clr("eval", "--weights", out / "ema.safetensors", "--net", tiny_net(), "--data", tiny_data()), 0)
    check(f"accuracy {100 * float(last['ema_acc']):.2f} %, loss {float(last['ema_loss']):.4f}" in again.out, f"{again}")
    expect(clr("train", "--resume", "--out", out), 0, ["average of the weights"], ["nothing is left to train"])
    expect(clr("plot", "run", out, "-o", out / "run.svg"), 0)
    expect(clr("list", out), 0)
    out = fresh("run")
    found = json.loads(expect(clr(*tiny(out=out, ema=0.5, json=True)), 0).out)
    check(0 <= found["ema_accuracy"] <= 1 and found["ema_loss"] > 0, f"{found}")
    found = json.loads(expect(clr(*tiny(out=fresh("run"), json=True)), 0).out)
    check("ema_loss" not in found, f"{found}")
    expect(clr(*tiny(out=fresh("run"), ema=1)), 2, [], ["--ema"])


@case
def train_by_every_optimizer():
    """Each optimizer has its usual settings, unless others are given."""
    device()
    for name, usual, momentum2 in (("sgd", 0.9, None), ("nesterov", 0.9, None), ("adam", 0.9, 0.999),
                                   ("rmsprop", 0, 0.99), ("adamw", 0.9, 0.999), ("adagrad", 0, None),
                                   ("adadelta", 0, 0.9)):
        out = fresh("run")
        result = expect(clr(*tiny(out=out, optimizer=name, lr=0.001)), 0)
        settings = json.loads((out / "run.json").read_text(encoding="utf-8"))["settings"]
        is_ = settings["optimizer"], settings["schedule"]["momentum"], settings["momentum2"]
        check(is_ == (name, usual, momentum2) and "no effect" not in result.err, f"{is_}")
        test = fresh("range")
        expect(clr(*tiny("range-test", out=test, optimizer=name)), 0)
        of_test = json.loads((test / "run.json").read_text(encoding="utf-8"))["settings"]
        check(of_test["schedule"]["momentum"] == usual, f"the range test of {name} has another momentum: {of_test}")
    expect(clr(*tiny(out=fresh("run"), momentum2=0.5)), 0, [], ["--momentum2 has no effect: optimizer sgd"])
    for name in ("adagrad", "adadelta"):
        expect(clr(*tiny(out=fresh("run"), optimizer=name, momentum=0.5)), 2, [],
               [f"--momentum: optimizer {name} takes no momentum: it must be 0"])
    out = fresh("run")
    expect(clr(*tiny(out=out, optimizer="rmsprop", lr=0.001, momentum=0.8, momentum2=0.5)), 0)
    settings = json.loads((out / "run.json").read_text(encoding="utf-8"))["settings"]
    check((settings["schedule"]["momentum"], settings["momentum2"]) == (0.8, 0.5), f"{settings}")


@case
def train_warns_of_nets_that_cannot_learn():
    """Equal weights, pixels that are not scaled; a usual net is trained without a word."""
    usual = tiny_net()
    raw = tiny_net("scale: 0.00390625", "scale: 30")
    equal = tiny_net('weight_filler { type: "xavier" }', "")
    wide = tiny_net("num_output: 10", "num_output: 12")
    accuracy = 'layer { name: "accuracy"'
    twice = tiny_net(accuracy, 'layer { name: "prob" type: "Softmax" bottom: "ip1" top: "ip1" } ' + accuracy)
    head = tiny_net(accuracy, 'layer { name: "aux" type: "InnerProduct" bottom: "pool1" top: "aux" inner_product_param '
                    '{ num_output: 10 } } layer { name: "l1" type: "SoftmaxWithLoss" bottom: "aux" bottom: "label" }' +
                    accuracy)
    for net, words in ((usual, []), (head, []), (twice, ["layer 'prob'", "computes the softmax itself"]),
                       (raw, ["first loss", "--scale 0.0039"]), (wide, ["12 outputs", "10 classes"]),
                       (equal, ["conv1.weight", "weight_filler"])):
        out = expect(clr(*tiny(net=net, iterations=3, out=fresh("run"))), 0).err
        check(("warning" in out) == bool(words) and all(word in out for word in words), f"{net}: {out}")


@case
def train_in_epochs():
    out, _ = trained(iterations="2ep", batch=15, validate_every="1ep")  # floor(200 / 15) = 13
    check([r["iteration"] for r in rows(out / "history.csv")] == ["1", "13", "26"], "epochs of 13 iterations")
    out, _ = trained(iterations="2ep", batch=15, validate_every="1ep", last_batch="keep")
    check([r["iteration"] for r in rows(out / "history.csv")] == ["1", "14", "28"], "epochs of 14 iterations")
    out, result = trained(iterations="1ep", batch=10, validation=50)
    expect(result, 0, ["^held-out accuracy "])
    check(rows(out / "history.csv")[-1]["iteration"] == "15", "an epoch of the 150 images that are left")


@case
def train_refuses_a_folder_with_a_run():
    out, _ = trained()
    before = {n: (out / n).read_bytes() for n in names(out)}
    result = expect(clr(*tiny(out=out)), 2, [], ["run"])
    check(str(out) in result.err, f"the folder is not named\n{result}")
    check(before == {n: (out / n).read_bytes() for n in names(out)}, "the old run was changed")


@case
def nothing_is_announced_before_a_refusal():
    """A refused command names neither the device nor what it would train; an accepted one names each once."""
    device()
    there, several = fresh("run"), fresh("range")
    result = expect(clr(*tiny(out=there, iterations=1, step_size=9)), 0, ["after 1 iteration;"],
                    ["^device: ", "^training .*, 1 iteration of 10 images"])
    for message in ("device: ", "training ", "--step-size has no effect"):
        check(result.err.count(message) == 1, f"{message}: {result}")
    files = ["--net", tiny_net(), "--data", tiny_data()]
    sweep = ["range-test", *files, "--batch", 10, "--min-lr", 0.01, "--max-lr", 0.1, "--iterations", 4]
    expect(clr(*sweep, "--seeds", 2, "--out", several), 0, [], ["^device: ", "test 1 of 2", "test 2 of 2"])
    gone = fresh("gone.safetensors")
    for args, code in ((tiny(out=there), 2), (tiny(out=fresh("run"), batch=201), 2),
                       (tiny(out=fresh("run"), init=gone), 4), ([*sweep, "--out", there], 2),
                       ([*sweep, "--seeds", 2, "--out", several], 2),
                       ([*sweep, "--init", gone, "--out", fresh("range")], 4),
                       (["train", "--resume", "--out", there, "--seed", 7], 2),
                       (["eval", *files, "--weights", gone], 4)):
        result = expect(clr(*args), code)
        said = [line for line in result.err.splitlines() if not line.startswith(("warning: ", "clr-cl: "))]
        check(not said, f"{result}")


@case
def a_folder_that_nobody_can_look_into():
    """A link to itself and a link to nothing hold no run."""
    device()
    circle, nowhere = fresh("circle"), fresh("nowhere")
    circle.symlink_to(circle)
    nowhere.symlink_to(nowhere.parent / "gone")
    sweep = ["range-test", "--net", tiny_net(), "--data", tiny_data(), "--batch", 10, "--min-lr", 0.01,
             "--max-lr", 0.1, "--iterations", 4]
    for args in (tiny(), sweep, [*sweep, "--seeds", 2]):
        for link, reason in ((circle, "Too many levels of symbolic links"), (nowhere, "a link that leads nowhere")):
            result = expect(clr(*args, "--out", link), 1, [], [f"{re.escape(str(link))}.*{reason}"])
            check("already" not in result.err, f"{result}")


@case
def minima_of_sgdr_are_kept():
    """The weights after the update with the lowest rate of each period are those at the end of a shorter run."""
    options = {"policy": "sgdr", "step_size": 4, "t_mult": 2, "lr": None, "min_lr": 0.001, "max_lr": 0.02}
    out, _ = trained(**options, iterations=18, keep_minima=True, log_every=1)
    check([n for n in names(out) if n.startswith("minimum-")] ==
          ["minimum-12.safetensors", "minimum-4.safetensors"], f"{names(out)}")
    rates = [float(row["lr"]) for row in rows(out / "loss.csv")]
    for begin, end in ((0, 4), (4, 12)):
        short, _ = trained(**options, iterations=end)
        check((short / "final.safetensors").read_bytes() == (out / f"minimum-{end}.safetensors").read_bytes(),
              f"other weights after {end}")
        check(rates[end - 1] == min(rates[begin:end]) < rates[end], f"the rate is not lowest after {end}: {rates}")


@case
def train_quietly():
    out, result = trained(quiet=True)
    check(result.err == "", f"stderr is not empty\n{result}")
    expect_lines(result.out, 1)


@case
def train_profile():
    _, result = trained(profile=True)
    check(re.search("conv", result.out), f"no kernel in the profile\n{result}")


@case
def train_from_weights():
    first, _ = trained()
    out, _ = trained(init=first / "final.safetensors", lr=1e-9)
    old, new = rows(first / "history.csv")[-1], rows(out / "history.csv")[-1]
    check(abs(float(old["val_loss"]) - float(new["val_loss"])) < 1e-3, f"{old} {new}")
    other = tiny_net("num_output: 4", "num_output: 5")
    misfit = {"net": other, "init": first / "final.safetensors"}
    expect(clr(*tiny(out=fresh("run"), **misfit)), 4, [], ["conv1.weight"])
    expect(clr(*tiny(out=fresh("run"), **misfit, init_partial=True)), 0)
    misfit["net"] = write(fresh("net.prototxt"), re.sub('name: "(conv1|ip1)"', r'name: "my-\1"',
                                                        tiny_net().read_text(encoding="utf-8")))
    expect(clr(*tiny(out=fresh("run"), **misfit, init_partial=True)), 4, [],
           ["no tensor has the name and the shape.*'conv1.weight' is not in the net"])


@case
def eval_takes_the_folder_of_a_run():
    """The same result as with its weights, net and data, also where the net's file is gone."""
    net = tiny_net("num_output: 4", "num_output: 6")
    out, _ = trained(net=net)
    weights = out / "final.safetensors"
    given = expect(clr("eval", "--weights", weights, "--net", net, "--data", tiny_data(), "--json"), 0).out
    net.unlink()
    check(json.loads(expect(clr("eval", out, "--json"), 0).out) == json.loads(given), given)
    expect(clr("eval", weights), 4, [], ["is a file of weights", "--weights"])
    weights.unlink()
    expect(clr("eval", out), 4, [], ["is not finished"])
    write(out / "range.csv", "")
    expect(clr("eval", out), 4, [], ["is a range test, which saves no weights"])
    expect(clr("eval", out.parent), 4, [], ["has no run.json"])
    expect(clr("eval", ROOT / "docs" / "results" / "short" / "3000-seed-1"), 4, [], ["was removed, and its weights"])


@case
def train_says_that_a_table_will_be_short():
    """The table has as many lines as the message says; no message for a chosen interval or a resumed run."""
    out, result = trained(iterations=250, validate_every=None)
    for table, lines, option in (("loss.csv", 4, "log"), ("history.csv", 2, "validate")):
        check(f"{table} will have {lines} lines: --{option}-every 6 gives more" in result.err, f"{table}\n{result}")
        check(len(rows(out / table)) == lines, f"{table}: {rows(out / table)}")
    for result in (trained(iterations=250, log_every=100, validate_every=200)[1],
                   expect(clr("train", "--resume", "--out", out, "--iterations", 260), 0)):
        check("will have" not in result.err, result)


@case
def train_that_diverges():
    device()
    out = fresh("run")
    result = expect(clr(*tiny(out=out, lr=1e6, iterations=200)), 5, [], ["iteration"])
    check("final.safetensors" not in names(out), f"weights of a diverged run are kept: {names(out)}")
    history = (out / "history.csv").read_text(encoding="utf-8")
    check(not re.search("nan|inf", history.lower()), f"history.csv: {history}\n{result}")
    out = fresh("run")
    result = expect(clr(*tiny(out=out, lr=1e6, iterations=200, validate_every=1)), 5)
    found = re.search(r"on the evaluated images after iteration (\d+) is not finite", result.err)
    recorded = json.loads((out / "run.json").read_text(encoding="utf-8"))["result"]
    check(found and recorded["diverged_at"] == recorded["iterations"] == int(found[1]), f"{recorded}\n{result}")


@case
def train_is_interrupted():
    device()
    for number in (signal.SIGINT, signal.SIGTERM):
        out = fresh("run")
        args = tiny(out=out, iterations=100000000, validate_every=20)
        expect(clr_stopped(*args, at="iteration 20/", number=number), 130, [], ["stopping"])
        saved = [n for n in names(out) if re.fullmatch(r"interrupted-\d+\.safetensors", n)]
        check(saved, f"files: {names(out)}")
        check("final.safetensors" not in names(out), f"files: {names(out)}")


def on_a_terminal(args, code=0, **env):
    """stderr as a terminal of 100 columns sees it."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen([Place.program, *map(str, args)], stderr=slave, stdout=subprocess.DEVNULL,
                          env=Place.environment(**env), cwd=Place.scratch) as process:
        os.close(slave)
        seen = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
    os.close(master)
    check(process.returncode == code, f"exit code {process.returncode}: {seen!r}")
    return seen.decode()


@case
def progress_on_a_terminal():
    device()
    seen = on_a_terminal(tiny(out=fresh("run"), iterations=300, validate_every=100))
    check("\r[" in seen and "\033[K" in seen and "300/300" in seen, f"no bar: {seen!r}")
    plain = re.sub(r"\033\[[0-9;]*[mK]", "", seen)
    longest = max(len(part) for part in re.split("[\r\n]", plain) if re.match(r"\[[#.]", part))
    check(longest < 100, f"a line of {longest} characters on 100 columns")


@case
def doctor_on_a_terminal():
    """A pretended GPU that compiles nothing: each variant is named before it is examined."""
    seen = on_a_terminal(["doctor"], 1, **pretended(False))
    all_of_them = re.search(r"\r\[.* 0/(\d+)  conv .*\033\[K", seen)
    check(all_of_them, f"no bar: {seen!r}")
    check(f" {int(all_of_them[1]) - 1}/{all_of_them[1]}  training of quick" in seen, f"another end: {seen!r}")
    check(seen.rfind("\r\033[K") > seen.rfind("training of quick, three"), f"the bar stands: {seen!r}")


@case
def no_colour_where_none_is_wanted():
    device()
    seen = on_a_terminal(tiny(out=fresh("run")), NO_COLOR="1")
    check("\033" not in seen and "iteration 20/20" in seen, f"colour or bar: {seen!r}")


@case
def range_test_and_the_command_it_gives():
    device()
    out = fresh("range")
    result = expect(clr(*tiny("range-test", out=out, iterations=400, min_lr=1e-5, max_lr=0.1, sweep="log",
                              weight_decay=0, validation=100)), 0,
                    ["^min-lr ", "^max-lr ", "^baseline", "^length 40 epochs$"],
                    ["every 10 iterations on 100 .*training images"])
    for name in ("range.csv", "range.json", "range.png", "run.json"):
        check(name in names(out), f"{name} is missing: {names(out)}")
    history = rows(out / "range.csv")
    first, last = float(history[0]["lr"]), float(history[-1]["lr"])
    check(abs(first - 1e-5) < 1e-9 and abs(last - 0.1) < 1e-6, f"rates from {first} to {last}")
    check("nan" not in (out / "range.csv").read_text(encoding="utf-8").lower(), "nan in range.csv")
    last = result.out.splitlines()[-1]
    program, *args = shlex.split(last)
    check(program == Place.program and args[0] == "train", f"the last line is no train command\n{result}")
    check(re.search(r"^optimizer = torch.optim.SGD\(.*momentum=0.9, weight_decay=.*\)\n"
                    r"scheduler = .*\.CyclicLR\(.*max_lr=.*\)\nor .* scheduler = .*\.OneCycleLR\(.*max_lr=.*"
                    r"total_steps=\d+\)$", result.out, re.M),
          f"no lines for PyTorch\n{result}")
    check("--weight-decay" in args and "--batch" in args, f"an option is lost: {args}")
    check("--cycles" in args and "--step-size" in args and re.search("^Why: min-lr is .*step size: .*cycles: ",
                                                                     result.out, re.M), f"no reason\n{result}")
    said = re.search(r"^Continue with \(this takes about \d+ (s|minutes|hours), at the [\d,]+ images/s of this "
                     r"test\):$", result.out.splitlines()[-2])
    check(said, f"not how long it takes\n{result}")
    expect(clr(*args), 0, [], ["end of the cycle|iteration"])
    expect(clr("plot", "range", out, "-o", out / "again.svg"), 0)


@case
def range_test_names_all_that_pytorch_needs():
    """Optimizers with means of squares have more settings."""
    device()
    sweep = {"iterations": 400, "min_lr": 1e-6, "max_lr": 0.1, "sweep": "log", "validation": 100, "json": True}
    for optimizer, more, want in (
            ("rmsprop", {}, "momentum=0, alpha=0.99, weight_decay="),
            ("rmsprop", {"momentum2": 0.95, "epsilon": 1e-6}, "momentum=0, alpha=0.95, eps=1e-06, weight_decay="),
            ("adamw", {}, "torch.optim.AdamW("),
            ("adagrad", {}, ", eps=1e-08, weight_decay="),
            ("adadelta", {"max_lr": 5, "epsilon": 1e-6}, ", rho=0.9, weight_decay="),
            ("adam", {"epsilon": 1e-7}, "betas=(0.9, 0.999), eps=1e-07, weight_decay=")):
        result = expect(clr(*tiny("range-test", out=fresh("range"), optimizer=optimizer, **{**sweep, **more})), 0)
        advice = json.loads(result.out)["recommendation"]
        check(advice and want in advice["pytorch_optimizer"], f"{want}\n{result}")


@case
def range_test_that_must_end_higher():
    """Accuracy still rises at the last rate: it recommends another test, not a training."""
    device()
    out = fresh("range")
    result = expect(clr(*tiny("range-test", out=out, iterations=200, validate_every=10, validation=0, min_lr=1e-4,
                              max_lr=0.004)), 0, ["must end higher"])
    check("torch" not in result.out and "--policy" not in result.out, f"{result}")
    reading = json.loads(expect(clr("range-test", "--resume", "--out", out, "--json"), 0).out)
    check(reading["max_lr"] and reading["doubt"] and reading["recommendation"] is None, f"{reading}")
    program, *args = shlex.split(result.out.splitlines()[-1])
    check(program == Place.program and args[0] == "range-test", f"{args}")
    after = expect(clr(*args, "--validation", 0), 0)
    check("must end higher" not in after.out, f"{after}")


@case
def range_test_without_bounds_names_the_next():
    device()
    args = tiny("range-test", out=fresh("range"), iterations=30, validation=0, validate_every=1, min_lr=1e-8,
                max_lr=1e-5, momentum=0.8)
    result = expect(clr(*args), 0, ["No range can be read from this test", "^Continue with"])
    program, *words = shlex.split(result.out.splitlines()[-1])
    check(program == Place.program and words[0] == "range-test" and "torch" not in result.out, f"{result}")
    after = dict(zip(words[1::2], words[2::2]))
    check(float(after["--max-lr"]) == 1 and float(after["--min-lr"]) == 1e-6, f"{after}")
    check(after["--momentum"] == "0.8" and after["--validation"] == "0", f"an option is lost: {after}")
    expect(clr(*words), 0, ["^baseline"])


@case
def range_test_at_chance_proposes_other_rates():
    """Rates that are too high from the first on: the same ones again would be of no use."""
    device()
    sweep = {"iterations": 100, "validation": 0, "validate_every": 2, "optimizer": "adam"}
    for low, high, way in ((0.01, 1, "^.*Begin lower"), (0.0001, 1, "^.*use more --iterations")):
        result = expect(clr(*tiny("range-test", out=fresh("range"), min_lr=low, max_lr=high, **sweep)), 0, [way])
        words = shlex.split(result.out.splitlines()[-1])[2:]
        after = dict(zip(words[::2], words[1::2]))
        check(float(after["--min-lr"]) == 1e-4 and after["--sweep"] == "log", f"{after}")
        check(int(after["--iterations"]) == (100 if low > 1e-4 else 400), f"{after}")


@case
def range_test_names_its_folder_of_seeds():
    """Stopped in the first of several tests: there is no range.json yet."""
    device()
    out = fresh("range")
    args = tiny("range-test", out=out, iterations=200, validation=0, seeds=2)
    expect(clr(*args), 0, [], [])
    (out / "range.json").unlink()
    shutil.rmtree(out / "seed-2")
    expect(clr("range-test", "--resume", "--out", out), 2, [], ["several range tests in '.*--resume"])
    expect(clr(*args, "--resume"), 0)


@case
def range_test_says_when_it_is_short():
    """Bounds from a sweep of less than one epoch are said to be high."""
    device()
    out = expect(clr(*tiny("range-test", out=fresh("range"), batch=2, iterations=99, validation=0, validate_every=3,
                           min_lr=1e-5, max_lr=0.3, sweep="log", weight_decay=0)), 0, ["^length 0.99 epochs"]).out
    check(("min-lr not found" in out) != ("less than one epoch" in out), out)


@case
def range_test_as_json():
    device()
    args = tiny("range-test", out=fresh("range"), validation=0, json=True)
    result = json.loads(expect(clr(*args), 0).out)
    advice = result["recommendation"]
    check(advice is not None or "range-test" in result["train_command"], f"{result}")
    check(not advice or advice["min_lr"] < advice["max_lr"] and advice["reason"] and advice["cycles"] == 3, f"{advice}")
    check(not advice or advice["min_lr"] == result["min_lr"], f"two lower bounds: {result}")
    check(result["validation_images"] == 0 and result["iterations"] == 20 and result["epochs"] == 1,
          f"{result}")


@case
def range_test_that_diverges():
    device()
    out = fresh("range")
    result = expect(clr(*tiny("range-test", out=out, iterations=200, min_lr=0.01, max_lr=1e6, sweep="log",
                              json=True)), 0)
    reading = json.loads(result.out)
    check(reading["diverged"] and 0 < reading["diverged_at"] < 200, f"{reading}")
    for name, iterations in (("epochs", reading["iterations"]), ("planned_epochs", 200)):
        check(abs(reading[name] - iterations / 18) < 1e-6, f"{name} of 180 images: {reading}")
    check(reading["diverged_lr"] > 0.01, f"{reading}")
    check("not finite at iteration" in result.err, f"what ended the test is not told\n{result}")
    text = (out / "range.csv").read_text(encoding="utf-8")
    check(not re.search("nan|inf", text.lower()), f"range.csv: {text}")
    run = (out / "run.json").read_bytes()
    again = expect(clr("range-test", "--resume", "--out", out, "--json"), 0, [],
                   ["ended when its loss diverged at iteration \\d+: nothing is left to train"])
    check(json.loads(again.out) == reading and (out / "run.json").read_bytes() == run, f"{again}")
    text = expect(clr("range-test", "--resume", "--out", out), 0).out
    check(re.search(rf"^length {reading['epochs']:.3g} of 11.1 epochs \(the loss was not finite at iteration "
                    rf"{reading['diverged_at']}, ", text, re.M), text)
    check("Why:" not in text and "step size" not in text, f"reasons for a training that is not proposed: {text}")


@case
def train_that_fell_back_to_chance_says_so():
    device()
    options = {"policy": "triangular", "lr": None, "min_lr": 0.001, "max_lr": 0.5, "step_size": 400, "iterations": 400,
               "validate_every": 5, "weight_decay": 0}
    expect(clr(*tiny(out=fresh("run"), **options)), 0, ["^test accuracy 10.00 %"], ["^warning: .* fell back to chance"])
    learns = expect(clr(*tiny(out=fresh("run"), **{**options, "max_lr": 0.05})), 0)
    check("chance" not in learns.err, f"{learns}")


@case
def range_test_of_several_seeds():
    """Each test has a folder; only the range.json beside these folders has the bounds of all tests."""
    device()
    out = fresh("range")
    args = tiny("range-test", out=out, iterations=200, validate_every=10, validation=0, seeds=3, max_lr=0.5)
    result = expect(clr(*args), 0, [], ["test 3 of 3: seed 3"])
    check(names(out) == ["range.json", "range.png", "seed-1", "seed-2", "seed-3"], f"{names(out)}")
    whole = json.loads((out / "range.json").read_text(encoding="utf-8"))
    parts = [json.loads((out / f"seed-{n}" / "range.json").read_text(encoding="utf-8")) for n in (1, 2, 3)]
    mean = sum(p["untrained"] for p in parts) / 3
    check(whole["tests"] == 3 and abs(whole["untrained"] - mean) < 1e-12 and whole["images"] == 100, f"{whole}")
    check(len((out / "seed-1" / "loss.csv").read_text(encoding="utf-8").splitlines()) == 201, "not every update's loss")
    check(all(whole["rules"][name] > 0 for name in ("steepest", "minimum/10", "valley", "slide")), f"{whole}")
    expect(clr(*args, "--resume"), 0, [re.escape(result.out.splitlines()[0])])
    check(whole == json.loads((out / "range.json").read_text(encoding="utf-8")), "another reading")
    expect(clr("range-test", "--resume", "--out", out / "seed-2"), 0)       # alone, with its own seed
    expect(clr("range-test", "--resume", "--out", out), 2, [],
           ["several range tests in '.*--resume"])
    for more in ({"seeds": 2}, {"weight_decay": "0.1,0.2"}):
        expect(clr(*tiny("range-test", out=out, **more)), 2, [], ["there are tests in '.*' already \\(range.json\\)"])
    for args in (tiny("range-test", out=out), tiny("range-test", out=out, resume=True), tiny(out=out)):
        expect(clr(*args), 2, [], ["there are several range tests in '.*' \\(range.json\\): choose another --out"])
    check(whole == json.loads((out / "range.json").read_text(encoding="utf-8")), "another reading")
    figure = fresh("figure.png")
    table = figure.with_suffix(".csv")
    seeds = [out / f"seed-{n}" for n in (1, 2, 3)]
    expect(clr("plot", "range", *seeds, "-o", figure, "--csv", table), 0)
    drawn = table.read_bytes()
    expect(clr("plot", "range", out, "-o", figure, "--csv", table), 0)
    check(table.read_bytes() == drawn, "the folder of several tests is not drawn as its tests")
    expect(clr("plot", "range", out / "seed-1" / "range.csv", "-o", figure), 0)
    for written in (figure, seeds[0] / "range.csv"):
        expect(clr("plot", "range", *seeds, "-o", figure, "--csv", written), 2, [], ["are the same file"])
    expect(clr(*tiny("range-test", out=fresh("range"), seeds=3, seed=2**64 - 2)), 2, [], ["--seed 184467440737095516"])
    figure.unlink()
    expect(clr("plot", "run", out / "seed-1", "-o", figure), 4, [],
           ["holds a range test, while .*: draw it with 'clr-cl plot range "])
    check(not figure.exists(), "there is a figure")


@case
def range_test_of_several_decays():
    device()
    out = fresh("range")
    args = tiny("range-test", out=out, validation=0, seeds=2, weight_decay="0.1,0.001", json=True)
    tests = json.loads(expect(clr(*args), 0, [], ["weight decay 0.1", "weight decay 0.001"]).out)
    check([t["weight_decay"] for t in tests] == [0.1, 0.001] and
          all(0 <= t["top_accuracy"] <= 1 for t in tests), f"{tests}")
    check([t["out"] for t in tests] == [f"{out}/decay-0.1", f"{out}/decay-0.001"] and
          sum(t["chosen"] for t in tests) == 1, f"{tests}")
    check(len({(t["train_command"] or t["out"]).rpartition(" --out ")[2] for t in tests}) == 2, f"one folder: {tests}")
    check(names(out) == ["decay-0.001", "decay-0.1", "range.png"] and
          names(out / "decay-0.1") == ["range.json", "range.png", "seed-1", "seed-2"], f"{names(out)}")
    drawn = out.parent / "drawn.png"
    expect(clr("plot", "range", out, "-o", drawn), 0)
    check(len({png.read_bytes().partition(b"IDAT")[2] for png in (drawn, out / "range.png")}) == 1,
          "'plot range' draws the folder in another way")
    run = json.loads((out / "decay-0.1" / "seed-2" / "run.json").read_text(encoding="utf-8"))["settings"]
    check((run["weight_decay"], run["seed"]) == (0.1, 2), f"{run}")
    expect(clr("range-test", "--resume", "--out", out / "decay-0.1" / "seed-2"), 0)
    for folder in (out, out / "decay-0.1"):
        expect(clr("range-test", "--resume", "--out", folder), 2, [],
               ["several range tests in '.*--resume"])
    text = expect(clr(*tiny("range-test", out=fresh("range"), validation=0, weight_decay="0.001,0.1")), 0).out
    check("\nweight decay 0.001: " in text and "(the rest is about this one)" in text, text)
    arbitrary = re.search("^The choice of weight decay 0.0*1 is arbitrary: the others", text, re.M)
    check(("beyond the noise" in text) == bool(arbitrary), text)
    single = fresh("range")
    expect(clr(*tiny("range-test", out=single, validation=0)), 0)
    expect(clr(*tiny("range-test", out=single, seeds=2)), 2, [], ["there is a single test in"])
    expect(clr(*tiny("range-test", out=fresh("range"), weight_decay="0.1,0.1")), 2, [], ["0.1 is given twice"])
    for value in ("", "1,,2", "1,x", "-1", "1," * 16 + "1"):
        expect(clr(*tiny("range-test", out=fresh("range"), weight_decay=value)), 2, [], ["--weight-decay takes"])


@case
def range_test_refuses_a_folder_with_a_run():
    device()
    out = fresh("range")
    expect(clr(*tiny("range-test", out=out)), 0)
    expect(clr(*tiny("range-test", out=out)), 2, [], ["range"])


@case
def runs_become_a_figure():
    first, _ = trained()
    second, _ = trained(seed=2)
    figure = first.parent / "runs.png"
    expect(clr("plot", "range", first, "-o", figure), 4, [], ["holds a run, while .*: draw it with 'clr-cl plot run "])
    expect(clr("plot", "run", first, second, "-o", figure, "--title", "two seeds", "--dpi", "192"), 0)
    data = figure.read_bytes()
    check(data.startswith(b"\x89PNG") and b"clr-cl plot run" in data, "no PNG with its command line")
    width, height = struct.unpack(">II", data[16:24])
    check((width, height) == (1920, 1200), f"{width} x {height} pixels")
    losses = first.parent / "loss.csv"
    expect(clr("plot", "loss", first, second, "-o", figure, "--rates", "--csv", losses), 0, [],
           ["wrote .*, .*loss.csv"])
    text = losses.read_text(encoding="utf-8")
    check("training loss,iteration,point," in text and "learning rate,iteration,point," in text, text)


@case
def bench_and_what_becomes_of_it():
    device()
    report, figure = fresh("report.json"), fresh("figure.png")
    net = tiny_net("pool: MAX", "pool: AVE")  # a maximum pool would go into the convolution
    result = expect(clr("bench", "--net", net, "--batch", "10", "--json", report, "--plot", figure), 0,
                    ["^device ", "^tuning +no layer changed by tuning", "^peak .*GFLOP/s", "^bandwidth .*GB/s",
                     "^conv1 +forward ", "^ +update ", "^not convolution ", "^training step .*images/s", "^inference ",
                     "^warm start ", "^first start .* programs compiled",
                     "^device memory +[0-9.]+ MB planned", "^process .* MB", "^conv1 +convolution +OK "],
                    ["^device: ", "^measuring 1/9: ", "^measuring 3/9: whole training steps, about [0-9]+ (s|minutes)$",
                     "^measuring 9/9: first start", "^wrote .*report.json", "^wrote .*figure.png"])
    check("WRONG" not in result.out, f"something is wrong\n{result}")
    check(figure.read_bytes().startswith(b"\x89PNG"), "no PNG")
    data = json.loads(report.read_text(encoding="utf-8"))
    one = data["devices"][0]
    check(one["correct"] and one["programs_compiled"] > 5, f"{one}")
    layers = {(row["layer"], row["pass"]): row["ms"] for row in one["layers"]}
    for wanted in (("", "batch"), ("conv1", "weight gradient"), ("pool1", "backward"), ("", "update")):
        check(wanted in layers, f"{wanted} is missing: {layers}")
    check(not [name for name in layers if name[1] == "other"], f"labels that nobody knows: {layers}")
    spreads = [*layers.values(), one["training_step_ms"], one["inference_ms"], one["warm_start_s"]]
    check(all(0 <= s["min"] <= s["median"] <= s["max"] and s["samples"] > 4 for s in spreads), f"{spreads}")
    check(one["first_start_s"]["median"] > one["warm_start_s"]["median"], "compiling took no time")
    csv, markdown, compared = fresh("c.csv"), fresh("c.md"), fresh("c.json")
    again = write(fresh("again.json"), report.read_text(encoding="utf-8"))
    expect(clr("bench", "compare", report, report), 2, [], ["are the same: name it once$"])
    expect(clr("bench", "compare", report, again, "--csv", csv, "--markdown", markdown, "--json", compared), 0,
           [r"^training +images/s +[0-9,.]+ +[0-9,.]+  about equal$", r"^conv1 +forward .*  about equal$",
            r"^share of the peak +%"],
           ["^wrote .*c.csv", "^wrote .*c.md", "^wrote .*c.json"])
    check(csv.read_text(encoding="utf-8").startswith("report,device,platform,driver,"), "no CSV")
    check("| training | images/s |" in markdown.read_text(encoding="utf-8"), "no Markdown")
    check(json.loads(compared.read_text(encoding="utf-8"))["figures"][0]["values"][1]["verdict"] == "equal", "no JSON")
    expect(clr("bench", "compare", report, "--known"), 4, [],
           ["^not comparable: NVIDIA H200: quick, batch 100", "no known report is of the net .* with batches of 10"])
    expect(clr("plot", "bench", report, again, "-o", fresh("two.svg"), "--quiet"), 0)
    data["batch"] = 20
    other = write(fresh("other.json"), json.dumps(data))
    expect(clr("bench", "compare", report, other), 4, [], ["batches of 10 images, '.*/other' of 20"])
    one["checks"][1]["ok"] = False
    wrong = write(fresh("wrong.json"), json.dumps(data))
    expect(clr("bench", "compare", wrong), 4, [], ["computed wrongly"])


@case
def bench_is_stopped():
    """Also in the last part, and while the driver compiles, whose compiler fails of a signal."""
    device()
    for part in (3, 9):
        stop_bench(part)
    args = ("bench", "--net", tiny_net(), "--batch", "10")
    result = clr_stopped(*args, at="measuring 9/9", pause=0.3, twice=True)  # while it compiles
    expect(result, 130, [], ["press Ctrl-C again to quit now$", "^clr-cl: quit$"])


def stop_bench(part):
    report = fresh("report.json")
    args = ("bench", "--net", tiny_net(), "--batch", "10", "--json", report)
    # In the last part it checks for the signal once more before it begins.
    result = clr_stopped(*args, at=f"measuring {part}/9", pause=0.1 if part == 9 else 0)
    expect(result, 130, [],
           ["^stopping after what is being measured; press Ctrl-C again to quit now$",
            "^clr-cl: stopped while it measured '[^']+': .*; run the same command again"])
    check(f"measuring {part + 1}/9" not in result.err, f"it went on\n{result}")
    if part < 7:
        check(not result.out and not report.exists(), f"nothing was verified yet\n{result}")
        return
    expect(result, 130, ["^stopped ", "^training step "])
    check("\nfirst start " not in result.out, f"{result}")
    again = write(fresh("again.json"), report.read_text(encoding="utf-8"))
    expect(clr("bench", "compare", report, again), 0,
           ["^training step .*about equal$", r"^\[2\] was stopped while it measured '"])


@case
def bench_looks_at_its_files_before_it_measures():
    device()
    folder, net = fresh("folder.png"), tiny_net()
    folder.mkdir()
    for option, path in (("json", folder / "no" / "x.json"), ("json", folder), ("plot", folder / "no" / "x.png"),
                         ("plot", folder)):
        result = expect(clr("bench", "--net", net, "--batch", 10, f"--{option}", path), 1, [], ["cannot write '.*'"])
        check("measuring" not in result.err and not result.out, f"it was measured first\n{result}")
    known = ROOT / "src" / "bench" / "known" / "h200-quick.json"
    for option in ("csv", "markdown", "json"):
        result = expect(clr("bench", "compare", known, "--known", f"--{option}", folder), 1, [], ["cannot write '.*'"])
        check(not result.out, f"it was compared first\n{result}")
    check(not names(folder), f"left behind: {names(folder)}")


@case
def known_devices():
    known = ROOT / "src" / "bench" / "known"
    expect(clr("bench", "compare", known / "xeon-2-cores-quick.json", "--known"), 0,
           [r"^\[2\] NVIDIA H100 80GB HBM3 \(known/h100-quick\)", r"^training +images/s .*[0-9]+× faster"])
    expect(clr("plot", "bench", *sorted(known.iterdir()), "-o", fresh("known.png"), "--quiet"), 0)


@case
def devices_as_json():
    device()
    devices = json.loads(expect(clr("devices", "--json"), 0).out)["devices"]
    check(sum(d["chosen"] for d in devices) == 1, f"{devices}")
    expect(clr("devices"), 0, [r"^\* ", "would be used", "^  ID "])


@case
def devices_says_why_it_chooses():
    """With the pretended device only, and with the CPU beside it."""
    env = pretended(True)
    expect(clr("devices", env=env), 0, [r"^\* would be used: .*, the only usable one$"])
    expect(clr("devices", "--device", "gpu", env=env), 0, ["the only one that matches --device gpu$"])
    expect(clr("devices", env=env | {"CLR_DEVICE": "0:0"}), 0, ["the only one that matches CLR_DEVICE=0:0$"])
    icd = Path("/etc/OpenCL/vendors/pocl.icd")
    if not icd.exists():
        return
    shutil.copy(icd, env["OCL_ICD_VENDORS"])
    expect(clr("devices", env=env), 0, ["the best score of the usable ones; choose another"])
    if "pthread" in clr("devices", env=env).out:
        env["STUB_OPENCL_NAME"] = "pthread"
        expect(clr("devices", "--device", "pthread", env=env), 0, ["the best of those that match --device pthread$"])


@case
def rusticl_hides_its_devices():
    vendors = write(fresh("vendors") / "rusticl.icd", "/nonexistent/library.so\n").parent
    hint = "Mesa's rusticl .* only where RUSTICL_ENABLE names"
    for args in (["devices"], ["doctor", "--device", "gpu"]):
        expect(clr(*args, env={"OCL_ICD_VENDORS": vendors, "RUSTICL_ENABLE": None}), 3, [],
               [f"^clr-cl: .*no OpenCL device found.*{hint}"])
        told = expect(clr(*args, env={"OCL_ICD_VENDORS": vendors, "RUSTICL_ENABLE": "iris"}), 3)
        check("rusticl" not in told.err, f"{told}")
    env = pretended(True) | {"RUSTICL_ENABLE": None}
    check("rusticl" not in expect(clr("devices", env=env), 0).err, "it is not installed")
    shutil.copy(vendors / "rusticl.icd", env["OCL_ICD_VENDORS"])
    expect(clr("devices", env=env), 0, [], [f"^{hint}"])


@case
def a_device_whose_name_would_break_tables():
    result = expect(clr("devices", env=pretended(False) | {"STUB_OPENCL_NAME": "two\nlines,\ta \033[2Jtab"}), 0,
                    [r"^\* 0:0 +two lines, a \?\[2Jtab +GPU "])
    check("\033" not in result.out and "\t" not in result.out, f"{result.out!r}")


@case
def doctor_is_stopped():
    """On a pretended GPU, where all is wrong, a stopped doctor reports the cases it checked, and nothing else."""
    env = Place.environment(**pretended(True))
    for number in (signal.SIGINT, signal.SIGTERM):
        stop_doctor(env, number)


def stop_doctor(env, number):
    with subprocess.Popen([Place.program, "doctor", "--quiet"], env=env, cwd=Place.scratch, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        head = [process.stdout.readline() for _ in range(6)]
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    check(process.returncode == 130, f"exit code {process.returncode}\n{err}")
    check(re.fullmatch("clr-cl: stopped after [0-9]+ of [0-9]+ kernel variants: .*\n", err), f"{err!r}")
    check(re.match(r"program +clr-cl 0\.[0-9.]+ \(", head[0]) and head[1].startswith("device ") and
          re.match("limits +work-groups of [0-9]+, .* of local memory, .* in one allocation$", head[2]), f"{head}")
    check("training of quick" not in out, f"it went on\n{out}")


@case
def an_interrupt_does_not_end_the_drivers_linker():
    """Ctrl-C goes to all processes of the terminal. Without its linker, PoCL aborts the program."""
    device()
    if "PoCL" not in clr("devices").out and "Portable Computing" not in clr("devices").out:
        skip("this driver has no linker of its own")
    cache = fresh("cache")
    (cache / "pocl").mkdir(parents=True)
    with subprocess.Popen([Place.program, "doctor"], cwd=Place.scratch, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, start_new_session=True,
                          env=Place.environment(XDG_CACHE_HOME=cache, POCL_CACHE_DIR=cache / "pocl")) as process:
        tasks = Path(f"/proc/{process.pid}/task")
        while process.poll() is None and not any((task / "children").read_text() for task in tasks.iterdir()):
            pass
        os.killpg(process.pid, signal.SIGINT)
        err = process.communicate(timeout=120)[1]
    check(process.returncode == 130, f"exit code {process.returncode}\n{err}")
    check("stopped after " in err and "error:" not in err, err)


@slow_case
def doctor():
    device()
    start = time.monotonic()
    result = expect(clr("doctor"), 0, ["^OK .*conv", "^OK +training of quick", "computes correctly"],
                    ["^device: ", "^last: a short training of quick"])
    check(" left" not in result.err, f"an estimate, which nobody can make\n{result.err}")
    check("WRONG" not in result.out, f"wrong after {time.monotonic() - start:.0f} s\n{result}")
