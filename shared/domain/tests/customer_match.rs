//! Which account of the ERP a customer is: the evidence in its order, and what a person must settle.
#![allow(clippy::expect_used)]

use domain::activation::{Matched, match_accounts};
use domain::customer_match::{
    ErpAddress, ErpCustomer, Evidence, Sought, Verdict, folded, judge, telling_word,
};
use domain::id::CustomerId;
use domain::problem::ProblemCode;
use domain::quote::Customer;
use domain::sample::{parent, quote};
use proptest::prelude::*;

fn ours() -> CustomerId {
    CustomerId::of_company("northwind", "hubspot-main", "55")
}

fn globex() -> Customer {
    quote().customer
}

/// An account with the customer's own data and nothing that identifies it.
fn account(number: &str) -> ErpCustomer {
    let c = globex();
    ErpCustomer {
        account: number.into(),
        carries: None,
        name: c.name,
        tax_registrations: vec![],
        addresses: vec![ErpAddress { street: c.street, postal_code: c.postal_code, country: c.country }],
        parent: None,
    }
}

fn verdict(record: &Customer, accounts: &[ErpCustomer]) -> Verdict {
    judge(&Sought { customer: &ours(), linked: None, record }, accounts)
}

fn exact(number: &str, by: Evidence) -> Verdict {
    Verdict::Exact { account: number.into(), by }
}

/// Why each account is named, in order.
fn named(verdict: &Verdict) -> Vec<&str> {
    match verdict {
        Verdict::Near(found) | Verdict::Conflict(found) => found.iter().map(|c| c.why.as_str()).collect(),
        Verdict::Exact { .. } | Verdict::Unknown => vec![],
    }
}

/// Proves WFA-04 in part: our ID, then the earlier link, then the registration, then name and address.
#[test]
fn the_strongest_evidence_decides() {
    let carrying =
        ErpCustomer { carries: Some(ours().to_string()), name: "Renamed AG".into(), ..account("9") };
    let registered = ErpCustomer { tax_registrations: vec!["US123456789".into()], ..account("8") };
    let mut accounts = vec![account("7"), registered, carrying];
    assert_eq!(verdict(&globex(), &accounts), exact("9", Evidence::OurId));
    accounts.pop();
    assert_eq!(verdict(&globex(), &accounts), exact("8", Evidence::TaxRegistration));
    let sought = Sought { customer: &ours(), linked: Some("7"), record: &globex() };
    assert_eq!(judge(&sought, &accounts), exact("7", Evidence::Linked));
    accounts.pop();
    assert_eq!(verdict(&globex(), &accounts), exact("7", Evidence::NameAndAddress));
    assert_eq!(verdict(&globex(), &[]), Verdict::Unknown);
}

/// Proves EXC-06 in part: an account that is known as the customer and contradicts it is for a person.
#[test]
fn a_contradiction_is_a_conflict() {
    let other = vec!["98-7654321".to_owned()];
    let carrying =
        ErpCustomer { carries: Some(ours().to_string()), tax_registrations: other.clone(), ..account("9") };
    let found = verdict(&globex(), std::slice::from_ref(&carrying));
    assert_eq!(named(&found), ["is known as the customer and has another tax registration"]);
    let twice = [ErpCustomer { tax_registrations: vec![], ..carrying }, account("7")];
    let sought = Sought { customer: &ours(), linked: Some("7"), record: &globex() };
    assert!(matches!(judge(&sought, &twice), Verdict::Conflict(both) if both.len() == 2));
    let linked = [ErpCustomer { tax_registrations: other, ..account("7") }];
    assert!(matches!(judge(&sought, &linked), Verdict::Conflict(one) if one.len() == 1));
}

/// Proves OWN-10 in part: one firm twice in the ERP, or twice in the CRM, is flagged.
#[test]
fn duplicates_are_flagged_on_either_side() {
    let registered = |n: &str| ErpCustomer { tax_registrations: vec!["123456789".into()], ..account(n) };
    let twice = verdict(&globex(), &[registered("8"), registered("10")]);
    assert_eq!(named(&twice), ["has the same tax registration"; 2]);
    let another = CustomerId::of_company("northwind", "hubspot-main", "56").to_string();
    let theirs = ErpCustomer { carries: Some(another.clone()), ..registered("8") };
    let found = verdict(&globex(), &[theirs]);
    assert_eq!(named(&found), [format!("has the same tax registration and is our customer {another}")]);
    assert!(
        matches!(verdict(&globex(), &[account("7"), account("6")]), Verdict::Conflict(two) if two.len() == 2)
    );
}

