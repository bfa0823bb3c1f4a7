"""Devices that compute wrong results: what a run detects, and what it does then."""

import json
import re

from harness import ROOT, Place, built, case, check, clr, clr_stopped, device, expect, expect_lines, \
    expect_nothing_left, fresh, names, pretended, skip, slow_case, tiny, tiny_data, tiny_net, write


def lie(find, put, folder):
    """An environment in which kernels are compiled with `put` in place of `find`, in a home of its own."""
    kernels = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "cl").glob("*.cl*")))
    check(find in kernels, f"no kernel has '{find}': the case would change nothing")
    check(len(put) <= len(find), f"the driver puts nothing that is longer in the place of {find}")
    return {"LD_PRELOAD": built("lying_driver"), "LIE_FIND": find, "LIE_PUT": put, "XDG_CACHE_HOME": folder / "cache",
            "XDG_DATA_HOME": folder / "share"}


NET = """name: "small"
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { scale: 0.00390625 } }
layer { name: "pool0" type: "Pooling" bottom: "data" top: "pool0" pooling_param { pool: AVE kernel_size: 4 stride: 4 } }
layer {
  name: "conv1" type: "Convolution" bottom: "pool0" top: "conv1"
  convolution_param { num_output: 32 kernel_size: 1 weight_filler { type: "xavier" } }
}
layer { name: "norm" type: "LRN" bottom: "conv1" top: "norm" lrn_param { norm_region: WITHIN_CHANNEL local_size: 3 } }
layer {
  name: "conv2" type: "Convolution" bottom: "norm" top: "conv2"
  convolution_param { num_output: 32 kernel_size: 5 pad: 2 weight_filler { type: "xavier" } }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "conv2" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def small(out, norm=True, **more):
    """Arguments of a run of a net whose second convolution is Winograd's, with or without a normalisation."""
    text = NET
    if not norm:
        text = "".join(line for line in NET.splitlines(True) if '"norm" type' not in line)
        text = text.replace('bottom: "norm"', 'bottom: "conv1"')
    net = write(Place.scratch / f"small-{norm}.prototxt", text)
    # A batch as large as the evaluation's, so that both nets have the same layers.
    return tiny(net=net, out=out, iterations=2, validate_every=None, batch=100, **more)


def variants(out):
    return json.loads((out / "run.json").read_text(encoding="utf-8"))["variants"]


def needs(variant, norm=True):
    """Skip the case where a correct device does not use this variant; PoCL does."""
    device()
    out = fresh("run")
    result = expect(clr(*small(out, norm)), 0, [], ["^device: "])
    if variant not in str(variants(out)):
        check("Portable Computing Language" not in result.err, f"'{variant}' is not chosen\n{result}")
        skip(f"'{variant}' is not chosen on this device")


WRONG_WINOGRAD = "^warning: .* wrong with variant 'winograd': the forward of layer 'conv2' .*, and [0-9]+ other cases "
WINOGRAD = ("VEC(5.25f), d[4] - d[2]", "VEC(5.0f), d[4] - d[2]")


@case
def a_wrong_variant_is_refused_by_name():
    needs("winograd", norm=False)
    wrong, out = lie(*WINOGRAD, fresh("home")), fresh("run")
    result = expect(clr(*small(out, norm=False), env=wrong), 0, ["^test accuracy"],
                    [WRONG_WINOGRAD, "^layer 'conv2': the forward is wrong with variant 'winograd"])
    expect_lines("\n".join(line for line in result.err.splitlines() if re.match("warning: .*winograd", line)), 1)
    check("winograd" not in str(variants(out)), f"{variants(out)}")
    for once in ("compiling kernels", "checking whether"):
        check(result.err.count(once) <= 1, f"printed in each round\n{result}")
    again = fresh("run")
    result = expect(clr(*small(again, norm=False), env=wrong), 0)
    check("wrong" not in result.err and variants(again) == variants(out), f"{result}")
    check((out / "history.csv").read_bytes() == (again / "history.csv").read_bytes(), "other results")


def avoid_without_a_record(wrong, **nowhere):
    out = fresh("run")
    result = expect(clr(*small(out, norm=False), env=dict(wrong, **nowhere)), 0, ["^test accuracy"],
           [WRONG_WINOGRAD,
            "^warning: .*cannot be recorded.*next run: .*"])
    check(result.err.count("cannot be recorded") == 1, f"{result}")
    check("winograd" not in str(variants(out)), f"{variants(out)}")


@slow_case
def a_wrong_variant_is_avoided_where_the_record_cannot_be_made():
    needs("winograd", norm=False)
    wrong = lie(*WINOGRAD, fresh("home"))
    avoid_without_a_record(wrong, XDG_DATA_HOME="/dev/null")
    avoid_without_a_record(wrong, XDG_DATA_HOME=None, HOME=None)


