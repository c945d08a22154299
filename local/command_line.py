"""The command line: which command does what, and how its problems are shown.

Each command imports its module when it runs: most of them need packages that
only exist once set-up is done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from .console import say
from .problem import Problem
from .set_up import re_exec_in, set_up

Command = Callable[[argparse.Namespace], int | None]


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has seen enough; the interpreter's own last flush must not fail on it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m local", description="The local default; see docs/local.md.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    add("setup", _setup, "install pinned packages into .venv and prepare the ERP's database")
    add("build", _build, "compile the functions and package them for deployment")
    add("run", _run, "start everything, deploy, and play a deal from quote to cash")
    add("stop", _stop, "stop what `run` started, and nothing else")
    add("status", _status, "say what runs where")
    timeline = add("timeline", _timeline, "show what happened to an engagement; without one, list them")
    timeline.add_argument("engagement", nargs="?", metavar="ENGAGEMENT")
    add("watch", _watch, "run the functions from the sources, reloaded as they are edited")
    emulator = add("with-emulator", _with_emulator, "run a command against an AWS emulator of its own")
    emulator.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND …")
    return parser


def _setup(_: argparse.Namespace) -> None:
    set_up()
    say("✓ Set up.")


def _build(_: argparse.Namespace) -> None:
    from . import build

    build.build()


def _run(_: argparse.Namespace) -> None:
    set_up()
    re_exec_in("cloud")
    from . import run

    run.run()


def _stop(_: argparse.Namespace) -> None:
    from .instance import Instance
    from .paths import RUN

    instance = Instance.load(RUN)
    if instance is None:
        say("Nothing is running.")
        return
    titles = ", ".join(service.title for service in instance.services)
    instance.stop()
    say(f"Stopped: {titles}.")


def _status(_: argparse.Namespace) -> int:
    from .instance import Instance
    from .paths import RUN

    instance = Instance.load(RUN)
    if instance is None:
        say("Nothing is running. Start it with: make run")
        return 1
    for service in instance.services:
        say(f"  {service.title:24}  {instance.url(service.name):24}  pid {instance.pid(service.name)}")
    problems = instance.problems()
    say("\n".join(f"✗ {problem}" for problem in problems) or "✓ All services answer.")
    return 1 if problems else 0


def _timeline(options: argparse.Namespace) -> None:
    set_up("cloud")
    re_exec_in("cloud")
    from . import run

    run.show_timeline(options.engagement)


def _watch(_: argparse.Namespace) -> int:
    set_up("cloud", "emulator")
    re_exec_in("cloud")
    from . import run

    return run.watch_functions()


def _with_emulator(options: argparse.Namespace) -> int:
    from .emulator import run_with_emulator

    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise Problem("with-emulator needs a command.", "For example: python3 -m local with-emulator -- cargo test")
    set_up("emulator")
    return run_with_emulator(command)
