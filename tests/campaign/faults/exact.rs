//! One exact port and many clients that want it; and clients that ask beside programs that bind ports without asking.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use serde_json::json;

use super::{Context, Stops};
use crate::checker::{Tolerates, check};
use crate::clients::Ask;
use crate::clients::load::{allocate, release};
use crate::daemon::{Home, Port, SERVICE};
use crate::history::{History, Owner, What};
use crate::report::Report;

const CLIENTS: usize = 64;
/// Ports that foreign programs and clients meet on.
const SHARED: u16 = 40;
const BINDERS: usize = 4;
const ASKERS: usize = 8;

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    race(context, &mut report);
    foreign(context, &mut report);
    report
}

fn ask(request_id: String, exact: Option<u16>) -> Ask {
    Ask { service: SERVICE.to_owned(), name: None, project: "/p".to_owned(), pid: None, exact, request_id }
}

/// All at once, again and again: one wins, the others learn that the port is taken.
fn race(context: &mut Context, report: &mut Report) {
    let home = Home::new(Port::Fixed, &json!({}));
    if let Err(error) = home.start() {
        return report.none("starts", &[error]);
    }
    let (history, rounds, port) = (History::new(), context.rounds, home.spare_port());
    let barrier = Barrier::new(CLIENTS);
    let winners: Vec<AtomicUsize> = (0..rounds).map(|_| AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for who in 0..CLIENTS {
            let (mut client, history, barrier, winners) = (home.client(), &history, &barrier, &winners);
            scope.spawn(move || {
                for (round, winners) in winners.iter().enumerate() {
                    barrier.wait();
                    let ask = ask(format!("{who}-{round}"), Some(port));
                    let won = allocate(&mut client, history, who, &ask, Owner::Listener);
                    winners.fetch_add(usize::from(won.is_some()), Ordering::Relaxed);
                    // Nobody gives it back before all have asked.
                    barrier.wait();
                    if let Some(lock) = won {
                        release(&mut client, history, who, lock);
                    }
                }
            });
        }
    });
    let wrong = winners.iter().enumerate().filter(|(_, winners)| winners.load(Ordering::Relaxed) != 1);
    let wrong: Vec<String> = wrong
        .map(|(round, winners)| format!("round {round} had {} winners", winners.load(Ordering::Relaxed)))
        .collect();
    report.count(format!("{rounds} races of {CLIENTS} clients for one port"));
    report.none("races without exactly one winner", &wrong);
    // Who lost may have been refused for the winner's sake only.
    report.none("other faults of the races", &every(&check(&history.events(), Tolerates::Nothing)));
}

fn every(findings: &crate::checker::Findings) -> Vec<String> {
    findings.lists().iter().flat_map(|(_, list)| list.iter().cloned()).collect()
}

/// Programs bind ports of the range on any address and let go of them; no grant is of a port that one of them has.
fn foreign(context: &mut Context, report: &mut Report) {
    let home = Home::new(Port::Fixed, &json!({}));
    let (first, last) = (home.first_port(), home.first_port() + SHARED - 1);
    let config = json!({ "service_types": { SERVICE: { "range": [first, last] } } });
    home.reconfigure(&config);
    if let Err(error) = home.start() {
        return report.none("starts", &[error]);
    }
    let (history, done, granted) = (History::new(), AtomicBool::new(false), AtomicUsize::new(0));
    let rounds = usize::try_from(context.rounds).unwrap_or(usize::MAX);
    let bound = Mutex::new(0_usize);
    thread::scope(|scope| {
        for _ in 0..BINDERS {
            let (history, done, bound, mut rng) = (&history, &done, &bound, context.rng.fork());
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    if bind_for_a_while(history, &mut rng, first) {
                        *bound.lock().expect("nobody panics with it") += 1;
                    }
                }
            });
        }
        let askers: Vec<_> = (0..ASKERS)
            .map(|who| {
                let (mut client, history, granted) = (home.client(), &history, &granted);
                scope.spawn(move || {
                    for round in 0..rounds {
                        let ask = ask(format!("{who}-{round}"), None);
                        if let Some(lock) = allocate(&mut client, history, who, &ask, Owner::Listener) {
                            granted.fetch_add(1, Ordering::Relaxed);
                            release(&mut client, history, who, lock);
                        }
                    }
                })
            })
            .collect();
        let _stops = Stops(&done);
        for asker in askers {
            let _ = asker.join();
        }
    });
    let findings = check(&history.events(), Tolerates::Nothing);
    let (granted, bound) = (granted.into_inner(), bound.into_inner().unwrap_or_default());
    report.count(format!("{granted} grants beside {bound} foreign binds"));
    report.none("grants of a port that another program has", &findings.double);
    report.none(
        "other faults beside foreign binds",
        &[findings.lost, findings.stale, findings.refused, findings.failed].concat(),
    );
}

/// Listens on a random port and address, and lets go soon; false if somebody has it.
fn bind_for_a_while(history: &History, rng: &mut fastrand::Rng, first: u16) -> bool {
    let port = first + rng.u16(..SHARED);
    let addresses: [SocketAddr; 5] = [
        (Ipv4Addr::LOCALHOST, port).into(),
        ([127, 0, 0, 2], port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
        (Ipv6Addr::UNSPECIFIED, port).into(),
    ];
    let Ok(listener) = TcpListener::bind(addresses[rng.usize(..addresses.len())]) else { return false };
    let socket = rng.u64(..);
    history.add(What::ForeignBound { port, socket });
    thread::sleep(std::time::Duration::from_micros(rng.u64(100..20_000)));
    history.add(What::ForeignLetsGo { socket });
    drop(listener);
    true
}
