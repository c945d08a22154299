"""Who a customer is, and who may change what of it."""

from __future__ import annotations

from ..mutation import Mutation

MATCH = "shared/domain/src/customer_match.rs"
OWNERSHIP = "shared/domain/src/ownership.rs"
CUSTOMER = "shared/domain/src/customer.rs"
ACCOUNTS = "shared/domain/src/activation/accounts.rs"
MATCH_TESTS = "-p domain --test customer_match"

MUTATIONS = (
    Mutation(
        "an account of another customer is adopted",
        "Two companies of the CRM would be billed on one account without anybody knowing.",
        MATCH,
        (("        [only] => match &only.carries {\n", "        [only] => match &None::<String> {\n"),),
        (MATCH_TESTS,),
    ),
    Mutation(
        "another firm's registration does not speak against an account",
        "An account that was given to another firm would be billed for this one.",
        MATCH,
        (("    Some(match registration(sought.record, account) {\n", "    Some(match Registration::Unknown {\n"),),
        (MATCH_TESTS,),
    ),
    Mutation(
        "a similar name is passed over",
        "A second account would be made for a firm whose name was spelt otherwise.",
        MATCH,
        (("            (false, _, _) if names::close(&name, &wanted) => {\n",
          "            (false, _, _) if names::close(&name, &wanted) && name == wanted => {\n"),),
        (MATCH_TESTS,),
    ),
    Mutation(
        "another parent in the ERP is no difference",
        "A customer would be sold to as part of one group and be billed as part of another.",
        ACCOUNTS,
        ((" if known != Some(theirs) => ", " if known.is_none() && theirs.is_empty() => "),),
        (MATCH_TESTS,),
    ),
    Mutation(
        "a change applies if the system owns one field of it",
        "Sales would rename a customer in the books along with its parent.",
        OWNERSHIP,
        (("    if foreign.is_empty() {\n", "    if foreign.len() < change.fields.len() {\n"),),
        ("-p domain --test ownership",),
    ),
    Mutation(
        "an older report overwrites a newer one",
        "A report that came late would bring back an address that was corrected since.",
        CUSTOMER,
        (("self.as_of.get(field).is_none_or(|known| *known < at)",
          "self.as_of.get(field).is_none_or(|known| *known < at || at < *known)"),),
        ("-p domain --test customer",),
    ),
)
