//! An owner that opens and closes listeners on its leased ports all the time, and what that costs others who ask for ports. The two
//! states take turns, so that a noisy machine is noisy for both.

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{self, Client, Figures};

/// The ports of the owner.
const PORTS: usize = 8;
/// A listener opens and closes this often.
const EVERY: Duration = Duration::from_millis(1);
/// Pairs of allocate and release in each state.
const PAIRS: usize = 10_000;
const BLOCK: usize = 500;

/// Prints the figures, of a `share`-th of everything.
pub(crate) fn run(share: usize) {
    let home = tempfile::tempdir().unwrap();
    let daemon = support::daemon(&home.path().join("daemon"), support::CONFIG);
    let mut client = Client::unix(&daemon.socket);
    let noise = Noise::begin(&mut client);
    println!(
        "allocate over the socket beside an owner that opens and closes {PORTS} leased ports, p50 / p99 µs"
    );
    for (name, body) in [
        ("anew ", r#"{"service_type":"bench","project_path":"/home/someone/else"}"#),
        ("reuse", r#"{"service_type":"bench","project_path":"/home/someone/else","reuse":true}"#),
    ] {
        let (mut quiet, mut loud) = (Vec::new(), Vec::new());
        let (mut closed, mut took) = (0, Duration::ZERO);
        for _ in 0..PAIRS / share / BLOCK {
            block(&mut client, body, &mut quiet);
            let (before, begun) = (noise.closed.load(Ordering::Relaxed), Instant::now());
            noise.is_on.store(true, Ordering::Relaxed);
            block(&mut client, body, &mut loud);
            noise.is_on.store(false, Ordering::Relaxed);
            took += begun.elapsed();
            closed += noise.closed.load(Ordering::Relaxed) - before;
        }
        let (quiet, loud) = (Figures::of(quiet), Figures::of(loud));
        let ratios = (loud.p50 / quiet.p50, loud.p99 / quiet.p99);
        let rate = f64::from(u32::try_from(closed).unwrap_or(u32::MAX)) / took.as_secs_f64();
        println!(
            "  {name} quiet {quiet}   {rate:.0} closes a second {loud}   ratios {:.2} / {:.2}",
            ratios.0, ratios.1
        );
    }
}

fn block(client: &mut Client, body: &str, times: &mut Vec<Duration>) {
    for _ in 0..BLOCK {
        let begun = Instant::now();
        let answer = client.try_allocate(body).unwrap();
        times.push(begun.elapsed());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        client.release(answer["lock_id"].as_str().unwrap());
    }
}

/// The owner's thread.
struct Noise {
    is_on: Arc<AtomicBool>,
    closed: Arc<AtomicUsize>,
}

impl Noise {
    fn begin(client: &mut Client) -> Self {
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).display();
        let body =
            format!(r#"{{"service_type":"bench","project_path":"{own}","pid":{}}}"#, std::process::id());
        let lease = |_| client.try_allocate(&body).unwrap();
        let leases: Vec<Value> =
            (0..PORTS).map(lease).map(|answer| serde_json::from_str(&answer).unwrap()).collect();
        let ports: Vec<u16> =
            leases.iter().map(|lease| u16::try_from(lease["port"].as_u64().unwrap()).unwrap()).collect();
        let noise = Self { is_on: Arc::default(), closed: Arc::default() };
        let (is_on, closed) = (Arc::clone(&noise.is_on), Arc::clone(&noise.closed));
        std::thread::spawn(move || {
            for port in ports.iter().cycle() {
                if is_on.load(Ordering::Relaxed) {
                    // Others of this machine know nothing of leases.
                    let is_ours = TcpListener::bind(("127.0.0.1", *port)).is_ok();
                    closed.fetch_add(usize::from(is_ours), Ordering::Relaxed);
                }
                std::thread::sleep(EVERY);
            }
        });
        noise
    }
}
