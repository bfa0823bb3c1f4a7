#!/usr/bin/env python3
"""Nets of other people's repositories train unchanged: the author of cyclical learning rates' own ones.

    tests/clones.py PROGRAM DATA FOLDER...

FOLDER is a clone of github.com/lnsmith54/super-convergence or .../hyperParam1. Every net for CIFAR in it runs 20
iterations with every solver beside it, with --net and --data, and the batch that its file says. Placeholders of
hyperParam1 (xBS, xLR1 ...) are filled in. The last line is "N passed, N failed, N skipped".
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILLED = {"xBS": "100", "xIter": "20", "xLR1": "0.1", "xLR2": "0.5", "xStep": "10", "xwd": "0.0001", "xmom": "0.9",
          "xmom1": "0.95", "xmom2": "0.85", "xmom3": "10", "xSV1": "4", "xSV2": "8", "xSV3": "12", "xSV4": "16",
          "xSV5": "18"}


def filled(path, folder):
    """A copy of the file without placeholders, or the file itself if it has none."""
    text = path.read_text(encoding="utf-8")
    new = re.sub(r"\b(x[A-Z][A-Za-z]*\d?|xwd|xmom\d?)\b", lambda m: FILLED.get(m[1], m[1]), text)
    if new == text:
        return path
    copy = folder / path.name
    copy.write_text(new, encoding="utf-8")
    return copy


def of_clone(folder):
    """Nets for CIFAR, and the solvers for them."""
    top = folder / "Cifar" if (folder / "Cifar").is_dir() else folder
    nets = sorted(top.glob("architectures/*.prototxt"))
    return nets, sorted(path for path in top.glob("*.prototxt") if "olver" in path.name)


def run(program, data, net, solver, out):
    """Did 20 iterations end well? Data sets of a hundred classes are not at hand for nets of theirs."""
    got = subprocess.run([program, "train", "--solver", solver, "--net", net, "--data", data, "--iterations", "20",
                          "--validate-every", "0", "--out", out], capture_output=True, text=True, check=False)
    if got.returncode != 0:
        print(f"FAILED: {net} with {solver}: exit code {got.returncode}\n{got.stderr[-1500:]}")
    return got.returncode == 0


def main():
    program, data, *folders = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for folder in map(Path, folders):
        nets, solvers = of_clone(folder)
        if not nets or not solvers:
            print(f"skipped: there is no clone in '{folder}'")
            counts["skipped"] += 1
            continue
        with tempfile.TemporaryDirectory() as scratch:
            for solver in solvers:
                for net in nets:
                    where = Path(tempfile.mkdtemp(dir=scratch))
                    ok = run(program, data, filled(net, where), filled(solver, where), where / "run")
                    counts["passed" if ok else "failed"] += 1
                    print(f"{'passed' if ok else 'FAILED'}: {net.name} with {solver.name}", flush=True)
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
