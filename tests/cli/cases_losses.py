"""Nets whose losses read no logits: they have no accuracy, and everything is of their loss."""

import csv
import json

from harness import case, check, clr, device, expect, fresh, tiny, write

AUTOENCODER = """name: "autoencoder"
layer { name: "data" type: "Data" top: "data" transform_param { scale: 0.00390625 } data_param { batch_size: 10 } }
layer { name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param { pool: AVE kernel_size: 4 stride: 4 } }
layer { name: "code" type: "InnerProduct" bottom: "pool" top: "code"
        inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
layer { name: "tanh" type: "TanH" bottom: "code" top: "code" }
layer { name: "image" type: "InnerProduct" bottom: "code" top: "image"
        inner_product_param { num_output: 192 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "EuclideanLoss" bottom: "image" bottom: "pool" }
layer { name: "other" type: "SigmoidCrossEntropyLoss" bottom: "image" bottom: "pool" top: "other" loss_weight: 0 }
"""


def autoencoder():
    return write(fresh("autoencoder.prototxt"), AUTOENCODER)


@case
def losses_without_logits_have_no_accuracy():
    device()
    out = fresh("run")
    result = expect(clr(*tiny(net=autoencoder(), out=out)), 0, ["^test loss [0-9.]+ after 20 iterations; lowest "],
                    ["^layer 'other' is not trained"])
    check("accuracy" not in result.out + result.err and "chance" not in result.err, result)
    with open(out / "history.csv", encoding="utf-8", newline="") as file:
        history = list(csv.DictReader(file))
    check(all(row["val_acc"] == "" and float(row["val_loss"]) > 0 for row in history), history)
    told = expect(clr("eval", out), 0, ["^loss [0-9.]+, 100 images", "^loss +1 ", "^other +0 "]).out
    check("accuracy" not in told and "CLASS" not in told, told)
    told = json.loads(expect(clr("eval", out, "--json"), 0).out)
    check(told["accuracy"] is None and [loss["weight"] for loss in told["losses"]] == [1, 0], told)
    expect(clr("list", out), 0, [" loss [0-9.]+ "])
    expect(clr("train", "--resume", "--out", out, "--iterations", 25), 0, ["^test loss .* after 25 iterations"])


@case
def losses_are_drawn_in_place_of_accuracies():
    device()
    folder = fresh("runs")
    expect(clr(*tiny(net=autoencoder(), out=folder / "a")), 0)
    expect(clr(*tiny(out=folder / "b")), 0)
    figure = folder / "figure.svg"
    expect(clr("plot", "run", folder / "a", "-o", figure, "--csv", folder / "figure.csv"), 0)
    check("test loss" in (folder / "figure.csv").read_text(encoding="utf-8"), "the axis")
    expect(clr("plot", "run", folder / "a", folder / "b", "-o", figure), 4, [],
           ["'a' has no accuracy, and 'b' has one: draw them in figures of their own"])


@case
def losses_are_what_a_range_test_reads():
    device()
    out = fresh("range")
    args = tiny("range-test", net=autoencoder(), out=out, validation=20, sweep="log", min_lr=1e-6, iterations=80)
    result = expect(clr(*args), 0, ["^read by the loss, since the net has no accuracy: [0-9.]+ before the first"],
                    ["^evaluated "])
    check("accuracy %" not in result.out and "baseline: " not in result.out, result)
    told = json.loads((out / "range.json").read_text(encoding="utf-8"))
    check(told["untrained_loss"] > 0 and told["untrained"] == 0, told)
    check("fall of the loss" in told["explanation"], told)
    expect(clr("plot", "range", out, "-o", out / "a.png", "--csv", out / "a.csv"), 0)
    check("held-out loss" in (out / "a.csv").read_text(encoding="utf-8"), "the axis")
    negative = write(fresh("net.prototxt"), AUTOENCODER.replace('bottom: "pool" }', 'bottom: "pool" loss_weight: -1 }'))
    expect(clr(*tiny("range-test", net=negative, out=fresh("range"))), 4, [], ["a loss above 0 only"])
