"""Runs that are killed or stopped, and resumed."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import Place, Result, case, check, clr, device, expect, expect_lines, fresh, names, slow_case, tiny, \
    tiny_data, tiny_net, write

SAME = ["history.csv", "loss.csv", "final.safetensors"]


def same(a, b, files):
    for name in files:
        check((a / name).read_bytes() == (b / name).read_bytes(), f"{name} differs: {names(a)}, {names(b)}")


def wait_for(process, until):
    """Wait until that holds, checked a thousand times a second, or the process ends."""
    while process.poll() is None and not until():
        time.sleep(0.001)


def killed(args, until, number=signal.SIGKILL):
    """Send the signal when until() holds. Returns whether the process ended by it; else it succeeded."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        with subprocess.Popen([Place.program, *map(str, args)], stdout=subprocess.DEVNULL, stderr=err,
                              cwd=Place.scratch, env=Place.environment()) as process:
            wait_for(process, until)
            process.send_signal(number)
            code = process.wait(timeout=120)
        err.seek(0)
        by_signal = -number if number == signal.SIGKILL else 130
        check(code in (0, by_signal), f"neither 0 nor {by_signal}\n{Result(args, code, '', err.read())}")
    return code == by_signal


def after(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def undisturbed(**options):
    device()
    out = fresh("run")
    expect(clr(*tiny(out=out, **options)), 0)
    return out


def kill_often(times, seed, longest, begin, finish):
    """SIGKILL after up to `longest` seconds, most often late, since starting takes a part of them, until so many
    processes were killed; returns how many were started.

    begin() gives a folder and the arguments of a process that runs in it. The process is killed and started again until
    it ends by itself; then comes another one. finish(folder, arguments) lets it end, and checks its files. At least a
    third of the kills must come after a checkpoint that the killed process wrote."""
    chance, kills, processes, saved = random.Random(seed), 0, 0, 0
    while kills < times:
        out, args = begin()
        hit, before = True, set()
        while hit and kills < times:
            hit = killed(args, after(longest * chance.random() ** (1 / 3)))
            kills += hit
            there = set(out.rglob("checkpoint-*.clr"))
            saved += hit and not there <= before
            before = there
            processes += 1
        finish(out, args)
        processes += 1
    check(3 * saved >= kills, f"{saved} of {kills} kills came after a checkpoint; the longest after {longest:.2f} s")
    return processes


def kill_trainings(times, seed, **options):
    """Each ends in the bytes of an undisturbed one."""
    undisturbed(**options)      # compiles the kernels
    began = time.monotonic()
    whole = undisturbed(**options)
    seconds = time.monotonic() - began

    def begin():
        out = fresh("run")
        return out, tiny(out=out, resume=True, **options)

    def finish(out, args):
        expect(clr("train", "--resume", "--out", out) if (out / "run.json").exists() else clr(*args), 0,
               ["^test accuracy"])
        same(whole, out, SAME)
        check(not [n for n in names(out) if "tmp" in n or n == ".lock"], f"left behind: {names(out)}")

    return kill_often(times, seed, 0.9 * seconds, begin, finish)


@case
def resume_after_kills_gives_the_same_bytes():
    kill_trainings(10, 3, iterations=6000, validate_every=500, checkpoint_every=200, log_every=3)


@slow_case
def resume_after_two_hundred_kills():
    for seed, net in ((7, "quick"), (8, "lenet")):
        processes = kill_trainings(100, seed, net=net, iterations=400, validate_every=100, checkpoint_every=10,
                                   log_every=1)
        print(f"{net}: 100 kills, {processes} processes, the same bytes")


# Rates that rise until the loss is no longer finite.
STEEP = {"policy": "triangular", "lr": None, "min_lr": 0.01, "max_lr": 200, "step_size": 1500, "iterations": 3000,
         "validate_every": 250, "checkpoint_every": 100}


@case
def a_first_loss_that_is_not_finite_is_no_fault_of_the_rate():
    """It is that of the initial weights: a lower rate, or another range of rates, does not help."""
    device()
    net = tiny_net('kernel_size: 5 stride: 2 weight_filler { type: "xavier" }',
                   'kernel_size: 5 stride: 2 weight_filler { type: "constant" value: 1e38 }')
    for more in {}, {"on_divergence": "backoff"}:
        out = fresh("run")
        result = expect(clr(*tiny(net=net, out=out, **more)), 5, [],
                        ["clr-cl: the loss of iteration 1 is not finite.*initial weights"])
        check(result.err.count("the first loss is not finite") == 1, f"more than once\n{result}")
        check("continue" not in result.err and "checkpoint" not in result.err, f"there is nothing to resume\n{result}")
    result = expect(clr(*tiny("range-test", net=net, out=fresh("test"), validation=100)), 0,
                    ["No range can be read .* before any update"])
    check("clr-cl range-test" not in result.out and not result.out.endswith("\n\n"), f"{result}")


@case
def a_divergence_is_told_and_backed_off():
    device()
    out = fresh("run")
    expect(clr(*tiny(out=out, **STEEP)), 5, [],
           ["the loss of iteration [0-9,]+ is not finite .* iteration [0-9,]+00 .*"
            "--resume and --on-divergence backoff"])
    expect(clr("train", "--resume", "--on-divergence", "backoff", "--out", out), 0,
           ["^test accuracy .*3,000 iterations"],
           ["warning: the loss of iteration .* iteration [0-9]+00 with 1/2 of the schedule's rates"])
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    check(run["status"] == "finished" and run["result"]["backoffs"] > 0, f"{run['result']}")
    history = (out / "history.csv").read_text(encoding="utf-8").splitlines()
    rates = [float(line.split(",")[2]) for line in history[1:]]
    check(max(rates) < 200, f"{rates}")
    args = tiny(out=fresh("run"), policy="fixed", lr=1e6, on_divergence="backoff")
    expect(clr(*args), 5, [], ["with 1/1024 of",
                               "clr-cl: the loss of iteration .* The last good checkpoint .* iteration 0$"])
    expect(clr("range-test", "--on-divergence", "backoff"), 2, [], ["unknown option"])


@slow_case
def resume_after_kills_backs_off_to_the_same_bytes():
    kill_trainings(8, 4, on_divergence="backoff", **{**STEEP, "step_size": 3000, "iterations": 6000})


def solver(name, rates, iterations):
    return write(Place.scratch / f"{name}.prototxt",
                 f'net: "{tiny_net()}" {rates} momentum: 0.9 weight_decay: 0.1 max_iter: {iterations} '
                 "test_interval: 250 random_seed: 3")


@case
def resume_under_a_solver_backs_off():
    """Halved rates belong to one schedule: not to the next one, and they stay halved after a kill."""
    device()
    steep = ["train", "--data", tiny_data(), "--on-divergence", "backoff", "--checkpoint-every", 100, "--resume",
             "--solver", solver("steep", 'lr_policy: "triangular" base_lr: 0.01 max_lr: 20 stepsize: 1500', 3000)]
    flat = ["train", "--data", tiny_data(), "--checkpoint-every", 100000, "--resume",
            "--solver", solver("flat", 'lr_policy: "fixed" base_lr: 0.001', 6000)]
    out, copy = fresh("run"), fresh("copy")
    expect(clr(*steep, "--out", out), 0, ["^test accuracy"], ["with 1/2 of the schedule's rates"])
    backoffs = json.loads((out / "run.json").read_text(encoding="utf-8"))["result"]["backoffs"]
    check(backoffs > 0, f"{backoffs}")
    (out / "final.safetensors").unlink()
    expect(clr(*steep, "--out", out), 0)         # the same schedule: the same rates
    check(json.loads((out / "run.json").read_text(encoding="utf-8"))["result"]["backoffs"] == backoffs, "other rates")
    for iterations in (1000, 2000):             # its rates depend on its length: another schedule
        poly = solver("poly", 'lr_policy: "poly" power: 0.5 base_lr: 40', iterations)
        result = expect(clr(*steep[:-1], poly, "--out", fresh("poly").parent / "poly"), 0, [],
                        ["with 1/2 of the schedule's rates"])
        check("smaller rates that it has backed off to" not in result.err, f"{result}")
    shutil.copytree(out, copy)
    expect(clr(*flat, "--out", out), 0, ["after 6,000 iterations"])
    check((out / "history.csv").read_text(encoding="utf-8").splitlines()[-1].split(",")[2] == "0.001", "other rates")
    alive = killed([*flat, "--out", copy], lambda: '"fixed 0.001"' in (copy / "run.json").read_text(encoding="utf-8"))
    check(alive and not (copy / "checkpoint-6000.clr").exists(), "it was not killed in time")
    expect(clr("train", "--resume", "--out", copy), 0)
    same(out, copy, SAME)


@case
def resume_after_signals_gives_the_same_bytes():
    options = {"iterations": 2000, "validate_every": 200, "checkpoint_every": 0}
    whole = undisturbed(**options)
    for number in (signal.SIGINT, signal.SIGTERM):
        out = fresh("run")
        check(killed(tiny(out=out, **options), (out / "history.csv").exists, number), "it was too fast to be stopped")
        stopped = [n for n in names(out) if re.fullmatch(r"(checkpoint|interrupted)-\d+\.(clr|safetensors)", n)]
        check(len(stopped) == 2, f"files: {names(out)}")
        result = expect(clr("train", "--out", out, "--resume"), 0, [], ["resumed after iteration"])
        same(whole, out, SAME)
        check(not [n for n in names(out) if n.startswith("interrupted")], f"left behind: {names(out)}\n{result}")


@case
def resume_keeps_the_weights_at_every_minimum():
    """Cycles of 8 updates end after 8 and 16 of 20; the weights are those that a run of that length ends with."""
    triangle = {"policy": "triangular", "lr": None, "min_lr": 0.001, "max_lr": 0.05, "step_size": 4,
                "checkpoint_every": 5}
    whole = undisturbed(keep_minima=True, **triangle)
    check([n for n in names(whole) if n.startswith("minimum")] ==
          ["minimum-16.safetensors", "minimum-8.safetensors"], f"{names(whole)}")
    short = fresh("run")
    result = expect(clr(*tiny(out=short, iterations=16, keep_minima=True, **triangle)), 0)
    check("inside a cycle" not in result.err, f"{result}")
    check((whole / "minimum-16.safetensors").read_bytes() == (short / "final.safetensors").read_bytes(),
          "other weights in a run that ends there")
    check((short / "minimum-16.safetensors").read_bytes() == (short / "final.safetensors").read_bytes(),
          "the last minimum is not the end")
    expect(clr("train", "--resume", "--out", short, "--iterations", 20), 0)
    same(whole, short, ["final.safetensors", "minimum-8.safetensors", "minimum-16.safetensors"])
    expect(clr(*tiny(out=fresh("run"), keep_minima=True)), 0, [], ["--keep-minima has no effect: policy fixed"])


@case
def resume_of_one_cycle():
    """Its rates depend on the number of iterations, which therefore cannot be changed."""
    one = {"policy": "1cycle", "lr": None, "max_lr": 0.05, "checkpoint_every": 7}
    whole = undisturbed(**one)
    run = json.loads((whole / "run.json").read_text(encoding="utf-8"))["settings"]["schedule"]
    check((run["cycle_momentum_low"], run["cycle_momentum_high"], run["pct_start"], run["anneal"]) ==
          (0.85, 0.95, 0.3, "cos"), f"{run}")
    (whole / "checkpoint-20.clr").unlink()
    out = fresh("run")
    shutil.copytree(whole, out)
    expect(clr("train", "--resume", "--out", out), 0, [], ["resumed after iteration 14 of 20"])
    same(whole, out, SAME)
    expect(clr("train", "--resume", "--out", out, "--iterations", 30), 2, [], ["--iterations .*: the run in"])
    expect(clr("train", "--resume", "--out", out, "--anneal", "linear"), 2, [], ["--anneal .*: the run in"])


@case
def resume_needs_a_run():
    out = fresh("run")
    result = expect(clr("train", "--resume", "--out", out), 2, [],
                    ["there is no folder '.*'; --out takes the folder of the run"])
    check("--net" not in result.err and not out.exists(), f"{result}")
    out.mkdir()
    expect(clr("train", "--resume", "--out", out), 2, [], ["no run in '.*run.json"])
    device()
    expect(clr(*tiny(out=out, resume=True)), 0, [], ["no checkpoint in .* yet"])


@case
def resume_tells_what_it_does():
    whole = undisturbed()
    out = fresh("run")
    expect(clr(*tiny(out=out, resume=True)), 0, [], ["no checkpoint in .* yet"])
    again = expect(clr("train", "--resume", "--out", out), 0, ["^test accuracy .* after 20 iterations"],
                   ["has done its 20 iterations"])
    same(whole, out, SAME)
    check("iteration 10/20" not in again.err, f"it was done already\n{again}")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    kept = run["arguments"]
    check(run["resumed"][0]["device_before"] == run["device"]["name"], f"run.json: {run}")
    check(run["resumed"][0]["iteration"] == 20 and kept[0] == "train" and "--resume" not in kept and
          "--out" not in kept, f"run.json: {run}")
    expect(clr(*tiny(out=out, resume=True)), 0)
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    check(run["arguments"] == kept, f"they were {kept}, now they are {run['arguments']}")
    longer = expect(clr("train", "--resume", "--out", out, "--iterations", 30), 0, ["after 30 iterations"])
    check("iteration 10/30" not in longer.err, f"it was done already\n{longer}")
    expect(clr("train", "--resume", "--out", out), 0, ["after 30 iterations"])
    cycles = undisturbed(policy="triangular", lr=None, min_lr=0.001, max_lr=0.05, step_size=4, iterations=None,
                         cycles=2)
    expect(clr("train", "--resume", "--out", cycles, "--iterations", 20), 0, ["after 20 iterations"])


@case
def resume_refuses_other_settings():
    out = undisturbed()
    for option, value in (("--seed", 2), ("--lr", 0.02), ("--batch", 20), ("--validate-every", 5),
                          ("--iterations", 19), ("--weight-decay", 0.1), ("--momentum", 0.5),
                          ("--optimizer", "rmsprop")):
        expect(clr("train", "--resume", "--out", out, option, value), 2, [], [f"{option}.*the run in"])
    expect_lines(expect(clr("train", "--resume", "--out", out, "--max-lr", 3), 2, [], [
        "--max-lr 3.0: the run in '.*' began without it, and is resumed with the options"]).err, 1)
    expect(clr("train", "--resume", "--out", out, "--lr", 0.01), 0)     # the same again is no other
    images = fresh("data")
    shutil.copytree(tiny_data(), images)
    expect(clr("train", "--resume", "--out", out, "--data", images), 0)     # the same ones elsewhere are no others
    data = bytearray((images / "test_batch.bin").read_bytes())
    data[-1] ^= 1
    write(images / "test_batch.bin", bytes(data))
    expect(clr("train", "--resume", "--out", out, "--data", images), 2, [], ["--data .*: the images are not those"])
    expect(clr("train", "--resume"), 2, [], ["--out DIR is missing"])
    expect(clr("train", "--resume", "--out", fresh("nothing")), 2, [], ["there is no folder .*nothing"])
    expect(clr(*tiny(out=out)), 2, [], ["there is a run", "--resume"])


@case
def resume_with_other_kernels_says_so():
    out = undisturbed(checkpoint_every=10)
    kernels = fresh("cl")
    shutil.copytree(pathlib.Path(os.environ["CLR_SOURCE_ROOT"]) / "cl", kernels)
    with open(kernels / "elementwise.cl", "a", encoding="utf-8") as file:
        file.write("/* another */\n")
    (out / "checkpoint-20.clr").unlink()
    expect(clr("train", "--resume", "--out", out, env={"CLR_CL_DIR": kernels}), 0, [],
           ["warning.*kernels.*may differ"])


@case
def resume_passes_over_what_is_damaged():
    whole = undisturbed(checkpoint_every=10)
    out = fresh("run")
    shutil.copytree(whole, out)
    newest = out / "checkpoint-20.clr"
    newest.write_bytes(newest.read_bytes()[:-1])
    expect(clr("train", "--resume", "--out", out), 0, [],
           ["warning: .*checkpoint-20.clr.*checksum.*skipped", "resumed after iteration 10 of 20"])
    same(whole, out, SAME)
    for path in out.glob("checkpoint-*.clr"):
        write(path, "")
    expect(clr("train", "--resume", "--out", out), 0, [], ["warning: each checkpoint.*damaged.*with the first"])
    same(whole, out, SAME)
    write(out / "run.json", "{}")
    expect(clr("train", "--resume", "--out", out), 4, [], ["run.json.*damaged"])
    expect(clr(*tiny(out=out, resume=True)), 4, [], ["run.json.*damaged"])


@case
def resume_of_a_range_test():
    options = {"iterations": 2000, "validate_every": 100, "checkpoint_every": 50}
    device()
    whole, out = fresh("run"), fresh("run")
    expect(clr(*tiny("range-test", out=whole, **options)), 0)
    there = (out / "checkpoint-100.clr").exists
    check(killed(tiny("range-test", out=out, **options), there), "it was too fast to be killed")
    expect(clr("range-test", "--resume", "--out", out), 0, [], ["resumed after iteration"])
    same(whole, out, ["range.csv", "loss.csv", "range.json"])
    expect(clr("train", "--resume", "--out", out), 2, [], ["range-test --resume --out"])


@case
def resume_writes_into_its_folder_alone():
    """run.json is input: its arguments cannot set another folder, nor consume an argument that the user typed."""
    out, other = undisturbed(), fresh("other")
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    elsewhere = f"--out={other}"
    for more in (["--out", str(other)], [elsewhere], ["--out", str(other), "--"], [elsewhere, "--solver"], ["--help"],
                 ["--device", "--cycles", "--keep-minima", "--net", elsewhere, "--device", "--cycles", "--keep-minima"],
                 ["--device"], ["x"]):
        kept = json.dumps(dict(run, arguments=run["arguments"] + more))
        write(out / "run.json", kept)
        for typed in ([f"--out={out}", "--resume"], [f"--out={out}", "--resume", "--iterations", 30]):
            result = expect(clr("train", *typed), 4, [], ["run.json' is damaged"])
            check(not other.exists() and result.out == "", f"{more}: {result}")
    write(out / "run.json", json.dumps(run))
    expect(clr("train", "--resume", "--out", out), 0)


@case
def resume_after_a_signal_that_ended_the_reader_too():
    """Ctrl-C reaches all processes of a pipe: the run is saved though nothing reads its messages."""
    whole = undisturbed(iterations=2000, validate_every=200, checkpoint_every=0)
    out = fresh("run")
    args = tiny(out=out, iterations=2000, validate_every=200, checkpoint_every=0)
    with subprocess.Popen([Place.program, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          cwd=Place.scratch, env=Place.environment()) as process:
        wait_for(process, (out / "history.csv").exists)
        process.stderr.close()
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        check(process.wait(timeout=120) == 130, f"exit code {process.returncode}")
    check([n for n in names(out) if n.startswith("interrupted-")], f"{names(out)}")
    expect(clr("train", "--out", out, "--resume"), 0, [], ["resumed after iteration"])
    same(whole, out, SAME)


@case
def resume_refuses_another_net():
    """Another net is also refused where run.json cannot hold the net's text."""
    device()
    for comment in (b"# plain\n", b"# caf\xe9\n", b"# \x01\n"):
        net, out = fresh("net.prototxt"), fresh("run")
        write(net, comment + tiny_net().read_bytes())
        expect(clr(*tiny(net=net, out=out)), 0)
        write(net, net.read_bytes().replace(b'type: "ReLU"', b'type: "ReLU" relu_param { negative_slope: 0.5 }'))
        expect(clr("train", "--resume", "--out", out), 2, [], ["the file has changed since the run"])
        expect(clr("train", "--resume", "--out", out, "--net", "lenet"), 2, [],
               ["--net lenet: the run in '.*' was begun with .*net.prototxt"])
    write(net, b"# \0\n" + tiny_net().read_bytes())
    expect(clr(*tiny(net=net, out=fresh("run"))), 4, [], ["net.prototxt: a zero byte is in it"])


@case
def resume_reads_what_is_written():
    """run.json with a net of a megabyte, of characters that need six bytes in JSON, can be read again."""
    device()
    net, out = fresh("net.prototxt"), fresh("run")
    write(net, b"#" + 1_040_000 * b"\x01" + b"\n" + tiny_net().read_bytes())
    expect(clr(*tiny(net=net, out=out)), 0)
    expect(clr("train", "--resume", "--out", out), 0, ["^test accuracy"])


@case
def resume_after_a_second_signal():
    """The second signal ends the program at once, within an iteration; it saves nothing more."""
    options = {"net": "quick", "batch": 100, "iterations": 20, "validate_every": 20, "checkpoint_every": 5}
    whole = undisturbed(**options)
    for _ in range(5):
        out = fresh("run")
        with subprocess.Popen([Place.program, *map(str, tiny(out=out, **options))], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, cwd=Place.scratch, env=Place.environment()) as process:
            wait_for(process, (out / "checkpoint-5.clr").exists)
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.005)
            check(process.wait(timeout=120) == 130, f"exit code {process.returncode}")
        if not [n for n in names(out) if n.startswith("interrupted-")]:     # else the run ended after the first signal
            break
    run = json.loads((out / "run.json").read_text(encoding="utf-8"))
    check(run["status"] == "running" and "interrupted" not in str(names(out)), f"{run['status']}, {names(out)}")
    expect(clr("train", "--resume", "--out", out), 0, [], ["resumed after iteration (5|10|15) of 20"])
    same(whole, out, SAME)
