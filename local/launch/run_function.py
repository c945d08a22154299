"""Cargo's runner under `make watch`: start a function's binary with the environment it has when deployed.

usage: run_function.py ENVIRONMENTS BINARY [ARGUMENT …]

`cargo lambda watch` gives all functions one environment, but each has its own
queue. ENVIRONMENTS is a JSON file: {"<binary's name>": {"NAME": "value"}}.
"""

import json
import os
import sys

environments, binary = sys.argv[1:3]
with open(environments, encoding="utf-8") as file:
    own = json.load(file).get(os.path.basename(binary), {})
os.execve(binary, sys.argv[2:], {**os.environ, **own})
