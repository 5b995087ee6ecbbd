//! What a request pays for besides HTTP and the decision: the journal's append and the probe.
//!
//! `cargo bench -p styxy-daemon --bench parts`

#![expect(clippy::unwrap_used, reason = "a bench may stop at anything odd")]

use std::net::TcpListener;

use divan::{Bencher, black_box};
use styxy_core::{Occupancy, Port};
use styxy_daemon::journal::{Fold, Journal, Options};
use styxy_daemon::system::Prober;

fn main() {
    divan::main();
}

/// Remembers nothing, so that compaction costs as little as it can.
struct Nothing;

impl Fold for Nothing {
    fn record(&mut self, _: &[u8]) {}
    fn snapshot(&mut self, _: &[u8]) {}
    fn to_snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// One record of a grant's size, compactions included.
#[divan::bench(sample_count = 200, sample_size = 500)]
fn journal_append(bencher: Bencher<'_, '_>) {
    let home = tempfile::tempdir().unwrap();
    let folds = Box::new(|| Box::new(Nothing) as Box<dyn Fold>);
    let mut journal = Journal::open(home.path(), Options::default(), &mut Nothing, folds).unwrap().journal;
    let record = [b'x'; 400];
    bencher.bench_local(|| journal.append(black_box(&record)).unwrap());
}

/// A port that nothing has: one bind and one close.
#[divan::bench(sample_count = 200, sample_size = 100)]
fn probe_free(bencher: Bencher<'_, '_>) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (prober, port) = (Prober::new(), Port::new(free).unwrap());
    bencher.bench_local(|| assert_eq!(prober.occupancy(black_box(port)), Occupancy::Free));
}

/// A port that a listener has.
#[divan::bench(sample_count = 200, sample_size = 100)]
fn probe_busy(bencher: Bencher<'_, '_>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (prober, port) = (Prober::new(), Port::new(listener.local_addr().unwrap().port()).unwrap());
    bencher.bench_local(|| assert_eq!(prober.occupancy(black_box(port)), Occupancy::Busy));
}