@slow_case
def a_wrong_dense_layer_is_done_another_way():
    needs("panels", norm=False)
    wrong = lie("#define STEP         PANEL", "#define STEP         1", fresh("home"))
    out, again = fresh("run"), fresh("run")
    expect(clr(*small(out, norm=False), env=wrong), 0, ["^test accuracy"],
           ["warning: .* computes wrong with variant 'panels': the forward of layer 'ip' .*, and 1 other case.*"
            "; the list is in '.*/tuning/.*json'$"])
    check("sliced" in str(variants(out)), f"{variants(out)}")
    result = expect(clr(*small(again, norm=False), env=wrong), 0)
    check("wrong" not in result.err and variants(again) == variants(out), f"{result}")


@case
def a_wrong_layer_without_another_way_is_no_device_to_train_on():
    device()
    home, out = fresh("home"), fresh("run")
    wrong = lie("STOREV(direct - through, 0,", "STOREV(through, 0,", home)
    expect(clr(*small(out), env=wrong), 1, [],
           ["clr-cl: .* computes layer 'norm' wrong .*no other variant: nothing is trained on it"])
    expect_nothing_left(out)
    expect(clr(*small(fresh("run"), unchecked=True), env=wrong), 0)
    expect(clr(*small(fresh("run"), norm=False), env=wrong), 0)      # another net does not need it


@case
def a_wrong_loss_is_no_device_to_train_on():
    device()
    for find, put in [("log(sum) - (z[", "log(sum) + (z["),                        # the loss itself
                      ("/ sum - TARGET(k == label)", "/ sum - 0.9f*(k == label)")]:   # its gradient
        out = fresh("run")
        expect(clr(*small(out, norm=False), env=lie(find, put, fresh("home"))), 1, [],
               ["clr-cl: .* computes layer 'loss' wrong .*nothing is trained on it"])
        expect_nothing_left(out)


@case
def a_wrong_update_is_no_device_to_train_on():
    device()
    wrong = lie("eta = rate * mult", "eta = rate * .5f", fresh("home"))
    expect(clr(*small(fresh("run"), norm=False), env=wrong), 1, [],
           ["clr-cl: .* computes the update of the weights wrong .*nothing is trained on it"])


def sized(net):
    """The same net, with the size of its images in the file."""
    text = net.read_text(encoding="utf-8").replace(
        "transform_param", "input_param { shape { dim: 10 dim: 3 dim: 32 dim: 32 } } transform_param")
    return write(fresh("sized.prototxt"), text)


@case
def bench_measures_what_train_would_use():
    needs("winograd", norm=False)
    net, report, out = sized(small(fresh("run"), norm=False)[2]), fresh("report.json"), fresh("run")
    env = lie(*WINOGRAD, fresh("home"))
    args = ["bench", "--net", net, "--batch", 100, "--json", report]
    result = expect(clr_stopped(*args, env=env, at="measuring 7/9"), 130,
                    ["^replaced +conv2 forward: '.*' in place of\\s+'winograd[^']*',"
                     " which\\s+is\\s+wrong\\s+here\\s+.NMSE\\s[0-9.e-]+.$",
                     "^conv2 .* OK "],
                    [WRONG_WINOGRAD])
    check("WRONG" not in result.out, f"{result}")
    one = json.loads(report.read_text(encoding="utf-8"))["devices"][0]
    check(one["correct"] and one["training_refused"] == "" and "conv2" in str(one["replaced"]), f"{one}")
    check(all(r["worst_nmse"] > 1e-6 for r in one["replaced"]), f"{one['replaced']}")
    check(one["peak_memory_includes_compiler"], "what train asks first has compiled everything")
    args = small(out, norm=False)
    args[2] = net
    result = expect(clr(*args, env=env), 0, ["^test accuracy"])
    check("wrong" not in result.err, f"train finds what bench has found\n{result}")
    for r in one["replaced"]:
        check(r["by"] in str(variants(out)), f"train does not use {r['by']}: {variants(out)}")


@case
def bench_says_what_is_wrong():
    """Bench reports a wrong gradient of the loss."""
    device()
    report = fresh("report.json")
    figure = report.with_suffix(".png")
    args = ["bench", "--net", tiny_net(), "--batch", 10, "--json", report, "--plot", figure]
    result = expect(
        clr(*args, env=lie("/ sum - TARGET(k == label)", "/ sum - 0.9f*(k == label)", fresh("home"))), 1,
        ["^loss +.*WRONG", "^train refuses this device: "],
        ["^warning: 'clr-cl train' refuses this device; the times that follow will not count: .*'loss'",
         "clr-cl: these times do not count, and 'clr-cl train' refuses .* computes layer 'loss' wrong",
         "warning: '.*png' is not written: .* computed wrongly"])
    check(result.err.index("will not count") < result.err.index("measuring 2/9"), f"said too late\n{result}")
    check(not figure.exists(), "a figure of times that do not count")
    expect(clr("plot", "bench", report, "-o", figure), 4, [], ["times do not count"])
    one = json.loads(report.read_text(encoding="utf-8"))["devices"][0]
    check(not one["correct"], f"{one['checks']}")
    expect(clr("bench", "compare", report), 4, [], ["train refuses .*its times do not count"])


