//! Whether a history keeps the promises. It knows no daemon: a list of events goes in, and what is wrong comes out.
//!
//! Per port, the intervals [grant acknowledged, release sent or owner's death] of two leases never overlap. What was
//! acknowledged and not yet given back is in every listing that was asked for in between. What was given back is in none, and is
//! given back once. Every refusal has its reason in the history, and no client is left without an answer.

pub(crate) mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use crate::history::{At, Event, Found, Lock, Named, Owner, Refusal, What};

/// After the disk has room again, `storage_unavailable` is a fault this much later.
pub(crate) const RECOVERY: Duration = Duration::from_secs(1);

/// What a row of the campaign lets the daemon say beyond what the history explains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tolerates {
    #[default]
    Nothing,
    /// `no_free_port` with `details.rule = "quota"`.
    Quota,
}

/// Everything wrong with a history, by kind; each entry a sentence.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Two leases of one port at once, a lease given out twice, or a grant of a port that another program has.
    pub(crate) double: Vec<String>,
    /// Acknowledged, and gone without a release and with its owner alive.
    pub(crate) lost: Vec<String>,
    /// Given back, and still there; or given back twice.
    pub(crate) stale: Vec<String>,
    /// Refusals that nothing in the history explains.
    pub(crate) refused: Vec<String>,
    /// Clients that had no answer.
    pub(crate) failed: Vec<String>,
}

/// A lease, as the clients know it.
#[derive(Debug)]
struct Tenure {
    lock: Lock,
    port: u16,
    who: usize,
    sent: At,
    from: At,
    /// Release sent, or owner's death.
    until: Option<At>,
    /// Release acknowledged; none for an owner's death, whose effect nobody acknowledges.
    gone: Option<At>,
}

impl Tenure {
    fn covers(&self, from: At, until: At) -> bool {
        self.from <= from && self.until.is_none_or(|end| end >= until)
    }

    fn released(&mut self, who: usize, at: At, found: Found, findings: &mut Findings) {
        if let (Some(before), Found::Live) = (self.gone, found) {
            let Self { lock, port, .. } = self;
            findings.stale.push(format!(
                "lease {lock} (port {port}) was released at {before:.1?}, and once more by client {who} at {at:.1?}"
            ));
        }
        self.gone.get_or_insert(at);
    }

    /// Whether somebody may have had the port at some moment between the two.
    fn may_touch(&self, from: At, until: At) -> bool {
        self.sent <= until && self.gone.is_none_or(|gone| gone >= from)
    }
}

/// Judges `events`, which are in the order of their times.
pub(crate) fn check(events: &[Event], tolerates: Tolerates) -> Findings {
    let mut findings = Findings::default();
    let tenures = tenures(events, &mut findings);
    overlaps(&tenures, &mut findings);
    listings(events, &tenures, &mut findings);
    let foreign = foreign(events);
    for event in events {
        match &event.what {
            What::Granted { sent, port, lock, who, .. } => {
                let bound = foreign.iter().find(|bound| bound.port == *port && bound.covers(*sent, event.at));
                if let Some(bound) = bound {
                    findings.double.push(format!(
                        "port {port} was granted to client {who} ({lock}, asked at {sent:.1?}, answered at {:.1?}) while another program had it since {:.1?}",
                        event.at, bound.from
                    ));
                }
            }
            What::Refused { who, sent, refusal, .. } => {
                let reasons = Reasons { events, tenures: &tenures, foreign: &foreign, tolerates };
                if !reasons.explain(refusal, *sent, event.at) {
                    let Refusal { asked, named, code, rule, reason, text } = refusal;
                    let line = format!(
                        "client {who} asked {asked} {named:?} at {sent:.1?} and was refused at {:.1?}: {code} {rule:?} {reason:?}: {text}",
                        event.at
                    );
                    let lost = code == "unknown_lease" || code == "lease_ended";
                    if lost { &mut findings.lost } else { &mut findings.refused }.push(line);
                }
            }
            What::Failed { who, by, sent, asked, error } => findings.failed.push(format!(
                "client {who} ({by}) asked {asked} at {sent:.1?} and had no answer by {:.1?}: {error}",
                event.at
            )),
            What::ReleaseSent { .. }
            | What::Released { .. }
            | What::OwnerDies { .. }
            | What::Listed { .. }
            | What::ForeignBound { .. }
            | What::ForeignLetsGo { .. }
            | What::StorageFails
            | What::StorageWorks => {}
        }
    }
    findings
}

