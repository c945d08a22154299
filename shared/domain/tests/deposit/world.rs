//! An engagement with deposits, whose invoices are posted as they were collected.

use domain::Engagement;
use domain::billing::{BillableLine, Evidence, LineStatus};
use domain::credit_memo::{CreditError, CreditMemo, CreditMemoRequested, CreditMemoStatus, Reduction};
use domain::deposit::{BilledDeposit, DepositBalance, Drawing, DrawnWhen};
use domain::id::{CreditMemoId, InvoiceId, LineId};
use domain::invoice::{Invoice, InvoiceStatus, PostedInvoice};
use domain::money::Money;
use domain::quote::Quote;
use domain::recurring::{ChargeCalendar, charge_due};
use domain::sample::{active, deposit_line, entry, quote, usd};
use domain::{Decision, Status};
use jiff::civil::{Date, date};

pub(crate) const DAY: Date = date(2026, 11, 20);

/// The sample deal with deposits: key, amount, from when on it may be drawn, and the share of an invoice.
pub(crate) fn sold(deposits: &[(&str, &str, DrawnWhen, Option<&str>)]) -> Quote {
    let mut sold = quote();
    for (n, (key, amount, when, share)) in deposits.iter().enumerate() {
        let mut line = deposit_line(&format!("8{n}"), (key, amount), *when);
        line.deposit.as_mut().unwrap().share_percent = share.map(|share| share.parse().unwrap());
        sold.lines.push(line);
    }
    sold
}

pub(crate) struct World {
    pub(crate) engagement: Engagement,
    pub(crate) lines: Vec<(BillableLine, LineStatus, Option<InvoiceId>)>,
    pub(crate) invoices: Vec<(Invoice, Vec<BillableLine>)>,
    pub(crate) memos: Vec<CreditMemo>,
}

impl World {
    pub(crate) fn new(deposits: &[(&str, &str, DrawnWhen, Option<&str>)]) -> Self {
        let engagement = active(&sold(deposits));
        Self { engagement, lines: vec![], invoices: vec![], memos: vec![] }
    }

    /// One deposit of ten thousand that is posted and paid as invoice `d`.
    pub(crate) fn of_ten_thousand(when: DrawnWhen, share: Option<&str>) -> Self {
        let mut world = Self::new(&[("D1", "10000.00", when, share)]);
        world.due();
        world.bill("d");
        world
    }

    /// Whatever deposits are due become lines.
    pub(crate) fn due(&mut self) {
        let calendar = ChargeCalendar::new(self.engagement.engagement.clone());
        let calendar = calendar.under(&self.engagement.contract).unwrap();
        for due in calendar.tell(&self.engagement.contract, DAY, 24).unwrap().0 {
            let Decision::Apply(effects) = charge_due(Some(&self.engagement), &due, DAY) else {
                panic!("{due:?}")
            };
            self.lines.extend(effects.lines.into_iter().map(|line| (line, LineStatus::Ready, None)));
        }
    }

    /// Work at a price.
    pub(crate) fn work(&mut self, name: &str, amount: &str) -> LineId {
        let worked = entry(name, "consultant", "2026-11-16", 60);
        let line = BillableLine::sold(
            &self.engagement.contract,
            LineId::derive(&[name]),
            ("3", "ADVISORY"),
            (usd(amount), DAY),
            Evidence::Time { entry: worked, hourly: usd("180.00") },
        );
        self.lines.push((line.clone(), LineStatus::Ready, None));
        line.line
    }

    pub(crate) fn deposits(&self) -> Vec<BilledDeposit> {
        let billed = self.engagement.contract.deposits.iter().filter_map(|terms| {
            let wanted = domain::deposit::deposit_line(&self.engagement.engagement, &terms.key);
            let (line, _, owner) = self.lines.iter().find(|(line, ..)| line.line == wanted)?;
            let owner = owner.as_ref()?;
            let invoice = self.invoices.iter().find(|(invoice, _)| invoice.invoice == *owner)?.0.clone();
            let memos = self.memos.iter().filter(|memo| memo.invoice == *owner).cloned().collect();
            Some(BilledDeposit { terms: terms.clone(), line: line.clone(), invoice, memos })
        });
        billed.collect()
    }

    pub(crate) fn balance(&self, key: &str) -> DepositBalance {
        let deposits = self.deposits();
        deposits.iter().find(|deposit| deposit.terms.key == key).expect("billed").balance().unwrap()
    }

    /// Balances as text: drawn, returned, left.
    pub(crate) fn stands(&self, key: &str) -> [String; 3] {
        let DepositBalance { drawn, returned, left, .. } = self.balance(key);
        [drawn, returned, left].map(|amount| amount.amount().to_string())
    }

