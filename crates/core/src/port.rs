//! Ports and ranges of them.

use std::fmt;
use std::num::NonZeroU16;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// A TCP port, 1 to 65535. Zero means "any" to the system; it is never a lease.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Port(NonZeroU16);

impl Port {
    /// The port of this number.
    ///
    /// # Errors
    /// Zero is no port.
    pub fn new(number: u16) -> Result<Self, Invalid> {
        NonZeroU16::new(number).map(Self).ok_or_else(|| Self::invalid(0))
    }

    /// The number, 1 to 65535.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// What came is not a port.
    pub(crate) fn invalid(found: impl fmt::Display) -> Invalid {
        Invalid::new(found, "is not a port", "a whole number from 1 to 65535")
    }

    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize
    }
}

impl TryFrom<u16> for Port {
    type Error = Invalid;
    fn try_from(number: u16) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl std::str::FromStr for Port {
    type Err = Invalid;
    /// Digits only: neither `+80`, `80abc` nor `0x50` is a port.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number.and_then(NonZeroU16::new).map(Self).ok_or_else(|| Self::invalid(format_args!("{text:?}")))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Port({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortVisitor)
    }
}

struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = Port;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a port, a whole number from 1 to 65535")
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Port, E> {
        match u16::try_from(number).ok().and_then(NonZeroU16::new) {
            Some(port) => Ok(Port(port)),
            None => Err(Port::invalid(number).serde()),
        }
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Port, E> {
        Err(Port::invalid(number).serde())
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Port, E> {
        // As JSON has it: 3000.0 is a mistake that 3000 would hide.
        Err(Port::invalid(format_args!("{number:?}")).serde())
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Port, E> {
        Err(Port::invalid(format_args!("{text:?}")).serde())
    }
}

/// What a probe says of a port that no lease covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupancy {
    /// `127.0.0.1`, `0.0.0.0`, `::1` and `::` can all be bound.
    Free,
    /// Some process has one of them.
    Busy,
    /// The system does not let this user bind it.
    Denied,
    /// The system keeps it, and nobody may bind it: an excluded range of Windows, as Hyper-V takes them.
    Reserved,
}

impl Occupancy {
    /// What [`Reserved`](Self::Reserved) is called, with the command that lists the ranges.
    pub const RESERVED: &str = "reserved by Windows (netsh int ipv4 show excludedportrange tcp)";
}

/// First and last port, both included, written `[8000, 8099]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "[Port; 2]")]
pub struct PortRange {
    first: Port,
    last: Port,
}

/// A text that is not a range of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// One of its ends is not a port.
    #[error(transparent)]
    End(#[from] Invalid),
    /// The first port comes after the last.
    #[error("the range {first}-{last} is reversed; did you mean {last}-{first}?")]
    Reversed {
        /// The port it begins with.
        first: Port,
        /// The port it ends with.
        last: Port,
    },
}

impl std::str::FromStr for PortRange {
    type Err = InvalidRange;
    /// Reads `3000-3099`, or one port.
    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse()?, last.trim().parse()?);
        Self::new(first, last).ok_or(InvalidRange::Reversed { first, last })
    }
}

impl PortRange {
    /// Every port there is.
    pub const ALL: Self = Self { first: Port(NonZeroU16::MIN), last: Port(NonZeroU16::MAX) };

    /// The range from `first` to `last`, or nothing if it is reversed.
    #[must_use]
    pub fn new(first: Port, last: Port) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }
    /// The lowest port.
    #[must_use]
    pub const fn first(self) -> Port {
        self.first
    }
    /// The highest port.
    #[must_use]
    pub const fn last(self) -> Port {
        self.last
    }
    /// Whether `port` lies in it.
    #[must_use]
    pub fn contains(self, port: Port) -> bool {
        self.first <= port && port <= self.last
    }
    /// How many ports it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub fn len(self) -> usize {
        self.last.index() - self.first.index() + 1
    }
    /// Its ports, ascending.
    pub fn ports(self) -> impl Iterator<Item = Port> {
        (self.first.get()..=self.last.get()).filter_map(NonZeroU16::new).map(Port)
    }
}

impl From<PortRange> for [Port; 2] {
    fn from(range: PortRange) -> Self {
        [range.first, range.last]
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.first, self.last)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RangeVisitor;
        impl<'de> Visitor<'de> for RangeVisitor {
            type Value = PortRange;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a range of ports, [first, last]")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut ends: A) -> Result<PortRange, A::Error> {
                let first: Port = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let last: Port = ends.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                PortRange::new(first, last).ok_or_else(|| {
                    let found = format_args!("[{first}, {last}]");
                    Invalid::new(found, "is reversed", "[first, last] with first <= last").serde()
                })
            }
        }
        deserializer.deserialize_seq(RangeVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(number: u16) -> Port {
        Port::new(number).unwrap()
    }

    #[test]
    fn only_whole_numbers_from_1_to_65535_are_ports() {
        for bad in ["0", "70000", "-1", "3.5", "\"abc\"", "\"3000\"", "true", "[3000]"] {
            assert!(serde_json::from_str::<Port>(bad).is_err(), "{bad} was taken for a port");
        }
        for bad in ["0", "70000", "-1", "3000abc", "+80", "", " 80", "3.5", "1e3"] {
            assert!(bad.parse::<Port>().is_err(), "{bad} was taken for a port");
        }
        assert_eq!(serde_json::from_str::<Port>("65535").unwrap(), port(65535));
    }

    #[test]
    fn a_range_is_two_ports_in_order_or_one() {
        assert_eq!("3000-3099".parse::<PortRange>().unwrap().to_string(), "3000-3099");
        assert_eq!("3000".parse::<PortRange>().unwrap().to_string(), "3000-3000");
        let reversed = "3099-3000".parse::<PortRange>().unwrap_err().to_string();
        assert!(reversed.contains("did you mean 3000-3099?"), "{reversed}");
        for bad in ["", "-", "3000-", "-3000", "0-10", "3000-70000", "a-b", "1-2-3"] {
            assert!(bad.parse::<PortRange>().is_err(), "{bad}");
        }
    }
}
