"""Input that is missing, damaged or does not fit: exit 4 (or as said), one message, nothing half-written."""

import json
import shutil
import struct

from harness import (TINY_NET, Place, case, check, clr, device, expect, expect_nothing_left, fresh, images, table, tiny,
                     tiny_data, tiny_net, write)


def refused(code, patterns, **options):
    """A training that must be refused with this code and these messages."""
    out = fresh("run")
    result = expect(clr(*tiny(out=out, **options)), code, [], patterns)
    expect_nothing_left(out)
    check(result.out == "", f"stdout is not empty\n{result}")
    return result


table("missing", [
    ("data set", ["data", "info", "no-such-data"], 4, [], ["no-such-data", "cifar10"]),
    ("data set with a known name", ["data", "info", "cifar10"], 4, [], ["cifar10", "download|fetch|get"]),
    ("folder", ["data", "info", "./no/such/folder"], 4, [], ["no/such/folder"]),
    ("net", ["net", "show", "quack"], 4, [], ["quack", "quick"]),
    ("report", ["bench", "compare", "no-such.json", "b.json"], 4, [], ["no-such.json"]),
    ("report to draw", ["plot", "bench", "no-such.json", "-o", "x.png"], 4, [], ["no-such.json"]),
    ("net to measure", ["bench", "--net", "quack"], 4, [], ["quack", "quick"]),
    ("prototxt", ["net", "show", "./no-such.prototxt"], 4, [], ["no-such.prototxt"]),
])


@case
def data_info():
    folder = tiny_data()
    expect(clr("data", "info", folder), 0, ["200", "100", "10", "sha256"])
    info = json.loads(expect(clr("data", "info", folder, "--json"), 0).out)
    check(info["classes"], f"no classes: {info}")


@case
def data_list():
    expect(clr("data", "list"), 0, ["^cifar10 ", "^cifar100 ", "^mnist ", "^fashion-mnist "])
    json.loads(expect(clr("data", "list", "--json"), 0).out)


@case
def data_in_python_format():
    folder = fresh("cifar-10-batches-py")
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"\x80\x02}")
    expect(clr("data", "info", folder), 4, [], ["Python version of CIFAR", "cifar-10-binary.tar.gz"])


@case
def data_that_is_cut_off():
    folder = fresh("cut")
    for batch in range(5):
        write(folder / f"data_batch_{batch + 1}.bin", images(4, 4 * batch))
    write(folder / "test_batch.bin", images(4, 20))
    expect(clr("data", "info", folder), 0)
    write(folder / "data_batch_3.bin", images(4, 8)[:-100])
    expect(clr("data", "info", folder), 4, [], ["data_batch_3.bin"])
    refused(4, ["data_batch_3.bin"], data=folder)
    write(folder / "data_batch_3.bin", b"")
    expect(clr("data", "info", folder), 4, [], ["data_batch_3.bin"])


@case
def data_that_is_cut_off_between_images():
    folder = fresh("part")
    for batch in range(5):
        write(folder / f"data_batch_{batch + 1}.bin", images(1, batch))
    write(folder / "test_batch.bin", images(1, 0) * 10000)
    expect(clr("data", "info", folder), 0, [], ["warning: .*part' holds 5 .*for training and 10,000 .*for testing"])
    check(clr("data", "info", tiny_data()).err == "", "said of a set of another size")


@case
def data_with_a_label_that_is_none():
    folder = fresh("label")
    for batch in range(5):
        write(folder / f"data_batch_{batch + 1}.bin", images(2, 2 * batch))
    write(folder / "test_batch.bin", b"\x0a" + images(1, 0)[1:])
    expect(clr("data", "info", folder), 4, [], ["test_batch.bin", "label 10"])


@case
def net_show():
    expect(clr("net", "show", "quick"), 0, ["conv1", "116,906"])
    expect(clr("net", "show", tiny_net()), 0, ["conv1", "ip1"])
    json.loads(expect(clr("net", "show", "lenet", "--json"), 0).out)
    for name in ("full", "caffe-quick", "caffe-full"):
        expect(clr("net", "show", name), 0, ["conv1"])


