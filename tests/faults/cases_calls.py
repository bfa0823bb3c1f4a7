"""Every call fails: the n-th of OpenCL, of memory, of writing, of reading, for every n of a short run.

The long tests fail every call of a training in every way, and every call of the other commands in one way, in turns;
the short ones fail a few calls of each kind, spread over the run."""

import gzip
import itertools
import re
import shutil
import struct

from faulty import LONG, check_end, copied, in_parallel, run, same, short, untimed
from harness import CASES, Place, check, fresh, tiny_data, tiny_net, write

ENOMEM, EIO, ENOSPC = 12, 5, 28
NOT_AVAILABLE, ALLOCATION_FAILURE, OUT_OF_RESOURCES = -2, -4, -5

# By kind: how a call fails ("+": and all after it), and how many of them the short tests try.
WAYS = {"opencl": ([f"+:{NOT_AVAILABLE}", f":{OUT_OF_RESOURCES}", f":{ALLOCATION_FAILURE}"], 6),
        "memory": ([f":{ENOMEM}", f"+:{ENOMEM}"], 6),
        "write": ([f":{EIO}", f"+:{ENOSPC}"], 6),
        "read": ([f":{EIO}", f"+:{EIO}"], 6)}


TRAINED = ["history.csv", "loss.csv", "final.safetensors", "minimum-4.safetensors", "run.json"]
# These have the command line, which differs in a resumed run.
COMMAND_LINE = ["run.json", "range.png"]
SHOWN = 5     # of the failures, at most
LOOKS = ("access", "readdir", "stat", "fstat", "lstat")     # calls that look at files without opening them
# Share of the calls, besides two: depending on the clock, a run makes a few more or fewer than its reference.
UNREACHED = 0.01


class Scenario:
    """A command in a prepared folder; its run without a fault is the reference."""

    def __init__(self, name, args, compared, before=None, again=None, code=0):
        self.name, self.args, self.compared, self.code = name, args, compared, code
        self.again = again or args      # the arguments that resume it after a fault
        self.before = before            # it starts in a copy of this folder
        self.folder = self.begin()
        self.reference = run(self.folder, self.args)
        check(self.reference.code == code, f"without a fault: {self.reference}")
        check_end(self.reference)

    def begin(self):
        if self.before:
            return copied(self.before)
        folder = fresh("folder")
        folder.mkdir()
        return folder

    def check_same(self, ended):
        same(self.folder / "run", ended.folder / "run", self.compared)
        check(untimed(ended.out) == untimed(self.reference.out), "the output is another")


def train():
    return Scenario("train", short(), TRAINED, again=short(resume=True))


def check_device():
    """The pretended device computes nothing: the self-check finds that before training, whatever else fails."""
    scenario = Scenario("check", short(unchecked=None), [], code=1)
    check("nothing is trained on it" in scenario.reference.err, f"{scenario.reference}")
    return scenario


def resume():
    """Stopped after update 6, the programs in the cache; with an average of the weights."""
    begun = fresh("begun")
    ended = run(begun, short(ema=0.9))
    check(ended.code == 0, f"{ended}")
    for name in ("checkpoint-8.clr", "final.safetensors", "ema.safetensors", "minimum-8.safetensors"):
        (begun / "run" / name).unlink()
    args = ["train", "--resume", "--out", "run"]
    return Scenario("resume", args, [*TRAINED, "ema.safetensors"], before=begun)


def range_test():
    """With clipped gradients, whose norm has kernels and buffers of its own."""
    return Scenario("range-test", short("range-test", clip_gradients=1),
                    ["range.csv", "loss.csv", "range.json", "range.png", "run.json"],
                    again=short("range-test", clip_gradients=1, resume=True))


def evaluate():
    """With a tuning record that only says that every variant is wrong on this device."""
    begun = fresh("begun")
    for args in (short(), ["tune", "--net", tiny_net(), "--batch", 10]):
        ended = run(begun, args)
        check(ended.code == 0, f"{ended}")
    args = ["eval", "--weights", "run/final.safetensors", "--json", "--unchecked"] + short()[1:5]
    return Scenario("eval", args, [], before=begun)


OLD_NET = """layers { name: "data" type: DATA top: "data" top: "label" data_param { batch_size: 10 scale: 0.00390625 } }
layers { name: "ip" type: INNER_PRODUCT bottom: "data" top: "ip" blobs_lr: 1 blobs_lr: 2
         inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "ip" bottom: "label" include { phase: TRAIN } include { stage: "a" } }
"""


