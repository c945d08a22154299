//! The table, and who gathers lines.

use super::{Guards, PAGE, Protocol};

/// The item of an invoice, and its pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Invoice {
    /// Its version.
    pub version: u8,
    /// Whether its lines are fixed.
    pub fixed: bool,
    /// The lines of each page.
    pub pages: Vec<Vec<usize>>,
    /// The lines that the ERP was sent.
    pub sent: Option<Vec<usize>>,
}

impl Invoice {
    /// The lines on its pages, in order of number.
    #[must_use]
    pub fn owned(&self) -> Vec<usize> {
        let mut lines = self.pages.concat();
        lines.sort_unstable();
        lines
    }
}

/// What a worker does next. `version` and `fixed` are the invoice as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum At {
    /// Reads the invoice.
    Beginning,
    /// Lists what is ready.
    Listing {
        /// The invoice's version.
        version: u8,
    },
    /// Reads the next page of candidates, line by line.
    Reading {
        /// The invoice's version.
        version: u8,
        /// What is left of the list.
        listed: Vec<usize>,
    },
    /// Takes those that are ready.
    Taking {
        /// The invoice's version.
        version: u8,
        /// What is left of the list, this page included.
        listed: Vec<usize>,
        /// Lines of this page that are ready.
        ready: Vec<usize>,
    },
    /// Was rejected and reads the invoice again.
    ReadingAgain {
        /// What is left of the list.
        listed: Vec<usize>,
    },
    /// Fixes the invoice's lines.
    Fixing {
        /// The invoice's version.
        version: u8,
    },
    /// Reads the pages.
    Assembling,
    /// Sends.
    Sending(Vec<usize>),
    /// The message is dealt with.
    Gone,
}

/// A function that works on an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    /// The invoice.
    pub invoice: usize,
    /// What it does next.
    pub at: At,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Who owns each line; none: it is ready.
    pub lines: Vec<Option<usize>>,
    /// The invoices.
    pub invoices: Vec<Invoice>,
    /// Who is at work.
    pub workers: Vec<Worker>,
    /// Faults that may still happen.
    pub faults: u8,
}

impl State {
    pub(super) fn new(protocol: &Protocol) -> Self {
        let worker = |invoice: &usize| Worker { invoice: *invoice, at: At::Beginning };
        Self {
            lines: vec![None; protocol.lines],
            invoices: vec![Invoice::default(); 2],
            workers: protocol.workers.iter().map(worker).collect(),
            faults: protocol.faults,
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.workers.iter().all(|w| w.at == At::Gone)
    }

    /// Whether pages and lines tell the same, and each line is told of once.
    pub(super) fn each_line_has_one_owner(&self) -> bool {
        self.lines.iter().enumerate().all(|(line, owner)| {
            let on: Vec<usize> = (0..self.invoices.len())
                .flat_map(|i| {
                    self.invoices[i].pages.concat().into_iter().filter(|l| *l == line).map(move |_| i)
                })
                .collect();
            on.iter().eq(owner.iter())
        })
    }

    pub(super) fn call(&mut self, w: usize, guards: &Guards) {
        let i = self.workers[w].invoice;
        let invoice = &self.invoices[i];
        let (version, fixed) = (invoice.version, invoice.fixed);
        self.workers[w].at = match self.workers[w].at.clone() {
            At::Gone => At::Gone,
            At::Beginning if invoice.sent.is_some() => At::Gone,
            At::Beginning if fixed => At::Assembling,
            At::Beginning => At::Listing { version },
            At::Listing { version } => {
                let listed = (0..self.lines.len()).filter(|l| self.lines[*l].is_none()).collect();
                next_page(version, listed)
            }
            At::Reading { version, listed } => {
                let page = listed.iter().take(PAGE);
                let ready: Vec<usize> = page.filter(|l| self.lines[**l].is_none()).copied().collect();
                match ready.is_empty() {
                    true => next_page(version, listed.into_iter().skip(PAGE).collect()),
                    false => At::Taking { version, listed, ready },
                }
            }
            At::Taking { version, listed, ready } => self.take(i, version, listed, ready, guards),
            At::ReadingAgain { .. } if guards.collecting_again && fixed => At::Assembling,
            At::ReadingAgain { listed } => At::Reading { version, listed },
            At::Fixing { version } => self.fix(i, version, guards),
            At::Assembling => match invoice.owned() {
                lines if lines.is_empty() => At::Gone,
                lines => At::Sending(lines),
            },
            At::Sending(lines) => {
                // Sent once: that is what the model of the step is for.
                self.invoices[i].sent.get_or_insert(lines);
                At::Gone
            }
        };
    }

    fn take(&mut self, i: usize, version: u8, listed: Vec<usize>, ready: Vec<usize>, guards: &Guards) -> At {
        let overtaken = guards.invoice_version && self.invoices[i].version != version;
        let taken = guards.line_ready && ready.iter().any(|l| self.lines[*l].is_some());
        if overtaken || taken {
            return At::ReadingAgain { listed };
        }
        for line in &ready {
            self.lines[*line] = Some(i);
        }
        self.invoices[i].version += 1;
        self.invoices[i].pages.push(ready);
        next_page(self.invoices[i].version, listed.into_iter().skip(PAGE).collect())
    }

    fn fix(&mut self, i: usize, version: u8, guards: &Guards) -> At {
        let invoice = &mut self.invoices[i];
        if invoice.pages.is_empty() {
            return At::Assembling;
        }
        if guards.invoice_version && invoice.version != version {
            return if guards.fixed_before_sent { At::Beginning } else { At::Assembling };
        }
        invoice.fixed = true;
        invoice.version += 1;
        At::Assembling
    }
}

fn next_page(version: u8, listed: Vec<usize>) -> At {
    if listed.is_empty() { At::Fixing { version } } else { At::Reading { version, listed } }
}
