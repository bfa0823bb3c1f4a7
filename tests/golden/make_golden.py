#!/usr/bin/env python3
"""
Makes the small golden files beside this script: tiny nets with every kind of layer, trained for 20 updates by
PyTorch on tiny images. Needs PyTorch and NumPy. Run it in any folder; it rewrites tiny-*/ here:

    tiny-data/    60 training and 20 test images of 1×12×10 in 5 classes, IDX files
    tiny-within/  LRN within channels, rounding up, groups, dilation, rectangular kernels, PyTorch's momentum
    tiny-across/  LRN across channels, rounding down, strides, no bias, multipliers, the mean image, Caffe's momentum

and in each net's folder

    net.prototxt       the net
    init.safetensors   its parameters before the first update
    grad1.safetensors  gradients of the first batch's loss, without weight decay
    final.safetensors  parameters after the last update
    losses.csv         iteration,trn_loss,lr: a batch's mean loss before its update, and that update's rate
    run.json           all other settings of the training, and the test set's loss and accuracy at the end

PyTorch computes in double precision from values that float32 holds exactly, so only the trainer's
rounding differs. Random numbers come from NumPy's RandomState, whose sequence is frozen: every version makes the same
files except for the last digits.

How sensitive they are: the same script in float32 differs by 2e-7 in the losses and by an NMSE of 4e-13 in the final
parameters; without LRN, with rates off by one update or with the other momentum convention it differs by more than 6e-2
and 2e-1, without decay on biases (tiny-within) by 2e-3 and 1e-2.
"""

import json
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPE = (1, 12, 10)
CLASSES, TRAIN, TEST = 5, 60, 20
STEPS, BATCH = 20, 12

# ---------------------------------------------------------------------- files


def write_idx(path, array):
    """IDX: two zero bytes, type 8 (bytes), number of dimensions, big-endian sizes, data."""
    with open(path, "wb") as f:
        f.write(struct.pack(">HBB", 0, 8, array.ndim))
        f.write(struct.pack(">%dI" % array.ndim, *array.shape))
        f.write(array.astype(np.uint8).tobytes())


