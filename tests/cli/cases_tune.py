"""clr-cl tune: what it finds, which failures it survives, and that training uses its records."""

import json
import re
import shutil

from harness import ROOT, TINY_NET, Place, case, check, clr, clr_stopped, device, expect, fresh, pretended, table, \
    tiny, tiny_net, write

table("tune", [
    ("help", ["tune", "--help"], 0, ["^Usage: clr-cl tune .*--input CxHxW", "--batch B", "--quiet"], []),
    ("an unknown net", ["tune", "--net", "no-such-net"], 4, [], ["no-such-net"]),
    ("no device of that name", ["tune", "--device", "no-such-device"], 3, [], ["no-such-device"]),
    ("no images", ["tune", "--batch", "0"], 2, [], ["--batch"]),
    ("an argument", ["tune", "quick"], 2, [], ["quick"]),
])


def kernels():
    """The kernels in a folder; those with barriers, which take half of a compiler's time, do not compile."""
    folder = fresh("cl")
    shutil.copytree(ROOT / "cl", folder)
    for name in ("conv_tiled.cl", "conv_tiled_wgrad.cl"):
        write(folder / name, '#error "no tile of work-items"\n')
    return folder


def broken_kernels():
    """The kernels with three broken tiles: one is wrong, one does not compile, one crashes."""
    folder = kernels()
    text = (folder / "conv_direct.cl").read_text(encoding="utf-8")
    for old, new in (("#define XTILES", '#if XT == 5\n#error "no tile of five"\n#endif\n#define XTILES'),
                     ("acc[t][o] = bias;", "acc[t][o] = bias + (XT == 4 ? 1.0f : 0.0f);"),
                     ("    floatv acc[XT][OB];\n",
                      "    floatv acc[XT][OB];\n    if (XT == 8)\n        y[-(1L << 40)] = 0.0f;\n")):
        check(old in text, f"'{old}' is not in conv_direct.cl")
        text = text.replace(old, new, 1)
    write(folder / "conv_direct.cl", text)
    return folder


def averaging_net():
    """A net whose convolution stays alone: a maximum pool would be joined with it, and leave no choice."""
    return tiny_net("pool: MAX", "pool: AVE")


def records(share):
    return sorted((share / "clr-cl" / "tuning").glob("*.json"))


def change_one_layer(record):
    """Let the record name the own choice of every pass except the dense layer's forward."""
    data = json.loads(record.read_text(encoding="utf-8"))
    for e in data["entries"]:
        e["variant"] = "direct" if e["operator"].startswith("convolution") else "panels"
        if e["operator"].startswith("dense forward"):
            e["variant"] = "sliced"
    write(record, json.dumps(data))


def measured_again_at_the_end(net, env, share, passes):
    """A record that claims 1000-fold, and a worker that begins after the last pass."""
    record = records(share)[0]
    change_one_layer(record)
    data = json.loads(record.read_text(encoding="utf-8"))
    claimed = [e for e in data["entries"] if e["variant"] == "sliced"]
    for e in claimed:
        e["ms"], e["default_ms"] = 0.001, 1.0
    write(record, json.dumps(data))
    result = expect(clr("tune-worker", "--net", net, "--batch", 10, "--first", passes, env=env), 0)
    events = [json.loads(line) for line in result.out.splitlines()]
    again = [e for e in events if e["is"] == "result"]
    check([e["shape"] for e in again] == [e["shape"] for e in claimed] != [], f"{again}, claimed {claimed}")
    stored = {(e["operator"], e["shape"]): e for e in json.loads(record.read_text(encoding="utf-8"))["entries"]}
    for e in again:
        kept = stored[e["operation"], e["shape"]]
        check(e["item"] == passes and e["own_ms"] < 100 * e["ms"] and e["noise"] > 0.1, f"{e}")
        check(e["faster"] == (kept["variant"] == "sliced"), f"{e}, {kept}")
        check(abs(kept["ms"] - e["ms"]) < 1e-6 and abs(kept["default_ms"] - e["own_ms"]) < 1e-6, f"{e}, {kept}")


