"""Do the programs of docs/pytorch.md get clr-cl's results? Usage: run_pytorch_page.py CLR_CL

Trains each built-in net for a few iterations and counts the correct test images with clr-cl, with the page's modules
in PyTorch and, exported to ONNX, in onnxruntime. The page's first program is run as it is. Nets whose data set is not
here are skipped. Needs torch, safetensors, onnx, onnxruntime. The last line is "N passed, N failed, N skipped".
"""
import gzip
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnxruntime
import torch
from safetensors import safe_open

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "pytorch.md"
DATA = {"lenet": "fashion-mnist", "quick": "cifar10", "full": "cifar10", "caffe-quick": "cifar10",
        "caffe-full": "cifar10"}
SIDES = {"fashion-mnist": (1, 28, 28), "cifar10": (3, 32, 32)}


def clr(*args):
    return subprocess.run([sys.argv[1], *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)


def test_images(data, folder):
    if data == "cifar10":
        records = numpy.fromfile(folder / "test_batch.bin", numpy.uint8).reshape(-1, 3073)
        return records[:, 1:], records[:, 0]
    read = [gzip.open(folder / f"t10k-{name}-ubyte.gz").read() for name in ("images-idx3", "labels-idx1")]
    return numpy.frombuffer(read[0], numpy.uint8, -1, 16), numpy.frombuffer(read[1], numpy.uint8, -1, 8)


def count(net, weights, data, folder):
    """Correct images by PyTorch and by onnxruntime."""
    shape = SIDES[data]
    with safe_open(weights, "pt") as file:
        meta = file.metadata()
        net.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    pixels, labels = test_images(data, folder)
    mean = torch.tensor([float(v) for v in meta["clr.mean_values"].split(",") if v] or [0.0])
    mean = mean.view(1, *(shape if len(mean) > shape[0] else (len(mean), 1, 1)))
    x = (torch.tensor(pixels).view(-1, *shape).float() - mean) * float(meta["clr.scale"])
    model = io.BytesIO()
    warnings.simplefilter("ignore", DeprecationWarning)     # the exporter without it needs a further package
    torch.onnx.export(net, x[:1], model, input_names=["x"], dynamic_axes={"x": {0: "n"}}, dynamo=False)
    session = onnxruntime.InferenceSession(model.getvalue(), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        logits = [net(x).numpy(), session.run(None, {"x": x.numpy()})[0]]
    return [int((out.argmax(1) == labels).sum()) for out in logits]


def main():
    first, modules = re.findall(r"```python\n(.*?)```\n", PAGE.read_text(encoding="utf-8"), re.S)
    scope = {}
    exec(compile(modules, PAGE.name, "exec"), scope)
    tally = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as place:
        for name, data in DATA.items():
            info = clr("data", "info", data, "--json")
            if info.returncode != 0:
                print(f"skipped: {name}: {data} is not here")
                tally["skipped"] += 1
                continue
            folder, run = pathlib.Path(json.loads(info.stdout)["path"]), pathlib.Path(place, name)
            trained = clr("train", "--net", name, "--data", data, "--policy", "1cycle", "--max-lr",
                          0.001 if "caffe" in name else 0.05, "--iterations", 60, "--out", run)
            weights = run / "final.safetensors"
            evaluated = clr("eval", "--weights", weights, "--net", name, "--data", data, "--json")
            if trained.returncode or evaluated.returncode:
                sys.exit(trained.stderr + evaluated.stderr)
            ours = round(json.loads(evaluated.stdout)["accuracy"] * 10000)
            theirs = count(scope["NETS"][name]().eval(), weights, data, folder)
            if name == "lenet":
                page = subprocess.run([sys.executable, "-c", first, weights, folder], stdout=subprocess.PIPE, text=True,
                                      check=True)
                theirs.append(int(page.stdout.split()[0]))
            good = all(other == ours for other in theirs) and ours > 1200
            tally["passed" if good else "failed"] += 1
            print(f"{'' if good else 'FAILED: '}{name}: clr-cl {ours}, PyTorch {theirs[0]}, onnxruntime {theirs[1]}"
                  + (f", the page {theirs[2]}" if len(theirs) > 2 else ""))
    print(", ".join(f"{n} {word}" for word, n in tally.items()))
    return tally["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
