//! Histories in which everything goes wrong that may: 10,000 of them with every `cargo test`, or as
//! many as `SEEDS` says, from `FROM` on; `SEED` replays one and shows it.
//!
//! Proves RES-07, RES-08, RES-09, RES-10, RES-11, RES-12, RES-17, RES-20 in part. Proves RES-02, EVT-29,
//! EVT-30, BIL-14, WFA-32.

/// Without the test harness: what was tried how often is part of the result.
fn main() -> std::process::ExitCode {
    let given = |(name, argument): (&str, &str)| {
        let value = std::env::var(name).ok().filter(|v| !v.is_empty())?;
        Some([argument.to_owned(), value])
    };
    let arguments =
        [("SEEDS", "--seeds"), ("FROM", "--from"), ("SEED", "--seed")].into_iter().filter_map(given);
    simulation::command_line(arguments.flatten())
}
