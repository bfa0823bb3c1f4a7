"""The command `schedule`: its numbers against PyTorch's own schedulers, its messages, and what it refuses.
tests/unit/test_schedule.c compares policies that PyTorch lacks with tables that were calculated by hand."""

import csv
import io
import os
from decimal import Decimal as D

from harness import case, check, clr, expect

TOLERANCE = D("1e-8")       # of nine printed digits; required: 1e-7
PYTORCH = os.path.join(os.path.dirname(__file__), "..", "golden", "schedules.csv")


@case
def schedule_is_what_pytorch_does():
    """Learning rate and momentum against PyTorch's, which tests/golden/make_schedules.py wrote."""
    with open(PYTORCH, encoding="ascii") as file:
        table = list(csv.DictReader(file))
    check(len(table) >= 1000 and len(table[0]) >= 30, "schedules.csv is not whole")
    for options in dict.fromkeys(name.split(" | ")[0] for name in table[0]):
        text = expect(clr("schedule", *options.split(), "--iterations", len(table)), 0).out
        for t, (row, want) in enumerate(zip(csv.DictReader(io.StringIO(text)), table, strict=True)):
            for what in ("lr", "momentum"):
                x, y = D(row[what]), D(want[f"{options} | {what}"])
                check(abs(x - y) <= TOLERANCE * y, f"{options}: {what} of update {t} is {x}, PyTorch has {y}")


@case
def schedule_of_growing_cycles():
    """Periods of 10, 20, 40 updates: they end after 10, 30, 70."""
    sgdr_args = ["schedule", "--policy", "sgdr", "--min-lr", 0, "--max-lr", 1, "--step-size", 10, "--t-mult", 2]
    cycles = expect(clr(*sgdr_args, "--cycles", 3, "--cycle-momentum", "0.8:0.9"), 0)
    rows = list(csv.DictReader(io.StringIO(cycles.out)))
    check(len(rows) == 70 and "note" not in cycles.err, f"{len(rows)} rows; {cycles.err}")
    check([t for t, row in enumerate(rows) if row["lr"] == "1" and row["momentum"] == "0.8"] == [0, 10, 30], cycles.out)
    check(rows[20]["lr"] == "0.5" and rows[20]["momentum"] == "0.85", f"{rows[20]}")
    expect(clr(*sgdr_args, "--iterations", 45), 0, [], ["45 iterations.* inside a cycle.* 70"])
    check("note" not in expect(clr(*sgdr_args, "--iterations", 30), 0).err, "30 iterations are whole cycles")
    expect(clr(*sgdr_args, "--cycles", 100), 2, [], ["--cycles 100: "])


@case
def schedule_tells_milestones_that_are_not_reached():
    steps = ["schedule", "--policy", "multistep", "--lr", 1, "--gamma", 0.1, "--milestones", "10,20,3000"]
    expect(clr(*steps, "--iterations", 20), 0, [], ["milestone 20 is not reached.* 20 iterations"])
    expect(clr(*steps, "--iterations", 21), 0, [], ["milestone 3,000 is not reached"])
    check("note" not in expect(clr(*steps, "--iterations", 3001), 0).err, "all milestones are reached")


@case
def schedule_of_one_cycle_refuses():
    one = ["schedule", "--policy", "1cycle", "--iterations", 10]
    expect(clr(*one), 2, [], ["--policy 1cycle needs --max-lr R"])
    expect(clr(*one, "--max-lr", 1, "--pct-start", 0.6, "--three-phase"), 2, [], ["--three-phase", "0 and 0.5"])
    expect(clr(*one, "--max-lr", 1, "--div-factor", 0.5), 2, [], ["--div-factor"])
    expect(clr(*one, "--max-lr", 1, "--min-lr", 0.5), 0, [], ["--min-lr has no effect: policy 1cycle"])
    for n in (1, 2, 3):     # phases shorter than an update still give numbers
        out = expect(clr(*one[:3], "--max-lr", 1, "--iterations", n), 0).out
        check(all(0 < float(row["lr"]) <= 1 for row in csv.DictReader(io.StringIO(out))), out)


@case
def schedule_ends_at_zero():
    """sigmoid far below its middle: exp() overflows, the rate is 0, never negative, never not a number."""
    out = expect(clr("schedule", "--policy", "sigmoid", "--lr", 1, "--gamma", 100, "--step-size", 1000000,
                     "--iterations", 3), 0).out
    check([row["lr"] for row in csv.DictReader(io.StringIO(out))] == ["0", "0", "0"], out)


@case
def schedule_of_whole_cycles():
    triangle = ["schedule", "--policy", "triangular", "--min-lr", 0.1, "--max-lr", 0.2, "--step-size", 5]
    cycles = expect(clr(*triangle, "--cycles", 3), 0)
    check(cycles.out == expect(clr(*triangle, "--iterations", 30), 0).out and "note" not in cycles.err, f"{cycles}")
    expect(clr(*triangle, "--cycles", 3, "--iterations", 30), 2, [], ["give one of them"])
    expect(clr(*triangle), 2, [], ["--iterations N is missing"])
    expect(clr(*triangle, "--cycles", 10000000), 2, [], ["100,000,000 .* than the 10,000,000 rows"])
    expect(clr("schedule", "--policy", "fixed", "--lr", 0.1, "--cycles", 3), 2, [], ["policy fixed has no cycles"])
    expect(clr("schedule", "--policy", "triangular", "--cycles", 3), 2, [],
           ["--policy triangular needs .*--step-size N"])
