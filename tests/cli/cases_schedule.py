"""Every policy, thousands of updates each, against its formula in 50 decimal digits: those of include/clr/
schedule.h, written down once more and independently of the C code; and against PyTorch's own schedulers."""

import csv
import io
import os
from decimal import Decimal as D
from decimal import getcontext

from harness import case, check, clr, expect

getcontext().prec = 50
ROWS = 3000
TOLERANCE = D("1e-8")       # of nine printed digits; the contract asks for 1e-7
PI = D("3.14159265358979323846264338327950288419716939937510")
PYTORCH = os.path.join(os.path.dirname(__file__), "..", "golden", "schedules.csv")


def cycle(t, s):
    """c and u of the cyclic policies, as the paper has them."""
    c = 1 + t // (2 * s)
    x = abs(D(t) / s - 2 * c + 1)
    return c, max(D(0), 1 - x)


def triangular(low, high, s):
    return lambda t: D(low) + (D(high) - D(low)) * cycle(t, s)[1]


def triangular2(low, high, s):
    def rate(t):
        c, u = cycle(t, s)
        return D(low) + (D(high) - D(low)) * u / 2 ** (c - 1)
    return rate


def exp_range(low, high, s, gamma, bounds):
    def rate(t):
        u = cycle(t, s)[1]
        if bounds:
            return D(gamma) ** t * (D(low) + (D(high) - D(low)) * u)
        return D(low) + (D(high) - D(low)) * u * D(gamma) ** t
    return rate


def decay(low, high, s):
    return lambda t: D(high) - D(t) / s * (D(high) - D(low)) if t <= s else D(low)


def multistep(lr, gamma, milestones):
    return lambda t: D(lr) * D(gamma) ** sum(1 for m in milestones if m <= t)


def cos(x):
    """By its series, 0 ≤ x ≤ π: twenty terms more than 50 digits need."""
    term = total = D(1)
    for n in range(1, 60):
        term *= -x * x / (2 * n * (2 * n - 1))
        total += term
    return total


def sgdr(low, high, first, factor):
    def rate(t):
        period = first
        while t >= period:
            t, period = t - period, period * factor
        return D(low) + (D(high) - D(low)) * (1 + cos(PI * t / period)) / 2
    return rate


def one_cycle(high, start, div, final, linear=False):
    """In two phases."""
    def rate(t):
        high_at, last = D(start) * ROWS - 1, D(ROWS - 1)
        low, end = D(high) / D(div), D(high) / D(div) / D(final)
        a, b, p = (low, D(high), t / high_at) if t <= high_at else (D(high), end, (t - high_at) / (last - high_at))
        return a + (b - a) * (p if linear else (1 - cos(PI * p)) / 2)
    return rate


