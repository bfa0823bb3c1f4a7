#!/usr/bin/env python3
"""Writes optimizers.csv: three weights after each of 30 updates by PyTorch's own optimisers, in double precision, with
a rate that changes, for tests/unit/test_ref.c, which makes the same gradients and rates.

    python3 tests/golden/make_optimizers.py > tests/golden/optimizers.csv

Needs PyTorch; the file in the repository is from 2.15.0."""

import csv
import math
import sys

import torch

UPDATES = 30
START = [0.5, -1.25, 2.0]
MAKE = {
    "sgd": lambda w: torch.optim.SGD(w, lr=1.0, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda w: torch.optim.SGD(w, lr=1.0, momentum=0.9, weight_decay=0.1, nesterov=True),
    "adam": lambda w: torch.optim.Adam(w, lr=1.0, betas=(0.9, 0.99), eps=1e-3, weight_decay=0.1),
    "rmsprop": lambda w: torch.optim.RMSprop(w, lr=1.0, momentum=0.9, alpha=0.99, eps=1e-3, weight_decay=0.1),
    "adamw": lambda w: torch.optim.AdamW(w, lr=1.0, betas=(0.9, 0.99), eps=1e-3, weight_decay=0.1),
    "adagrad": lambda w: torch.optim.Adagrad(w, lr=1.0, eps=1e-3, weight_decay=0.1),
    "adadelta": lambda w: torch.optim.Adadelta(w, lr=1.0, rho=0.99, eps=1e-3, weight_decay=0.1),
}


def updates(make):
    w = torch.nn.Parameter(torch.tensor(START, dtype=torch.float64))
    optimizer = make([w])
    for t in range(UPDATES):
        w.grad = torch.tensor([math.cos(1.0 + 0.7 * t + i) for i in range(3)], dtype=torch.float64)
        optimizer.param_groups[0]["lr"] = 0.05 * (1 + t % 3)
        optimizer.step()
        yield w.tolist()


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(f"{name} {i}" for name in MAKE for i in range(3))
    for row in zip(*(updates(make) for make in MAKE.values())):
        out.writerow(f"{value:.15g}" for weights in row for value in weights)


if __name__ == "__main__":
    main()
