//! Deposits from one version of the contract to the next.

use super::{ChangeOrder, refused};
use crate::deposit::DepositTerms;
use crate::problem::Problem;

impl ChangeOrder {
    /// A deposit that was agreed stays as it is: it is billed as soon as it may be, and what is left of it is
    /// returned by a credit memo. More is another deposit.
    pub(super) fn redeposits(&self, was: &DepositTerms) -> Option<Problem> {
        let stays = self.to.deposit(&was.key).is_some_and(|is| is.agreed() == was.agreed());
        (!stays).then(|| {
            refused(format!(
                "deposit {} was agreed with {was}; leave it as it is, and have what is left of it credited",
                was.key
            ))
        })
    }
}
