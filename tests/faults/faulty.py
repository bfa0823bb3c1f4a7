"""One run with a fault: how it is started, and what must hold after it. The cases in cases_*.py share this."""

import concurrent.futures
import csv
import hashlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

from harness import CRASH, LEAK, Place, Result, built, check, expect_no_crash, fresh, tiny_data, tiny_net, write

LONG = os.environ.get("CLR_TEST_LONG") == "1"
SUPPRESSIONS = Path(__file__).resolve().parent.parent / "support" / "lsan.supp"
SECONDS = 120           # that no run needs
PARALLEL = os.cpu_count() or 1


def environment(folder, **changes):
    """A home in `folder`, the pretended device, and the library that makes calls fail."""
    vendors = Place.scratch / "vendors"
    if not vendors.exists():
        write(vendors / "stub.icd", f"{built('stub_icd')}\n")
        (Place.scratch / "programs").mkdir()
    sanitizer = {"ASAN_OPTIONS": f"verify_asan_link_order=0:exitcode={CRASH}",
                 "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0:exitcode={LEAK}",
                 "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:exitcode={CRASH}"}
    return Place.environment(**{
        "HOME": folder / "home", "XDG_CACHE_HOME": folder / "cache", "XDG_DATA_HOME": folder / "share",
        "OCL_ICD_VENDORS": vendors, "STUB_OPENCL_DEVICE": "nvidia-sm_75",
        "STUB_OPENCL_FOLDER": Place.scratch / "programs", "STUB_OPENCL_REPORT": folder / "opencl",
        "FAULTS_REPORT": folder / "system", "LD_PRELOAD": built("faults"), **sanitizer, **changes})


class Ended(Result):
    """How a run ended: exit code and output, number of calls by kind, what failed, unreleased objects."""

    def __init__(self, folder, done, args):
        super().__init__(args, done.returncode, done.stdout, done.stderr)
        self.folder, self.calls, self.failed, self.left = folder, {}, "", []
        for name in ("opencl", "system"):
            path = folder / name
            for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
                word, rest = line.split(" ", 1)
                if word == "failed":
                    self.failed = rest
                elif word == "left":
                    self.left.append(rest)
                else:
                    self.calls["opencl" if word == "calls" else word] = int(rest)


