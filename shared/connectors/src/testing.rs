//! Helpers of the unit tests.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Parses a vendor's payload, writes it, parses it again: nothing that is used may be lost.
pub(crate) fn round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(payload: &str) -> T {
    let parsed: T = serde_json::from_str(payload).expect("parses");
    let written = serde_json::to_string(&parsed).expect("is written");
    assert_eq!(serde_json::from_str::<T>(&written).expect("parses again"), parsed);
    parsed
}

/// The text of a vendor's payload under `tests/fixtures/vendors`.
macro_rules! vendor {
    ($path:literal) => {
        include_str!(concat!("../../../../tests/fixtures/vendors/", $path))
    };
}
pub(crate) use vendor;
