"""`make run`, and what works on the instance it leaves running."""

from __future__ import annotations

from . import build, connections, farewell, paths, stack, watch
from .console import Step, say
from .instance import Instance, require_free_ports
from .play import Play
from .problem import Problem
from .timeline import Timeline, engagements


def run() -> None:
    """Build, start or reuse the instance, deploy, connect and play a deal."""
    instance = _healthy()
    if instance is None:
        # Said now: a taken port should not be found out after minutes of compiling.
        require_free_ports()
    build.build()
    deployed = stack.deploy_with_sam(instance or _start())
    watch.restore(deployed)
    connections.connect(deployed)
    say(f"✓ Connected: the products report to {deployed.api_url}/v1/webhooks/…")
    deal = Play(deployed).run()
    say(f"\n✓ From quote to cash: deal {deal.deal} is engagement {deal.engagement}, billed, credited, paid, and in all books alike.\n")
    say(farewell.text(deployed, deal))


def show_timeline(engagement: str | None) -> None:
    """Print the timeline of an engagement; without one, list the engagements."""
    deployed = stack.find(running())
    if engagement is None:
        found = engagements(deployed)
        for item in found:
            say(f"  {item['recorded_at'][:19]}  {item['engagement']}  {item.get('status', '')}  deal {item.get('deal', '')}")
        say("Show one: python3 -m local timeline ENGAGEMENT" if found else "There is no engagement yet: make run plays one.")
        return
    entries = Timeline(deployed, engagement).news()
    if not entries:
        raise Problem(f"There is no engagement {engagement}.", "List them: python3 -m local timeline")
    for entry in entries:
        say(f"  {entry}")


def watch_functions() -> int:
    """`make watch`."""
    return watch.watch(stack.find(running()))


def running() -> Instance:
    """The instance of `make run`, which must be running."""
    instance = Instance.load(paths.RUN)
    if instance is None:
        raise Problem("Nothing is running.", "Start it with: make run")
    return instance


def _healthy() -> Instance | None:
    """The running instance, if it is whole."""
    instance = Instance.load(paths.RUN)
    if instance is None:
        return None
    problems = instance.problems()
    if not problems:
        say("✓ Everything runs already; a further deal is played on it.")
        return instance
    # The services share one history; one alone cannot be put back into it.
    say("\n".join(f"✗ {problem}" for problem in problems) + "\n  Starting all services afresh.")
    instance.stop()
    return None


def _start() -> Instance:
    with Step("Starting MiniStack, Tryton, localstripe and the CRM and PSA stand-ins"):
        return Instance.start(paths.RUN, detached=True)
