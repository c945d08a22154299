"""The door for what products push, and the log of those that are asked: authentic, whole, not twice."""

from __future__ import annotations

from ..mutation import Mutation

SIGNATURE = "shared/connectors/src/signature.rs"
STRIPE = "shared/connectors/src/stripe.rs"
STANDARD = "shared/connectors/src/standard_webhooks.rs"
HUBSPOT = "shared/connectors/src/hubspot/webhook.rs"
WEBHOOK = "functions/webhook/src/lib.rs"
DELIVERY = "functions/webhook/src/delivery.rs"
POLL = "functions/poll/src/lib.rs"
ENVELOPE = "shared/events/src/envelope.rs"
SUITE = "-p connectors --test suite"
RECEIVED = "-p connectors --test received"
HOSTILE = "-p connectors --test hostile"
RECEIVE = "-p webhook --test receive"
POLL_TESTS = "-p poll --test poll"

DOCUSIGN = "shared/connectors/src/docusign.rs"

MUTATIONS = (
    Mutation(
        "one key's signature may come twice",
        "Whoever stands on the way could add a signature beside the product's own.",
        DOCUSIGN,
        (("        if keys.contains(&key) {\n", "        if keys.len() > 100 {\n"),),
        (SUITE, HOSTILE),
    ),
    Mutation(
        "an envelope's deal may be of any characters",
        "A deal typed into an envelope could make us ask the CRM at another address.",
        DOCUSIGN,
        (("1..=LONGEST_ID if text.bytes().all(sound)", "1..=LONGEST_ID if text.bytes().all(sound) || true"),),
        (SUITE,),
    ),
    Mutation(
        "an envelope is known by its notification",
        "A delivery of DocuSign that is played again would be another event.",
        DOCUSIGN,
        (('format!("envelope:{envelope}:{SIGNED}")', 'format!("{envelope}:{}", completion.generated_date_time)'),),
        (SUITE,),
    ),
    Mutation(
        "a signature is compared after parsing",
        "A body could be changed in every way that parsing does not show, under a genuine signature.",
        STRIPE,
        (
            (
                '    let parts = [timestamp.as_bytes(), b".", delivery.body];\n',
                "    let parsed: serde_json::Value = serde_json::from_slice(delivery.body).unwrap_or_default();\n"
                "    let body = serde_json::to_vec(&parsed).unwrap_or_default();\n"
                '    let parts = [timestamp.as_bytes(), b".", body.as_slice()];\n',
            ),
        ),
        (SUITE,),
    ),
    Mutation(
        "a beginning of a signature will do",
        "An empty signature would open every connection.",
        SIGNATURE,
        (("    a.ct_eq(b).into()\n", "    a.iter().zip(b).all(|(x, y)| x == y)\n"),),
        (SUITE,),
    ),
    Mutation(
        "old deliveries are believed",
        "A recorded delivery could be played again for years.",
        SIGNATURE,
        (("if signed_at.duration_since(now).abs() <= TOLERANCE {", "if true {"),),
        (SUITE,),
    ),
    Mutation(
        "deliveries from the future are believed",
        "A delivery signed for next year could be played again until then.",
        SIGNATURE,
        (("if signed_at.duration_since(now).abs() <= TOLERANCE {", "if now.duration_since(signed_at) <= TOLERANCE {"),),
        (SUITE,),
    ),
    Mutation(
        "a moment may be written in two ways",
        "A zero could be moved between a HubSpot body and its timestamp under one signature.",
        SIGNATURE,
        ((" || text.starts_with('0')", ""),),
        (SUITE, HOSTILE, "-p connectors --lib"),
    ),
    Mutation(
        "an empty secret is a secret",
        "A connection whose secret was not filled in would believe everyone.",
        SIGNATURE,
        ((".filter(|secret| !secret.trim().is_empty())", ""),),
        (SUITE, HOSTILE),
    ),
    Mutation(
        "a connection may have any number of secrets",
        "Whoever knows the address could ask for a thousand hashes over a large body.",
        SIGNATURE,
        (("known.take(MOST_SECRETS).peekable()", "known.peekable()"),),
        (SUITE, HOSTILE),
    ),
    Mutation(
        "of two timestamps the first counts",
        "What was signed and what is believed to be the moment would differ.",
        STRIPE,
        (("let [timestamp] = timestamps.as_slice() else", "let [timestamp, ..] = timestamps.as_slice() else"),),
        (SUITE,),
    ),
    Mutation(
        "a message's ID may hold the separator",
        "One signed text would stand for two messages.",
        STANDARD,
        ((" || id.contains('.') {", " {"),),
        (SUITE,),
    ),
    Mutation(
        "a prefix without a key is a key",
        "Everyone knows the key `whsec_` with nothing behind it.",
        STANDARD,
        (("        if key.is_empty() {\n", "        if false {\n"),),
        (SUITE, HOSTILE),
    ),
    Mutation(
        "the weakest signature decides",
        "Where HubSpot signs with v1 beside v3, whoever can forge v1 would forge them all.",
        HUBSPOT,
        (
            (
                'if accepts("v3") && signature::present(delivery, V3) {',
                'if accepts("v3") && signature::present(delivery, V3) && !signature::present(delivery, OLDER) {',
            ),
        ),
        (SUITE,),
    ),
    Mutation(
        "a header that came twice counts once",
        "A proxy and we could believe different values.",
        "shared/connectors/src/inbound.rs",
        (("(Some(value), None) => Some(value),", "(Some(value), _) => Some(value),"),),
        (SUITE,),
    ),
    Mutation(
        "another portal's approvals are taken",
        "A deal of another account would be set up, if its number is that of one of ours.",
        HUBSPOT,
        (("settings.portal_id.is_none_or(|portal| portal == n.portal_id)", "settings.portal_id.is_none_or(|_| true)"),),
        (SUITE,),
    ),
    Mutation(
        "nothing received is a payment",
        "A payment of nothing, or of less, would take cash from an invoice.",
        STRIPE,
        (("    if !amount.is_positive() {\n", "    if false {\n"),),
        (SUITE, HOSTILE),
    ),
    Mutation(
        "what was asked for counts as received",
        "An intent that was captured in part would pay the invoice in full.",
        STRIPE,
        (("intent.amount_received.unwrap_or(intent.amount)", "intent.amount"),),
        (RECEIVED,),
    ),
    Mutation(
        "currencies have the minor unit of ISO everywhere",
        "A payment in Icelandic crowns would be taken for a hundred times as much.",
        STRIPE,
        (('[(&str, u32); 3] = [("ISK", 2), ', "[(&str, u32); 2] = ["),),
        (RECEIVED,),
    ),
    Mutation(
        "what is not authentic is read all the same",
        "Anyone who knows the address could report payments.",
        WEBHOOK,
        (("        return Answer::NotAuthentic;\n", ""),),
        (RECEIVE,),
    ),
    Mutation(
        "a delivery is accepted although the bus refused it",
        "The product would not send it again, and the payment be lost.",
        WEBHOOK,
        (
            (
                '"not published");\n            Answer::TryAgain',
                '"not published");\n            Answer::Accepted',
            ),
        ),
        (RECEIVE,),
    ),
    Mutation(
        "a delivery is accepted although it was not kept",
        "What could not be translated would be lost while the table is out of reach.",
        "functions/webhook/src/quarantine.rs",
        (("            Answer::TryAgain\n", "            Answer::Accepted\n"),),
        (RECEIVE, "-p webhook --test hostile", "-p webhook --test named_cases"),
    ),
    Mutation(
        "what came again after it was settled is not opened again",
        "A delivery that still can't be translated would wait for nobody.",
        "functions/webhook/src/quarantine.rs",
        (
            (
                "context.journal.reopen(&config.tenant, &subject, &exception.exception, owner, now).await",
                "Ok::<(), JournalError>(drop(owner))",
            ),
        ),
        ("-p webhook --test opened_again",),
    ),
    Mutation(
        "a body may have any size",
        "What fits neither the bus nor an item would be asked for again and again.",
        DELIVERY,
        (("    if body.len() > MOST_BYTES {\n", "    if body.len() > usize::MAX - 1 {\n"),),
        (RECEIVE,),
    ),
    Mutation(
        "of a header that came twice the gateway shows the last",
        "A second signature header would hide the first.",
        DELIVERY,
        (("if request.multi_value_headers.is_empty() {", "if !request.headers.is_empty() {"),),
        (RECEIVE, "-p webhook --test hostile"),
    ),
    Mutation(
        "a reported event has a random ID",
        "Every redelivery would be another payment.",
        ENVELOPE,
        (("id: derive(&[tenant, connection, event.type_name(), delivery]),", "id: Uuid::new_v4(),"),),
        ("-p events --lib", POLL_TESTS),
    ),
    Mutation(
        "two tenants' deliveries have one ID",
        "The second tenant's payment would be a duplicate of the first one's.",
        ENVELOPE,
        (
            (
                "derive(&[tenant, connection, event.type_name(), delivery])",
                "derive(&[connection, event.type_name(), delivery])",
            ),
        ),
        ("-p events --test identity",),
    ),
    Mutation(
        "an event that follows has a random ID",
        "A decision that is repeated after a lost answer would request a second invoice.",
        ENVELOPE,
        (
            (
                "let id = derive(&[&self.id.to_string(), function, event.type_name(), &which.to_string()]);",
                "let id = Uuid::new_v4();",
            ),
        ),
        ("-p events --lib", "-p journal --test commit"),
    ),
    Mutation(
        "events that follow from one event share an ID",
        "Of two lines that one event made ready, the second would be lost as a duplicate.",
        ENVELOPE,
        (("event.type_name(), &which.to_string()]);", "event.type_name()]);"),),
        ("-p events --lib",),
    ),
    Mutation(
        "the cursor moves before anything was published",
        "What the bus refused would never be read again.",
        POLL,
        (
            ("    context.bus.publish(fresh.clone()).await.map_err(|e| Failure::new(e.to_string()))?;\n", ""),
            (
                "    Ok((published, repeated))\n}\n\n/// The connection's cursor.",
                "    context.bus.publish(fresh.clone()).await.map_err(|e| Failure::new(e.to_string()))?;\n"
                "    Ok((published, repeated))\n}\n\n/// The connection's cursor.",
            ),
        ),
        (POLL_TESTS,),
    ),
    Mutation(
        "a poll does not look whether the bus took it",
        "What the bus refused would never be read again.",
        POLL,
        (
            (
                "    context.bus.publish(fresh.clone()).await.map_err(|e| Failure::new(e.to_string()))?;\n",
                "    let _ = context.bus.publish(fresh.clone()).await;\n",
            ),
        ),
        (POLL_TESTS,),
    ),
    Mutation(
        "a log is read from the cursor on",
        "An entry that shows up late would never be read.",
        POLL,
        (("cursor.read_to.saturating_sub(polled.overlap()).unwrap_or(cursor.read_to)", "cursor.read_to"),),
        (POLL_TESTS,),
    ),
    Mutation(
        "what the last read showed is forgotten",
        "Every event of the overlap would be published again, minute after minute.",
        POLL,
        (("seen: seen.split_off(skip)", "seen: seen.split_off(seen.len())"),),
        (POLL_TESTS,),
    ),
    Mutation(
        "a connection that does not work yet has no beginning",
        "What happened between its configuration and its first successful read would be lost.",
        POLL,
        (
            (
                "    context.journal.advance_cursor(tenant, connection, 0, &first).await?;\n"
                "    let (version, cursor) = context.journal.cursor(tenant, connection).await?;\n"
                "    Ok((version, cursor.unwrap_or(first)))\n",
                "    Ok((0, first))\n",
            ),
            ("configured_at.map_or(started, |at| at.min(started))", "configured_at.map_or(started, |_| started)"),
        ),
        (POLL_TESTS,),
    ),
    Mutation(
        "a poll that failed counts as done",
        "A product that can't be read for days would raise no alarm.",
        "shared/runtime/src/scheduled.rs",
        (("if failed.is_empty() { Ok(all) }", "if failed.len() <= all.len() { Ok(all) }"),),
        (POLL_TESTS,),
    ),
)
