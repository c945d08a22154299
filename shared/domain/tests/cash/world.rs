//! One payment, its invoices, and what is told of it, as the function that takes events goes about it.

use std::collections::BTreeMap;

use domain::cash::{Movement, Named, Noted, Receipt, Settled, allocate, match_named, rebalance};
use domain::event::PaymentReceived;
use domain::id::{EngagementId, InvoiceId, PaymentId};
use domain::invoice::{Invoice, InvoiceStatus, PaymentTolerance};
use domain::money::Money;
use domain::payment::{
    PaymentDisputeClosed, PaymentDisputed, PaymentFailed, PaymentRefunded, PaymentSettled,
    RequestedApplication,
};
use domain::sample::{active, quote, usd};
use jiff::Timestamp;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("a moment")
}

pub(crate) fn engagement(n: u32) -> EngagementId {
    EngagementId::derive(&[&n.to_string()])
}

/// A posted invoice of a total, with its number.
pub(crate) fn invoice(n: u32, total: &str) -> Invoice {
    let id = InvoiceId::derive(&[&n.to_string()]);
    Invoice {
        status: InvoiceStatus::Posted,
        untaxed: usd(total),
        tax: Some(usd("0.00")),
        total: Some(usd(total)),
        number: Some(format!("INV2026-0000{n}")),
        record: Some(n.to_string()),
        ..Invoice::request(&active(&quote()), id, "test".into())
    }
}

