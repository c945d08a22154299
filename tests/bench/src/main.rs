//! What the handlers of the event functions cost, measured in one process without AWS.
//!
//! `measure count` prints the calls and billed units of each kind of event, `measure spin`
//! handles events over and over for instruction counts and CPU time, `measure fixtures` prints
//! what the deployed binaries are fed with. The Python beside this starts it and adds what can
//! only be seen from outside a process.
#![allow(clippy::expect_used, clippy::unwrap_used)] // a measurement that can't be made must stop

mod cases;
mod counting;
mod fixtures;
mod frozen;
mod products;
mod spin;
mod units;
mod world;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    match arguments.as_slice() {
        ["count"] => println!("{}", runtime.block_on(cases::count())),
        ["fixtures"] => println!("{}", fixtures::all()),
        // The log of the handlers goes to standard output, as it does in Lambda.
        ["spin", case, events] => {
            let events = events.parse().expect("a number of events");
            eprintln!("{}", runtime.block_on(spin::spin(case, events)));
        }
        _ => {
            eprintln!("usage: measure count | fixtures | spin CASE EVENTS");
            std::process::exit(2);
        }
    }
}
