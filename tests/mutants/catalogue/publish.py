"""From the table to the bus, back from the retry queue, and what was given up."""

from __future__ import annotations

from ..mutation import Mutation

LIB = "functions/publish-outbox/src/lib.rs"
RETRY = "functions/publish-outbox/src/retry.rs"
RELEASE = "functions/publish-outbox/src/release.rs"
DEAD = "functions/dead-letter/src/lib.rs"
TESTS = "-p publish-outbox --test publish"
NAMED = "-p publish-outbox --test named_cases"
LARGE = "-p publish-outbox --test large_events"
NOBODY = "-p publish-outbox --test nobody_takes_it"
DEAD_TESTS = "-p dead-letter --test keep"
DEAD_NAMED = "-p dead-letter --test named_cases"

MUTATIONS = (
    Mutation(
        "what the bus refuses does not go to the retry queue",
        "An event that the bus refused once would be lost: the stream does not show it again.",
        LIB,
        (
            (
                "retry::keep(retry, &Pending { events: refused, ..Pending::default() }).await {",
                "retry::keep(retry, &Pending { events: vec![], ..Pending::default() }).await {",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a stream's batch succeeds although nobody took its events",
        "With bus and retry queue out of reach the events of a batch would be lost.",
        LIB,
        (
            (
                'return Err(format!("neither bus nor retry queue takes events: {reason}"));',
                'tracing::error!(reason, "neither bus nor retry queue takes events");',
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "an unfinished release is not reported",
        "With bus and retry queue out of reach parked work would wait for ever.",
        LIB,
        (("                    failures.push(failure);\n", ""),),
        (NOBODY,),
    ),
    Mutation(
        "an unfinished release is not kept",
        "Parked work whose release failed once would wait for ever.",
        LIB,
        (
            (
                "if retry::keep(retry, &again).await.is_err() {",
                "if retry::keep(retry, &Pending { release: vec![], ..again }).await.is_err() {",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "an outbox that can't be read is passed over",
        "Events of a commit would be lost without a trace.",
        LIB,
        (("                retry::keep(retry, &Pending::unreadable(record)).await?;\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "a release removes before it publishes",
        "A crash in between would lose the time and payments that waited.",
        RELEASE,
        (
            ("        context.bus.publish(events).await.map_err(|e| e.to_string())?;\n", ""),
            (
                "        store.write(deletes).await.map_err(|e| e.to_string())?;\n",
                "        store.write(deletes).await.map_err(|e| e.to_string())?;\n"
                "        context.bus.publish(events).await.map_err(|e| e.to_string())?;\n",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a release ends after its first page",
        "Of three hundred entries that waited for an activation two hundred would wait for ever.",
        RELEASE,
        (
            (
                "        store.write(deletes).await.map_err(|e| e.to_string())?;\n",
                "        return store.write(deletes).await.map_err(|e| e.to_string());\n",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a release does not look whether the bus took it",
        "Parked work that the bus refused would be removed all the same.",
        RELEASE,
        (
            (
                "context.bus.publish(events).await.map_err(|e| e.to_string())?;",
                "let _ = context.bus.publish(events).await;",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a message of the retry queue is done although it failed again",
        "An event that the bus refused twice would be lost.",
        RETRY,
        (("            response.add_failure(message.message_id.unwrap_or_default());\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "the retry queue brings back events only",
        "Parked work whose release failed once would wait for ever.",
        RETRY,
        (("for released in &pending.release {", "for released in pending.release.iter().take(0) {"),),
        (TESTS,),
    ),
    Mutation(
        "refused events share a message of the retry queue",
        "Large events that were given up together would fit into no item, and be kept nowhere.",
        RETRY,
        (
            ("    for event in &pending.events {\n", "    if !pending.events.is_empty() {\n"),
            ("&Pending { events: vec![event.clone()], ..", "&Pending { events: pending.events.clone(), .."),
        ),
        (LARGE,),
    ),
    Mutation(
        "a dead letter that can't be kept is deleted",
        "While the table is out of reach, what other queues gave up would be lost.",
        DEAD,
        (("            response.add_failure(message.message_id.unwrap_or_default());\n", ""),),
        (DEAD_TESTS, DEAD_NAMED),
    ),
    Mutation(
        "a dead letter that comes again after it was settled is dropped",
        "What was given up once more would wait for nobody.",
        DEAD,
        (
            (
                "context.journal.reopen(&letter.tenant, &letter.subject, &exception.exception, owner, now).await",
                "Ok::<(), JournalError>(drop(owner))",
            ),
        ),
        (DEAD_TESTS, DEAD_NAMED),
    ),
)
