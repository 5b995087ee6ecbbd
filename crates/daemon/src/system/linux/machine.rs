//! Clocks, the boot, the kernel's own ports, and how much memory this process uses.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fd::AsFd;
use rustix::fs::CWD;
use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};
use styxy_core::{Port, PortRange, Timestamp, WallTime};

/// The default of Linux.
const EPHEMERAL: (u16, u16) = (32_768, 60_999);

/// The system's name for this boot. Only a start of the machine changes it.
///
/// Takes about 5 µs. Where it cannot be read, the wall-clock second of the boot.
#[must_use]
pub fn boot_id() -> String {
    let mut buffer = [0; 64];
    let id = super::read_some(CWD, "/proc/sys/kernel/random/boot_id", &mut buffer).unwrap_or_default();
    match String::from_utf8_lossy(id).trim() {
        "" => format!("booted-{}", booted_at().0 / 1000),
        id => id.to_owned(),
    }
}

/// The ports that the kernel itself gives to `bind(0)` and `connect`. Takes about 5 µs.
#[must_use]
pub fn ephemeral_range() -> Option<PortRange> {
    let mut buffer = [0; 64];
    let text =
        super::read_some(CWD, "/proc/sys/net/ipv4/ip_local_port_range", &mut buffer).unwrap_or_default();
    let text = std::str::from_utf8(text).unwrap_or_default();
    let mut ports = text.split_ascii_whitespace().filter_map(|port| port.parse::<Port>().ok());
    let read = ports.next().zip(ports.next()).and_then(|(first, last)| PortRange::new(first, last));
    read.or_else(|| PortRange::new(Port::new(EPHEMERAL.0).ok()?, Port::new(EPHEMERAL.1).ok()?))
}

/// The ports that the kernel gives to nobody who does not ask for them by number, although they lie in
/// [`ephemeral_range`]. Takes about 10 µs.
#[must_use]
pub fn reserved_ranges() -> Vec<PortRange> {
    // Longer than any buffer, if somebody reserves single ports by the thousand.
    parse_ranges(&std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_reserved_ports").unwrap_or_default())
}

/// `8080,9148-9200`
fn parse_ranges(text: &str) -> Vec<PortRange> {
    text.trim().split(',').filter_map(|range| range.parse().ok()).collect()
}

/// The time. `awake` counts from the boot, is the same for all processes, and stands still in a suspend. 50 ns.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp { wall: wall(), awake: millis(ClockId::Monotonic) }
}

fn wall() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn millis(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    u64::try_from(time.tv_sec * 1000 + time.tv_nsec / 1_000_000).unwrap_or(0)
}

/// When the machine was started by the wall clock, computed once, so that the start of a process is the same at every
/// call.
pub(super) fn booted_at() -> WallTime {
    static BOOTED: OnceLock<WallTime> = OnceLock::new();
    *BOOTED.get_or_init(|| WallTime(wall().0.saturating_sub(millis(ClockId::Boottime))))
}

/// Bytes of resident memory of this process; none if that is unknown. Takes about 5 µs.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    resident_in(CWD, "/proc/self/statm")
}

/// Bytes of resident memory by the file `statm` at `path` in `folder`.
pub(super) fn resident_in(folder: impl AsFd, path: &str) -> Option<u64> {
    let mut buffer = [0; 128];
    let statm = super::read_some(folder, path, &mut buffer).ok()?;
    let pages: u64 = std::str::from_utf8(statm).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(pages * u64::try_from(page_size()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_are_single_ones_and_ranges() {
        let shown: Vec<String> = parse_ranges("8080,9148-9200\n").iter().map(PortRange::to_string).collect();
        assert_eq!(shown, ["8080-8080", "9148-9200"]);
        assert!(parse_ranges("\n").is_empty());
    }
}