def start(folder, args, **changes):
    """clr-cl with `folder` as its working directory."""
    for name in ("opencl", "system"):
        (folder / name).unlink(missing_ok=True)
    return subprocess.Popen([Place.program, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment(folder, **changes), cwd=folder, stdin=subprocess.DEVNULL)


def end(folder, process, args):
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += f"\nit was still running after {SECONDS} s"
    return Ended(folder, subprocess.CompletedProcess(args, process.returncode, out, err), args)


def run(folder, args, **changes):
    folder.mkdir(exist_ok=True)
    with start(folder, args, **changes) as process:
        return end(folder, process, args)


def short(command="train", **changes):
    """Arguments of a run of eight updates with everything that a run can write; --out is the folder run."""
    options = {"net": tiny_net(), "data": tiny_data(), "batch": 10, "iterations": 8, "out": "run",
               "checkpoint_every": 3, "unchecked": True}      # the device only pretends
    if command == "train":
        options.update(policy="triangular", min_lr=0.001, max_lr=0.01, step_size=2, validate_every=4, log_every=1,
                       keep_minima=True, profile=True)
    else:
        options.update(min_lr=0.0001, max_lr=0.1, validate_every=2)
    options.update(changes)
    args = [command]
    for name, value in options.items():
        if value is not None:
            args += ["--" + name.replace("_", "-")] + ([] if value is True else [value])
    return args


# ---------------------------------------------------------------------------------------------- files

def read_safetensors(data):
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    ends = [t["data_offsets"][1] for name, t in head.items() if name != "__metadata__"]
    check(max(ends) == len(data) - 8 - size, "tensors end elsewhere than the file")


def read_checkpoint(data):
    magic, digest, body = data.split(b"\n", 2)
    check(magic == b"clr-cl checkpoint 1", f"begins with {magic}")
    check(hashlib.sha256(body).hexdigest() == digest.decode(), "its checksum is wrong")


TEXTS = ("run", "status", "panel", "axis", "kind", "name", "net", "data", "policy", "state", "device", "started")


def read_csv(data):
    check(data.endswith(b"\n"), "the last line has no end")
    rows = list(csv.reader(io.StringIO(data.decode())))
    check(len({len(row) for row in rows}) == 1, "rows of different lengths")
    texts = [name in TEXTS for name in rows[0]]
    check(all(text or x == "" or abs(float(x)) < 1e12 for row in rows[1:] for x, text in zip(row, texts)),
          "something that is no number")


def read_png(data):
    check(data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82"), "cut off")


def read_svg(data):
    check(data.startswith(b"<?xml") and data.endswith(b"</svg>\n"), "cut off")


def read_text(data):
    check(data.decode().endswith("\n"), "the last line has no end")


def read_caffemodel(data):
    """Fields of protocol buffers, each with its length, up to the end."""
    def number(at):
        value = shift = 0
        while True:
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if data[at - 1] < 128:
                return value, at
    at = 0
    while at < len(data):
        tag, at = number(at)
        check(tag in (1 << 3 | 2, 100 << 3 | 2), f"field {tag >> 3} of a net")
        size, at = number(at)
        at += size
    check(0 < at == len(data), "cut off")


READERS = {".json": json.loads, ".csv": read_csv, ".clr": read_checkpoint, ".safetensors": read_safetensors,
           ".caffemodel": read_caffemodel,
           ".png": read_png, ".svg": read_svg, ".md": read_text, ".prototxt": read_text}


def whole(out):
    """All files in the folder of a run or an experiment can be read, and no others are there."""
    for path in sorted(p for p in out.rglob("*") if not p.is_dir()) if out.is_dir() else []:
        check(path.suffix in READERS, f"{path.name} is left behind")
        try:
            READERS[path.suffix](path.read_bytes())
        except Exception as error:
            check(False, f"{path.name}: {error}")


def remembered(path):
    """run.json without what depends on the clock and on how often the run was resumed."""
    content = json.loads(path.read_text(encoding="utf-8"))
    for key in ("started", "written", "resumed", "command"):
        content.pop(key, None)
    content.get("result", {}).pop("seconds", None)
    return content


def untimed(text):
    return re.sub(r"[0-9.]+ s\b", "", text)


def same(reference, out, compared):
    for name in compared:
        if Path(name).name == "run.json":
            was, now = remembered(reference / name), remembered(out / name)
            other = {key: now.get(key) for key in was if was[key] != now.get(key)}
            check(was == now, f"{name} has other content: {other}")
        elif name.endswith(".md"):
            check(untimed((reference / name).read_text()) == untimed((out / name).read_text()), f"{name} is another")
        else:
            check((reference / name).read_bytes() == (out / name).read_bytes(), f"{name} has other content")


# ---------------------------------------------------------------------------------------------- what must hold

def check_end(ended):
    """After any fault: one message, no crash, nothing unreleased."""
    expect_no_crash(ended)
    messages = re.findall("^clr-cl: .*", ended.err, re.M)
    check(len(messages) == (ended.code != 0), f"{len(messages)} messages of an error")
    check(not any(re.search(r"clr-cl: (failed, without|$)", m) for m in messages), f"no reason is given: {messages}")
    check(not ended.left, f"OpenCL objects that were not released: {ended.left}")
    temporary = [p for p in ended.folder.rglob("*") if ".tmp-" in p.name]
    check(not temporary, f"left behind: {temporary}")
    whole(ended.folder / "run")


def in_parallel(function, items):
    """The exceptions of `function`, as texts, by item."""
    def attempt(item):
        try:
            function(item)
            return None
        except Exception as error:
            return f"{item}: {type(error).__name__} {error}"
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        return [text for text in pool.map(attempt, items) if text]


def copied(folder):
    """A folder with the same content."""
    copy = fresh("copy")
    shutil.copytree(folder, copy)
    return copy
