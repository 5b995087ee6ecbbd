//! What was measured, beside what must hold: a table at the end, and for each failure its evidence and its replay line.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::time::{Duration, Instant};

use crate::checker::Findings;
use crate::processes;

/// How many sentences of evidence are shown for one check.
const SHOWN: usize = 5;
/// How many characters of each.
const LONG: usize = 360;

/// What one fault showed.
#[derive(Debug, Default)]
pub(crate) struct Report {
    checks: Vec<Check>,
    /// What was done: kills, operations, answers.
    counts: Vec<String>,
    /// What of it could not be done here, and why.
    skipped: Vec<String>,
}

#[derive(Debug)]
struct Check {
    what: String,
    bound: String,
    measured: String,
    verdict: Verdict,
    /// Whether it is a time, or a ratio of times: that says as much of the machine as of the daemon.
    is_time: bool,
    evidence: Vec<String>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Holds,
    Fails,
    /// It is shown, and was not to be judged.
    Shown,
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::Holds } else { Self::Fails }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Holds => "holds",
            Self::Fails => "**FAILS**",
            Self::Shown => "not judged",
        })
    }
}

impl Report {
    /// Something that was done, for the table.
    pub(crate) fn count(&mut self, count: impl Into<String>) {
        self.counts.push(count.into());
    }

    /// Something that could not be done here.
    pub(crate) fn skip(&mut self, why: impl Into<String>) {
        self.skipped.push(why.into());
    }

    /// A number that must be 0; each entry of `evidence` is one. A few of them are shown, from all over the list.
    pub(crate) fn none(&mut self, what: &str, evidence: &[String]) {
        let step = evidence.len().div_ceil(SHOWN).max(1);
        self.zero(what, evidence.len(), evidence.iter().step_by(step));
    }

    /// As [`Report::none`], and all of it is shown.
    pub(crate) fn none_of_all(&mut self, what: &str, evidence: &[String]) {
        self.zero(what, evidence.len(), evidence.iter());
    }

    fn zero<'a>(&mut self, what: &str, count: usize, shown: impl Iterator<Item = &'a String>) {
        self.add(Check {
            what: what.to_owned(),
            bound: "0".to_owned(),
            measured: count.to_string(),
            verdict: (count == 0).into(),
            is_time: false,
            evidence: shown.map(|line| line.chars().take(LONG).collect()).collect(),
        });
    }

    /// Of one check in several rounds the first that fails is kept, else the last.
    fn add(&mut self, check: Check) {
        match self.checks.iter_mut().find(|known| known.what == check.what) {
            Some(known) if known.verdict == Verdict::Holds => *known = check,
            Some(_) => {}
            None => self.checks.push(check),
        }
    }

    /// Something that holds or does not.
    pub(crate) fn check(&mut self, what: &str, bound: &str, measured: impl Into<String>, holds: bool) {
        self.one(what, bound, measured.into(), holds, false);
    }

    /// As [`Report::check`], for a time or a ratio of times.
    pub(crate) fn time(&mut self, what: &str, bound: &str, measured: impl Into<String>, holds: bool) {
        self.one(what, bound, measured.into(), holds, true);
    }

    fn one(&mut self, what: &str, bound: &str, measured: String, holds: bool, is_time: bool) {
        let (what, bound) = (what.to_owned(), bound.to_owned());
        self.add(Check { what, bound, measured, verdict: holds.into(), is_time, evidence: Vec::new() });
    }

    /// Times are shown and not judged from here on, as on a machine that others use.
    pub(crate) fn only_show_times(&mut self) {
        for check in self.checks.iter_mut().filter(|check| check.is_time) {
            check.verdict = Verdict::Shown;
        }
    }

    /// A time that may not be longer than `bound`; none fails.
    pub(crate) fn at_most(&mut self, what: &str, bound: Duration, measured: Option<Duration>) {
        let shown = measured.map_or("never".to_owned(), shown);
        self.check(
            what,
            &format!("≤ {}", self::shown(bound)),
            shown,
            measured.is_some_and(|time| time <= bound),
        );
    }

    /// As [`Report::at_most`], for a bound that is meant for a quiet machine: on a slower one it is so many times longer,
    /// and the table says so. `before` is how slow the machine was before the row; now it is measured again, and the
    /// slower of the two counts.
    pub(crate) fn timed(&mut self, what: &str, bound: Duration, measured: Option<Duration>, before: f64) {
        let slowness = before.max(slowness());
        let factor =
            if slowness > 1.0 { format!(" × {slowness:.1}, the machine is busy") } else { String::new() };
        let holds = measured.is_some_and(|time| time <= bound.mul_f64(slowness));
        let measured = measured.map_or("never".to_owned(), shown);
        self.time(what, &format!("≤ {}{factor}", shown(bound)), measured, holds);
    }

    /// Everything the checker found.
    pub(crate) fn findings(&mut self, findings: &Findings) {
        for (what, list) in findings.lists() {
            self.none(what, list);
        }
    }

    /// `holds`, `FAILS`, or that nothing of it could be tried here.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.holds(), self.checks.is_empty()) {
            (true, true) => "is skipped",
            (true, false) => "holds",
            (false, _) => "FAILS",
        }
    }

    /// Whether everything held.
    pub(crate) fn holds(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Fails)
    }

    /// The rows of the table, and below it the evidence of what failed.
    pub(crate) fn rows(&self, title: &str) -> String {
        let mut text = String::new();
        for (at, check) in self.checks.iter().enumerate() {
            let first =
                if at == 0 { format!("**{title}** ({})", self.counts.join(", ")) } else { String::new() };
            let Check { what, bound, measured, verdict, .. } = check;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {first} | {what} | {bound} | {measured} | {verdict} |");
        }
        for why in &self.skipped {
            let first = if text.is_empty() { format!("**{title}**") } else { String::new() };
            let _ = writeln!(text, "| {first} | skipped: {why} | | | |");
        }
        text
    }

    /// What failed, with its evidence.
    pub(crate) fn failures(&self) -> String {
        let mut text = String::new();
        for Check { what, bound, measured, verdict, evidence, .. } in &self.checks {
            if *verdict == Verdict::Fails {
                let _ = writeln!(text, "  {what}: {measured}, must be {bound}");
                for line in evidence {
                    let _ = writeln!(text, "    {line}");
                }
            }
        }
        text
    }
}

