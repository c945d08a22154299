"""What the PSA reports of projects and people."""

from __future__ import annotations

from ..mutation import Mutation

DELIVERY = "shared/domain/src/delivery.rs"
TESTS = ("-p domain --test delivery", "-p record-changed --test delivery")

MUTATIONS = (
    Mutation(
        "an older status overwrites a newer one",
        "A project that goes on would be shown as stopped by a report that came late.",
        DELIVERY,
        (("known.as_of > change.changed_at)", "known.as_of > change.changed_at && known.archived)"),),
        TESTS,
    ),
    Mutation(
        "an older report of a person overwrites a newer one",
        "Somebody who left the project would be back on it.",
        DELIVERY,
        (("is_some_and(|as_of| as_of > change.changed_at)", "is_some_and(|_| change.record.is_empty())"),),
        TESTS,
    ),
    Mutation(
        "a project that stopped is told again with each status",
        "A person would find one exception more for each word that is changed on a stopped project.",
        DELIVERY,
        (("changed.status.is_stopped(config) && !was_stopped;",
          "changed.status.is_stopped(config) && (was_stopped || !was_stopped);"),),
        TESTS,
    ),
    Mutation(
        "a role that is not sold any more stays as it was",
        "Delivery would go on with a role that the customer has cancelled.",
        DELIVERY,
        (("                gone.status = AssignmentStatus::Released;\n", ""),),
        TESTS,
    ),
)
