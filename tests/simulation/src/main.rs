//! Plays histories and reports what does not hold: `simulate [--seeds N] [--from S] [--seed S]`,
//! or writes recordings that are missing: `simulate --record`.
#![allow(clippy::expect_used)]

fn main() -> std::process::ExitCode {
    simulation::command_line(std::env::args().skip(1))
}
