"""Every call fails: the n-th of OpenCL, of memory, of writing, of reading, for every n of a short run."""

import gzip
import itertools
import re
import shutil
import struct

from faulty import LONG, check_end, copied, in_parallel, run, same, short
from harness import CASES, Place, check, fresh, tiny_net, write

ENOMEM, EIO, ENOSPC = 12, 5, 28
NOT_AVAILABLE, ALLOCATION_FAILURE, OUT_OF_RESOURCES = -2, -4, -5

# By kind: how a call fails ("+": and all after it), and how many calls there are between two that are tried.
WAYS = {"opencl": ([f"+:{NOT_AVAILABLE}", f":{OUT_OF_RESOURCES}", f":{ALLOCATION_FAILURE}"], 20),
        "memory": ([f":{ENOMEM}", f"+:{ENOMEM}"], 20),
        "write": ([f":{EIO}", f"+:{ENOSPC}"], 5),
        "read": ([f":{EIO}", f"+:{EIO}"], 20)}


TRAINED = ["history.csv", "loss.csv", "final.safetensors", "minimum-4.safetensors", "run.json"]
# Hold the command line, which is another where a run is taken up.
COMMAND_LINE = ["run.json", "range.png"]
SHOWN = 5     # of what went wrong


class Scenario:
    """A command in a folder that is made ready, without a fault its reference."""

    def __init__(self, name, args, compared, before=None, again=None, code=0):
        self.name, self.args, self.compared, self.code = name, args, compared, code
        self.again = again or args      # what takes it up after a fault
        self.before = before            # a folder whose copy is where it starts
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
        check(ended.out == self.reference.out, "the output is another")


def train():
    return Scenario("train", short(), TRAINED, again=short(resume=True))


def check_device():
    """The pretended device computes nothing: found out before it trains, whatever else fails meanwhile."""
    scenario = Scenario("check", short(unchecked=None), [], code=1)
    check("nothing is trained on it" in scenario.reference.err, f"{scenario.reference}")
    return scenario


def resume():
    """Stopped after update 6, the programs in the cache."""
    begun = fresh("begun")
    ended = run(begun, short())
    check(ended.code == 0, f"{ended}")
    for name in ("checkpoint-8.clr", "final.safetensors", "minimum-8.safetensors"):
        (begun / "run" / name).unlink()
    args = ["train", "--resume", "--out", "run"]
    return Scenario("resume", args, TRAINED, before=begun)


def range_test():
    return Scenario("range-test", short("range-test"), ["range.csv", "loss.csv", "range.json", "range.png", "run.json"],
                    again=short("range-test", resume=True))


def evaluate():
    """With a tuning record; all that is in it is that every variant is wrong there."""
    begun = fresh("begun")
    for args in (short(), ["tune", "--net", tiny_net(), "--batch", 10]):
        ended = run(begun, args)
        check(ended.code == 0, f"{ended}")
    args = ["eval", "--weights", "run/final.safetensors", "--json", "--unchecked"] + short()[1:5]
    return Scenario("eval", args, [], before=begun)


def data():
    folder = Place.scratch / "idx"
    for name, count in (("train", 20), ("t10k", 10)):
        write(folder / f"{name}-images-idx3-ubyte.gz",
              gzip.compress(struct.pack(">IIII", 0x803, count, 28, 28) + bytes(count * 784)))
        write(folder / f"{name}-labels-idx1-ubyte.gz",
              gzip.compress(struct.pack(">II", 0x801, count) + bytes(i % 10 for i in range(count))))
    return Scenario("data", ["data", "info", folder, "--json"], [])


def right_codes(kind, way, failed):
    """The exit codes that a fault may lead to. 0: the program did without, which is compared."""
    if kind == "memory" or kind == "write":
        return (0, 1)
    if kind == "read":
        return (0, 4)
    if re.match("clGet(Platform|Device)I", failed):
        memory = (6,) * way.endswith(str(ALLOCATION_FAILURE))      # where the device is chosen and asked more
        return (1, 3, *memory) if "clGetDeviceInfo" in failed else (3,)
    memory = way.endswith(str(ALLOCATION_FAILURE)) or failed == "clCreateBuffer" and way.endswith(str(OUT_OF_RESOURCES))
    done_without = failed in ("clGetProgramInfo", "clCreateProgramWithBinary", "clBuildProgram", "clFinish")
    return (6 if memory else 1,) + (0,) * done_without


def attempt(scenario, kind, number, way):
    """One call fails. Returns the exit code."""
    folder = scenario.begin()
    if kind == "opencl":
        ended = run(folder, scenario.args, STUB_OPENCL_FAIL=f"{number}{way}")
    else:
        ended = run(folder, scenario.args, FAULTS_FAIL=f"{kind}:{number}{way}")
    try:
        check(ended.failed or kind != "opencl", "nothing failed")
        check_end(ended)
        codes = right_codes(kind, way, ended.failed)
        if scenario.code:       # what is done without leads to the same end
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
    return ended.code


def sweep(scenario, kind):
    ways, step = WAYS[kind]
    count = scenario.reference.calls[kind]
    if LONG:
        tried = list(itertools.product(range(1, count + 1), ways))
    else:
        tried = [(n, ways[i % len(ways)]) for i, n in enumerate(range(1, count + 1, step))]
    codes = []
    bad = in_parallel(lambda item: codes.append(attempt(scenario, kind, *item)), tried)
    went_on = codes.count(0)
    print(f"{scenario.name}: {count} calls of {kind}, {len(tried)} tried: {went_on} did without, "
          f"{len(codes) - went_on} ended with a message, {len(bad)} wrong", flush=True)
    check(not bad, f"{len(bad)} of {len(tried)}\n" + "\n".join(bad[:SHOWN]))


SCENARIOS = {train: WAYS, check_device: WAYS, resume: WAYS, range_test: WAYS, evaluate: ("opencl", "memory", "read"),
             data: ("memory", "read")}


def cases():
    made = {}
    for build, kinds in SCENARIOS.items():
        for kind in kinds:
            def sweep_one(build=build, kind=kind):
                if build not in made:
                    made[build] = build()
                sweep(made[build], kind)
            CASES.append((f"calls_of_{kind}_fail_in_{build.__name__}", sweep_one))


cases()
