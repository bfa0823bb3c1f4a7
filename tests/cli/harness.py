"""The command line, run as a user runs it: what the cases in cases_*.py share.

A case is a function with the decorator @case; table() makes one case of each row. A case fails by raising
Failed (expect() does) or any other exception, and says skip(reason) where it cannot run here.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = []
SLOW = []
LEAK, CRASH = 98, 99    # exit codes of the sanitizers: see ../meson.build


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def skip(reason):
    raise Skipped(reason)


def case(function):
    CASES.append((function.__name__, function))
    return function


def slow_case(function):
    """A case that takes minutes: it runs only when its name is given."""
    SLOW.append((function.__name__, function))
    return function


def table(prefix, rows):
    """rows: (name, arguments, exit code, patterns on stdout, patterns on stderr)"""
    for name, args, code, out, err in rows:
        def run_row(args=args, code=code, out=out, err=err):
            result = clr(*args)
            expect(result, code, out, err)
            if code == 2:
                expect_lines(result.err, 1)
        CASES.append((f"{prefix}: {name}", run_row))


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        shown = [f"clr-cl {' '.join(map(str, self.args))}", f"exit code {self.code}"]
        for name, text in (("stdout", self.out), ("stderr", self.err)):
            shown += [f"{name}: {line}" for line in text.splitlines()[-20:]]
        return "\n".join(shown)


def kernel_folder():
    """PoCL's own cache of compiled kernels, at its usual place: all cases share it, since PoCL's compiler would take
    most of their time otherwise. It identifies kernels by their source, so a wrong kernel is another one."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("POCL_CACHE_DIR") or Path(cache) / "pocl" / "kcache")
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


class Place:
    """Where the cases work: the program, a scratch folder, an empty home."""
    program = None
    scratch = None
    kernels = kernel_folder()

    @classmethod
    def environment(cls, **changes):
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "CLR_DATA", "CLR_CL_DIR")}
        if "ASAN_OPTIONS" in env:
            # It reads the memory of threads that end just then, PoCL's, and crashes in one case of fifty. Suites unit
            # and faults find leaks: they have no such threads.
            env["ASAN_OPTIONS"] += ":detect_leaks=0"
        env.update(HOME=str(cls.scratch / "home"), XDG_CACHE_HOME=str(cls.scratch / "cache"),
                   XDG_DATA_HOME=str(cls.scratch / "share"), POCL_CACHE_DIR=cls.kernels, LC_ALL="C.UTF-8")
        for key, value in changes.items():
            if value is None:
                env.pop(key, None)
            else:
                env[key] = str(value)
        return env


def clr(*args, env=None, timeout=600, stdout=subprocess.PIPE):
    done = subprocess.run([Place.program, *map(str, args)], stdout=stdout, stderr=subprocess.PIPE, text=True,
                          env=Place.environment(**(env or {})), cwd=Place.scratch, timeout=timeout,
                          stdin=subprocess.DEVNULL, check=False)
    result = Result(args, done.returncode, done.stdout or "", done.stderr)
    expect_no_crash(result)
    return result


