//! What is counted, and how Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use styxy_core::api::{Code, StatusAnswer};
use styxy_core::{EndReason, Event, Fact};

/// Counted with each event.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    granted: u64,
    ended: BTreeMap<&'static str, u64>,
    passed: u64,
    conflicts: u64,
}

impl Counters {
    pub(crate) fn count(&mut self, event: &Event) {
        match &event.fact {
            Fact::Granted(_) => self.granted += 1,
            Fact::Ended { reason, .. } => *self.ended.entry(EndReason::as_str(*reason)).or_default() += 1,
            Fact::Passed { .. } => self.passed += 1,
            Fact::Conflict { by: Some(_), .. } => self.conflicts += 1,
            Fact::Conflict { by: None, .. }
            | Fact::Heard { .. }
            | Fact::Silent { .. }
            | Fact::InstanceRegistered(_)
            | Fact::InstanceExpired(_)
            | Fact::InstanceEnded(_)
            | Fact::Answered(_)
            | Fact::Beat(_)
            | Fact::Seen(_)
            | Fact::Booted { .. }
            | Fact::Resumed => {}
        }
    }
}

/// Counted with each request.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    total: AtomicU64,
    refused: Mutex<BTreeMap<(Code, String), u64>>,
}

impl Requests {
    pub(crate) fn count(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    /// `rule` is empty for refusals that have none.
    pub(crate) fn refused(&self, code: Code, rule: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry((code, rule.to_owned())).or_default() += 1;
    }
}

/// The whole of `GET /metrics`, in Prometheus' text format 0.0.4.
pub(crate) fn render(status: &StatusAnswer, counters: &Counters, requests: &Requests) -> String {
    let mut page = Page::default();
    page.one("leases", "gauge", "Live leases.", float(status.allocations));
    page.one("instances", "gauge", "Live instances.", float(status.instances));
    page.one("uptime_seconds", "gauge", "Seconds since the daemon was ready.", status.uptime);
    page.one("resident_bytes", "gauge", "Resident memory.", float64(status.memory.rss));
    if let Some(watches) = status.watches {
        let samples = [
            ("{by=\"handle\"}".to_owned(), float(watches.processes)),
            ("{by=\"poll\"}".to_owned(), float(watches.polled)),
        ];
        page.many("watched_processes", "gauge", "Processes whose end is watched for.", samples);
    }
    if let Some(journal) = &status.journal {
        let used = "Bytes written in the journal's generation.";
        page.one("journal_used_bytes", "gauge", used, float64(journal.used));
        page.one("journal_generation", "counter", "The journal's generation.", float64(journal.generation));
    }
    page.one("granted_total", "counter", "Leases granted.", float64(counters.granted));
    let ended = counters.ended.iter();
    let ended = ended.map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), float64(*count)));
    page.many("ended_total", "counter", "Leases ended, by reason.", ended);
    page.one("passed_total", "counter", "Leases passed to another owner.", float64(counters.passed));
    page.one("conflicts_total", "counter", "Strangers seen on leased ports.", float64(counters.conflicts));
    page.one("requests_total", "counter", "Requests.", float64(requests.total.load(Ordering::Relaxed)));
    let refused = requests.refused.lock().unwrap_or_else(PoisonError::into_inner);
    let refused = refused
        .iter()
        .map(|((code, rule), count)| (format!("{{code=\"{code}\",rule=\"{rule}\"}}"), float64(*count)));
    page.many("refused_total", "counter", "Requests refused, by code and rule.", refused);
    page.text
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.many(name, kind, help, [(String::new(), value)]);
    }

    /// One metric with a sample for each set of labels.
    fn many(&mut self, name: &str, kind: &str, help: &str, samples: impl IntoIterator<Item = (String, f64)>) {
        let _ = writeln!(self.text, "# HELP styxy_{name} {help}\n# TYPE styxy_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(self.text, "styxy_{name}{labels} {value}");
        }
    }
}

fn float(count: usize) -> f64 {
    float64(count as u64)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floating point")]
const fn float64(count: u64) -> f64 {
    count as f64
}