@slow_case
def bench_gives_no_peak_that_is_wrong():
    """Bench makes no report of a device with a wrong peak, either."""
    device()
    report = fresh("report.json")
    args = ["bench", "--net", tiny_net(), "--batch", 10, "--json", report]
    expect(clr(*args, env=lie("fma((floatv)(s), LOADV(i, b)", "fma((floatv)(2), LOADV(i, b)", fresh("home"))), 1, [],
           ["clr-cl: .* computes wrongly: element [0-9]+ of a sum of arrays is"])
    check(not report.exists(), "a report of a device that is wrong")


GROUPED = """layer { name: "in" type: "Data" top: "in" top: "label" }
layer { name: "u" type: "Convolution" bottom: "in" top: "u"
        convolution_param { num_output: 4 kernel_size: 3 stride: 3 weight_filler { type: "xavier" } } }
layer { name: "v" type: "Convolution" bottom: "u" top: "v"
        convolution_param { num_output: 4 kernel_size: 3 group: 2 weight_filler { type: "xavier" } } }
layer { name: "fc" type: "InnerProduct" bottom: "v" top: "fc"
        inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
layer { name: "cost" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "cost" }
"""


@case
def what_does_not_run_is_said_by_layer():
    """A kernel of the one variant that can do groups needs larger work-groups than any device has."""
    device()
    net, out = write(fresh("net.prototxt"), GROUPED), fresh("run")
    args = "y, __global const float *restrict m,\n                            __global const float *restrict b"
    find = f"__kernel void conv_gemm_put(__global float *restrict {args}"
    put = "__attribute__((reqd_work_group_size(99999, 1, 1))) " + re.sub(r"restrict |\n +", "", find)
    env = lie(find, put, fresh("home"))
    expect(clr(*tiny(net=net, out=out, iterations=2, validate_every=None), env=env), 1, [],
           ["clr-cl: .* cannot run layer 'v' .*WORK_GROUP.*no other variant: nothing is trained on it"])
    expect_nothing_left(out)


@slow_case
def products_fit_small_work_groups():
    """CLBlast's usual kernels do not run on such devices. The self-check would find wrong results."""
    device()
    if "PoCL" not in clr("devices").out and "Portable Computing" not in clr("devices").out:
        skip("this driver's work-groups cannot be made small")
    net, losses = write(fresh("net.prototxt"), GROUPED), []
    for limit in None, 1, 64:
        out, env = fresh("run"), {"XDG_CACHE_HOME": fresh("cache"), "XDG_DATA_HOME": fresh("share")}
        result = expect(clr(*tiny(net=net, out=out, iterations=2, validate_every=None),
                            env={**env, "POCL_MAX_WORK_GROUP_SIZE": limit}), 0)
        check("CLBlast" not in result.err, f"{result}")
        losses.append([float(line.split(",")[1]) for line in (out / "loss.csv").read_text("utf-8").splitlines()[1:]])
    check(all(abs(a - b) <= 1e-5 * b for other in losses for a, b in zip(other, losses[0])), f"{losses}")


