//! Ranges of ports that Windows reserves: Hyper-V, WSL and Docker take them at their start, and nobody can bind a port in them.
//!
//! No documented call lists them, so `netsh` is asked. The probe finds such a port by its bind (R12).

use std::io;

use styxy_core::PortRange;
use styxy_core::config::Config;
use styxy_core::order::Order as _;

use super::finding::Finding;

/// Ranges come from that one, where nobody expects a server. It is Windows' own default.
const HINT: &str =
    "netsh int ipv4 set dynamicport tcp start=49152 num=16384   # as administrator; then restart Windows";

/// Which of the ranges of the configuration have ports that Windows reserves.
#[cfg(windows)]
pub(super) fn ranges(config: &Config) -> Finding {
    judge(config, ask::netsh().and_then(|said| parse(&said).ok_or_else(|| io::Error::other("it lists none"))))
}

/// The ranges that nobody can bind, ascending, with neighbours as one; none if this is not netsh' table.
///
/// The heading is in the system's language and the numbers are not. A star is behind ranges that an administrator excluded:
/// these are only never given to programs that name no port, and a server can have them.
fn parse(said: &str) -> Option<Vec<PortRange>> {
    let is_rule = |line: &&str| line.trim_start().starts_with("---");
    let mut lines = said.lines().skip_while(|line| !is_rule(line));
    lines.next()?;
    let mut found: Vec<PortRange> = lines.filter_map(range).collect();
    found.order_by_key(|range| range.first());
    let mut joined: Vec<PortRange> = Vec::new();
    for range in found {
        let before = joined.last().filter(|last| last.last().get().saturating_add(1) >= range.first().get());
        match before.and_then(|last| PortRange::new(last.first(), last.last().max(range.last()))) {
            Some(both) => *joined.last_mut()? = both,
            None => joined.push(range),
        }
    }
    Some(joined)
}

fn range(line: &str) -> Option<PortRange> {
    let mut words = line.split_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    if words.next().is_some() { None } else { PortRange::new(first, last) }
}

fn judge(config: &Config, reserved: io::Result<Vec<PortRange>>) -> Finding {
    let reserved = match reserved {
        Ok(reserved) => reserved,
        Err(why) => {
            return Finding::ok(
                "reserved",
                format!("netsh does not say which ports Windows reserves: {why}"),
            );
        }
    };
    let list = |ranges: &[PortRange]| ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let meeting = |range: PortRange| -> Vec<PortRange> {
        let meets = |other: &&PortRange| range.first() <= other.last() && other.first() <= range.last();
        reserved.iter().filter(meets).copied().collect()
    };
    let mut met = Vec::new();
    for (name, service) in &config.service_types {
        let wished = service.preferred_ports.iter().filter_map(|port| PortRange::new(*port, *port));
        let mut all: Vec<PortRange> = wished.chain([service.range]).flat_map(meeting).collect();
        all.order_by_key(|range| range.first());
        all.dedup();
        if !all.is_empty() {
            met.push(format!("{} ({name})", list(&all)));
        }
    }
    let beyond = config.overflow_range.map(meeting).unwrap_or_default();
    let overflow = (!beyond.is_empty()).then(|| format!("{} (overflow_range)", list(&beyond)));
    if met.is_empty() {
        let rest =
            overflow.map(|ranges| format!(", but for {ranges}, which Styxy skips")).unwrap_or_default();
        return Finding::ok("reserved", format!("Windows reserves no ports of your ranges{rest}"));
    }
    met.extend(overflow);
    Finding::warn(
        "reserved",
        format!("Windows reserves {}: no server can have these ports, and Styxy skips them", met.join(", ")),
        HINT,
    )
}

/// Runs netsh.
#[cfg(windows)]
mod ask {
    use std::io::{self, Read as _};
    use std::path::PathBuf;
    use std::process::{Command, Stdio};
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    /// It answers in some 100 ms.
    const LONGEST: Duration = Duration::from_secs(5);

    /// What netsh says of the ranges.
    ///
    /// # Errors
    /// It cannot be run, or does not answer in time.
    pub(super) fn netsh() -> io::Result<String> {
        // By its path: a program of that name in the folder or in `PATH` may be anybody's.
        let system = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
        let program = PathBuf::from(system).join("System32").join("netsh.exe");
        let mut command = Command::new(program);
        command.args(["int", "ipv4", "show", "excludedportrange", "tcp"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let Some(mut pipe) = child.stdout.take() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut said = Vec::new();
            let read = pipe.read_to_end(&mut said).map(|_| said);
            // Nobody waits any more if this comes too late.
            let _ = sender.send(read);
        });
        let said = receiver.recv_timeout(LONGEST);
        if said.is_err() {
            // It may have ended by now; there is nothing else to do about it.
            let _ = child.kill();
        }
        child.wait()?;
        // The numbers are what is read, and they are the same in every code page.
        let said = said.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::snapshot;

    const ENGLISH: &str = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port\r\n\
        ----------    --------\r\n      2919        3018\r\n      3019        3118\r\n      5357        5357\r\n\
        \x20    50000       50059     *\r\n     14522       14621\r\n\r\n* - Administered port exclusions.\r\n\r\n";

    fn ranges(said: &str) -> Option<Vec<String>> {
        Some(parse(said)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_table_is_read_in_any_language() {
        let expected = ["2919-3118", "5357-5357", "14522-14621"].map(str::to_owned).to_vec();
        assert_eq!(ranges(ENGLISH), Some(expected.clone()), "what an administrator excluded can be bound");
        let chinese = ENGLISH
            .replace("Protocol tcp Port Exclusion Ranges", "协议 tcp 端口排除范围")
            .replace("Start Port    End Port", "开始端口    结束端口")
            .replace("* - Administered port exclusions.", "* - 管理的端口排除。");
        assert_eq!(ranges(&chinese), Some(expected.clone()));
        // An umlaut in a code page that is not UTF-8.
        let german = [b"Ausschlussbereiche f\x81r Ports (tcp)\r\n".as_slice(), ENGLISH.as_bytes()].concat();
        assert_eq!(ranges(&String::from_utf8_lossy(&german)), Some(expected));
    }

    #[test]
    fn what_is_not_the_table_is_not_read_as_an_empty_one() {
        assert_eq!(ranges("Start Port    End Port\n----------    --------\n\n* - 1 2"), Some(Vec::new()));
        for other in ["", "The following command was not found: int ipv4", "1031 1130"] {
            assert_eq!(ranges(other), None, "{other}");
        }
    }

    #[test]
    fn reserved_ports_of_a_service_are_a_warning() {
        let config = Config::default();
        let found = [
            judge(&config, Ok(parse(ENGLISH).unwrap())),
            judge(
                &config,
                Ok(vec![PortRange::new(14_522.try_into().unwrap(), 14_621.try_into().unwrap()).unwrap()]),
            ),
            judge(&config, Ok(Vec::new())),
            judge(&config, Err(io::ErrorKind::TimedOut.into())),
        ];
        snapshot!("doctor_reserved", shown(&found));
    }
}