/// Every lease that was acknowledged. Says what was granted twice or released twice.
fn tenures(events: &[Event], findings: &mut Findings) -> Vec<Tenure> {
    let mut ledger = Ledger::default();
    for event in events {
        match &event.what {
            What::Granted { who, sent, lock, port, owner, .. } => {
                let (lock, port, who, sent, from) = (*lock, *port, *who, *sent, event.at);
                let tenure = Tenure { lock, port, who, sent, from, until: None, gone: None };
                ledger.granted(tenure, *owner, findings);
            }
            What::ReleaseSent { lock } => {
                if let Some(tenure) = ledger.tenure(*lock) {
                    tenure.until.get_or_insert(event.at);
                }
            }
            What::Released { who, lock, found, .. } => {
                if let Some(tenure) = ledger.tenure(*lock) {
                    tenure.released(*who, event.at, *found, findings);
                }
            }
            What::OwnerDies { owner } => ledger.owner_dies(*owner, event.at),
            What::Refused { .. }
            | What::Failed { .. }
            | What::Listed { .. }
            | What::ForeignBound { .. }
            | What::ForeignLetsGo { .. }
            | What::StorageFails
            | What::StorageWorks => {}
        }
    }
    ledger.tenures
}

/// Leases in the order of their grants, found by their names and by their owners.
#[derive(Default)]
struct Ledger {
    tenures: Vec<Tenure>,
    by_lock: HashMap<Lock, usize>,
    by_owner: HashMap<u32, Vec<usize>>,
}

impl Ledger {
    fn tenure(&mut self, lock: Lock) -> Option<&mut Tenure> {
        self.by_lock.get(&lock).map(|index| &mut self.tenures[*index])
    }

    fn granted(&mut self, tenure: Tenure, owner: Owner, findings: &mut Findings) {
        let Tenure { lock, port, who, from, .. } = tenure;
        if let Some(first) = self.by_lock.insert(lock, self.tenures.len()) {
            let first = &self.tenures[first];
            findings.double.push(format!(
                "lease {lock} was given to client {} at {:.1?} (port {}) and to client {who} at {from:.1?} (port {port})",
                first.who, first.from, first.port
            ));
        }
        if let Owner::Process(pid) = owner {
            self.by_owner.entry(pid).or_default().push(self.tenures.len());
        }
        self.tenures.push(tenure);
    }

    fn owner_dies(&mut self, owner: u32, at: At) {
        for index in self.by_owner.remove(&owner).unwrap_or_default() {
            self.tenures[index].until.get_or_insert(at);
        }
    }
}

/// Two owners of one port at once.
fn overlaps(tenures: &[Tenure], findings: &mut Findings) {
    let mut by_port: BTreeMap<u16, Vec<&Tenure>> = BTreeMap::new();
    for tenure in tenures {
        by_port.entry(tenure.port).or_default().push(tenure);
    }
    for (port, mut tenures) in by_port {
        tenures.sort_by_key(|tenure| tenure.from);
        let mut longest: Option<&Tenure> = None;
        for tenure in tenures {
            if let Some(first) = longest
                && first.until.is_none_or(|until| until > tenure.from)
            {
                findings.double.push(format!(
                    "port {port} was client {}'s from {:.1?} to {} ({}), and client {}'s from {:.1?} on ({})",
                    first.who,
                    first.from,
                    first.until.map_or("the end".to_owned(), |until| format!("{until:.1?}")),
                    first.lock,
                    tenure.who,
                    tenure.from,
                    tenure.lock
                ));
            }
            let ends_later = |first: &Tenure| {
                first.until.zip(tenure.until).is_some_and(|(a, b)| a < b) || tenure.until.is_none()
            };
            if longest.is_none_or(ends_later) {
                longest = Some(tenure);
            }
        }
    }
}