def clr_stopped(*args, at, number=signal.SIGINT, pause=0.0, twice=False, env=None):
    """Like clr(), but the program gets a signal after the line on stderr that begins with `at`; twice: two."""
    lines = []
    with subprocess.Popen([Place.program, *map(str, args)], env=Place.environment(**(env or {})), cwd=Place.scratch,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            for line in process.stderr:
                lines.append(line)
                if line.startswith(at):
                    break
            time.sleep(pause)
            process.send_signal(number)
            if twice:
                time.sleep(0.05)
                process.send_signal(number)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    return Result(args, process.returncode, out, "".join(lines) + err)


def expect_no_crash(result):
    if result.code in (LEAK, CRASH):
        raise Failed(f"the sanitizers found something\n{result}")
    if result.code < 0:
        raise Failed(f"ended by signal {-result.code}\n{result}")


def expect(result, code=0, out=(), err=()):
    """Exit code, and patterns (regular expressions) that must be found."""
    if result.code != code:
        raise Failed(f"exit code {result.code}, not {code}\n{result}")
    for stream, text, patterns in (("stdout", result.out, out), ("stderr", result.err, err)):
        for pattern in [patterns] if isinstance(patterns, str) else patterns:
            if not re.search(pattern, text, re.M):
                raise Failed(f"{stream} lacks /{pattern}/\n{result}")
    if code != 0 and not re.search("^clr-cl: ", result.err, re.M):
        raise Failed(f"stderr has no line 'clr-cl: …'\n{result}")
    return result


def expect_lines(text, count):
    if len(text.splitlines()) != count:
        raise Failed(f"{len(text.splitlines())} lines, not {count}:\n{text}")


def check(condition, message):
    if not condition:
        raise Failed(message)


def fresh(name):
    """A path in the scratch folder that does not exist."""
    return Path(tempfile.mkdtemp(prefix="case-", dir=Place.scratch)) / name


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8")
    return path


def expect_nothing_left(folder):
    """There is no half-written run: the folder is missing or empty."""
    left = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    check(not left and not folder.is_file(), f"left behind in {folder}: {left}")


def device():
    """Skip the case where there is no device to run on."""
    result = clr("devices")
    if result.code == 3:
        skip("no OpenCL device")
    expect(result, 0)


def built(name):
    library = Path(Place.program).parent.parent.parent / "tests" / f"lib{name}.so"
    check(library.exists(), f"{library} is missing: it is built beside the program")
    return library


def pretended(compiles):
    """An environment with a pretended GPU, which computes nothing; it compiles where it has a folder."""
    vendors = write(fresh("vendors") / "stub.icd", f"{built('stub_icd')}\n").parent
    return {"OCL_ICD_VENDORS": vendors, "STUB_OPENCL_DEVICE": "amd-gfx900", "XDG_CACHE_HOME": fresh("cache"),
            "STUB_OPENCL_FOLDER": vendors if compiles else None, "XDG_DATA_HOME": fresh("share")}


def images(count, first):
    """CIFAR-10 records that a net can learn: each class has its own brightness in one of the three planes."""
    data = bytearray()
    for i in range(first, first + count):
        label = i % 10
        data.append(label)
        for plane in range(3):
            level = 30 + 22 * label if plane == label % 3 else 90
            data += bytes((level + (i * 7 + y * 3) % 17) % 256 for y in range(1024))
    return bytes(data)


def tiny_data():
    """A folder in CIFAR-10 layout: 200 training images, 100 test images."""
    folder = Place.scratch / "tiny-data"
    if not folder.is_dir():
        for batch in range(5):
            write(folder / f"data_batch_{batch + 1}.bin", images(40, 40 * batch))
        write(folder / "test_batch.bin", images(100, 1000))
    return folder


TINY_NET = """name: "tiny"
layer {
  name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 }
  input_param { shape { dim: 10 dim: 3 dim: 32 dim: 32 } }
  data_param { batch_size: 10 }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 4 kernel_size: 5 stride: 2 weight_filler { type: "xavier" } }
}
layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
        pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "relu1" type: "ReLU" bottom: "pool1" top: "pool1" }
layer {
  name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "accuracy" type: "Accuracy" bottom: "ip1" bottom: "label" top: "accuracy"
        include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }
"""


def tiny_net(old="", new=""):
    """The path of a small net, in which old is replaced by new."""
    if old:
        check(old in TINY_NET, f"'{old}' is not in the net")
        return write(fresh("net.prototxt"), TINY_NET.replace(old, new, 1))
    return write(Place.scratch / "tiny.prototxt", TINY_NET)


def tiny(command="train", **changes):
    """Arguments of a small run; options as keywords: None leaves one out, True is a flag."""
    options = {"net": tiny_net(), "data": tiny_data(), "batch": 10, "iterations": 20}
    if command == "train":
        options.update(policy="fixed", lr=0.01, validate_every=10)
    else:
        options.update(min_lr=0.0001, max_lr=0.1)
    options.update(changes)
    args = [command]
    for name, value in options.items():
        if value is True:
            args.append("--" + name.replace("_", "-"))
        elif value is not None:
            args += ["--" + name.replace("_", "-"), value]
    return args


def settings(run):
    """What run.json says of a run's settings."""
    return json.loads((run / "run.json").read_text(encoding="utf-8"))["settings"]


def run_case(number):
    """The result of one case, its message, and its seconds."""
    name, function = (CASES + SLOW)[number]
    outcome, said, began = "passed", None, time.monotonic()
    try:
        function()
    except Skipped as reason:
        outcome, said = "skipped", f"SKIP: {name}: {reason}"
    except Exception as error:  # a case that raises any exception failed
        kind = "" if isinstance(error, Failed) else type(error).__name__
        outcome, said = "failed", f"FAIL {name}: {kind}{error}\n"
    return outcome, said, (time.monotonic() - began, name)


def enter_scratch(folder):
    Place.scratch = Path(tempfile.mkdtemp(dir=folder))


def main(modules):
    """Two processes, each with a folder of its own; the next case goes to whichever is free."""
    Place.program = os.path.abspath(sys.argv[1])
    wanted = sys.argv[2:]
    for module in modules:
        __import__(module)
    chosen = [number for number, (name, _) in enumerate(CASES + (SLOW if wanted else []))
              if not wanted or any(w in name for w in wanted)]
    counts, times = {"passed": 0, "failed": 0, "skipped": 0}, []
    with tempfile.TemporaryDirectory(prefix="clr-cl-cli-") as scratch, \
            ProcessPoolExecutor(2, get_context("fork"), enter_scratch, [scratch]) as workers:
        for outcome, said, time_taken in workers.map(run_case, chosen):
            counts[outcome] += 1
            times.append(time_taken)
            if said:
                print(said, flush=True)
    for seconds, name in sorted(times, reverse=True)[:20]:
        print(f"{seconds:6.1f} s  {name}")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return 1 if counts["failed"] or not counts["passed"] else 0