CANCELS = """layer { name: "data" type: "Data" top: "data" top: "label" }
layer {
  name: "h" type: "InnerProduct" bottom: "data" top: "h"
  inner_product_param { num_output: 20 weight_filler { type: "gaussian" std: 1 } }
}
layer { name: "tanh" type: "TanH" bottom: "h" top: "tanh" }
layer {
  name: "zero" type: "Eltwise" bottom: "tanh" bottom: "tanh" top: "zero"
  eltwise_param { coeff: 0.1 coeff: -0.1 }
}
layer { name: "sum" type: "Eltwise" bottom: "SUM" bottom: "zero" top: "sum" }
layer {
  name: "t" type: "InnerProduct" bottom: "data" top: "t"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } }
}
layer { name: "tiny" type: "Eltwise" bottom: "t" bottom: "sum" top: "tiny" eltwise_param { coeff: 1e-21 coeff: 0 } }
layer {
  name: "tinier" type: "Eltwise" bottom: "tiny" bottom: "sum" top: "tinier"
  eltwise_param { coeff: 1e-21 coeff: 1 }
}
layer {
  name: "ip" type: "InnerProduct" bottom: "tinier" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


@case
def a_gradient_of_rounding_alone_is_no_fault_of_a_device():
    """Gradients before a saturated TanH, and before terms that cancel, are 0, and in single precision nearly so; those
    of weights that are all equal are 0, too, and gradients of 1e-42 underflow."""
    device()
    equal = re.sub(r'type: "xavier"', 'type: "constant" value: 0.02', tiny_net().read_text(encoding="utf-8"))
    for net in CANCELS.replace("SUM", "tanh"), CANCELS.replace("SUM", "zero"), equal:
        home = fresh("home")
        result = expect(clr(*tiny(net=write(fresh("net.prototxt"), net), out=fresh("run"),
                                  iterations=2, validate_every=None),
                            env={"XDG_CACHE_HOME": home / "cache", "XDG_DATA_HOME": home / "share"}), 0)
        check("wrong" not in result.err, f"{result}")
    check(result.err.count("all values of") == 1, f"equal weights are not told\n{result}")


@case
def doctor_tells_what_is_wrong_from_what_does_not_run():
    """A pretended GPU, which computes nothing; and one whose compiler fails, since it has no folder for programs."""
    result = expect(clr("doctor", env=pretended(True)), 1, ["^WRONG +conv ", "^WRONG +training of quick"],
                    ["^last: a short training of quick",
                     "clr-cl: [0-9]+ kernel variants .*: [1-9][0-9]+ wrong and 0 failed; do not train there"])
    check("error nan" not in result.out, f"{result}")
    result = expect(clr("doctor", "--quiet", env=pretended(False)), 1,
                    ["^FAILED +conv ", "^FAILED +training of quick"],
                    ["clr-cl: [0-9]+ kernel variants .*: 0 wrong and [1-9][0-9]+ failed; do not train there"])
    expect_lines(result.err, 1)


@case
def doctor_takes_want_of_memory_for_what_it_is():
    """The device, or the host, is out of memory: that does not make a kernel wrong."""
    for env, code, why in (({"STUB_OPENCL_FAIL": "3000+:-4"}, 6, "CL_MEM_OBJECT_ALLOCATION_FAILURE"),
                           ({"LD_PRELOAD": built("faults"), "FAULTS_FAIL": "memory:5000:12"}, 1, "out of memory")):
        result = expect(clr("doctor", env=pretended(True) | env), code, ["^WRONG "], [f"clr-cl: .*: .*{why}"])
        check("FAILED" not in result.out and "training" not in result.out, f"it went on\n{result}")


@case
def an_interrupted_compiler_is_no_wrong_kernel():
    """Ctrl-C ends the driver's compiler, too: at the start, and while layers are checked one by one."""
    for command in (tiny(out=fresh("run")), ["doctor"], ["bench", "--net", tiny_net(), "--batch", 10]):
        for build in (1, 13):
            env = pretended(True) | {"STUB_OPENCL_INTERRUPT": build}
            result = expect(clr(*command, env=env), 130, [], ["clr-cl: stopped"])
            check("compile with" not in result.err and "refuses" not in result.err, f"{result}")
            check(not list(env["XDG_DATA_HOME"].rglob("*.json")), "a variant is recorded as one that fails")
            check(build == 1 or command[0] != "train" or "one layer after the other" in result.err, f"{result}")


@case
def a_device_is_checked_once():
    device()
    home, first, second, third = fresh("home"), fresh("run"), fresh("run"), fresh("run")
    env = {"XDG_CACHE_HOME": home / "cache"}
    expect(clr(*small(first), env=env), 0)
    checked = names(home / "cache" / "clr-cl" / "checked")
    check(len(checked) == 1, f"{checked}")
    expect(clr(*small(second), env=env), 0)
    check(names(home / "cache" / "clr-cl" / "checked") == checked, "checked again")
    expect(clr(*small(third, unchecked=True), env={"XDG_CACHE_HOME": fresh("cache")}), 0)
    for name in ("history.csv", "loss.csv", "final.safetensors"):
        data = [(out / name).read_bytes() for out in (first, second, third)]
        check(data[0] == data[1] == data[2], f"the check changes {name}")
    expect(clr("eval", "--weights", first / "final.safetensors", "--data", tiny_data(), "--net", small(first)[2]), 0)


@case
def a_net_beyond_single_precision_is_not_the_device_s_fault():
    """Numbers beyond float32: the device computes correctly, and the loss is reported as not finite."""
    device()
    wild = tiny_net('weight_filler { type: "xavier" }', 'weight_filler { type: "gaussian" std: 1e38 }')
    result = expect(clr(*tiny(net=wild, out=fresh("run"))), 5, [], ["the loss .* is not finite"])
    check("wrong" not in result.err, f"{result}")
