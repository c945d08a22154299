"""The ledger: who owns a line, what an invoice takes, how far a log was read, what the table is asked."""

from __future__ import annotations

from ..mutation import Mutation

LEDGER = "shared/journal/src/ledger.rs"
DYNAMO = "shared/journal/src/dynamo.rs"
TESTS = "-p journal --test ledger"
ASKED = "-p journal --test asked_of_the_table"
LAGGING = "-p journal --test lagging_index"
SAME_STORE = "-p journal --test same_store -- memory_answers_like_an_embedded_dynamodb"

MUTATIONS = (
    Mutation(
        "ownership of a line is taken without looking",
        "A line would be on two invoices, and the customer billed twice.",
        LEDGER,
        (
            ('if item.text("status") == Some("ready") {', 'if item.text("status").is_some() {'),
            ('field: ("status", "ready".into()),', 'field: ("kind", "line".into()),'),
        ),
        (TESTS,),
    ),
    Mutation(
        "a line's owner is looked at only before it is taken",
        "Of two invoices that collect at once both would take the same line.",
        LEDGER,
        (('field: ("status", "ready".into()),', 'field: ("kind", "line".into()),'),),
        (TESTS,),
    ),
    Mutation(
        "a page of lines counts as taken although it was not",
        "An invoice would count lines that another invoice owns.",
        LEDGER,
        (
            (
                "                Committed::Done => return Ok(Versioned { version",
                "                Committed::Done | Committed::Rejected(_) => return Ok(Versioned { version",
            ),
            (
                "Committed::Rejected(_) | Committed::Contended => {\n                    invoice =",
                "_ => {\n                    invoice =",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "an invoice on its way to the ERP still takes lines",
        "The journal's invoice would hold lines that the ERP's does not.",
        LEDGER,
        (("if !body.is_collecting() {", "if false {"),),
        ("-p journal --test named_cases",),
    ),
    Mutation(
        "lines named in the request are not looked for",
        "A milestone's own line, not in the index yet, would miss the invoice that it asked for.",
        LEDGER,
        (
            (
                "required.iter().map(|l| Key::line(",
                "required.iter().take(0).map(|l| Key::line(",
            ),
        ),
        (LAGGING,),
    ),
    Mutation(
        "a cursor moves whatever its version",
        "A poll that stood still would put the cursor back behind one that had gone on.",
        "shared/journal/src/configuration.rs",
        (("expect: Expect::Version(version) }", "expect: Expect::Anything }"),),
        ("-p journal --test conditions",),
    ),
    Mutation(
        "a link of the crosswalk is known in one direction only",
        "Of two invoices that the ERP gives one number, both would be linked with it.",
        "shared/journal/src/crosswalk.rs",
        (
            (
                "let there = Key::crosswalk(tenant, &self.connection, &self.record_kind, &self.local_id);",
                "let there = Key::crosswalk(tenant, &self.connection, &self.global_id, &self.local_id);",
            ),
        ),
        (TESTS,),
    ),
    Mutation(
        "a failed condition of a single write counts as out of reach",
        "A duplicate would be repeated until it ends as a dead letter.",
        DYNAMO,
        (("Ok(item) => StoreError::Unmet(vec![(0, item)]),", 'Ok(_) => StoreError::Unavailable("condition".into()),'),),
        (SAME_STORE,),
    ),
    Mutation(
        "a transaction's put carries no condition",
        "Whatever a commit must not overwrite would be overwritten, in the real table only.",
        DYNAMO,
        (
            (
                """                    .set_item(Some(to_attributes(body)?))
                    .set_condition_expression(condition.text)
                    .set_expression_attribute_names(condition.names)
                    .set_expression_attribute_values(condition.values)
                    .return_values_on_condition_check_failure(ReturnOld::AllOld);
                item.put(""",
                """                    .set_item(Some(to_attributes(body)?));
                item.put(""",
            ),
        ),
        (SAME_STORE,),
    ),
    Mutation(
        "reads of the table may lag",
        "A writer could decide on a state that is not true any more, and meet itself again and again.",
        DYNAMO,
        (
            (
                "            .set_key(Some(key_attributes(key)))\n            .consistent_read(true)\n",
                "            .set_key(Some(key_attributes(key)))\n",
            ),
        ),
        (ASKED,),
    ),
    Mutation(
        "only the first page of a query is read",
        "Of an invoice with thousands of lines only the first would be printed.",
        DYNAMO,
        (
            (
                "            None => break,\n        }\n    }\n    Ok(found)",
                "            None => break,\n        }\n        if found.len() == 100 {\n            break;\n"
                "        }\n    }\n    Ok(found)",
            ),
        ),
        (ASKED,),
    ),
)
