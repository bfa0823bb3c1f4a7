"""Every policy, thousands of updates each, against its formula in 50 decimal digits: those of include/clr/
schedule.h, written down once more and independently of the C code."""

import csv
import io
from decimal import Decimal as D
from decimal import getcontext

from harness import case, check, clr, expect

getcontext().prec = 50
ROWS = 3000
TOLERANCE = D("1e-8")       # of nine printed digits; the contract asks for 1e-7


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
