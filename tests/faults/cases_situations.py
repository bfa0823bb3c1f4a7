"""A device that is lost, a disk that is full, data that vanishes, no home, a shared cache, a clock that jumps."""

import csv
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import time
from contextlib import contextmanager

from faulty import LONG, check_end, copied, end, in_parallel, run, same, short, start, whole
from harness import case, check, expect, fresh, names, skip, tiny_data, tiny_net, write

SAME = ["history.csv", "loss.csv", "final.safetensors"]
ENOMEM, EACCES, EROFS = 12, 13, 30
ALLOCATION_FAILURE = -4     # of OpenCL


def whole_run(**options):
    """An undisturbed run, to compare with."""
    folder = fresh("whole")
    ended = run(folder, short(**options))
    check(ended.code == 0, f"{ended}")
    return folder, ended


def expect_end(ended, code, err):
    check_end(ended)
    expect(ended, code, [], err)


def calls_until(name, folder, args, **changes):
    """Numbers of OpenCL calls that are calls of `name`, in a run with `args`: a few of them."""
    reference = run(folder, args, **changes)
    check(reference.code == 0, f"{reference}")
    found = []
    for number in range(reference.calls["opencl"] // 2, reference.calls["opencl"]):
        again = fresh("search")
        if run(again, args, STUB_OPENCL_FAIL=f"{number}:-5", **changes).failed == name:
            found.append(number)
            if len(found) == 2:
                break
        shutil.rmtree(again.parent)
    return found


@case
def device_is_lost():
    """In the middle of an update, and while the host waits for results: the run resumes from its checkpoint."""
    undisturbed, _ = whole_run()
    for name, code, text in (("clEnqueueNDRangeKernel", -2, "CL_DEVICE_NOT_AVAILABLE"),
                             ("clEnqueueReadBuffer", -5, "CL_OUT_OF_RESOURCES")):
        numbers = calls_until(name, fresh("count"), short())
        check(numbers, f"{name} is not called")
        folder = fresh("lost")
        expect_end(run(folder, short(), STUB_OPENCL_FAIL=f"{numbers[-1]}+:{code}"), 1,
                   [f"Tesla T4 has stopped working.* [(]{text}, .*--resume .*'run' .*checkpoint of "
                    "iteration 3$"])
        status = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))["status"]
        check(status == "failed", f"run.json says {status}")
        expect_end(run(folder, ["train", "--resume", "--out", "run"]), 0, ["resumed after iteration 3 of 8"])
        same(undisturbed / "run", folder / "run", SAME)


@case
def device_has_no_memory():
    folder = fresh("memory")
    numbers = []
    for number in range(40, 400):
        ended = run(fresh("search"), short(iterations=1), STUB_OPENCL_FAIL=f"{number}:-4")
        if ended.failed == "clCreateBuffer":
            numbers.append(number)
            expect_end(ended, 6, ["MB for .*CL_MEM_OBJECT_ALLOCATION_FAILURE"])
            check(not (ended.folder / "run").exists(), "an empty folder is left")
            if len(numbers) == 3:
                break
    check(len(numbers) == 3, "buffers are not made where this looks")
    expect_end(run(folder, short(iterations=1)), 0, [])


@contextmanager
def small_disk(kilobytes):
    """Mount a file system of that size, if this process may."""
    folder = fresh("disk")
    folder.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", str(folder).encode(), b"tmpfs", 0, f"size={kilobytes}k".encode()) != 0:
        skip(f"no file system can be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        yield folder
    finally:
        libc.umount2(str(folder).encode(), 2)


@case
def disk_is_full():
    """On a real full disk, written files stay whole, and the run resumes when there is room again."""
    undisturbed, _ = whole_run()
    codes = []
    for kilobytes in (16, 32, 48, 64, 96, 128):
        with small_disk(kilobytes) as disk:
            folder = fresh("full")
            ended = run(folder, short(out=disk / "run"))
            codes.append(ended.code)
            check_end(ended)
            whole(disk / "run")
            expect(ended, ended.code, [], ["No space left on device"] if ended.code else [])
            check(ended.code in (0, 1), f"{ended}")
            if (disk / "run").exists():
                shutil.copytree(disk / "run", folder / "run")
        expect_end(run(folder, short(resume=True)), 0, [])
        same(undisturbed / "run", folder / "run", SAME)
    check(1 in codes, f"no disk was too small: {codes}")


@case
def disk_is_full_of_the_cache():
    """Programs that cannot be cached cause one warning."""
    undisturbed, _ = whole_run()
    with small_disk(12) as disk:
        ended = run(fresh("full"), short(), XDG_CACHE_HOME=disk)
        expect_end(ended, 0, ["warning: compiled kernels are not kept .*No space left"])
        check(ended.err.count("warning") == 1, f"{ended}")
        same(undisturbed / "run", ended.folder / "run", SAME)


@case
def files_may_not_grow():
    """The limit of the shell's `ulimit -f` is smaller than a figure."""
    folder, whole = fresh("limit"), whole_run()[0]
    shutil.copytree(whole, folder)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    args = ["plot", "run", "run", "-o", "run/x.png"]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
        process = start(folder, args)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with process:
        expect_end(end(folder, process, args), 1, ["cannot write 'run/x.png': File too large"])
    check("x.png" not in names(folder / "run"), f"{names(folder / 'run')}")


@case
def link_leads_nowhere():
    folder = fresh("link")
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "rates.csv").symlink_to("nothing")
    args = ["schedule", "--policy", "fixed", "--lr", 0.1, "--iterations", 2, "--csv", "run/rates.csv"]
    expect(run(folder, args), 1, [], ["cannot write 'run/rates.csv': a link that leads nowhere"])
    check((folder / "run" / "rates.csv").is_symlink(), "the link is gone")


