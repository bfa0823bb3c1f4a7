#!/usr/bin/env python3
"""Runs the cases in which something fails under the program: run.py PROGRAM [PART-OF-A-CASE'S-NAME...]

PROGRAM lies in a build folder with the libraries that make calls fail (tests/support: stub_faults.c, faults.c).
Leaks of memory are found if it was built with -Db_sanitize=address. CLR_TEST_LONG=1: every call fails,
instead of about six of each kind and command.
The last line is "N passed, N failed, N skipped".
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli"))

import harness  # noqa: E402

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.access("/dev/shm", os.W_OK):
        os.environ.setdefault("TMPDIR", "/dev/shm")     # every run syncs every file: half of the time on a disk
    sys.exit(harness.main(["cases_calls", "cases_situations"]))
