//! Work across systems: named steps whose results are journalled.
//!
//! A run is repeated from its beginning after a crash, a time-out or a hold. A step that is
//! done gives its recorded result back; the step in flight asks the product first whether it
//! happened. Nothing here knows a product or a business rule: a flow is an ordinary async
//! function that calls [`Run::perform`] in order.

mod approval;
mod clock;
mod error;
mod registry;
mod run;
mod undo;

pub use approval::{Answer, Asking};
pub use clock::{Clock, SystemClock};
pub use error::StepError;
pub use journal::{LeaseError, WorkflowStatus};
pub use registry::{Purpose, Workflow};
pub use run::{Run, RunKey};
pub use undo::Compensated;