@case
def folder_is_read_only():
    """Root may write anywhere, so the preloaded library makes the calls fail."""
    for errno, text in ((EACCES, "Permission denied"), (EROFS, "Read-only file system")):
        folder = fresh("fixed")
        ended = run(folder, short(), FAULTS_FAIL=f"write:1+:{errno}")
        expect_end(ended, 1, [f"cannot make the folder 'run': {text}"])
        (folder / "run").mkdir()
        ended = run(folder, short(), FAULTS_FAIL=f"write:1+:{errno}")
        expect_end(ended, 1, [f"run.*{text}"])
        check(names(folder / "run") == [], f"left: {names(folder / 'run')}")


@case
def data_cannot_be_read():
    data = fresh("data")
    shutil.copytree(tiny_data(), data)
    args = short(data=data)
    (data / "data_batch_3.bin").write_bytes((data / "data_batch_3.bin").read_bytes()[:-1])
    expect_end(run(fresh("cut"), args), 4, ["data_batch_3.bin.*cut off"])
    (data / "data_batch_3.bin").unlink()
    expect_end(run(fresh("gone"), args), 4, ["data_batch_3.bin.*No such file"])
    (data / "data_batch_3.bin").mkdir()
    expect_end(run(fresh("folder"), args), 4, ["data_batch_3.bin.*it is not a file"])
    shutil.rmtree(data)
    expect_end(run(fresh("nothing"), args), 4, ["no data set and no folder"])


@case
def data_vanishes_while_it_trains():
    """The data is in memory, so the run succeeds. A resumed run reports it missing, and finds it when it is back."""
    undisturbed, _ = whole_run(iterations=4000, validate_every=1000, checkpoint_every=100, profile=None)
    data, folder = fresh("data"), fresh("vanished")
    shutil.copytree(tiny_data(), data)
    folder.mkdir()
    args = short(iterations=4000, validate_every=1000, checkpoint_every=100, profile=None, data=data)
    with start(folder, args) as process:
        while not (folder / "run" / "checkpoint-100.clr").exists():
            check(process.poll() is None, "it was too fast")
            time.sleep(0.001)
        shutil.rmtree(data)
        process.send_signal(signal.SIGTERM)
        expect_end(end(folder, process, args), 130, ["--resume "])
    expect_end(run(folder, ["train", "--resume", "--out", "run"]), 4, ["no data set and no folder"])
    shutil.copytree(tiny_data(), data)
    expect_end(run(folder, ["train", "--resume", "--out", "run"]), 0, ["resumed after iteration"])
    same(undisturbed / "run", folder / "run", SAME)


@case
def there_is_no_home():
    """Nothing is cached or looked up; the run succeeds, and no message asks to set anything."""
    undisturbed, reference = whole_run()
    nowhere = {"HOME": None, "XDG_CACHE_HOME": None, "XDG_DATA_HOME": None}
    ended = run(fresh("homeless"), short(), **nowhere)
    expect_end(ended, 0, [])
    check("warning" not in ended.err and ended.out == reference.out, f"{ended}")
    same(undisturbed / "run", ended.folder / "run", SAME)
    expect_end(run(fresh("homeless"), short(data="cifar10"), **nowhere), 4, ["the data set 'cifar10' is not here"])
    ended = run(fresh("nowhere"), short(), HOME="/dev/null", XDG_CACHE_HOME=None, XDG_DATA_HOME=None)
    expect_end(ended, 0, ["warning: compiled kernels are not kept"])