def solver():
    """A solver with a net of training in a file beside it, in an old format, and one of evaluation in the solver."""
    write(Place.scratch / "old.prototxt", OLD_NET)
    file = write(Place.scratch / "solver.prototxt",
                 'train_net: "nets/old.prototxt" lr_policy: "multistep" gamma: 0.1 stepvalue: 1 stepvalue: 2 '
                 "base_lr: 0.01 momentum: 0.9 weight_decay: 0.1 max_iter: 3 test_interval: 3 random_seed: 3 "
                 'test_state { stage: "a" } test_net_param {\n' + OLD_NET + "}")
    args = ["train", "--solver", file, "--data", tiny_data(), "--out", "run", "--unchecked"]
    return Scenario("train --solver", args, ["history.csv", "loss.csv", "final.safetensors", "run.json"],
                    again=args + ["--resume"])


def experiment():
    """One run is done, the other is missing, the programs are in the cache. Only calls of the experiment itself fail:
    its runs are processes of their own, which other scenarios test."""
    file, begun = Place.scratch / "experiment.prototxt", fresh("begun")
    common = f'net: "{tiny_net()}" data: "{tiny_data()}" batch: 10 unchecked: true'
    write(file, f"""
name: "small" seed: 1 at: 2 reach: 0.05
options {{ {common} iterations: 2 validate_every: 1 log_every: 1 }}
run {{ name: "fixed" policy: "fixed" lr: 0.01 }}
range_test {{ name: "range" {common} min_lr: 0.0001 max_lr: 0.1 iterations: 2 seed: 1 }}
figure {{ file: "runs.png" run: "fixed" }}
figure {{ file: "range.svg" kind: RANGE run: "range" }}
""")
    args = ["experiment", file, "--out", "run"]
    ended = run(begun, args)
    check(ended.code == 0, f"{ended}")
    for path in list((begun / "run").iterdir()):
        if path.is_dir() and path.name == "fixed-seed-1":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
    return Scenario("experiment", args, ["results.csv", "results.md", "runs.png", "range.svg",
                                         "fixed-seed-1/final.safetensors", "fixed-seed-1/history.csv",
                                         "range-seed-1/range.csv"], before=begun)


def archive():
    """All runs are in histories.csv and runs.json only: none of them may be taken for missing, and trained again."""
    made = experiment()
    begun = made.before
    ended = run(begun, made.args)
    check(ended.code == 0, f"{ended}")
    for path in [p for p in (begun / "run").iterdir() if p.is_dir()]:
        shutil.rmtree(path)
    return Scenario("archive", made.args, ["results.csv", "results.md", "histories.csv", "runs.json"], before=begun)


def plot():
    begun = fresh("begun")
    ended = run(begun, short())
    check(ended.code == 0, f"{ended}")
    args = ["plot", "run", "run", "-o", "run/figure.png", "--rates", "--csv", "run/figure.csv", "--label", "run=mine"]
    return Scenario("plot", args, ["figure.png", "figure.csv"], before=begun)


def export():
    begun = fresh("begun")
    ended = run(begun, short())
    check(ended.code == 0, f"{ended}")
    args = ["export", "--weights", "run/final.safetensors", "--caffemodel", "run/net.caffemodel"]
    return Scenario("export", args, ["net.caffemodel"], before=begun)


def weights_of_caffe():
    made = export()
    ended = run(made.before, made.args)
    check(ended.code == 0, f"{ended}")
    mean = fresh("mean.binaryproto")
    mean.write_bytes(b"\x2a\x0c" + struct.pack("<3f", 1, 2, 3) + b"\x3a\x05\x0a\x03\x03\x01\x01")
    args = ["eval", "--net", tiny_net(), "--data", tiny_data(), "--weights", "run/net.caffemodel", "--mean", mean,
            "--unchecked"]
    return Scenario("eval of a caffemodel", args, [], before=made.before)


def listing():
    begun = fresh("begun")
    ended = run(begun, short())
    check(ended.code == 0, f"{ended}")
    return Scenario("list", ["list", ".", "--csv", "run/runs.csv"], ["runs.csv"], before=begun)


def schedule():
    args = ["schedule", "--policy", "triangular", "--min-lr", 0.001, "--max-lr", 0.01, "--step-size", 5,
            "--iterations", 20, "--csv", "run/rates.csv", "--plot", "run/rates.svg"]
    begun = fresh("begun")
    (begun / "run").mkdir(parents=True)
    return Scenario("schedule", args, ["rates.csv", "rates.svg"], before=begun)


def tune():
    """Everything is in the record, so no process that measures is started."""
    begun, args = fresh("begun"), ["tune", "--net", tiny_net(), "--batch", 10]
    ended = run(begun, args)
    check(ended.code == 0, f"{ended}")
    return Scenario("tune", args, [], before=begun)