@case
def net_show_prototxt():
    """The file of a built-in net is printed, and gives the same net when it is read."""
    text = expect(clr("net", "show", "--prototxt", "quick"), 0).out
    net = write(fresh("quick.prototxt"), text)
    ours, built_in = (expect(clr("net", "show", name), 0).out.splitlines()[1:] for name in (net, "quick"))
    check(ours == built_in, ours)
    expect(clr("net", "show", "quick", "--json", "--prototxt"), 2, [], ["--json", "--prototxt"])


@case
def files_in_the_place_of_others():
    """A file is recognised, and the message names what takes it."""
    weights = fresh("weights")
    weights.write_bytes(b"PK\x03\x04\0\0")
    expect(clr("net", "show", weights), 4, [], ["torch.save", "save_file"])
    expect(clr("net", "show", write(fresh("exp.prototxt"), "run { }")), 4, [], ["is an experiment and not a net"])
    expect(clr("experiment", tiny_net(), "--out", fresh("out")), 4, [], ["is a net and not an experiment", "--net"])


@case
def what_is_built_in_hides_a_folder():
    """The folder of a run that is called like its net."""
    folder = Place.scratch / "quick"
    folder.mkdir()
    write(folder / "run.json", "{}")
    try:
        expect(clr("net", "show", "quick"), 0, ["^quick .built-in quick"])
    finally:
        shutil.rmtree(folder)


@case
def net_layers():
    types = [line.split()[0] for line in expect(clr("net", "layers"), 0).out.split("\n\n")[0].splitlines()
             if not line.startswith(" ")]
    check(types[:2] == ["Data", "Input"] and "Convolution" in types, types)
    for name in types:
        expect(clr("net", "layers", name), 0, [f"{name}: "])
    expect(clr("net", "layers", "Convolutoin"), 2, [], ["did you mean 'Convolution'"])
    expect(clr("net", "layers", "--json"), 2, [], ["net show"])


@case
def net_with_many_problems():
    """All problems of a file are reported at once, a line each, with their places."""
    text = TINY_NET.replace('"ReLU"', '"ReLUU"', 1).replace("num_output: 4", "num_outputs: 4", 1)
    net = write(fresh("net.prototxt"), text)
    lines = expect(clr("net", "show", net), 4, [], ["ReLUU", "num_outputs", "'num_output' is missing"]).err
    check(len(lines.splitlines()) == 3, lines)


@case
def net_with_an_unknown_layer():
    net = tiny_net('"ReLU"', '"ReLUU"')
    expect(clr("net", "show", net), 4, [], [r"net.prototxt:\d+:\d+: .*ReLUU"])
    refused(4, [r"net.prototxt:\d+:\d+: .*ReLUU"], net=net)


@case
def net_with_a_misspelled_field():
    net = tiny_net("num_output: 4", "num_outputs: 4")
    line = 1 + net.read_text(encoding="utf-8").split("num_outputs")[0].count("\n")
    expect(clr("net", "show", net), 4, [], [rf"net.prototxt:{line}:\d+: .*num_outputs.*num_output"])
    refused(4, ["num_outputs"], net=net)


@case
def net_whose_shape_does_not_fit():
    net = tiny_net("kernel_size: 5", "kernel_size: 55")
    expect(clr("net", "show", net), 4, [], ["conv1"])
    refused(4, ["conv1"], net=net)
    expect(clr("net", "show", "quick", "--input", "3x4x4"), 4, [], ["quick"])


@case
def net_of_hostile_text():
    for text in ("layer {", "layer }", "\x00\x01", 'name: "x', "layer { " * 5000):
        expect(clr("net", "show", write(fresh("net.prototxt"), text)), 4, [], ["net.prototxt"])


