//! The product's three protocols, small enough that a checker visits every state of them.
//!
//! A model is the protocol without its content: what is read, under which condition it is
//! written, in which order, and everything that can go wrong between two calls. It is written
//! by hand after the code that it names, so it proves the design and not the code: the code is
//! held to it by the tests that kill and delay real functions. What the models are worth shows
//! when a guard is taken out: the checker must then find the way to the damage, and the tests
//! demand that it does.

pub mod event;
pub mod lines;
pub mod step;

mod explore;

pub use explore::{Explored, explore, find};
