//! Why a preference was not met: R13.

use crate::port::{Occupancy, Port};

/// Why a port was wished for in vain.
pub(super) enum Missed {
    Leased(String),
    Busy,
    Denied,
    Reserved,
    Group,
}

impl Missed {
    pub(super) fn explain(self, wished: Port) -> String {
        match self {
            Self::Leased(who) => format!("preferred port {wished} is leased by {who}"),
            Self::Busy => format!("preferred port {wished} is in use by a program that has no lease for it"),
            Self::Denied => format!("preferred port {wished} may not be bound by this user"),
            Self::Reserved => format!("preferred port {wished} is {}", Occupancy::RESERVED),
            Self::Group => format!("preferred port {wished} went to another member of the group"),
        }
    }
}