@case
def report_of_hostile_text():
    for text in ("", "{", "[]", "{}", "\0", "[" * 5000, '{"format": "clr-cl bench", "version": 1}',
                 '{"format": "clr-cl bench", "version": 2}'):
        report = write(fresh("report.json"), text)
        expect(clr("bench", "compare", report), 4, [], ["report.json" if "format" in text else
                                                              "report.json.*: a report is expected, as 'clr-cl bench"])
        expect(clr("plot", "bench", report, "-o", fresh("x.png")), 4, [], ["report.json"])


@case
def net_to_measure_that_takes_any_image():
    device()
    net = tiny_net("  input_param { shape { dim: 10 dim: 3 dim: 32 dim: 32 } }\n", "")
    expect(clr("bench", "--net", net), 4, [], ["size of its images"])


@case
def weights_that_are_not_there_or_damaged():
    device()
    refused(4, ["none.safetensors"], init="none.safetensors")
    broken = write(fresh("broken.safetensors"), b"\xff" * 100)
    refused(4, ["broken.safetensors"], init=broken)
    expect(clr("eval", "--weights", broken, "--net", tiny_net(), "--data", tiny_data()), 4, [], ["broken"])


@case
def weights_of_another_net():
    device()
    out = fresh("run")
    expect(clr(*tiny(out=out, iterations=1)), 0)
    weights, other = out / "final.safetensors", tiny_net("num_output: 4", "num_output: 5")
    refused(4, ["conv1.weight", "--init-partial"], net=other, init=weights)
    result = expect(clr("eval", "--weights", weights, "--net", other, "--data", tiny_data()), 4, [],
                    ["conv1.weight' is 4×3×5×5, the net's is 5×3×5×5"])
    check("--init-partial" not in result.err, f"names an option that eval does not have\n{result}")


