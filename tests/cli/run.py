#!/usr/bin/env python3
"""Runs the cases of the command line: run.py PROGRAM [--half 0|1] [PART-OF-A-CASE'S-NAME...]

Needs Python's standard library only. Cases that take minutes run only when they are named. --half: every other case,
so that two processes share the work.
The last line is "N passed, N failed, N skipped".
"""

import sys

sys.dont_write_bytecode = True

import harness  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(harness.main(["cases_usage", "cases_schedule", "cases_input", "cases_runs", "cases_resume", "cases_solver",
                           "cases_experiment", "cases_tune", "cases_selfcheck"]))