def data():
    folder = Place.scratch / "idx"
    for name, count in (("train", 20), ("t10k", 10)):
        write(folder / f"{name}-images-idx3-ubyte.gz",
              gzip.compress(struct.pack(">IIII", 0x803, count, 28, 28) + bytes(count * 784)))
        write(folder / f"{name}-labels-idx1-ubyte.gz",
              gzip.compress(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count))))
    return Scenario("data", ["data", "info", folder, "--json"], [])


def right_codes(scenario, kind, way, failed):
    """The exit codes that a fault may lead to. 0: the program continued without the call; results are compared."""
    if kind == "memory" or kind == "write":
        return (0, 1)
    if kind == "read":
        name = failed.split(" ")[0]
        if name in LOOKS or "+" in way or (name == "read" and scenario.name == "tune"):
            return (0, 1, 2, 4)     # 1: a folder, or a line of tune's measuring process; 2: what may be there is
        return (0, 4)               # assumed to be there, also where it should not be
    if re.match("clGet(Platform|Device)I", failed):
        memory = (6,) * way.endswith(str(ALLOCATION_FAILURE))      # where the device is chosen and queried
        return (1, 3, *memory) if "clGetDeviceInfo" in failed else (3,)
    memory = way.endswith(str(ALLOCATION_FAILURE)) or failed == "clCreateBuffer" and way.endswith(str(OUT_OF_RESOURCES))
    done_without = failed in ("clGetProgramInfo", "clCreateProgramWithBinary", "clBuildProgram", "clFinish")
    return (6 if memory else 1,) + (0,) * done_without


def attempt(scenario, kind, number, way):
    """One call fails. Returns the exit code; None: the run made fewer calls, and none of them failed."""
    folder = scenario.begin()
    if kind == "opencl":
        ended = run(folder, scenario.args, STUB_OPENCL_FAIL=f"{number}{way}")
    else:
        ended = run(folder, scenario.args, FAULTS_FAIL=f"{kind}:{number}{way}")
    try:
        check(ended.failed or ended.calls[kind] < number, "nothing failed")
        if ended.failed.startswith(LOOKS):      # the owner of the lock is unknown then: the lock may stay
            (folder / "run" / ".lock").unlink(missing_ok=True)
        check_end(ended)
        codes = right_codes(scenario, kind, way, ended.failed)
        if scenario.code:       # continuing without the call gives the same results
            codes = {scenario.code, *codes} - {0}
        check(ended.code in codes, f"exit code {ended.code}, not one of {codes}")
        if ended.code == 0:
            scenario.check_same(ended)
        elif scenario.compared and (folder / "run").exists():
            again = run(folder, scenario.again)
            check(again.code == 0, f"it cannot be taken up: {again}")
            check_end(again)
            same(scenario.folder / "run", folder / "run", [n for n in scenario.compared if n not in COMMAND_LINE])
    except Exception as error:
        raise type(error)(f"{error}; failed: {ended.failed}\n{ended}") from error
    shutil.rmtree(folder.parent)
    return ended.code if ended.failed else None


def sweep(scenario, kind, every_way):
    ways, few = WAYS[kind]
    count = scenario.reference.calls[kind]
    if LONG and every_way:
        tried = list(itertools.product(range(1, count + 1), ways))
    else:
        numbers = range(1, count + 1, 1 if LONG else max(1, -(-count // few)))
        tried = [(n, ways[i % len(ways)]) for i, n in enumerate(numbers)]
    codes = []
    bad = in_parallel(lambda item: codes.append(attempt(scenario, kind, *item)), tried)
    went_on, unreached = codes.count(0), codes.count(None)
    print(f"{scenario.name}: {count} calls of {kind}, {len(tried)} tried: {went_on} did without, "
          f"{len(codes) - went_on - unreached} ended with a message, {unreached} were not reached, {len(bad)} wrong",
          flush=True)
    check(not bad, f"{len(bad)} of {len(tried)}\n" + "\n".join(bad[:SHOWN]))
    check(tried and unreached <= 2 + UNREACHED * len(tried), f"{unreached} of {len(tried)} were not reached")


FILES = ("memory", "write", "read")
SCENARIOS = {train: WAYS, solver: FILES, check_device: WAYS, resume: WAYS, range_test: WAYS, experiment: FILES,
             evaluate: ("opencl", "memory", "read"), plot: FILES,
             archive: FILES, listing: FILES, export: FILES, weights_of_caffe: ("memory", "read"), schedule: FILES,
             tune: ("memory", "read"), data: ("memory", "read")}


def cases():
    made = {}
    for build, kinds in SCENARIOS.items():
        for kind in kinds:
            def sweep_one(build=build, kind=kind):
                if build not in made:
                    made[build] = build()
                sweep(made[build], kind, every_way=build is train)
            CASES.append((f"calls_of_{kind}_fail_in_{build.__name__}", sweep_one))


cases()
