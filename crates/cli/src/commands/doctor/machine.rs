//! What the machine allows: its own range of ports, how many files a process may have open, who listens.

use std::io;

use styxy_core::api::{StatusAnswer, Watches};
use styxy_core::config::Config;
use styxy_core::{Pid, Port, PortRange, with_causes};
use styxy_daemon::system::SocketTable;

use super::finding::Finding;

/// The range from which Linux takes ports for outgoing connections.
const EPHEMERAL: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// Whether outgoing connections could take leased ports; none where the range is unknown.
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
        return Finding::ok(
            "ranges",
            format!("none overlaps with {ephemeral}, which outgoing connections use"),
        );
    }
    Finding::warn(
        "ranges",
        format!("{} may be taken by outgoing connections, which use {ephemeral}", meeting.join(", ")),
        "set a range outside of that in config.json",
    )
}

/// Files that the daemon has open in addition to one for each watched process.
const OWN_FILES: u64 = 64;

/// Whether the daemon can watch as many processes as it needs to, where there are handles on processes or none.
pub(super) fn descriptors(status: Option<&StatusAnswer>, no_handles: Option<&io::Error>) -> Finding {
    let limit = status.and_then(|status| limit_of(status.pid)).or_else(own_limit);
    watching_within(status.and_then(|status| status.watches).unwrap_or_default(), limit, no_handles)
}

fn watching_within(
    Watches { processes, polled }: Watches,
    limit: Option<u64>,
    no_handles: Option<&io::Error>,
) -> Finding {
    let raise = "raise the limit of open files (ulimit -n), then: styxy daemon restart";
    let is_near = limit.is_some_and(|limit| processes as u64 + OWN_FILES > limit / 10 * 9);
    let files = limit.map_or_else(|| "no limit".to_owned(), |limit| format!("{limit} files may be open"));
    match limit {
        // A higher limit would change nothing: what is missing is said of the processes.
        _ if polled > 0 && no_handles.is_some() => {
            Finding::ok("descriptors", format!("{files}; {polled} processes are polled once a second"))
        }
        _ if polled > 0 => Finding::warn(
            "descriptors",
            format!(
                "{polled} processes are polled once a second, because the daemon could not open handles for them"
            ),
            if is_near {
                raise
            } else {
                "styxy daemon restart   # here: where it runs now, handles may be refused"
            },
        ),
        Some(limit) if is_near => Finding::warn(
            "descriptors",
            format!("{processes} processes are watched, and only {limit} files may be open"),
            raise,
        ),
        Some(_) => Finding::ok("descriptors", format!("{files}, {processes} processes are watched")),
        None => Finding::ok("descriptors", files),
    }
}

/// The limit of another process, where the system shows it.
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

/// Whether the daemon can see who listens: the same attempt as at its start.
pub(super) fn sockets() -> Finding {
    let table = SocketTable::open();
    listed(table.as_ref().map(SocketTable::why_files).map_err(|error| with_causes(error)))
}

fn listed(table: Result<Option<&io::Error>, String>) -> Finding {
    match table {
        Ok(None) => Finding::ok("sockets", "the system says who listens on which port"),
        Ok(Some(why)) => Finding::ok(
            "sockets",
            format!("there are no socket diagnostics ({why}); listening sockets are read from /proc/net/tcp"),
        ),
        Err(why) => Finding::wrong(
            "sockets",
            format!("the system does not say who listens on which port: {why}"),
            "allow NETLINK_SOCK_DIAG or /proc/net/tcp in the sandbox",
        ),
    }
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
        let missing = io::Error::other("function not implemented");
        let found = [
            watching_within(watching(5, 0), Some(1024), None),
            watching_within(watching(5, 0), None, None),
            watching_within(watching(950, 0), Some(1024), None),
            watching_within(watching(24, 1), Some(64), None),
            watching_within(watching(0, 5), Some(1024), Some(&missing)),
            // The daemon runs in a sandbox, and the doctor does not.
            watching_within(watching(0, 5), Some(1024), None),
        ];
        snapshot!("doctor_descriptors", shown(&found));
    }

    #[test]
    fn the_way_in_which_sockets_are_read_is_said() {
        let denied = io::Error::other("protocol not supported");
        let found = [
            listed(Ok(None)),
            listed(Ok(Some(&denied))),
            listed(Err("there are neither socket diagnostics nor /proc/net/tcp".to_owned())),
        ];
        snapshot!("doctor_sockets", shown(&found));
        assert_eq!(sockets().verdict, super::super::finding::Verdict::Ok);
    }
}