/// Proves OWN-10 in part: what only looks alike is neither adopted nor passed over.
#[test]
fn what_looks_alike_is_near() {
    let elsewhere = ErpAddress { street: Some("2 Side Street".into()), ..account("7").addresses[0].clone() };
    let near = |edit: &dyn Fn(&mut ErpCustomer)| {
        let mut one = account("7");
        edit(&mut one);
        let found = verdict(&globex(), &[one]);
        assert!(matches!(found, Verdict::Near(_)), "{found:?}");
        named(&found)[0].to_owned()
    };
    assert_eq!(near(&|a| a.addresses = vec![elsewhere.clone()]), "has the same name at another address");
    assert_eq!(near(&|a| a.addresses.clear()), "has the same name at another address");
    assert_eq!(near(&|a| a.name = "Globexx Corp.".into()), "has a similar name");
    assert_eq!(
        near(&|a| a.tax_registrations = vec!["98-7654321".into()]),
        "has the same name and address and another tax registration"
    );
    let other = CustomerId::derive(&["another"]);
    assert!(near(&|a| a.carries = Some(other.to_string())).ends_with(other.as_str()));
}

#[test]
fn other_firms_are_unknown() {
    let unknown = |edit: &dyn Fn(&mut ErpCustomer)| {
        let mut one = account("7");
        edit(&mut one);
        assert_eq!(verdict(&globex(), &[one.clone()]), Verdict::Unknown, "{one:?}");
    };
    unknown(&|a| a.name = "Initech LLC".into());
    unknown(&|a| a.name = "Globex 12 Corporation".into());
    unknown(&|a| a.addresses[0].country = Some("DE".into()));
    unknown(&|a| {
        a.name = "Globexx Corporation".into();
        a.tax_registrations = vec!["98-7654321".into()];
    });
    unknown(&|a| {
        a.addresses[0].street = Some("2 Side Street".into());
        a.tax_registrations = vec!["98-7654321".into()];
    });
}

#[test]
fn names_fold_to_who_a_firm_is() {
    for (one, other) in [
        ("GLOBEX  CORPORATION", "Globex Corp."),
        ("Müller & Söhne GmbH & Co. KG", "MULLER und SOHNE"),
        ("O'Neil S.A.", "oneil"),
        ("Société Générale, SA", "Societe Generale"),
        ("Ｇｌｏｂｅｘ Ltd", "globex"),
        ("Straße AG", "STRASSE"),
    ] {
        assert_eq!(folded(one), folded(other), "{one} and {other}");
    }
    assert_ne!(folded("Globex North"), folded("Globex South"));
    assert_eq!(folded("SE AG"), ["se"], "a name is never empty of words that it has");
    assert_eq!(telling_word("The Globex Corporation, Inc."), Some("Globex"));
    assert_eq!(telling_word("(Globex), Inc."), Some("Globex"));
    assert_eq!(telling_word("Inc."), None);
}

fn up() -> CustomerId {
    CustomerId::of_company("northwind", "hubspot-main", "54")
}

fn matched(accounts: &[ErpCustomer], holding: Option<&[ErpCustomer]>) -> Result<Matched, ProblemCode> {
    let (child, above, id, top) = (globex(), parent(), ours(), up());
    let sought = Sought { customer: &id, linked: None, record: &child };
    let parent = holding.map(|known| (Sought { customer: &top, linked: None, record: &above }, known));
    match_accounts(&sought, accounts, parent).map_err(|mut problems| problems.remove(0).code)
}

/// Proves WFA-05 and CAN-02 in part: the CRM's hierarchy is compared with the ERP's, both ways.
#[test]
fn a_hierarchy_that_differs_stops() {
    let below = |parent: Option<&str>| [ErpCustomer { parent: parent.map(str::to_owned), ..account("7") }];
    let holding = |above: Option<&str>| {
        let record = parent();
        [ErpCustomer {
            account: "3".into(),
            name: record.name,
            tax_registrations: record.tax_registration.into_iter().collect(),
            parent: above.map(str::to_owned),
            ..ErpCustomer::default()
        }]
    };
    let mismatch = Err(ProblemCode::HierarchyMismatch);
    assert_eq!(matched(&below(Some("3")), None), mismatch, "the CRM names no parent");
    assert_eq!(matched(&below(Some("4")), Some(&holding(None))), mismatch, "another parent");
    assert_eq!(matched(&below(Some("3")), Some(&[])), mismatch, "a parent that is somebody else");
    assert_eq!(matched(&below(None), Some(&holding(Some("7")))), mismatch, "the other way round");
    let linked = matched(&below(Some("3")), Some(&holding(None))).expect("agrees");
    assert_eq!(linked, matched(&below(None), Some(&holding(None))).expect("is to be linked"));
    assert_eq!(linked.account.as_deref(), Some("7"));
    assert_eq!(linked.parent.and_then(|p| p.account).as_deref(), Some("3"));
    let fresh = matched(&[], Some(&[])).expect("both are to be made");
    assert_eq!((fresh.account, fresh.parent.map(|p| (p.customer, p.account))), (None, Some((up(), None))));
}

