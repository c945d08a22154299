"""What every function shares: the bus, the queue, the end of a run, showing an invoice."""

from __future__ import annotations

from ..mutation import Mutation

BUS = "shared/runtime/src/bus.rs"
QUEUE = "shared/runtime/src/queue.rs"
FLOW = "shared/runtime/src/flow.rs"
STATUS = "shared/runtime/src/status.rs"
BUS_TESTS = "-p runtime --test bus"
CALLS = "-p runtime --test bus_calls"
REPETITIONS = "-p runtime --test repetitions"
QUEUE_TESTS = "-p runtime --test queue"

MUTATIONS = (
    Mutation(
        "FailedEntryCount is ignored",
        "Events that the bus refused would be lost: the call itself succeeds.",
        BUS,
        (
            (
                "Ok(answer) if answer.failed_entry_count() == 0 => Ok(()),",
                "Ok(answer) if answer.failed_entry_count() >= 0 => Ok(()),",
            ),
        ),
        (BUS_TESTS,),
    ),
    Mutation(
        "an event without a verdict counts as taken",
        "Where the bus answers for fewer events than it was given, the others would be lost.",
        BUS,
        (("verdicts.get(*i).is_none_or(", "verdicts.get(*i).is_some_and("),),
        (BUS_TESTS,),
    ),
    Mutation(
        "only the first refused call is told",
        "Of thirty events of which two calls were refused, those of the second would be lost.",
        BUS,
        (("Some(known) => known.refused.extend(error.refused),", "Some(_) => {}"),),
        (CALLS,),
    ),
    Mutation(
        "the bytes of a call are not counted",
        "Two large events in one call would be refused for ever, and their batch with them.",
        BUS,
        ((" && bytes + size <= BYTES_A_CALL", ""),),
        (CALLS,),
    ),
    Mutation(
        "the partial batch response is empty",
        "A message whose event failed would be deleted: the event is lost.",
        QUEUE,
        (("            response.add_failure(received.message_id);\n", ""),),
        (QUEUE_TESTS,),
    ),
    Mutation(
        "a message that can't be read is deleted",
        "An event of a newer version would be lost instead of kept as a dead letter.",
        QUEUE,
        (("                response.add_failure(message.message_id.unwrap_or_default());\n", ""),),
        (QUEUE_TESTS,),
    ),
    Mutation(
        "an event that the handler forgot counts as done",
        "A handler that leaves one out would lose it.",
        QUEUE,
        (
            (
                'None => failed.push((received, Failure::new("the handler gave no answer"))),',
                "None => {}",
            ),
        ),
        (QUEUE_TESTS,),
    ),
    Mutation(
        "the second copy of a failed event counts as done",
        "Of an event that came twice in one batch and failed, one message would be deleted for nothing.",
        QUEUE,
        (
            (
                "Err(Failure { reason: failure.reason.clone(), retry_after: failure.retry_after }),",
                "Ok(Outcome::Duplicate),",
            ),
        ),
        (REPETITIONS,),
    ),
    Mutation(
        "a message waits as long as a product asks, beyond what the queue allows",
        "The queue would refuse the pause, and the message come back at once.",
        QUEUE,
        (("return asked.min(LONGEST_DELAY);", "return asked;"),),
        (REPETITIONS,),
    ),
    Mutation(
        "a run that waits for a person is completed",
        "After the correction nothing would go on: the run has ended half-way.",
        FLOW,
        (
            (
                "also, now).await?;\n            run.hold().await?;",
                "also, now).await?;\n            run.complete().await?;",
            ),
        ),
    ),
    Mutation(
        "a refusal holds the run and tells nobody",
        "The engagement would wait for a person who never hears of it.",
        FLOW,
        (
            (
                "            context.journal.raise(context.function, event, problem, also, now).await?;\n"
                "            run.hold()",
                "            run.hold()",
            ),
        ),
    ),
    Mutation(
        "an invoice is shown once without looking again",
        "Of a posting and a payment at the same time the older state could stay on show.",
        STATUS,
        (("if shown == Some((known.version, changes)) {", "if shown.is_some() {"),),
    ),
    Mutation(
        "an invoice's next state is the same step",
        "PSA and CRM would go on showing the invoice as it was first shown.",
        STATUS,
        (
            ('&format!("project-invoice-status {version}"),', '"project-invoice-status",'),
            ('&format!("deal-invoice-status {version}")', '"deal-invoice-status"'),
        ),
    ),
)
