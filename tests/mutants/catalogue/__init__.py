"""Every deliberate breakage, area by area."""

from __future__ import annotations

from ..mutation import Mutation
from . import (
    approvals, change_orders, charges, commit, connect, credits, customers, delivery, disputes, domain, edge, expenses, functions, ledger, meeting, publish,
    retainers, runtime, usage, workflow,
)

AREAS = (
    commit, ledger, workflow, runtime, publish, functions, approvals, change_orders, charges, credits, disputes, customers, delivery, connect, edge,
    domain, expenses, usage, retainers, meeting,
)
ALL: tuple[Mutation, ...] = tuple(mutation for area in AREAS for mutation in area.MUTATIONS)
