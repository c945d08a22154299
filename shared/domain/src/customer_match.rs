//! Whether the ERP knows a customer already: searched before anything is created.
//!
//! Evidence is weighed in order: our ID, the account that was linked before, the tax
//! registration, then name and address. What only looks alike is never adopted and never passed
//! over: a person decides.

mod names;

pub use names::{folded, telling_word};

use crate::id::CustomerId;
use crate::quote::Customer;

/// An account of the ERP, as far as it tells which firm it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErpCustomer {
    /// The ERP's ID.
    pub account: String,
    /// The ID of one of our customers that it carries, this one's or another's.
    pub carries: Option<String>,
    /// Registered name.
    pub name: String,
    /// Tax registrations.
    pub tax_registrations: Vec<String>,
    /// Addresses.
    pub addresses: Vec<ErpAddress>,
    /// The ERP's ID of the account that it belongs to.
    pub parent: Option<String>,
}

/// An address of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErpAddress {
    /// Street.
    pub street: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: Option<String>,
}

/// Whom we look for.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'a> {
    /// The global customer ID.
    pub customer: &'a CustomerId,
    /// The account that the customer was linked with before.
    pub linked: Option<&'a str>,
    /// The customer as the quote names it.
    pub record: &'a Customer,
}

/// What an account was recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// It carries our ID.
    OurId,
    /// It was linked before.
    Linked,
    /// It has the same tax registration.
    TaxRegistration,
    /// It has the same name and address, and nothing speaks against it.
    NameAndAddress,
}

/// An account that may be the customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    /// The ERP's ID.
    pub account: String,
    /// Its name there.
    pub name: String,
    /// Why it may be, or what speaks against it.
    pub why: String,
}

/// What the search comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The customer is this account.
    Exact {
        /// The ERP's ID.
        account: String,
        /// By what.
        by: Evidence,
    },
    /// The ERP does not know the customer.
    Unknown,
    /// Accounts look alike, and nothing decides.
    Near(Vec<Candidate>),
    /// The evidence contradicts itself.
    Conflict(Vec<Candidate>),
}

/// How the tax registrations of customer and account compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    Same,
    Other,
    Unknown,
}

/// Weighs what the ERP answered. The order of the accounts makes no difference.
#[must_use]
pub fn judge(sought: &Sought<'_>, accounts: &[ErpCustomer]) -> Verdict {
    let mut accounts: Vec<&ErpCustomer> = accounts.iter().collect();
    accounts.sort_by(|a, b| (a.account.len(), &a.account).cmp(&(b.account.len(), &b.account)));
    accounts.dedup_by(|a, b| a.account == b.account);
    known(sought, &accounts)
        .or_else(|| registered(sought, &accounts))
        .unwrap_or_else(|| alike(sought, &accounts))
}

fn candidate(account: &ErpCustomer, why: &str) -> Candidate {
    Candidate { account: account.account.clone(), name: account.name.clone(), why: why.to_owned() }
}

fn candidates(accounts: &[&ErpCustomer], why: &str) -> Vec<Candidate> {
    accounts.iter().map(|account| candidate(account, why)).collect()
}

/// By our ID, or by an earlier link. A registration of somebody else speaks against both.
fn known(sought: &Sought<'_>, accounts: &[&ErpCustomer]) -> Option<Verdict> {
    let ours = |a: &&&ErpCustomer| a.carries.as_deref() == Some(sought.customer.as_str());
    let carrying: Vec<&ErpCustomer> = accounts.iter().filter(ours).copied().collect();
    let linked = accounts.iter().find(|a| Some(a.account.as_str()) == sought.linked).copied();
    let (account, by) = match (carrying.as_slice(), linked) {
        ([], None) => return None,
        ([], Some(linked)) => (linked, Evidence::Linked),
        ([only], None) => (*only, Evidence::OurId),
        ([only], Some(linked)) if only.account == linked.account => (*only, Evidence::OurId),
        ([only], Some(linked)) => {
            let mut both = vec![candidate(only, "carries the customer's ID")];
            both.push(candidate(linked, "was linked with the customer before"));
            return Some(Verdict::Conflict(both));
        }
        (several, _) => return Some(Verdict::Conflict(candidates(several, "carries the customer's ID"))),
    };
    Some(match registration(sought.record, account) {
        Registration::Other => {
            let why = "is known as the customer and has another tax registration";
            Verdict::Conflict(vec![candidate(account, why)])
        }
        Registration::Same | Registration::Unknown => Verdict::Exact { account: account.account.clone(), by },
    })
}