/// What is told of the payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// Received: what, for which invoices.
    Received(Money, Vec<(u32, Option<Money>)>),
    Settled(i64),
    Failed(i64),
    Refund(&'static str, Money, bool),
    RefundedInAll(Money),
    Disputed(&'static str, Money),
    Closed(&'static str, Money, bool, i64),
}

/// The payment and the invoices that it may be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct World {
    pub(crate) receipt: Receipt,
    pub(crate) invoices: BTreeMap<InvoiceId, Invoice>,
    pub(crate) movements: Vec<Movement>,
    pub(crate) tolerances: Vec<PaymentTolerance>,
}

impl World {
    pub(crate) fn of(invoices: &[Invoice]) -> Self {
        Self {
            receipt: Receipt::announced(&PaymentId::derive(&["1"]), "stripe-main", "pi_1"),
            invoices: invoices.iter().map(|i| (i.invoice.clone(), i.clone())).collect(),
            movements: Vec::new(),
            tolerances: Vec::new(),
        }
    }

    pub(crate) fn invoice(&self, n: u32) -> &Invoice {
        &self.invoices[&InvoiceId::derive(&[&n.to_string()])]
    }

    pub(crate) fn unapplied(&self) -> Money {
        self.receipt.unapplied.expect("received")
    }

    /// Tells one thing. Gives whether it was new.
    pub(crate) fn tell(&mut self, told: &Told) -> bool {
        let noted = match told {
            Told::Received(..) if self.receipt.received.is_some() => Noted::Known,
            Told::Received(amount, named) => self.received(*amount, named),
            notice => self.notice(notice.clone()),
        };
        match noted {
            Noted::New(next) => {
                self.settle(*next);
                true
            }
            Noted::Known => false,
            Noted::Contradicts(problem) => panic!("{problem}"),
        }
    }

    fn received(&self, amount: Money, named: &[(u32, Option<Money>)]) -> Noted {
        let told = PaymentReceived {
            payment: PaymentId::derive(&["1"]),
            connection: "stripe-main".into(),
            record: "pi_1".into(),
            amount,
            invoice_number: Some("INV2026-00001".into()),
            remittance: vec![],
            customer: None,
            received_at: at(0),
        };
        let ids: Vec<(EngagementId, Invoice, Option<Money>)> =
            named.iter().map(|(n, a)| (engagement(*n), self.invoice(*n).clone(), *a)).collect();
        let named: Vec<Named<'_>> = ids
            .iter()
            .map(|(engagement, invoice, amount)| Named { engagement, invoice, books: "erp", amount: *amount })
            .collect();
        let next = match_named(&self.receipt.with_receipt(&told), &named, "e");
        Noted::New(Box::new(next.expect("amounts")))
    }

    fn notice(&self, told: Told) -> Noted {
        let (payment, connection, record) =
            (PaymentId::derive(&["1"]), "stripe-main".to_owned(), "pi_1".to_owned());
        match told {
            Told::Received(..) => Noted::Known,
            Told::Settled(second) => {
                self.receipt.settled(&PaymentSettled { payment, connection, record, settled_at: at(second) })
            }
            Told::Failed(second) => {
                let failed_at = at(second);
                self.receipt.failed(&PaymentFailed { payment, connection, record, reason: None, failed_at })
            }
            Told::Refund(id, amount, failed) => self.receipt.refunded(&PaymentRefunded {
                payment,
                connection,
                record,
                refund: Some(id.into()),
                amount,
                failed,
                refunded_at: at(5),
            }),
            Told::RefundedInAll(amount) => self.receipt.refunded(&PaymentRefunded {
                payment,
                connection,
                record,
                refund: None,
                amount,
                failed: false,
                refunded_at: at(5),
            }),
            Told::Disputed(dispute, amount) => self.receipt.disputed(&PaymentDisputed {
                payment,
                connection,
                record,
                dispute: dispute.into(),
                amount,
                disputed_at: at(6),
            }),
            Told::Closed(dispute, amount, won, second) => {
                self.receipt.dispute_closed(&PaymentDisputeClosed {
                    payment,
                    connection,
                    record,
                    dispute: dispute.into(),
                    amount,
                    won,
                    closed_at: at(second),
                })
            }
        }
    }

    /// A person applies what is unapplied.
    pub(crate) fn apply(&mut self, asked: &[(u32, &str)], source: &str) -> Result<(), String> {
        let ids: Vec<(EngagementId, Invoice)> =
            asked.iter().map(|(n, _)| (engagement(*n), self.invoice(*n).clone())).collect();
        let named: Vec<Named<'_>> = ids
            .iter()
            .map(|(engagement, invoice)| Named { engagement, invoice, books: "erp", amount: None })
            .collect();
        let asked: Vec<RequestedApplication> = asked
            .iter()
            .map(|(n, amount)| RequestedApplication {
                invoice: InvoiceId::derive(&[&n.to_string()]),
                amount: usd(amount),
            })
            .collect();
        let next = allocate(&self.receipt, &asked, &named, source).map_err(|e| e.to_string())?;
        self.settle(next);
        Ok(())
    }

    fn settle(&mut self, next: Receipt) {
        let settled = rebalance(&self.receipt, next, &self.invoices, &self.tolerances, at(9), at(10));
        let settled = settled.expect("amounts");
        let Settled { receipt, invoices, movement } = settled;
        for invoice in invoices {
            self.invoices.insert(invoice.invoice.clone(), invoice);
        }
        self.movements.extend(movement);
        self.receipt = receipt;
        self.adds_up();
    }

    /// What must hold after whatever was told.
    fn adds_up(&self) {
        let none = usd("0.00");
        let Some(received) = self.receipt.received else {
            assert!(self.movements.is_empty(), "nothing is booked before the receipt");
            return;
        };
        let applied = self.receipt.applied(received).expect("sum");
        let returned = self.receipt.returned(received).expect("sum");
        let unapplied = self.unapplied();
        let small = self.receipt.kept.unwrap_or(none);
        let sum = applied.plus(unapplied).and_then(|s| s.plus(small)).and_then(|s| s.plus(returned));
        assert_eq!(sum.expect("sum"), received, "applied + unapplied + kept + returned = received");
        assert!(!none.exceeds(unapplied).expect("dollars"), "unapplied is not negative");
        for invoice in self.invoices.values() {
            let open = invoice.open().expect("open");
            assert!(!none.exceeds(open).expect("dollars"), "no more than the total is applied");
            assert!(!none.exceeds(invoice.applied).expect("dollars"), "applied is not negative");
            let to_it = self.receipt.applications.iter().filter(|a| a.invoice == invoice.invoice);
            assert_eq!(
                Money::total(none.currency(), to_it.map(|a| a.applied)).expect("sum"),
                invoice.applied
            );
            assert_eq!(invoice.status == InvoiceStatus::Paid, !open.is_positive());
            assert_eq!(
                invoice.status == InvoiceStatus::Posted,
                invoice.applied.is_zero() && open.is_positive()
            );
        }
        // The books come to the same by adding the movements.
        let booked = self.movements.iter().try_fold(none, |sum, m| sum.plus(m.total()?)).expect("sum");
        let kept = received.minus(returned).expect("dollars");
        assert_eq!(booked, if self.receipt.home.is_some() { kept } else { none }, "cash in the books");
        for (n, movement) in self.movements.iter().enumerate() {
            assert_eq!(movement.number, u32::try_from(n + 1).expect("few"), "movements are counted");
        }
    }
}
