#!/usr/bin/env python3
"""Writes schedules.csv: the learning rate and momentum of PyTorch's own schedulers in each update, for
tests/cli/cases_schedule.py. The name of a column has the options of clr-cl for the same schedule, and `lr` or
`momentum`; row n is update n.

    python3 tests/golden/make_schedules.py > tests/golden/schedules.csv

Needs PyTorch; the file in the repository is from 2.15.0."""

import csv
import sys

import torch
from torch.optim import lr_scheduler as schedulers

ROWS = 1200


def moved(optimizer):
    group = optimizer.param_groups[0]
    return group["lr"], group["momentum"]


def table(lr, make):
    """lr and momentum in every update under the scheduler that make(optimizer) returns."""
    weights = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weights], lr=lr, momentum=0.9)
    scheduler = make(optimizer)
    rows = []
    for update in range(ROWS):
        rows.append(moved(optimizer))
        optimizer.step()
        if update + 1 < ROWS:
            scheduler.step()
    return rows


def cyclic(mode, step, gamma=1.0):
    return lambda o: schedulers.CyclicLR(o, 0.0025, 0.01, step_size_up=step, mode=mode, gamma=gamma,
                                         base_momentum=0.85, max_momentum=0.95)


def one_cycle(max_lr, **options):
    return lambda o: schedulers.OneCycleLR(o, max_lr, total_steps=ROWS, **options)


def restarts(first, factor, low):
    return lambda o: schedulers.CosineAnnealingWarmRestarts(o, first, T_mult=factor, eta_min=low)


BOUNDS = "--min-lr 0.0025 --max-lr 0.01 --cycle-momentum 0.85:0.95"

# options of clr-cl, the optimizer's own rate, the scheduler
SETTINGS = [
    (f"--policy triangular {BOUNDS} --step-size 217", 0.0025, cyclic("triangular", 217)),
    (f"--policy triangular2 {BOUNDS} --step-size 100", 0.0025, cyclic("triangular2", 100)),
    (f"--policy exp_range --exp-range amplitude --gamma 0.9994 {BOUNDS} --step-size 150", 0.0025,
     cyclic("exp_range", 150, 0.9994)),
    ("--policy multistep --lr 0.1 --gamma 0.1 --milestones 300,301,900", 0.1,
     lambda o: schedulers.MultiStepLR(o, [300, 301, 900], gamma=0.1)),
    ("--policy exp --lr 0.01 --gamma 0.997", 0.01, lambda o: schedulers.ExponentialLR(o, 0.997)),
    ("--policy step --lr 0.01 --gamma 0.5 --step-size 143", 0.01, lambda o: schedulers.StepLR(o, 143, gamma=0.5)),
    ("--policy poly --lr 0.01 --power 2", 0.01, lambda o: schedulers.PolynomialLR(o, total_iters=ROWS, power=2.0)),
    ("--policy 1cycle --max-lr 0.05", 0.1, one_cycle(0.05)),
    ("--policy 1cycle --max-lr 0.4 --anneal linear --pct-start 0.45 --div-factor 10 --final-div-factor 100 "
     "--cycle-momentum 0.8:0.9", 0.1,
     one_cycle(0.4, anneal_strategy="linear", pct_start=0.45, div_factor=10.0, final_div_factor=100.0,
               base_momentum=0.8, max_momentum=0.9)),
    ("--policy 1cycle --max-lr 0.05 --three-phase", 0.1, one_cycle(0.05, three_phase=True)),
    ("--policy 1cycle --max-lr 0.05 --three-phase --anneal linear --pct-start 0.4871", 0.1,
     one_cycle(0.05, three_phase=True, anneal_strategy="linear", pct_start=0.4871)),
    ("--policy 1cycle --max-lr 0.05 --pct-start 0.123 --momentum 0.9", 0.1,
     one_cycle(0.05, pct_start=0.123, cycle_momentum=False)),
    ("--policy sgdr --min-lr 0.001 --max-lr 0.05 --step-size 97", 0.05, restarts(97, 1, 0.001)),
    ("--policy sgdr --min-lr 0 --max-lr 0.05 --step-size 37 --t-mult 2", 0.05, restarts(37, 2, 0.0)),
    ("--policy sgdr --min-lr 1e-6 --max-lr 1 --step-size 1 --t-mult 3", 1.0, restarts(1, 3, 1e-6)),
]


def main():
    columns = {}
    for options, lr, make in SETTINGS:
        rows = table(lr, make)
        columns[f"{options} | lr"] = [rate for rate, _ in rows]
        columns[f"{options} | momentum"] = [momentum for _, momentum in rows]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(columns)
    for row in zip(*columns.values()):
        out.writerow(f"{value:.11g}" for value in row)


if __name__ == "__main__":
    main()
