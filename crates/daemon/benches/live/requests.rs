//! A live daemon beside a plain axum handler that decodes the same bodies, makes the same one probe and encodes the
//! same answers: what a lease costs beyond any HTTP answer. The two are asked in turn, so that a noisy machine is noisy
//! for both.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use axum::extract::{Path as Segment, State};
use axum::routing::{delete, post};
use axum::{Json, Router};
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, Grant, OwnerKind, OwnerView, ReleaseAnswer, State as LeaseState,
};
use styxy_core::{LockId, Occupancy, Port};
use styxy_daemon::system;
use tokio::sync::oneshot;

use crate::support::{self, Client, Figures, Server, listen, spawn};

/// Pairs of allocate and release, for each of the servers.
const PAIRS: usize = 20_000;
/// Pairs in one block.
const BLOCK: usize = 200;
const CLIENTS: usize = 32;
const SPELL: Duration = Duration::from_secs(3);
const LIVE: usize = 10_000;

/// Prints the figures.
pub(crate) fn run() {
    let home = tempfile::tempdir().unwrap();
    let daemon = support::daemon(&home.path().join("daemon"), support::CONFIG);
    let plain = plain(home.path());
    println!(
        "allocate, keep-alive, one client, {PAIRS} pairs, in turn with a plain axum handler (p50 / p99 µs)"
    );
    compare("tcp   ", &mut Client::tcp(daemon.tcp), &mut Client::tcp(plain.tcp));
    compare("socket", &mut Client::unix(&daemon.socket), &mut Client::unix(&plain.socket));

    println!(
        "allocate and release, keep-alive, {CLIENTS} clients, {} s each (pairs a second)",
        SPELL.as_secs()
    );
    for (name, open) in [
        ("tcp   ", (|server| Client::tcp(server.tcp)) as fn(&Server) -> Client),
        ("socket", |server: &Server| Client::unix(&server.socket)),
    ] {
        let (ours, theirs) = (throughput(&daemon, open), throughput(&plain, open));
        println!("  {name} daemon {ours:>8.0}   axum {theirs:>8.0}   ratio {:.2}", ours / theirs);
    }

    println!("allocate by live leases, over tcp (p50 / p99 µs)");
    let mut client = Client::tcp(daemon.tcp);
    let at_none = measure(&mut client, PAIRS / 2);
    for _ in 0..LIVE {
        client.allocate();
    }
    let at_many = measure(&mut client, PAIRS / 2);
    println!("  at 0      {}\n  at {LIVE}  {}   ratio {:.2}", at_none, at_many, at_many.p50 / at_none.p50);
}

/// Asks the two in alternating blocks, so that the scheduler moves the threads of both equally often. The ratio is the
/// median of the blocks' ratios.
fn compare(name: &str, daemon: &mut Client, plain: &mut Client) {
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let block = |client: &mut Client, all: &mut Vec<Duration>| {
        let times: Vec<Duration> = (0..BLOCK).map(|_| client.pair()).collect();
        all.extend(&times);
        Figures::of(times).p50
    };
    for turn in 0..PAIRS / BLOCK {
        let ratio = if turn % 2 == 0 {
            let ours = block(daemon, &mut ours);
            ours / block(plain, &mut theirs)
        } else {
            let theirs = block(plain, &mut theirs);
            block(daemon, &mut ours) / theirs
        };
        ratios.push(ratio);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let (ours, theirs) = (Figures::of(ours), Figures::of(theirs));
    println!("  {name} daemon {ours}   axum {theirs}   ratio {:.2}", ratios[ratios.len() / 2]);
}

fn measure(client: &mut Client, pairs: usize) -> Figures {
    Figures::of((0..pairs).map(|_| client.pair()).collect())
}

fn throughput(server: &Server, open: fn(&Server) -> Client) -> f64 {
    let (barrier, stop) = (Arc::new(Barrier::new(CLIENTS + 1)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (mut client, barrier, stop) = (open(server), Arc::clone(&barrier), Arc::clone(&stop));
            std::thread::spawn(move || {
                barrier.wait();
                let mut pairs = 0;
                while !stop.load(Ordering::Relaxed) {
                    client.pair();
                    pairs += 1;
                }
                pairs
            })
        })
        .collect();
    barrier.wait();
    let begun = Instant::now();
    std::thread::sleep(SPELL);
    stop.store(true, Ordering::Relaxed);
    let pairs: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    f64::from(pairs) / begun.elapsed().as_secs_f64()
}

/// The smallest handler there can be: decode, one probe, encode.
fn plain(home: &Path) -> Server {
    let socket = home.join("plain.sock");
    let (tcp, unix) = listen(&socket);
    let address = tcp.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let next = Arc::new(AtomicU16::new(11_000));
    let router = Router::new()
        .route("/allocate", post(answer))
        .route("/allocate/{lock_id}", delete(release))
        .with_state(next);
    spawn(move || async move {
        let (tcp, unix) = (
            tokio::net::TcpListener::from_std(tcp).unwrap(),
            tokio::net::UnixListener::from_std(unix).unwrap(),
        );
        let tcp = axum::serve::ListenerExt::tap_io(tcp, |stream| stream.set_nodelay(true).unwrap());
        let (tcp, unix) = (axum::serve(tcp, router.clone()), axum::serve(unix, router));
        tokio::select! { _ = tcp => {}, _ = unix => {}, _ = stopped => {} }
    });
    Server { tcp: address, socket, _stop: stop }
}

async fn answer(
    State(next): State<Arc<AtomicU16>>,
    Json(request): Json<AllocateRequest>,
) -> Json<AllocateAnswer> {
    let port = Port::new(next.load(Ordering::Relaxed)).unwrap();
    assert_eq!(system::Prober::new().occupancy(port), Occupancy::Free);
    let service_type = request.service_type.unwrap();
    Json(AllocateAnswer::One(Grant {
        success: true,
        port,
        lock_id: Some(LockId::new(uuid::Uuid::new_v4())),
        service_name: request.service_name,
        state: LeaseState::Granted,
        owner: OwnerView { kind: OwnerKind::Listener, pid: None, process: None, started_at: None },
        url: format!("http://localhost:{port}"),
        reused: false,
        existing: false,
        reason: None,
        displaced_from: None,
        running: None,
        host: None,
        named_url: None,
        message: format!("Port {port} allocated for {service_type} service"),
        service_type,
    }))
}

async fn release(Segment(lock_id): Segment<uuid::Uuid>) -> Json<ReleaseAnswer> {
    assert!(!lock_id.is_nil());
    let port = Port::new(11_000).unwrap();
    Json(ReleaseAnswer { success: true, port, message: format!("Port {port} released") })
}
