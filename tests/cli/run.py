#!/usr/bin/env python3
"""Runs the cases of the command line: run.py PROGRAM [PART-OF-A-CASE'S-NAME...]

Needs Python's standard library only. Cases that take minutes run only when they are named.
The last line is "N passed, N failed, N skipped".
"""

import sys

sys.dont_write_bytecode = True

import harness  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    # The longest cases first, so that both processes end at nearly the same time.
    sys.exit(harness.main(["cases_selfcheck", "cases_tune", "cases_experiment", "cases_runs", "cases_resume",
                           "cases_solver", "cases_input", "cases_version", "cases_usage", "cases_plot", "cases_list",
                           "cases_schedule", "cases_losses"]))
