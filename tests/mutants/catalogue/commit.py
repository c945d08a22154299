"""The commit: conditions, versions, what rides along, and what a repetition means."""

from __future__ import annotations

from ..mutation import Mutation

COMMIT = "shared/journal/src/commit.rs"
BATCH = "shared/journal/src/batch.rs"
AGAIN = "shared/journal/src/again.rs"
EXCEPTION = "shared/journal/src/exception.rs"
TESTS = "-p journal --test commit"
SETTLING = "-p journal --test settling"
BATCHES = "-p journal --test batches"
CONDITIONS = "-p journal --test conditions"

MUTATIONS = (
    Mutation(
        "journal entry without its condition",
        "A redelivered event would be applied again: time billed twice, cash applied twice.",
        COMMIT,
        (
            (
                "Self::Insert { item, .. } => Op::Put { item, expect: Expect::Absent },",
                "Self::Insert { item, .. } => Op::Put { item, expect: Expect::Anything },",
            ),
            (
                "Op::Put { item, expect: Expect::Absent } => Some(item),",
                "Op::Put { item, expect: Expect::Anything } => Some(item),",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "new state written without looking at its version",
        "Of two writers who decided on the same state, the slower would undo what the faster one did.",
        COMMIT,
        (
            (
                'Op::Put { item: item.with("version", expected + 1), expect: Expect::Version(expected) }',
                'Op::Put { item: item.with("version", expected + 1), expect: Expect::Anything }',
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "new state keeps the old version",
        "Whoever read before the change could still write after it, as if nothing had happened.",
        COMMIT,
        (('item: item.with("version", expected + 1)', 'item: item.with("version", expected.max(1))'),),
        (TESTS,),
    ),
    Mutation(
        "a touch does not raise the version",
        "An activation could overlook work that was parked while it was deciding; it would wait for ever.",
        COMMIT,
        (('("version".into(), (expected + 1).into()),', '("version".into(), expected.into()),'),),
        (TESTS,),
    ),
    Mutation(
        "a touch does not look at the version",
        "Work could be parked for a condition that came true a moment ago, and wait for ever.",
        COMMIT,
        (("                expect: Expect::Version(expected),\n", "                expect: Expect::Anything,\n"),),
        (CONDITIONS,),
    ),
    Mutation(
        "a conditional change without its condition",
        "A line could be taken by two invoices, a run finished by one who does not hold it any more.",
        COMMIT,
        (
            (
                "Op::Update { key, set, remove, expect: Expect::Field(name, value) }",
                "let _ = (name, value);\n                Op::Update { key, set, remove, expect: Expect::Anything }",
            ),
        ),
        ("-p journal --test ledger",),
    ),
    Mutation(
        "an entry is superseded whatever it says",
        "Of two deliveries of a corrected event both would be applied.",
        COMMIT,
        (
            (
                "Op::Put { item, expect: Expect::Field(name, value) }",
                "let _ = (name, value);\n                Op::Put { item, expect: Expect::Anything }",
            ),
        ),
        (CONDITIONS,),
    ),
    Mutation(
        "a contended commit counts as done",
        "Two writers who met would both report success, and what one of them did would be lost.",
        COMMIT,
        (
            (
                "Err(StoreError::Contention) => Ok(Committed::Contended)",
                "Err(StoreError::Contention) => Ok(Committed::Done)",
            ),
        ),
        (CONDITIONS,),
    ),
    Mutation(
        "a release without events is forgotten",
        "A payment that came before its invoice was posted would stay parked for ever.",
        COMMIT,
        (
            (
                "let outbox = if self.outgoing.is_empty() && self.release.is_empty() {",
                "let outbox = if self.outgoing.is_empty() {",
            ),
        ),
    ),
    Mutation(
        "parking does not touch what it waits for",
        "An activation could overlook work that was parked while it was deciding; it would wait for ever.",
        BATCH,
        (
            (
                "(pending.first(), waits || state.is_some())",
                "(pending.first(), state.is_some())",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "the same event twice in one batch counts twice",
        "One delivery of both copies would use up the ceiling twice.",
        BATCH,
        (("filter(|event| seen.insert(event.id))", "filter(|event| seen.insert(event.id) || true)"),),
        (TESTS,),
    ),
    Mutation(
        "a known event's content is not compared",
        "A correction under a known key would be dropped as a duplicate, and nobody would hear of it.",
        AGAIN,
        (
            (
                'let same_content = current.text("body_hash").is_none_or(|hash| hash == event.body_hash());',
                'let same_content = current.text("body_hash").is_some();',
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a held event is superseded by any content",
        "Another content under the key of a held event would be applied in its place, without a word.",
        BATCH,
        (
            (
                '            && entry.text("body_hash") == Some(event.body_hash().as_str())\n    })',
                "    })",
            ),
        ),
        (BATCHES,),
    ),
    Mutation(
        "a held event is never decided on again",
        "What was held for a missing rate would stay unbilled after the rate was entered.",
        BATCH,
        (('&& entry.text("outcome") == Some("held")', '&& entry.text("outcome") == Some("parked")'),),
        (TESTS,),
    ),
    Mutation(
        "events of a batch do not see each other's state",
        "Ten entries of one batch would each find the whole ceiling free.",
        BATCH,
        (
            (
                "match decide(state.as_ref().or(loaded.body.as_ref()), event) {",
                "match decide(loaded.body.as_ref(), event) {",
            ),
        ),
        (BATCHES,),
    ),
    Mutation(
        "a billed entry is not looked up before it counts",
        "An entry that comes again under another ID would use up the ceiling twice, or be held although it is billed.",
        BATCH,
        (("    if !doubtful {\n", "    if true {\n"),),
        (TESTS,),
    ),
    Mutation(
        "exceptions have random IDs",
        "Each redelivery of a failing event would raise another exception: a hundred for one cause.",
        EXCEPTION,
        (
            (
                "exception: ExceptionId::derive(cause),",
                "exception: ExceptionId::derive(&[cause.concat().as_str(), &uuid::Uuid::new_v4().to_string()]),",
            ),
        ),
        ("-p journal --test ledger",),
    ),
    Mutation(
        "an exception whose cause returns stays settled",
        "What failed again after it was settled would wait for nobody.",
        EXCEPTION,
        (
            (
                """            Committed::Rejected(_) => self
                .reopen(&event.tenant, &event.subject, &exception, problem.owner, now)
                .await
                .map(|()| exception),""",
                "            Committed::Rejected(_) => Ok(exception),",
            ),
        ),
        ("-p journal --test ledger",),
    ),
    Mutation(
        "what still stands is settled with the rest",
        "An approval that fails again would close the very exception that it just raised.",
        EXCEPTION,
        ((" && !stands(i))", ")"),),
        (SETTLING,),
    ),
    Mutation(
        "exceptions of other functions are settled too",
        "An activation would close open questions about time and payments that nobody has answered.",
        EXCEPTION,
        ((' && i.text("stage") == Some(function)', ""),),
        (SETTLING,),
    ),
)
