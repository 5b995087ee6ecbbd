//! Linux and macOS.

mod keys;
mod signals;

pub(in super::super) use keys::Keys;
pub(in super::super) use signals::{Interrupts, Signals};
