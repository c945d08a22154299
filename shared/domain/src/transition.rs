//! Which status may follow which. An illegal one is an error that names the object and both.

/// The status of a canonical object.
pub trait Status: Copy + Eq + std::fmt::Debug + 'static {
    /// The object, as people call it.
    const OBJECT: &'static str;
    /// Every status, in the order in which an object goes through them.
    const ALL: &'static [Self];

    /// The status as it is written everywhere.
    fn name(self) -> &'static str;

    /// Every other status that may follow this one.
    fn followed_by(self) -> &'static [Self];

    /// Whether the status may follow this one. Staying is always allowed: a repeated step changes nothing.
    fn may_become(self, next: Self) -> bool {
        self == next || self.followed_by().contains(&next)
    }

    /// The next status.
    ///
    /// # Errors
    /// [`IllegalTransition`] when it may not follow this one.
    fn to(self, next: Self) -> Result<Self, IllegalTransition> {
        if self.may_become(next) {
            return Ok(next);
        }
        Err(IllegalTransition { object: Self::OBJECT, from: self.name(), to: next.name() })
    }
}

/// A status that may not follow the present one. Trying again doesn't help: whoever asked for it is
/// late, or wrong about the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{object} that is {from} may not become {to}")]
pub struct IllegalTransition {
    /// The object, as people call it.
    pub object: &'static str,
    /// The present status.
    pub from: &'static str,
    /// The status that was asked for.
    pub to: &'static str,
}