/// By tax registration, which belongs to one firm. An account that carries the ID of another
/// customer of ours means that the CRM may hold one firm twice.
fn registered(sought: &Sought<'_>, accounts: &[&ErpCustomer]) -> Option<Verdict> {
    let same: Vec<&ErpCustomer> =
        accounts.iter().filter(|a| registration(sought.record, a) == Registration::Same).copied().collect();
    Some(match same.as_slice() {
        [] => return None,
        [only] => match &only.carries {
            Some(other) => {
                let why = format!("has the same tax registration and is our customer {other}");
                Verdict::Conflict(vec![candidate(only, &why)])
            }
            None => Verdict::Exact { account: only.account.clone(), by: Evidence::TaxRegistration },
        },
        several => Verdict::Conflict(candidates(several, "has the same tax registration")),
    })
}

/// By name and address. Two names that are alike are two firms where their registrations differ,
/// unless they also share the address: then one of the registrations may be a mistake.
fn alike(sought: &Sought<'_>, accounts: &[&ErpCustomer]) -> Verdict {
    let wanted = folded(&sought.record.name);
    if wanted.is_empty() {
        return Verdict::Unknown;
    }
    let (mut exact, mut near) = (Vec::new(), Vec::new());
    for account in accounts.iter().filter(|a| !abroad(sought.record, a)).copied() {
        let name = folded(&account.name);
        let same_address = account.addresses.iter().any(|a| is_at(sought.record, a));
        match (name == wanted, same_address, registration(sought.record, account)) {
            (true, true, Registration::Other) => {
                near.push(candidate(account, "has the same name and address and another tax registration"));
            }
            (_, _, Registration::Other) => {}
            (true, true, _) => match &account.carries {
                Some(other) => {
                    let why = format!("has the same name and address and is our customer {other}");
                    near.push(candidate(account, &why));
                }
                None => exact.push(account),
            },
            (true, false, _) => near.push(candidate(account, "has the same name at another address")),
            (false, _, _) if names::close(&name, &wanted) => {
                near.push(candidate(account, "has a similar name"));
            }
            (false, _, _) => {}
        }
    }
    match (exact.as_slice(), near.as_slice()) {
        ([], []) => Verdict::Unknown,
        ([only], []) => Verdict::Exact { account: only.account.clone(), by: Evidence::NameAndAddress },
        (several, []) => Verdict::Conflict(candidates(several, "has the same name and address")),
        (same, _) => {
            near.extend(candidates(same, "has the same name and address"));
            near.sort_unstable();
            Verdict::Near(near)
        }
    }
}

/// Whether two tax registrations are the same number. Products drop or add a country prefix and
/// punctuation.
#[must_use]
pub fn same_registration(one: &str, other: &str) -> bool {
    /// A number that is shorter than this says nothing when it ends another.
    const SHORTEST: usize = 6;
    let plain = |s: &str| -> String {
        s.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    let (one, other) = (plain(one), plain(other));
    let ends = |long: &str, short: &str| short.len() >= SHORTEST && long.ends_with(short);
    !one.is_empty() && (one == other || ends(&one, &other) || ends(&other, &one))
}

fn registration(record: &Customer, account: &ErpCustomer) -> Registration {
    let Some(ours) = record.tax_registration.as_deref().filter(|r| !r.trim().is_empty()) else {
        return Registration::Unknown;
    };
    let theirs = &account.tax_registrations;
    if theirs.is_empty() {
        Registration::Unknown
    } else if theirs.iter().any(|t| same_registration(ours, t)) {
        Registration::Same
    } else {
        Registration::Other
    }
}

/// Whether every address of an account is in another country.
fn abroad(record: &Customer, account: &ErpCustomer) -> bool {
    let Some(country) = record.country.as_deref() else { return false };
    let known: Vec<&str> = account.addresses.iter().filter_map(|a| a.country.as_deref()).collect();
    !known.is_empty() && !known.iter().any(|c| c.eq_ignore_ascii_case(country))
}

fn is_at(record: &Customer, address: &ErpAddress) -> bool {
    let same = |ours: &Option<String>, theirs: &Option<String>| match (ours, theirs) {
        (Some(ours), Some(theirs)) => {
            let (ours, theirs) = (names::words(ours), names::words(theirs));
            !ours.is_empty() && ours == theirs
        }
        _ => false,
    };
    same(&record.street, &address.street) && same(&record.postal_code, &address.postal_code)
}