# policy, its options, the rate of update t = 0, 1, …
POLICIES = [
    ("fixed", {"lr": "0.001"}, lambda t: D("0.001")),
    ("multistep", {"lr": "0.01", "gamma": "0.1", "milestones": "700,701,2200"},
     multistep("0.01", "0.1", [700, 701, 2200])),
    ("triangular", {"min-lr": "0.0025", "max-lr": "0.01", "step-size": "217"}, triangular("0.0025", "0.01", 217)),
    ("triangular", {"min-lr": "0.3", "max-lr": "0.7", "step-size": "1"}, triangular("0.3", "0.7", 1)),
    ("triangular2", {"min-lr": "0.0025", "max-lr": "0.01", "step-size": "150"}, triangular2("0.0025", "0.01", 150)),
    ("exp_range", {"min-lr": "0.0025", "max-lr": "0.01", "step-size": "331", "gamma": "0.99994"},
     exp_range("0.0025", "0.01", 331, "0.99994", True)),
    ("exp_range", {"min-lr": "0.0025", "max-lr": "0.01", "step-size": "331", "gamma": "0.9994",
                   "exp-range": "amplitude"}, exp_range("0.0025", "0.01", 331, "0.9994", False)),
    ("decay", {"min-lr": "0.001", "max-lr": "0.007", "step-size": "1999"}, decay("0.001", "0.007", 1999)),
    ("exp", {"lr": "0.01", "gamma": "0.997"}, lambda t: D("0.01") * D("0.997") ** t),
    ("step", {"lr": "0.01", "gamma": "0.5", "step-size": "430"}, lambda t: D("0.01") * D("0.5") ** (t // 430)),
    ("inv", {"lr": "0.01", "gamma": "0.0001", "power": "0.75"},     # Caffe's LeNet
     lambda t: D("0.01") * (1 + D("0.0001") * t) ** D("-0.75")),
    ("inv", {"lr": "0.5", "gamma": "3", "power": "2"}, lambda t: D("0.5") / (1 + 3 * D(t)) ** 2),
    ("poly", {"lr": "0.01", "power": "0.5"}, lambda t: D("0.01") * (1 - D(t) / ROWS).sqrt()),
    ("poly", {"lr": "0.01", "power": "3"}, lambda t: D("0.01") * (1 - D(t) / ROWS) ** 3),
    ("sigmoid", {"lr": "0.01", "gamma": "-0.005", "step-size": "1500"},
     lambda t: D("0.01") / (1 + (D("0.005") * (t - 1500)).exp())),
    ("sigmoid", {"lr": "0.01", "gamma": "0.02", "step-size": "300"},
     lambda t: D("0.01") / (1 + (D("-0.02") * (t - 300)).exp())),
    ("1cycle", {"max-lr": "0.05"}, one_cycle("0.05", "0.3", "25", "10000")),
    ("1cycle", {"max-lr": "2", "pct-start": "0.0077", "div-factor": "3", "final-div-factor": "1000",
                "anneal": "linear"}, one_cycle("2", "0.0077", "3", "1000", True)),
    ("sgdr", {"min-lr": "0.0001", "max-lr": "0.05", "step-size": "211"}, sgdr("0.0001", "0.05", 211, 1)),
    ("sgdr", {"min-lr": "0", "max-lr": "0.05", "step-size": "17", "t-mult": "2"}, sgdr("0", "0.05", 17, 2)),
]


@case
def schedule_is_the_formula():
    for policy, options, rate in POLICIES:
        args = [word for name, value in options.items() for word in (f"--{name}", value)]
        text = expect(clr("schedule", "--policy", policy, *args, "--iterations", ROWS), 0).out
        rows = list(csv.DictReader(io.StringIO(text)))
        check(len(rows) == ROWS, f"{policy}: {len(rows)} rows")
        for t, row in enumerate(rows):
            want, got = rate(t), D(row["lr"])
            check(int(row["iteration"]) == t + 1 and abs(got - want) <= TOLERANCE * want,
                  f"{policy} {options}: update {t} has {got}, the formula {want:.12g}")


@case
def schedule_is_what_pytorch_does():
    """Learning rate and momentum, against what tests/golden/make_schedules.py wrote with PyTorch."""
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
    expect(clr(*sgdr_args, "--iterations", 45), 0, [], ["45 iterations.* inside a cycle", "over after 70"])
    check("note" not in expect(clr(*sgdr_args, "--iterations", 30), 0).err, "30 iterations are whole cycles")
    expect(clr(*sgdr_args, "--cycles", 100), 2, [], ["--cycles 100: more iterations than can be"])


@case
def schedule_tells_milestones_that_are_not_reached():
    steps = ["schedule", "--policy", "multistep", "--lr", 1, "--gamma", 0.1, "--milestones", "10,20,3000"]
    expect(clr(*steps, "--iterations", 20), 0, [], ["milestone 20 is not reached: the end is after 20 iterations"])
    expect(clr(*steps, "--iterations", 21), 0, [], ["milestone 3,000 is not reached"])
    check("note" not in expect(clr(*steps, "--iterations", 3001), 0).err, "all milestones are reached")


@case
def schedule_of_one_cycle_refuses():
    one = ["schedule", "--policy", "1cycle", "--iterations", 10]
    expect(clr(*one), 2, [], ["--max-lr is missing: policy 1cycle needs it"])
    expect(clr(*one, "--max-lr", 1, "--pct-start", 0.6, "--three-phase"), 2, [], ["--three-phase", "0 and 0.5"])
    expect(clr(*one, "--max-lr", 1, "--div-factor", 0.5), 2, [], ["--div-factor"])
    expect(clr(*one, "--max-lr", 1, "--min-lr", 0.5), 0, [], ["--min-lr has no effect: policy 1cycle"])
    for n in (1, 2, 3):     # phases shorter than an update: still numbers
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
    expect(clr(*triangle, "--cycles", 10000000), 2, [], ["more than the 10000000 rows"])
    expect(clr("schedule", "--policy", "fixed", "--lr", 0.1, "--cycles", 3), 2, [], ["policy fixed has no cycles"])
    expect(clr("schedule", "--policy", "triangular", "--cycles", 3), 2, [], ["--step-size N is missing"])
