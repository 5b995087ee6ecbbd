//! What is counted, and how Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use styxy_core::api::{Code, Rule, StatusAnswer};
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
    refused: Mutex<BTreeMap<(Code, Option<Rule>), u64>>,
}

impl Requests {
    pub(crate) fn count(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, code: Code, rule: Option<Rule>) {
        if let Ok(mut refused) = self.refused.lock() {
            *refused.entry((code, rule)).or_default() += 1;
        }
    }
}

/// The whole of `GET /metrics`, in Prometheus' text format 0.0.4.
pub(crate) fn render(status: &StatusAnswer, counters: &Counters, requests: &Requests) -> String {
    let mut text = String::new();
    let mut metric = |name: &str, kind: &str, help: &str, samples: &[(String, f64)]| {
        let _ = writeln!(text, "# HELP styxy_{name} {help}\n# TYPE styxy_{name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(text, "styxy_{name}{labels} {value}");
        }
    };
    let one = |value: f64| [(String::new(), value)];
    metric("leases", "gauge", "Live leases.", &one(float(status.allocations)));
    metric("instances", "gauge", "Live instances.", &one(float(status.instances)));
    metric("uptime_seconds", "gauge", "Seconds since the daemon was ready.", &one(status.uptime));
    metric("resident_bytes", "gauge", "Resident memory.", &one(float64(status.memory.rss)));
    if let Some(watches) = status.watches {
        let samples = [
            ("{by=\"handle\"}".to_owned(), float(watches.processes)),
            ("{by=\"poll\"}".to_owned(), float(watches.polled)),
        ];
        metric("watched_processes", "gauge", "Processes whose end is watched for.", &samples);
    }
    if let Some(journal) = &status.journal {
        metric(
            "journal_used_bytes",
            "gauge",
            "Bytes written in the journal's generation.",
            &one(float64(journal.used)),
        );
        metric(
            "journal_generation",
            "counter",
            "The journal's generation.",
            &one(float64(journal.generation)),
        );
    }
    metric("granted_total", "counter", "Leases granted.", &one(float64(counters.granted)));
    let ended: Vec<_> = counters
        .ended
        .iter()
        .map(|(reason, count)| (format!("{{reason=\"{reason}\"}}"), float64(*count)))
        .collect();
    metric("ended_total", "counter", "Leases ended, by reason.", &ended);
    metric("passed_total", "counter", "Leases passed to another owner.", &one(float64(counters.passed)));
    metric(
        "conflicts_total",
        "counter",
        "Strangers seen on leased ports.",
        &one(float64(counters.conflicts)),
    );
    metric("requests_total", "counter", "Requests.", &one(float64(requests.total.load(Ordering::Relaxed))));
    let refused: Vec<_> = requests.refused.lock().map_or_else(
        |_| Vec::new(),
        |refused| {
            let sample = |((code, rule), count): (&(Code, Option<Rule>), &u64)| {
                let rule = rule.map_or("", Rule::as_str);
                (format!("{{code=\"{code}\",rule=\"{rule}\"}}"), float64(*count))
            };
            refused.iter().map(sample).collect()
        },
    );
    metric("refused_total", "counter", "Requests refused, by code and rule.", &refused);
    text
}

fn float(count: usize) -> f64 {
    float64(count as u64)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus' numbers are floating point")]
const fn float64(count: u64) -> f64 {
    count as f64
}
