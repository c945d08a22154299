"""Durable steps: lease, ask first, one key for one step, and what may be concluded from a failure."""

from __future__ import annotations

from ..mutation import Mutation

RUN = "shared/workflow/src/run.rs"
UNDO = "shared/workflow/src/undo.rs"
LEASES = "shared/journal/src/workflows.rs"
TESTS = "-p workflow --test workflow"
NAMED = "-p workflow --test named_cases"
FOUND = "-p workflow --test found"
LEASE = "-p workflow --test lease"
TURNS = "-p journal --test turns"
LEDGER = "-p journal --test ledger"

MUTATIONS = (
    Mutation(
        "a lease is taken whoever holds it",
        "Two functions would work on one activation and make two projects.",
        LEASES,
        (('expect: Expect::AbsentOrBefore("lease_until", second(now)),', "expect: Expect::Anything,"),),
        (LEDGER,),
    ),
    Mutation(
        "a completed run is free again",
        "A redelivered approval would set up a finished engagement once more.",
        LEASES,
        (
            (
                "WorkflowStatus::Completed | WorkflowStatus::Compensated => NEVER_FREE.to_owned(),",
                "WorkflowStatus::Completed | WorkflowStatus::Compensated => second(now),",
            ),
        ),
        (LEDGER,),
    ),
    Mutation(
        "a lease is given back by whoever once held it",
        "A function that lived too long would end the run of its successor.",
        LEASES,
        (
            (
                'expect: Expect::Field("lease", lease.token.clone()),\n        };\n'
                "        fenced(self.store.write(vec![op]).await)",
                "expect: Expect::Anything,\n        };\n        fenced(self.store.write(vec![op]).await)",
            ),
        ),
        (LEDGER, TESTS),
    ),
    Mutation(
        "a run is given up by whoever once held it",
        "A withdrawal that lost the run would mark it as taken back under the activation that goes on.",
        LEASES,
        (("vec![step_op(lease, step, previous)?, held]", "vec![step_op(lease, step, previous)?]"),),
        (TURNS,),
    ),
    Mutation(
        "a step is recorded whoever wrote it last",
        "A function that lived too long would overwrite what its successor recorded.",
        LEASES,
        (('|p| Expect::Field("fence", p.fence()))', "|_| Expect::Anything)"),),
        (TURNS,),
    ),
    Mutation(
        "one holder's records of a step are not told apart",
        "A write that arrives late could put a step that is done back to begun.",
        LEASES,
        (
            (
                'format!("{}:{:?}:{}", self.lease, self.state, self.recorded_at)',
                "self.lease.clone()",
            ),
        ),
        (LEDGER, TESTS, NAMED),
    ),
    Mutation(
        "a new step is recorded although it stands already",
        "Of two functions at one run both would begin the same step and send it twice.",
        LEASES,
        (("previous.map_or(Expect::Absent, ", "previous.map_or(Expect::Anything, "),),
        (TESTS,),
    ),
    Mutation(
        "nothing is recorded before a step is sent",
        "After a crash nobody would know that a call may have had its effect.",
        RUN,
        (("        self.write(started).await?;\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "the product is not asked first",
        "A call without an answer would be sent again: two customers, two projects, two invoices.",
        RUN,
        (("begun.is_some() || !self.is_undoing()", "false"),),
        (TESTS,),
    ),
    Mutation(
        "an earlier attempt is not left to settle",
        "A call that is still under way would not be found yet, and be sent again.",
        RUN,
        (("        self.let_settle(step, connection, idempotency, asked_at)?;\n        self.may_begin", "        self.may_begin"),),
        (TESTS,),
    ),
    Mutation(
        "what was refused half-way is not taken back",
        "A record that a system had changed before it refused the rest would stay changed.",
        RUN,
        (("let tried = |s: &StepRecord| is_open(s) || s.state == StepState::Refused;", "let tried = is_open;"),),
        (TESTS,),
    ),
    Mutation(
        "a refusal on the way back is tried for ever",
        "What came before it would never be taken back, and nobody would be told.",
        "shared/workflow/src/undo.rs",
        (("Err(error) if error.retryable() =>", "Err(error) if error.retryable() || !error.detail.is_empty() =>"),),
        (TESTS,),
    ),
    Mutation(
        "an answer is as young as its arrival",
        "A call that took effect while the product was looking for it would be sent again.",
        RUN,
        (
            (
                "let_settle(step, connection, idempotency, asked_at)?;\n        self.may_begin",
                "let_settle(step, connection, idempotency, self.clock.now().max(asked_at))?;\n        self.may_begin",
            ),
        ),
        (TESTS, NAMED),
    ),
    Mutation(
        "only the same step is left to settle",
        "A late effect of an earlier call could undo what a later one wrote.",
        RUN,
        (
            (
                "is_open(s) && s.system.as_deref() == Some(connection);",
                "is_open(s) && s.step == step && s.system.as_deref() == Some(connection);",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a refusal hides an earlier call without an answer",
        "What that call makes afterwards would stay when the run is taken back.",
        RUN,
        (("let state = if may_come {", "let state = if may_come && error.kind != CallErrorKind::Refused {"),),
        (TESTS,),
    ),
    Mutation(
        "a call is sent however late",
        "A function that was frozen would send what its successor asked about and did not find.",
        RUN,
        (("if self.clock.now() > sent_by {", "if false {"),),
        (TESTS,),
    ),
    Mutation(
        "the lease is relied on to its last second",
        "With clocks that differ two functions would send the same call.",
        RUN,
        (("if self.clock.now() < ends { Ok(())", "if self.clock.now() < self.lease.until { Ok(())"),),
        (LEASE,),
    ),
    Mutation(
        "the lease is not looked at before sending",
        "A function that lost its lease would go on writing to products.",
        RUN,
        (("if self.clock.now() < ends { Ok(())", "if true { Ok(())"),),
        (LEASE,),
    ),
    Mutation(
        "a retry has another key",
        "A product that knows repeated calls by their key would do both.",
        RUN,
        (
            (
                "derive(&[tenant, subject, workflow, run, step]).to_string()",
                "derive(&[tenant, subject, workflow, run, step, &self.lease.token]).to_string()",
            ),
        ),
        (TESTS, NAMED),
    ),
    Mutation(
        "all steps of a run have the same key",
        "A product would answer the second call with what it made at the first.",
        RUN,
        (
            (
                "derive(&[tenant, subject, workflow, run, step]).to_string()",
                "derive(&[tenant, subject, workflow, run]).to_string()",
            ),
        ),
        (TESTS, NAMED),
    ),
    Mutation(
        "a key is trusted past its retention",
        "After a day the product would have forgotten the key and do it again.",
        RUN,
        ((".is_none_or(|until| until <= self.clock.now())", ".is_none_or(|until| until <= s.recorded_at)"),),
        (TESTS,),
    ),
    Mutation(
        "what a product answers is not compared",
        "An invoice of another amount would be posted and nobody would know.",
        RUN,
        (
            (
                "if let Err(difference) = operation.verify(&record) {",
                "if let Err(difference) = operation.verify(&record)\n"
                "            && record.external_id().is_empty()\n        {",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "what is found at a product is not compared",
        "A record of an earlier attempt with other terms would be taken for this one.",
        RUN,
        (
            (
                "if let Err(difference) = operation.verify(&record) {",
                'if how == "done"\n            && let Err(difference) = operation.verify(&record)\n        {',
            ),
        ),
        (FOUND,),
    ),
    Mutation(
        "no answer counts as not happened",
        "A call that timed out after its effect would be sent again at once.",
        RUN,
        (
            (
                "CallErrorKind::Unknown | CallErrorKind::Mismatch => StepState::Unanswered,",
                "CallErrorKind::Unknown | CallErrorKind::Mismatch => StepState::Waiting,",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a busy product counts as a refusal",
        "A person would have to look each time that a product asks for patience.",
        "shared/connectors/src/error.rs",
        (
            (
                "CallErrorKind::Transient { .. } | CallErrorKind::Unknown | CallErrorKind::Unauthorised => true,\n"
                "            CallErrorKind::Refused | CallErrorKind::Mismatch => false,",
                "CallErrorKind::Unknown | CallErrorKind::Unauthorised => true,\n"
                "            CallErrorKind::Transient { .. } | CallErrorKind::Refused | CallErrorKind::Mismatch"
                " => false,",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a refusal is repeated",
        "A refused call would be sent over and over and end as a dead letter instead of with its owner.",
        "shared/connectors/src/error.rs",
        (
            (
                "CallErrorKind::Transient { .. } | CallErrorKind::Unknown | CallErrorKind::Unauthorised => true,\n"
                "            CallErrorKind::Refused | CallErrorKind::Mismatch => false,",
                "CallErrorKind::Transient { .. } | CallErrorKind::Unknown | CallErrorKind::Unauthorised => true,\n"
                "            CallErrorKind::Refused => true,\n            CallErrorKind::Mismatch => false,",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a failure after an effect says that nothing happened",
        "The second of two calls that make one record would fail, and the first be sent again.",
        "shared/connectors/src/error.rs",
        (("            self.kind = CallErrorKind::Unknown;\n", ""),),
        ("-p connectors --test compared",),
    ),
    Mutation(
        "the pause that a product asks for is not kept",
        "A product that asks for a minute would be asked again after two seconds, until it locks us out.",
        "shared/workflow/src/error.rs",
        (("            } => *retry_after,", "            } => retry_after.and(None),"),),
        (TESTS,),
    ),
    Mutation(
        "a run that is taken back is carried on",
        "An approval that comes again would set up what was just withdrawn.",
        RUN,
        (("if !run.is_undoing() && run.steps.contains_key(TAKEN_BACK) {", "if false {"),),
        (TESTS,),
    ),
    Mutation(
        "taking back is not recorded first",
        "A withdrawal that crashed half-way would be forgotten, and the set-up go on.",
        UNDO,
        (("        self.give_up().await?;\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "steps are undone in the order in which they were done",
        "A customer would be removed before the billing plan that needs it.",
        UNDO,
        (
            (
                "while let Some(Undo { step, undo }) = self.undo.pop() {",
                "while let Some(Undo { step, undo }) = (!self.undo.is_empty()).then(|| self.undo.remove(0)) {",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "undoing is not recorded",
        "A compensation that is repeated would remove again what is gone already.",
        UNDO,
        (("            self.write(record).await?;\n", ""),),
        (TESTS,),
    ),
    Mutation(
        "what can't be undone is not left to anybody",
        "A record that must be removed by hand would stay, and nobody be told.",
        UNDO,
        (
            (
                "if result.left.is_empty() { WorkflowStatus::Compensated } else { WorkflowStatus::Held }",
                "WorkflowStatus::Compensated",
            ),
        ),
        (TESTS,),
    ),
)
