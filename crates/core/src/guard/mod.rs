//! The guard: what a program asks before it signals another one or binds a port, and what the answer is.
//!
//! [`record`] is the question and the answer on `guard.sock`, byte for byte. [`signal`] and [`bind`] are the rules (R90 to R92).
//! They share their facts with `who` and `kill`, and not the verdict: a guard that is not sure lets pass.

mod rules;

pub mod record;
pub use rules::{Ground, Port, Role, Session, Spared, bind, signal};