/// Prints a line at once; the campaign's only way to speak.
pub(crate) fn say(line: &str) {
    // Whoever read it may be gone; the exit code says the same.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The head of the table.
pub(crate) fn head() -> String {
    let machine = processes::machine();
    format!("\n{machine}\n\n| fault | must hold | bound | measured | |\n| --- | --- | --- | --- | --- |")
}

/// Many times, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times(Vec<Duration>);

impl FromIterator<Duration> for Times {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        let mut times: Vec<Duration> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

impl Times {
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that `percent` of all do not exceed; none of none.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let at = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(at).copied()
    }

    pub(crate) fn longest(&self) -> Option<Duration> {
        self.0.last().copied()
    }

    /// `p50 0.3 ms, p99 12.0 ms, longest 15.1 ms of 640`
    pub(crate) fn summary(&self) -> String {
        let at = |percent| self.percentile(percent).map_or("-".to_owned(), shown);
        let longest = self.longest().map_or("-".to_owned(), shown);
        format!("p50 {}, p99 {}, longest {longest} of {}", at(50), at(99), self.count())
    }
}

/// How many times slower than a quiet machine this one is now: the start of a process that does nothing, against
/// [`QUIET`]. At least 1, at most 20. Takes some tens of milliseconds.
pub(crate) fn slowness() -> f64 {
    const STARTS: u32 = 40;
    let begun = Instant::now();
    for _ in 0..STARTS {
        let _ = std::process::Command::new("true").stdin(std::process::Stdio::null()).status();
    }
    (begun.elapsed().as_secs_f64() / f64::from(STARTS) / QUIET.as_secs_f64()).clamp(1.0, 20.0)
}

/// The start and the end of `true` on a quiet machine of 2 cores, from a program as large as this one.
const QUIET: Duration = Duration::from_micros(800);

/// A time in milliseconds, or in seconds if it is long.
pub(crate) fn shown(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds >= 10.0 { format!("{seconds:.1} s") } else { format!("{:.2} ms", seconds * 1000.0) }
}

/// Bytes in MiB.
pub(crate) fn mib(bytes: u64) -> String {
    let tenths = bytes * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