/// What listings show, against what the clients know.
fn listings(events: &[Event], tenures: &[Tenure], findings: &mut Findings) {
    let mut lost: HashSet<Lock> = HashSet::new();
    for event in events {
        let What::Listed { sent, leases } = &event.what else { continue };
        for tenure in tenures {
            let listed = leases.get(&tenure.lock);
            if tenure.covers(*sent, event.at) && listed != Some(&tenure.port) && lost.insert(tenure.lock) {
                findings.lost.push(format!(
                    "lease {} (port {}) was acknowledged to client {} at {:.1?}, and is not in the listing asked for at {sent:.1?}{}",
                    tenure.lock,
                    tenure.port,
                    tenure.who,
                    tenure.from,
                    listed.map_or(String::new(), |port| format!(" but with port {port}")),
                ));
            }
            if listed.is_some() && tenure.gone.is_some_and(|gone| gone < *sent) {
                findings.stale.push(format!(
                    "lease {} (port {}) was released by {:.1?}, and is in the listing asked for at {sent:.1?}",
                    tenure.lock,
                    tenure.port,
                    tenure.gone.unwrap_or_default()
                ));
            }
        }
    }
}

/// A port that a program outside of Styxy has.
#[derive(Debug)]
struct Bound {
    port: u16,
    from: At,
    until: Option<At>,
}

impl Bound {
    fn covers(&self, from: At, until: At) -> bool {
        self.from <= from && self.until.is_none_or(|end| end >= until)
    }
    fn touches(&self, from: At, until: At) -> bool {
        self.from <= until && self.until.is_none_or(|end| end >= from)
    }
}

fn foreign(events: &[Event]) -> Vec<Bound> {
    let mut bounds: BTreeMap<u64, Bound> = BTreeMap::new();
    for event in events {
        match event.what {
            What::ForeignBound { port, socket } => {
                bounds.insert(socket, Bound { port, from: event.at, until: None });
            }
            What::ForeignLetsGo { socket } => {
                if let Some(bound) = bounds.get_mut(&socket) {
                    bound.until = Some(event.at);
                }
            }
            _ => {}
        }
    }
    bounds.into_values().collect()
}

/// What the history says for a refusal.
struct Reasons<'a> {
    events: &'a [Event],
    tenures: &'a [Tenure],
    foreign: &'a [Bound],
    tolerates: Tolerates,
}

impl Reasons<'_> {
    fn explain(&self, refusal: &Refusal, sent: At, answered: At) -> bool {
        match (refusal.code.as_str(), refusal.named) {
            // The exact port: somebody may have had it at that time. Nobody's own grant is its own excuse, since a refusal is
            // no grant.
            ("port_unavailable", Named::Port(port)) => {
                let leased = self.tenures.iter().any(|t| t.port == port && t.may_touch(sent, answered));
                leased || self.foreign.iter().any(|b| b.port == port && b.touches(sent, answered))
            }
            ("no_free_port", _) => {
                self.tolerates == Tolerates::Quota && refusal.rule.as_deref() == Some("quota")
            }
            ("storage_unavailable", _) => self.storage_failed(sent, answered),
            // A lease whose owner was killed ends by itself, perhaps just before its release.
            ("lease_ended", Named::Lease(lock)) => {
                let ended = self.tenures.iter().find(|tenure| tenure.lock == lock);
                let owner_died = self.events.iter().any(|event| {
                    event.at <= answered
                        && matches!(&event.what, What::OwnerDies { .. })
                        && ended.is_some_and(|tenure| tenure.until == Some(event.at))
                });
                refusal.reason.as_deref() == Some("owner_exited") && owner_died
            }
            _ => false,
        }
    }

    /// Whether the storage may have failed at some moment between the two, its recovery included.
    fn storage_failed(&self, sent: At, answered: At) -> bool {
        let mut failing_since = None;
        for event in self.events {
            match event.what {
                What::StorageFails => failing_since = Some(event.at),
                What::StorageWorks => {
                    let failed = failing_since.take().is_some_and(|since| since <= answered);
                    if failed && event.at + RECOVERY >= sent {
                        return true;
                    }
                }
                _ => {}
            }
        }
        failing_since.is_some_and(|since| since <= answered)
    }
}

impl Findings {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lists().iter().map(|(_, list)| list.len()).sum()
    }

    /// Each list with its name.
    pub(crate) fn lists(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("double grants", &self.double),
            ("leases lost", &self.lost),
            ("stale releases", &self.stale),
            ("refusals without a reason", &self.refused),
            ("errors a client sees", &self.failed),
        ]
    }
}