    /// Takes what is ready onto an invoice, with what it draws; it is not posted yet.
    pub(crate) fn collect(&mut self, name: &str) -> Option<Invoice> {
        let request = Invoice::request(&self.engagement, InvoiceId::derive(&[name]), "test".into());
        let ready: Vec<BillableLine> =
            self.lines.iter().filter(|(_, s, _)| *s == LineStatus::Ready).map(|(l, ..)| l.clone()).collect();
        let collected = request.collect(&ready).unwrap();
        let Drawing { invoice, lines, drawn_from } = Drawing::of(collected, &self.deposits(), DAY).unwrap();
        if invoice.bills_nothing().is_some() {
            assert!(lines.is_empty(), "what bills nothing draws nothing");
            return None;
        }
        let id = invoice.invoice.clone();
        for (line, status, owner) in &mut self.lines {
            if ready.iter().any(|taken| taken.line == line.line) {
                (*status, *owner) = (status.to(LineStatus::Invoiced).unwrap(), Some(id.clone()));
            }
        }
        for from in drawn_from {
            let known = self.invoices.iter_mut().find(|(known, _)| known.invoice == from.invoice);
            known.expect("an invoice of ours").0 = from;
        }
        self.lines.extend(lines.iter().map(|line| (line.clone(), LineStatus::Invoiced, Some(id.clone()))));
        let drafted = invoice.fix_lines().unwrap();
        self.invoices.push((drafted.clone(), [ready, lines].concat()));
        Some(drafted)
    }

    pub(crate) fn invoice(&mut self, name: &str) -> &mut Invoice {
        let id = InvoiceId::derive(&[name]);
        &mut self.invoices.iter_mut().find(|(invoice, _)| invoice.invoice == id).expect("invoiced").0
    }

    /// The ERP posts it, without tax.
    pub(crate) fn post(&mut self, name: &str) {
        let invoice = self.invoice(name);
        let posted = PostedInvoice {
            record: name.into(),
            posted: true,
            number: Some(name.into()),
            invoiced_on: Some(DAY),
            untaxed: invoice.untaxed,
            tax: usd("0.00"),
            total: invoice.untaxed,
            open: invoice.untaxed,
        };
        *invoice = invoice.post(&posted).unwrap();
    }

    pub(crate) fn pay(&mut self, name: &str) {
        let invoice = self.invoice(name);
        *invoice = invoice.with_cash(invoice.open().unwrap()).unwrap();
    }

    /// Collected, posted and paid at once.
    pub(crate) fn bill(&mut self, name: &str) -> Option<Money> {
        let untaxed = self.collect(name)?.untaxed;
        self.post(name);
        self.pay(name);
        Some(untaxed)
    }

    pub(crate) fn asked(
        name: &str,
        invoice: &str,
        lines: &[&LineId],
        part: Option<(&LineId, &str)>,
    ) -> CreditMemoRequested {
        CreditMemoRequested {
            credit_memo: CreditMemoId::derive(&[name]),
            invoice: InvoiceId::derive(&[invoice]),
            lines: lines.iter().map(|line| (*line).clone()).collect(),
            reduction: part.map(|(line, amount)| Reduction { line: Some(line.clone()), amount: usd(amount) }),
            reason: "test".into(),
            rebill: false,
            requested_by: "finance-app".into(),
            dispute: None,
        }
    }

    /// Asks for a credit memo and takes it off at once.
    pub(crate) fn credit(&mut self, asked: &CreditMemoRequested) -> Result<CreditMemo, CreditError> {
        let (invoice, billed) =
            self.invoices.iter().find(|(invoice, _)| invoice.invoice == asked.invoice).expect("invoiced");
        let memo = CreditMemo::request(&self.engagement, invoice, billed, &self.memos, asked)?;
        let memo = CreditMemo { status: CreditMemoStatus::Applied, total: Some(memo.untaxed), ..memo };
        let memo = memo.beside(&self.memos, billed).unwrap();
        let (after, set_off) = invoice.credit(memo.untaxed, memo.untaxed).unwrap();
        assert!(invoice.status.may_become(after.status), "{:?} after {:?}", after.status, invoice.status);
        let of =
            |id: &InvoiceId| self.invoices.iter().position(|(known, _)| known.invoice == *id).expect("ours");
        let which = of(&asked.invoice);
        let given: Vec<(usize, LineId, Money)> = memo
            .redeposited()
            .unwrap()
            .iter()
            .map(|(from, m)| (of(&from.invoice), from.line.clone(), *m))
            .collect();
        self.invoices[which].0 = after;
        for (at, line, amount) in given {
            let less = usd("0.00").minus(amount).unwrap();
            self.invoices[at].0 = self.invoices[at].0.with_drawn(&line, less).unwrap();
        }
        for (line, status, owner) in &mut self.lines {
            if memo.released().any(|id| *id == line.line) {
                assert_eq!(
                    owner.as_ref(),
                    Some(&memo.invoice),
                    "released by an invoice that does not own it"
                );
                (*status, *owner) = (status.to(memo.releases_to(&line.line)).unwrap(), None);
            }
        }
        self.memos.push(CreditMemo { set_off: Some(set_off), ..memo.clone() });
        Ok(memo)
    }

    pub(crate) fn status(&self, line: &LineId) -> LineStatus {
        self.lines.iter().find(|(known, ..)| known.line == *line).expect("a line").1
    }

    pub(crate) fn invoice_status(&mut self, name: &str) -> InvoiceStatus {
        self.invoice(name).status
    }
}