@case
def tune_survives_what_fails_and_training_takes_what_it_found():
    device()
    share, broken, net = fresh("share"), broken_kernels(), averaging_net()
    env = {"XDG_DATA_HOME": share, "CLR_CL_DIR": broken}
    result = expect(clr("tune", "--net", net, "--batch", 10, "--json", env=env), 0, [],
                    ["direct 4x2' is wrong", "direct 5x2' failed .*does not compile",
                     "direct 8x2' crashed .*signal 11"])
    report = json.loads(result.out)
    for why, said in (("wrong", "is wrong"), ("failed", "failed"), ("crashed", "crashed")):
        for algorithm in ("direct", "tiled"):
            told = [line for line in result.err.splitlines()
                    if line.startswith("warning: ") and re.search(f"'{algorithm}[^']*' {said} ", line)]
            count = len([f for f in report["failed"] if f["why"] == why and f["variant"].split()[0] == algorithm])
            check(len(told) == min(count, 2), f"{count} times, {told}")
            check(count < 2 or f"{said} {count} times" in told[1] and report["record"] in told[1], f"{count}: {told}")
    check(len(report["failed"]) > 3, f"nothing to group: {report['failed']}")
    check("no tile of five" in result.out, f"what the compiler said is missing\n{result}")
    check({f["why"] for f in report["failed"]} == {"wrong", "failed", "crashed"}, result.out)
    own = sorted((r["layer"], r["own"].split(" ")[0]) for r in report["results"])
    check(own == [("conv1", "direct")] * 3 + [("ip1", "panels")] * 4, f"batches of 10 and 100: {own}\n{result.out}")
    for r in report["results"]:
        check(r["ms"] > 0 and (r["own_ms"] is None or r["own_ms"] >= r["ms"]), f"{r}")
        check(not any(r["variant"].startswith(f"direct {x}x2") for x in (4, 5, 8)), f"{r}")
    check([str(p) for p in records(share)] == [report["record"]], f"{records(share)} {report['record']}")

    for name in ("own_ms", "ms"):
        whole = sum(r["uses"] * r[name] for r in report["results"] if r["own_ms"])
        check(abs(report[f"step_{name}"] - whole) < 1e-6 * whole, f"{name} of a step: {whole}\n{result.out}")

    again = expect(clr("tune", "--net", net, "--batch", 10, env=env), 0,
                   ["^LAYER .* NOISE$", "^conv1 .*10 .* [0-9.]+ %$",
                    "^all above +in one training step +[0-9.]+ +[0-9.]+ +[0-9.]+×$"],
                   ["0 variants failed", f"^next: 'clr-cl bench --net {net} --batch 10' measures whole"])
    check("will not be used" not in again.err, f"tried again\n{again}")
    check(max(map(len, again.out.splitlines())) <= 80, f"too wide\n{again}")
    measured_again_at_the_end(net, env, share, len(report["results"]))
    change_one_layer(records(share)[0])
    expect(clr_stopped("bench", "--net", net, "--batch", 10, env=env, at="measuring 7/9"), 130,
           ["^tuning +1 layer changed by tuning: ip1$"])

    out = fresh("run")
    expect(clr(*tiny(net=net, out=out), env=env), 0)
    tuning = json.loads((out / "run.json").read_text(encoding="utf-8"))["tuning"]
    check(tuning["record"] == report["record"] and tuning["layers"]["conv1"] == "tuned, weight gradient tuned",
          f"{tuning}")

    out = fresh("run")
    expect(clr(*tiny(net=net, out=out), env={"XDG_DATA_HOME": share}), 0)
    tuning = json.loads((out / "run.json").read_text(encoding="utf-8"))["tuning"]
    check(tuning["record"] is None, f"taken over from other kernels: {tuning}")

    text = records(share)[0].read_text(encoding="utf-8")
    write(records(share)[0], text[:len(text) // 2])
    out = fresh("run")
    damaged = expect(clr(*tiny(net=net, out=out), env=env), 0, [], ["^warning: .*no usable tuning record"])
    check(damaged.err.count("no usable") == 1, f"said more than once\n{damaged}")


@case
def the_hint_names_a_command_that_is_taken():
    """On a GPU without tuning records: a pretended one, which runs nothing."""
    env = pretended(True)
    sized = TINY_NET.replace("  input_param { shape { dim: 10 dim: 3 dim: 32 dim: 32 } }\n", "")
    for net, wanted in ((tiny_net(), ""), (write(fresh("net.prototxt"), sized), " --input 3x32x32")):
        result = expect(clr(*tiny(net=net, out=fresh("run"), iterations=1, unchecked=True), env=env), 0, [],
                        [f"has not been tuned: 'clr-cl tune --device \\d+:\\d+ --net {net} --batch 10{wanted}'"])
        hint = re.search("'clr-cl (tune .*)'", result.err).group(1).split()
        result = clr(*hint, "--quiet", env=env)
        check(result.code not in (2, 4), f"refused\n{result}")
        check("tuning for" not in result.err, f"--quiet says something\n{result}")


@case
def tune_says_how_far_it_is_and_is_stopped():
    device()
    args = ("tune", "--net", averaging_net(), "--batch", 10)
    expect(clr_stopped(*args, at="2 of ", env={"XDG_DATA_HOME": fresh("share"), "CLR_CL_DIR": kernels()}),
           130, [],
           ["^tuning for .*: 7 passes of operators, [0-9]+ variants in all, each ", "^1 of 7: .*: [0-9]+ variants$",
            "^2 of 7: .*: [0-9]+ variants; about .* left, more where kernels",
            "^stopping; press Ctrl-C again to quit now$",
            "^clr-cl: stopped after 1 of 7 passes; train uses what was found .'.*json'.; the same"])


@case
def training_without_a_record_makes_no_folder():
    device()
    share = fresh("share")
    expect(clr(*tiny(out=fresh("run")), env={"XDG_DATA_HOME": share}), 0)
    check(not share.exists(), f"{share} was made")


@case
def tune_without_a_place_for_records():
    device()
    env = {"XDG_DATA_HOME": None, "HOME": None, "XDG_CACHE_HOME": Place.scratch / "cache"}
    expect(clr("tune", "--net", averaging_net(), "--batch", 10, env=env), 1, [], ["HOME or XDG_DATA_HOME"])