#[test]
fn a_customer_does_not_belong_to_itself() {
    let (child, id) = (globex(), ours());
    let sought = Sought { customer: &id, linked: None, record: &child };
    let problems = match_accounts(&sought, &[], Some((sought, &[]))).expect_err("itself");
    assert_eq!(problems[0].code, ProblemCode::HierarchyMismatch);
}

/// Doubt about the parent is reported as doubt about the customer is, and both at once.
#[test]
fn doubt_names_the_accounts() {
    let near = ErpCustomer { addresses: vec![], ..account("7") };
    let holding = ErpCustomer { account: "3".into(), name: parent().name, ..ErpCustomer::default() };
    let (child, above, id, top) = (globex(), parent(), ours(), up());
    let sought = Sought { customer: &id, linked: None, record: &child };
    let over = Sought { customer: &top, linked: None, record: &above };
    let problems = match_accounts(&sought, &[near], Some((over, &[holding]))).expect_err("two doubts");
    assert_eq!(problems.iter().map(|p| p.code).collect::<Vec<_>>(), [ProblemCode::CustomerAmbiguous; 2]);
    assert!(problems[0].detail.contains("account 7 (Globex Corporation)"), "{}", problems[0].detail);
    assert!(problems[0].detail.contains(ours().as_str()), "what a person gives the right account");
    assert!(problems[1].detail.contains("account 3 (Globex Holdings Ltd)"), "{}", problems[1].detail);
}

fn any_account() -> impl Strategy<Value = ErpCustomer> {
    let name = prop::sample::select(vec!["Globex Corporation", "Globex", "Globexx", "Initech", "Globex 7"]);
    let carries = prop::sample::select(vec![None, Some(ours()), Some(CustomerId::derive(&["another"]))]);
    let tax = prop::sample::select(vec![vec![], vec!["123456789".to_owned()], vec!["98-7654321".to_owned()]]);
    (1_u32..20, name, carries, tax, any::<bool>()).prop_map(|(number, name, carries, tax, at_home)| {
        let mut one = account(&number.to_string());
        one.name = name.to_owned();
        one.carries = carries.map(|c| c.to_string());
        one.tax_registrations = tax;
        if !at_home {
            one.addresses.clear();
        }
        one
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever the ERP answers: an account is taken only where nothing contradicts it, it belongs to
    /// nobody else, and no other account has a claim as good.
    #[test]
    fn what_is_adopted_is_beyond_doubt(
        accounts in prop::collection::vec(any_account(), 0..6), turn in any::<prop::sample::Index>()
    ) {
        // The ERP has each account once.
        let mut known: Vec<ErpCustomer> = Vec::new();
        for one in accounts {
            if !known.iter().any(|k| k.account == one.account) {
                known.push(one);
            }
        }
        let found = verdict(&globex(), &known);
        let mut turned = known.clone();
        if !turned.is_empty() {
            let by = turn.index(turned.len());
            turned.rotate_left(by);
        }
        prop_assert_eq!(&found, &verdict(&globex(), &turned), "their order decides nothing");
        let other = |a: &ErpCustomer| a.tax_registrations.iter().any(|t| t != "123456789");
        let mine = |a: &ErpCustomer| a.carries.as_deref() == Some(ours().as_str());
        if let Verdict::Exact { account, .. } = &found {
            let taken = known.iter().find(|a| a.account == *account).expect("one of them");
            prop_assert!(!other(taken), "another firm's registration");
            prop_assert!(taken.carries.is_none() || mine(taken), "another customer's account");
            let rivals = known.iter().filter(|a| mine(a)).count();
            prop_assert!(rivals <= 1);
        }
        if known.iter().filter(|a| mine(a)).count() == 1 {
            let one = known.iter().find(|a| mine(a)).expect("it");
            let taken = matches!(&found, Verdict::Exact { account, .. } if *account == one.account);
            prop_assert_eq!(taken, !other(one), "our ID is enough, unless the registration speaks against it");
        }
        if found == Verdict::Unknown {
            prop_assert!(!known.iter().any(|a| a.tax_registrations == ["123456789"]), "a duplicate would be made");
        }
    }

    /// Folding a folded name changes nothing, and neither do case, spaces or a legal form.
    #[test]
    fn folding_is_final(name in "[\\PC]{0,30}", form in prop::sample::select(vec!["Inc.", "GmbH", "LTD"])) {
        let once = folded(&name);
        prop_assert_eq!(&folded(&once.join(" ")), &once);
        let plain = "Globex Überland".to_owned();
        prop_assert_eq!(folded(&format!("  {}  {form}", plain.to_uppercase())), folded(&plain));
    }
}
