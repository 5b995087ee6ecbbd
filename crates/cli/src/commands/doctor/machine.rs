//! What the machine allows: the ports it takes for itself, and how many files a process may have open.

use styxy_core::api::{StatusAnswer, Watches};
use styxy_core::config::Config;
use styxy_core::{Pid, Port, PortRange};

use super::finding::Finding;

/// Where Linux takes ports for outgoing connections from.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Whether ports that are leased could be taken by any outgoing connection; nothing where the system does not tell.
pub(super) fn ephemeral_overlap(config: &Config) -> Option<Finding> {
    let ephemeral = parse_range(&std::fs::read_to_string(EPHEMERAL).ok()?)?;
    Some(overlap(config, ephemeral))
}

fn parse_range(text: &str) -> Option<PortRange> {
    let mut ends = text.split_whitespace().map(|end| end.parse::<Port>().ok());
    PortRange::new(ends.next()??, ends.next()??)
}

fn overlap(config: &Config, ephemeral: PortRange) -> Finding {
    let meets = |range: PortRange| range.first() <= ephemeral.last() && ephemeral.first() <= range.last();
    let types = config.service_types.iter().filter(|(_, service)| meets(service.range));
    let mut meeting: Vec<String> = types.map(|(name, service)| format!("{name} {}", service.range)).collect();
    meeting.extend(
        config.overflow_range.filter(|range| meets(*range)).map(|range| format!("overflow_range {range}")),
    );
    if meeting.is_empty() {
        return Finding::ok("ranges", format!("none meets {ephemeral}, which outgoing connections use"));
    }
    Finding::warn(
        "ranges",
        format!("{} may be taken by outgoing connections, which use {ephemeral}", meeting.join(", ")),
        "give them a range outside of that in config.json",
    )
}

/// Files a daemon has open besides one for each process it watches.
const OWN_FILES: u64 = 64;

/// Whether the daemon may watch as many processes as it should.
pub(super) fn descriptors(status: Option<&StatusAnswer>) -> Finding {
    let limit = status.and_then(|status| limit_of(status.pid)).or_else(own_limit);
    watching_within(status.and_then(|status| status.watches).unwrap_or_default(), limit)
}

fn watching_within(Watches { processes, polled }: Watches, limit: Option<u64>) -> Finding {
    match limit {
        _ if polled > 0 => Finding::warn(
            "descriptors",
            format!(
                "{polled} processes are looked at once a second, because no handle for them could be had"
            ),
            "raise the limit of open files (ulimit -n), then: styxy daemon restart",
        ),
        None => Finding::ok("descriptors", "no limit"),
        Some(limit) if processes as u64 + OWN_FILES > limit / 10 * 9 => Finding::warn(
            "descriptors",
            format!("{processes} processes are watched, and no more than {limit} files may be open"),
            "raise the limit of open files (ulimit -n), then: styxy daemon restart",
        ),
        Some(limit) => Finding::ok(
            "descriptors",
            format!("{limit} files may be open, {processes} processes are watched"),
        ),
    }
}

/// The limit of another process, where the system tells.
fn limit_of(pid: Pid) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    soft_limit(&limits)
}

fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
fn own_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn own_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;

    #[test]
    fn a_range_that_outgoing_connections_use_is_a_warning() {
        let ephemeral = parse_range("32768\t60999\n").unwrap();
        let mut config = Config::default();
        let apart = overlap(&config, ephemeral);
        config.overflow_range = parse_range("20000 32768");
        snapshot!("doctor_ranges", shown(&[apart, overlap(&config, ephemeral)]));
        assert_eq!(parse_range("60999 32768"), None);
        assert_eq!(parse_range(""), None);
    }

    #[test]
    fn the_limit_is_the_soft_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                      Max processes             100                  200                  processes \n\
                      Max open files            1024                 524288               files     \n";
        assert_eq!(soft_limit(limits), Some(1024));
        assert_eq!(
            soft_limit("Max open files            unlimited            unlimited            files"),
            None
        );
    }

    #[test]
    fn a_daemon_that_cannot_watch_more_processes_is_a_warning() {
        let watching = |processes, polled| Watches { processes, polled };
        let found = [
            watching_within(watching(5, 0), Some(1024)),
            watching_within(watching(5, 0), None),
            watching_within(watching(950, 0), Some(1024)),
            watching_within(watching(5, 1), Some(1024)),
        ];
        snapshot!("doctor_descriptors", shown(&found));
    }
}