@case
def tuning_record_is_not_lost():
    """Entries of another process stay, whatever fails in the process that adds to the record."""
    folder, net = fresh("tuned"), tiny_net()
    expect_end(run(folder, ["tune", "--net", net, "--batch", 10]), 0, ["variants failed"])
    record, = (folder / "share" / "clr-cl" / "tuning").glob("*.json")
    other = json.loads(record.read_text(encoding="utf-8"))
    other["failed"] = [dict(other["failed"][0], shape=f"shape {i}") for i in range(20)]
    content = json.dumps(other)
    args = ["tune-worker", "--net", net, "--batch", 10]
    record.write_text(content, encoding="utf-8")
    count = run(folder, args).calls["memory"]

    def attempt(number):
        mine = copied(folder)
        (mine / record.relative_to(folder)).write_text(content, encoding="utf-8")
        ended = run(mine, args, FAULTS_FAIL=f"memory:{number}:{ENOMEM}")
        check(ended.code in (0, 1), f"{ended}")
        left = json.loads((mine / record.relative_to(folder)).read_text(encoding="utf-8"))["failed"]
        check(all(entry in left for entry in other["failed"]), f"entries are lost; {ended.failed}")
    bad = in_parallel(attempt, range(1, count + 1, max(1, count // 5)))
    check(not bad, f"{len(bad)}\n" + "\n".join(bad[:3]))


@case
def memory_of_a_device_is_no_fault_of_a_variant():
    """Another process has taken the device's memory for a while: tune ends, and records no failure."""
    args = ["--net", tiny_net(), "--batch", 10]
    count = run(fresh("tuned"), ["tune-worker", *args]).calls["opencl"]     # those before 60 look for the device

    def attempt(number):
        ended = run(fresh("tuned"), ["tune", *args], STUB_OPENCL_FAIL=f"{number}:{ALLOCATION_FAILURE}")
        check(ended.code in (0, 6), f"{ended}")
        for record in (ended.folder / "share").rglob("*.json"):
            reasons = {entry["why"] for entry in json.loads(record.read_text(encoding="utf-8"))["failed"]}
            # CLBlast hides that a query about its arguments failed, and calls a matrix invalid.
            hidden = re.search(r"CLBlast SGEMM .*\(-102[012]\)", ended.err)
            check(reasons <= ({"wrong", "failed"} if hidden else {"wrong"}), f"{reasons}: {ended}")
        return ended.code
    bad = in_parallel(attempt, range(60, count, max(1, count // (120 if LONG else 6))))
    check(not bad, f"{len(bad)}\n" + "\n".join(bad[:3]))


@case
def two_processes_share_a_cache():
    """Both compile into an empty cache at the same time and succeed; a third process uses that cache."""
    undisturbed, _ = whole_run()
    args = short()
    for attempt in range(3):
        cache = fresh("cache")
        folders = [fresh(name) for name in ("first", "second", "third")]
        for folder in folders:
            folder.mkdir()
        processes = [start(folder, args, XDG_CACHE_HOME=cache) for folder in folders[:2]]
        for folder, process in zip(folders, processes):
            with process:
                expect_end(end(folder, process, args), 0, [])
        third = run(folders[2], args, XDG_CACHE_HOME=cache)
        expect_end(third, 0, [])
        check("compiling" not in third.err, f"nothing was in the cache after attempt {attempt}\n{third}")
        check(not [p for p in cache.rglob("*") if ".tmp-" in p.name], "left behind in the cache")
        for folder in folders:
            same(undisturbed / "run", folder / "run", SAME)


@case
def clock_jumps():
    """Every second reading of the clock is an hour earlier: the same bytes, and no impossible times."""
    undisturbed, _ = whole_run()
    ended = run(fresh("clock"), short(), FAULTS_CLOCK=3600)
    expect_end(ended, 0, [])
    check(ended.calls["clock"] > 20, f"the clock was read {ended.calls['clock']} times: no jumps")
    same(undisturbed / "run", ended.folder / "run", SAME)
    with open(ended.folder / "run" / "timing.csv", encoding="utf-8", newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    check(seconds == sorted(seconds) and 0 <= seconds[0] and seconds[-1] < 2 * 3600, f"timing.csv: {seconds}")
    result = json.loads((ended.folder / "run" / "run.json").read_text(encoding="utf-8"))["result"]
    check(0 <= result["seconds"] < 2 * 3600, f"run.json: {result}")
    speeds = [float(text) for text in re.findall(r"(\S+) it/s", ended.err)]
    check(speeds and all(0 < speed < 1e6 for speed in speeds), f"speeds {speeds}\n{ended}")


@case
def old_accuracies_are_not_repeated():
    """Of the lines of progress without a terminal only those that follow an evaluation have its accuracy."""
    ended = run(fresh("slow"), short(), FAULTS_CLOCK=-60)       # half a minute is over at each reading
    expect_end(ended, 0, [])
    lines = re.findall(r"^iteration .*", ended.err, re.M)
    rows = len((ended.folder / "run" / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    check(sum("accuracy" in line for line in lines) == rows < len(lines), f"{rows} evaluations\n{ended}")


@case
def memory_runs_out_in_a_solver_of_a_built_in_net():
    """Whichever allocation fails: what it was for is not missing afterwards without a word."""
    file = write(fresh("s").parent / "solver.prototxt", 'net: "lenet" lr_policy: "fixed" base_lr: 1 max_iter: 1')
    for number in range(1, 80):
        ended = run(fresh("solver"), ["train", "--solver", file, "--out", "run"],
                    FAULTS_FAIL=f"memory:{number}:12")
        expect_end(ended, *((1, ["out of memory"]) if ended.code == 1 else (2, ["--data DATA is missing: cifar10"])))
        if not ended.failed:
            break