def write_safetensors(path, tensors):
    """Length of the header (8 bytes, little-endian), header as JSON, data; tensors in the order given."""
    header, offset, blobs = {"__metadata__": {"format": "pt"}}, 0, []
    for name, value in tensors.items():
        data = value.detach().numpy().astype("<f4")
        header[name] = {"dtype": "F32", "shape": list(data.shape), "data_offsets": [offset, offset + data.nbytes]}
        offset += data.nbytes
        blobs.append(data.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# ---------------------------------------------------------------------- data


def make_data(folder):
    """Images: a blurred random picture per class, half hidden in noise, so that 20 updates learn something."""
    rng = np.random.RandomState(1)
    os.makedirs(folder, exist_ok=True)
    pictures = rng.uniform(40, 215, size=(CLASSES, 4, 5)).repeat(3, axis=1).repeat(2, axis=2)
    sets = {}
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        labels = rng.permutation(np.arange(count) % CLASSES)
        images = np.clip(pictures[labels] + rng.normal(0, 50, size=(count, 12, 10)), 0, 255).round()
        write_idx(os.path.join(folder, name + "-images-idx3-ubyte"), images)
        write_idx(os.path.join(folder, name + "-labels-idx1-ubyte"), labels)
        sets[name] = (torch.tensor(images[:, None], dtype=torch.float64), torch.tensor(labels))
    return sets


# ---------------------------------------------------------------------- layers

# A layer is (kind, name, fields). Fields are Caffe's; `param` is a list of (lr_mult, decay_mult).

WITHIN = [
    ("Convolution", "conv1", dict(num_output=6, kernel_h=3, kernel_w=5, pad_h=1, pad_w=2)),
    ("Pooling", "pool1", dict(pool="MAX", kernel_size=3, stride=2)),
    ("ReLU", "relu1", {}),
    ("LRN", "norm1", dict(local_size=3, alpha=0.5, beta=0.75, norm_region="WITHIN_CHANNEL")),
    ("Convolution", "conv2", dict(num_output=8, kernel_size=3, pad=2, dilation=2, group=2)),
    ("ReLU", "relu2", dict(negative_slope=0.1)),
    ("Pooling", "pool2", dict(pool="AVE", kernel_size=3, stride=2, pad=1)),
    ("LRN", "norm2", dict(local_size=5, alpha=2.0, beta=0.5, norm_region="WITHIN_CHANNEL")),
    ("InnerProduct", "ip1", dict(num_output=9)),
    ("ReLU", "relu3", {}),
    ("Dropout", "drop1", dict(dropout_ratio=0.0)),
    ("InnerProduct", "ip2", dict(num_output=CLASSES)),
]

ACROSS = [
    ("Convolution", "conv1", dict(num_output=5, kernel_size=3, stride_h=2, stride_w=1, pad=1, bias_term=False)),
    ("ReLU", "relu1", {}),
    ("LRN", "norm1", dict(local_size=5, alpha=1.0, beta=0.75, k=2.0, norm_region="ACROSS_CHANNELS")),
    ("Pooling", "pool1", dict(pool="MAX", kernel_size=2, stride=2, pad=1, round_mode="FLOOR")),
    ("Convolution", "conv2", dict(num_output=7, kernel_h=2, kernel_w=3, param=[(1, 3), (2, 0)])),
    ("ReLU", "relu2", {}),
    ("Pooling", "pool2", dict(pool="AVE", kernel_h=2, kernel_w=3, stride=1, round_mode="FLOOR")),
    ("LRN", "norm2", dict(local_size=3, alpha=3.0, beta=1.25, norm_region="ACROSS_CHANNELS")),
    ("InnerProduct", "ip1", dict(num_output=CLASSES, param=[(1, 1), (2, 0)])),
]

RUNS = {
    "tiny-within": dict(layers=WITHIN, mean="channel", scale=1 / 255, momentum_convention="pytorch", step_size=5,
                        min_lr=0.1, max_lr=0.5, momentum=0.9, weight_decay=0.004),
    "tiny-across": dict(layers=ACROSS, mean="image", scale=1 / 256, momentum_convention="caffe", step_size=4,
                        min_lr=0.1, max_lr=0.5, momentum=0.9, weight_decay=0.01),
}

IN_PLACE = ("ReLU", "Dropout")
PARAM_FIELD = {"Convolution": "convolution_param", "Pooling": "pooling_param", "ReLU": "relu_param",
               "LRN": "lrn_param", "Dropout": "dropout_param", "InnerProduct": "inner_product_param"}


def pair(fields, name, default):
    """kernel_size or kernel_h and kernel_w, and so on."""
    short = "kernel" if name == "kernel_size" else name
    both = fields.get(name, default)
    return fields.get(short + "_h", both), fields.get(short + "_w", both)


def forward(layers, p, x):
    for kind, name, f in layers:
        if kind == "Convolution":
            x = F.conv2d(x, p[name + ".weight"], p.get(name + ".bias"), pair(f, "stride", 1), pair(f, "pad", 0),
                         f.get("dilation", 1), f.get("group", 1))
        elif kind == "Pooling":
            arguments = dict(kernel_size=pair(f, "kernel_size", None), stride=pair(f, "stride", 1),
                             padding=pair(f, "pad", 0), ceil_mode=f.get("round_mode", "CEIL") == "CEIL")
            if f["pool"] == "MAX":
                x = F.max_pool2d(x, **arguments)
            else:
                x = F.avg_pool2d(x, count_include_pad=True, **arguments)
        elif kind == "ReLU":
            x = F.leaky_relu(x, f.get("negative_slope", 0.0))
        elif kind == "LRN" and f["norm_region"] == "WITHIN_CHANNEL":
            size = f["local_size"]
            mean = F.avg_pool2d(x * x, size, 1, (size - 1) // 2, count_include_pad=True)
            x = x * (1.0 + f["alpha"] * mean) ** -f["beta"]
        elif kind == "LRN":
            x = F.local_response_norm(x, f["local_size"], f["alpha"], f["beta"], f.get("k", 1.0))
        elif kind == "InnerProduct":
            x = F.linear(x.flatten(1), p[name + ".weight"], p[name + ".bias"])
        elif kind == "Dropout":
            x = F.dropout(x, f["dropout_ratio"])
        else:
            raise ValueError(kind)
    return x


def make_parameters(layers):
    """Uniform within ±2.5/√fan_in, biases too; a float32 value each. Returns them with their multipliers."""
    rng = np.random.RandomState(2)
    values, multipliers = {}, {}
    x = torch.zeros((1,) + SHAPE, dtype=torch.float64)
    for layer in layers:
        kind, name, f = layer
        if kind in ("Convolution", "InnerProduct"):
            if kind == "Convolution":
                shape = (f["num_output"], x.shape[1] // f.get("group", 1)) + pair(f, "kernel_size", None)
            else:
                shape = (f["num_output"], x[0].numel())
            bound = 2.5 / np.sqrt(np.prod(shape[1:]))
            parts = [("weight", shape)] + ([("bias", shape[:1])] if f.get("bias_term", True) else [])
            for i, (part, size) in enumerate(parts):
                data = rng.uniform(-bound, bound, size=size).astype(np.float32).astype(np.float64)
                values[name + "." + part] = torch.tensor(data, requires_grad=True)
                multipliers[name + "." + part] = f["param"][i] if "param" in f else (1, 1)
        with torch.no_grad():
            x = forward([layer], values, x)
    return values, multipliers


# ---------------------------------------------------------------------- prototxt


def text_of(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.isupper():
        return value
    return json.dumps(value)


def write_prototxt(path, name, run):
    out = ['name: "%s"' % name]
    transform = "scale: %.15g mean_file: \"%s\"" % (run["scale"], run["mean"])
    for phase in ("TRAIN", "TEST"):
        out.append('layer {\n  name: "data"\n  type: "Data"\n  top: "data"\n  top: "label"\n  include { phase: %s }\n'
                   "  transform_param { %s }\n  input_param { shape { dim: %d dim: %d dim: %d dim: %d } }\n"
                   "  data_param { batch_size: %d }\n}" % ((phase, transform, BATCH) + SHAPE + (BATCH,)))
    bottom = "data"
    for kind, layer, fields in run["layers"]:
        top = bottom if kind in IN_PLACE else layer
        out.append('layer {\n  name: "%s"\n  type: "%s"\n  bottom: "%s"\n  top: "%s"' % (layer, kind, bottom, top))
        for lr_mult, decay_mult in fields.get("param", []):
            out.append("  param { lr_mult: %g decay_mult: %g }" % (lr_mult, decay_mult))
        plain = ["%s: %s" % (k, text_of(v)) for k, v in fields.items() if k != "param"]
        if kind in ("Convolution", "InnerProduct"):
            plain.append('weight_filler { type: "xavier" }')
        if plain:
            out.append("  %s {\n    %s\n  }" % (PARAM_FIELD[kind], "\n    ".join(plain)))
        out.append("}")
        bottom = top
    for kind, layer in (("Accuracy", "accuracy"), ("SoftmaxWithLoss", "loss")):
        phase = "\n  include { phase: TEST }" if kind == "Accuracy" else ""
        out.append('layer {\n  name: "%s"\n  type: "%s"\n  bottom: "%s"\n  bottom: "label"\n  top: "%s"%s\n}'
                   % (layer, kind, bottom, layer, phase))
    with open(path, "w") as f:
        f.write("\n".join(out) + "\n")


# ---------------------------------------------------------------------- training


def triangular(t, run):
    cycle = np.floor(1 + t / (2 * run["step_size"]))
    x = abs(t / run["step_size"] - 2 * cycle + 1)
    return run["min_lr"] + (run["max_lr"] - run["min_lr"]) * max(0.0, 1.0 - x)


def update(p, multipliers, momenta, lr, run):
    """One step of SGD by the two conventions; multipliers on rate and decay."""
    with torch.no_grad():
        for name, w in p.items():
            rate, decay = lr * multipliers[name][0], run["weight_decay"] * multipliers[name][1]
            step = w.grad + decay * w
            if run["momentum_convention"] == "caffe":
                momenta[name] = run["momentum"] * momenta[name] + rate * step
                w -= momenta[name]
            else:
                momenta[name] = run["momentum"] * momenta[name] + step
                w -= rate * momenta[name]
            w.grad = None


def train(name, run, sets):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    images, labels = sets["train"]
    mean = images.mean(0, keepdim=True) if run["mean"] == "image" else images.mean((0, 2, 3), keepdim=True)
    p, multipliers = make_parameters(run["layers"])
    momenta = {n: torch.zeros_like(w) for n, w in p.items()}
    rows = ["iteration,trn_loss,lr"]

    write_prototxt(os.path.join(folder, "net.prototxt"), name, run)
    write_safetensors(os.path.join(folder, "init.safetensors"), p)
    for t in range(STEPS):
        at = t % (TRAIN // BATCH) * BATCH
        x = (images[at:at + BATCH] - mean) * run["scale"]
        loss = F.cross_entropy(forward(run["layers"], p, x), labels[at:at + BATCH])
        loss.backward()
        if t == 0:
            write_safetensors(os.path.join(folder, "grad1.safetensors"), {n: w.grad for n, w in p.items()})
        lr = triangular(t, run)
        update(p, multipliers, momenta, lr, run)
        rows.append("%d,%.9g,%.9g" % (t + 1, loss.item(), lr))
    write_safetensors(os.path.join(folder, "final.safetensors"), p)
    with open(os.path.join(folder, "losses.csv"), "w") as f:
        f.write("\n".join(rows) + "\n")

    with torch.no_grad():
        logits = forward(run["layers"], p, (sets["t10k"][0] - mean) * run["scale"])
        test_loss = F.cross_entropy(logits, sets["t10k"][1]).item()
        test_acc = (logits.argmax(1) == sets["t10k"][1]).double().mean().item()
    settings = dict(net=name, data="tiny-data", steps=STEPS, batch=BATCH, order="file order", policy="triangular")
    settings.update({k: v for k, v in run.items() if k != "layers"})
    settings["channel_mean"] = [v * run["scale"] for v in images.mean((0, 2, 3)).tolist()]
    settings.update(test_loss=test_loss, test_acc=test_acc, torch=torch.__version__, numpy=np.__version__)
    with open(os.path.join(folder, "run.json"), "w") as f:
        json.dump(settings, f, indent=1)
        f.write("\n")
    print("%s: %d parameters, loss %s … %s, test %.4f, %.2f" % (
        name, sum(w.numel() for w in p.values()), rows[1].split(",")[1], rows[-1].split(",")[1], test_loss, test_acc))


def main():
    torch.set_num_threads(1)
    sets = make_data(os.path.join(HERE, "tiny-data"))
    for name, run in RUNS.items():
        train(name, run, sets)


if __name__ == "__main__":
    main()