def safetensors(*tensors):
    """A file of tensors, each a name, a type, a shape and its bytes."""
    header, data = {}, b""
    for name, dtype, shape, values in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    return write(fresh("typed.safetensors"), struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    """{name: (shape, bytes)} of a file."""
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    return {name: (t["shape"], data[end + t["data_offsets"][0]:end + t["data_offsets"][1]])
            for name, t in json.loads(data[8:end]).items() if name != "__metadata__"}


@case
def weights_of_other_types():
    """Those of F16 are read; arrays of integers are no weights."""
    device()
    half = ("conv1.bias", "F16", [4], struct.pack("<4e", 0.5, 1, 2, 3))
    mixed = safetensors(half, ("ids", "I64", [1], bytes(8)), ("none", "F32", [0], b""),
                        ("x" * 128, "F32", [], bytes(4)))
    refused(4, ["does not fit the net; 'ids' has the type I64; .*--init-partial"], init=mixed)
    refused(4, ["element 1 of tensor 'conv1.bias' is -1e\\+300"],
            init=safetensors(("conv1.bias", "F64", [4], struct.pack("<4d", 0, -1e300, 0, 0))))
    result = expect(clr(*tiny(out=fresh("run"), iterations=1, init=mixed, init_partial=True)), 0, [],
                    ["warning: .*fits in part; 'ids' has the type I64; "
                     "'x*…' has a name of 128 bytes.*; 'none' is empty; 'conv1.weight' .* is missing"])
    check("'conv1.bias'" not in result.err, f"the half-precision tensor is not read\n{result}")


@case
def batch_norm_of_pytorch():
    """Its count of batches is an integer; other programs do not write it."""
    device()
    net = tiny_net('layer { name: "pool1"', 'layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" }\n'
                   'layer { name: "pool1"')
    zeros = [("conv1.weight", "F32", [4, 3, 5, 5], bytes(1200)), ("conv1.bias", "F32", [4], bytes(16)),
             ("ip1.weight", "F32", [10, 196], bytes(7840)), ("ip1.bias", "F32", [10], bytes(40))]
    running = [("bn1.running_mean", "F32", [4], bytes(16)),
               ("bn1.running_var", "F32", [4], struct.pack("<4f", 1, 1, 1, 1))]
    batches = ("bn1.num_batches_tracked", "I64", [], struct.pack("<q", 70))
    evaluate = ["eval", "--net", net, "--data", tiny_data(), "--weights"]
    expect(clr(*evaluate, safetensors(*zeros, *running, batches)), 0, ["loss 2.3026"])
    expect(clr(*evaluate, safetensors(*zeros, *running)), 0, ["loss 2.3026"])
    expect(clr(*evaluate, safetensors(*zeros, running[0], batches)), 4, [], [r"'bn1.running_var' \(4\) is missing"])
    out = fresh("run")
    expect(clr(*tiny(out=out, net=net, iterations=2, init=safetensors(*zeros, *running, batches))), 0)
    count = read_safetensors(out / "final.safetensors")["bn1.num_batches_tracked"]
    check(count == ([], struct.pack("<f", 72)), f"the count of batches is {count}")


def number(value):
    """In protocol buffers."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + number(value >> 7)


def message(field, data):
    """A field of protocol buffers that has a length."""
    return number(field << 3 | 2) + number(len(data)) + data


def caffemodel(layers):
    """A file as Caffe writes it; {layer: [(shape, bytes), …]}."""
    text = message(1, b"a net")
    for name, blobs in layers.items():
        layer = message(1, name.encode())
        for shape, data in blobs:
            layer += message(7, message(7, message(1, b"".join(map(number, shape)))) + message(5, data))
        text += message(100, layer)
    return write(fresh("net.caffemodel"), text)


@case
def weights_of_caffe():
    """They are read in the place of a safetensors file, and evaluated as the same weights."""
    device()
    out = fresh("run")
    expect(clr(*tiny(out=out, iterations=3)), 0)
    have = read_safetensors(out / "final.safetensors")
    layers = {name: [have[name + ".weight"], have[name + ".bias"]] for name in ("conv1", "ip1")}
    layers["ip1"][1] = ([1, 1, 1, 10], have["ip1.bias"][1])
    evaluate = ["eval", "--net", tiny_net(), "--data", tiny_data(), "--json", "--weights"]
    ours = expect(clr(*evaluate, out / "final.safetensors"), 0).out
    check(expect(clr(*evaluate, caffemodel(layers)), 0).out == ours, "not the same as of the safetensors file")
    expect(clr(*tiny(out=fresh("run"), iterations=1, init=caffemodel(layers))), 0)
    expect(clr("net", "show", caffemodel(layers)), 4, [], ["is a file of Caffe's weights and not a net.*--init"])
    layers["fc8"] = [([2, 2], bytes(16))]
    layers["conv1"][0] = ([3, 3, 5, 5], bytes(900))
    refused(4, ["net.caffemodel.* does not fit the net; 'fc8 blob 0' is not in the net; "
                "'conv1.weight' is 3×3×5×5, the net's is 4×3×5×5"], init=caffemodel(layers))
    refused(4, ["is not a usable caffemodel"], init=write(fresh("net.caffemodel"), b"\x0a\x05"))


@case
def means_of_caffe():
    """A file beside the net, or one that --mean names; the same as its numbers in the net."""
    device()
    def mean(name, shape, values):
        dims = message(7, message(1, b"".join(map(number, shape))))
        return write(fresh(name), dims + message(5, struct.pack(f"<{len(values)}f", *values)))

    def losses(**options):
        out = fresh("run")
        result = expect(clr(*tiny(out=out, iterations=2, **options)), 0)
        check("mean_file" not in result.err, f"the file is not opened\n{result}")
        return (out / "history.csv").read_bytes(), json.loads((out / "run.json").read_text())["settings"]["mean"], out

    def with_transform(text):
        return tiny_net("transform_param { ", "transform_param { " + text)

    channels = mean("mean.binaryproto", [3, 1, 1], [100, 110, 120])
    image = mean("image.binaryproto", [1, 3, 32, 32], [100 + 10 * (i // 1024) for i in range(3072)])
    wanted, name, _ = losses(net=with_transform("mean_value: 100 mean_value: 110 mean_value: 120 "))
    net = with_transform('mean_file: "examples/mean.binaryproto" ')
    beside = write(net.parent / "mean.binaryproto", channels.read_bytes())
    table = [losses(net=net), losses(mean=channels), losses(mean=image)]
    check([row[0] for row in table] == [wanted] * 3, "not the same as mean_value")
    names = [row[1].split(" ")[0] for row in table]
    check([name, *names] == ["none", "mean.binaryproto", "mean.binaryproto", "image.binaryproto"], f"{name} {names}")
    expect(clr("eval", table[2][2]), 0)
    write(beside, mean("other", [3, 1, 1], [100, 110, 121]).read_bytes())
    expect(clr(*tiny(out=table[0][2], net=net, iterations=4, resume=True)), 2, [],
           ['--mean "mean.binaryproto .*began with'])
    beside.unlink()
    expect(clr(*tiny(out=fresh("run"), net=net, iterations=1)), 0, [], ["'mean_file' has no effect.*no such file"])
    refused(4, ["is the mean of images of 3x2x2, these are 3x32x32"],
            mean=mean("small.binaryproto", [3, 2, 2], [1] * 12))
    refused(4, ["tiny.prototxt' is not a usable mean"], mean=tiny_net())
    refused(4, ["none.binaryproto"], mean="none.binaryproto")
    refused(2, ["--mean takes none, channel, image or a file, not 'imag'; did you mean 'image'"], mean="imag")


@case
def export_to_caffe():
    """What is exported is evaluated as the weights are; nothing is written where it fails."""
    device()
    out, net = fresh("run"), tiny_net('layer { name: "pool1"', 'layer { name: "bn1" type: "BatchNorm" bottom: "conv1" '
                                      'top: "conv1" }\nlayer { name: "pool1"')
    expect(clr(*tiny(out=out, net=net, iterations=3)), 0)
    weights, made = out / "final.safetensors", fresh("net.caffemodel")
    export = ["export", "--weights", weights, "--caffemodel", made]
    result = expect(clr(*export), 0, [], [r"neither the scale of the images \(0.00390625\) nor their mean \(0,0,0\)"])
    check(result.out == "", f"stdout is not empty\n{result}")
    expect(clr(*export, "--quiet"), 0, [], [])
    evaluate = ["eval", "--net", net, "--data", tiny_data(), "--json", "--weights"]
    check(expect(clr(*evaluate, made), 0).out == expect(clr(*evaluate, weights), 0).out, "other weights")
    expect(clr("export", "--weights", made, "--caffemodel", fresh("b")), 4, [], ["Caffe's weights already"])
    for arguments, message in ((["--net", tiny_net()], "final.safetensors does not fit the net 'tiny'; "
                                "'bn1.running_mean' is not in the net"),
                               (["--weights", safetensors(("a", "F32", [0], b""))], "does not say which net.*--net")):
        made.unlink(missing_ok=True)
        expect(clr(*export, *arguments), 4, [], [message])
        check(not made.exists(), "a file was written")
    net.unlink()
    expect(clr(*export), 4, [], ["the net of '.*final.safetensors'; --net gives another: .*net.prototxt"])


@case
def statistics_are_refreshed():
    """They are those of a run whose weights do not change: its rate is too small for that."""
    device()
    net = tiny_net('layer { name: "pool1"', 'layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" '
                   'batch_norm_param { moving_average_fraction: 0.5 } }\nlayer { name: "pool1"')
    all_equal = write(fresh("net.prototxt"), net.read_text().replace("fraction: 0.5", "fraction: 1"))
    young, whole = fresh("run"), fresh("run")
    expect(clr(*tiny(out=young, net=net, lr=1e-12, iterations=1)), 0)
    expect(clr(*tiny(out=whole, net=all_equal, lr=1e-12, iterations=20)), 0)
    def loss(*arguments):
        return json.loads(expect(clr("eval", *arguments, "--json"), 0).out)["loss"]
    wanted, refreshed = loss(whole), loss(young, "--refresh-statistics", 20, "--batch", 10)
    check(abs(wanted - refreshed) < 1e-6 and abs(wanted - loss(young)) > 1e-4,
          f"{wanted} {refreshed} {loss(young)}")
    plain = fresh("run")
    expect(clr(*tiny(out=plain, iterations=1)), 0)
    expect(clr("eval", plain, "--refresh-statistics", 20), 2, [], ["--refresh-statistics: the net has no BatchNorm"])


@case
def young_statistics_are_told_once():
    """Trained well, evaluated below chance: the means are over all batches, also those of the first weights."""
    device()
    def train(fraction):
        net = tiny_net('layer { name: "pool1"', 'layer { name: "bn1" type: "BatchNorm" bottom: "conv1" top: "conv1" '
                       f'batch_norm_param {{ moving_average_fraction: {fraction} }} }}\nlayer {{ name: "pool1"')
        out = fresh("run")
        return out, expect(clr(*tiny(out=out, net=net, lr=0.03, iterations=50, validate_every=5)), 0)
    out, result = train(1)
    check(result.err.count("the first of ") == 1, f"not told once\n{result}")
    check("in the running statistics of layer 'bn1' the first of " in result.err, result)
    evaluated = [json.loads(expect(clr("eval", out, "--json", *more), 0).out)["loss"]
                 for more in ([], ["--refresh-statistics", 20, "--batch", 10])]
    check(evaluated[1] < 0.7 * evaluated[0], f"new statistics do not help: {evaluated}")
    check("running statistics" not in train(0.5)[1].err, f"told of statistics that forget\n{result}")


@case
def more_images_than_there_are():
    refused(2, ["--batch 201", "200"], batch=201)
    refused(2, ["--validation 195"], validation=195)


@case
def names_that_are_not_utf8():
    for command in "train", "range-test":
        out = fresh("run") / "b\udcffk"
        seeds = 2 if command == "range-test" else None
        expect(clr(*tiny(command, out=out, seeds=seeds)), 2, [], ["--out is not UTF-8"])
        check(not out.exists(), "the folder was made")


@case
def device_that_matches_nothing():
    expect(clr("devices", "--device", "no such thing"), 3, [], ["no such thing"])
    expect(clr("devices", env={"CLR_DEVICE": "no such thing"}), 3, [], ["CLR_DEVICE: .*no such thing"])
    expect(clr("doctor", "--device", "no such thing"), 3, [], ["no such thing"])
    expect(clr("bench", "--device", "no such thing"), 3, [], ["no such thing"])
    refused(3, ["no such thing"], device="no such thing")
    refused(3, ["9:9"], device="9:9")


@case
def device_from_the_environment():
    device()
    devices = json.loads(expect(clr("devices", "--json"), 0).out)["devices"]
    chosen = next(d for d in devices if d["chosen"])
    expect(clr("devices", env={"CLR_DEVICE": chosen["id"]}), 0, [f"CLR_DEVICE={chosen['id']}"])
    expect(clr("devices", "--device", chosen["id"], env={"CLR_DEVICE": "no such thing"}), 0, ["--device"])
    expect(clr("devices", env={"CLR_DEVICE": ""}), 0, ["best score|the only usable one"])


@case
def folder_that_cannot_be_written():
    device()
    blocker = write(fresh("file"), "in the way")
    expect(clr(*tiny(out=blocker / "run")), 1, [], ["file"])
    expect(clr(*tiny(out=blocker)), 1, [], ["file"])
    check(blocker.read_text(encoding="utf-8") == "in the way", "the file was changed")


@case
def a_mean_image_that_does_not_fit_is_refused_before_it_is_used():
    device()
    folder = fresh("large")
    for name in ("train", "t10k"):
        write(folder / f"{name}-images-idx3-ubyte", struct.pack(">IIII", 0x803, 2, 512, 512) + bytes(2 * 512 * 512))
        write(folder / f"{name}-labels-idx1-ubyte", struct.pack(">II", 0x801, 2) + bytes(range(2)))
    args = tiny(data=folder, batch=1, out=fresh("run"), iterations=1)
    expect(clr(*args, "--mean", "image"), 2, [], ["--mean image: .*1x512x512 .*--mean channel"])
