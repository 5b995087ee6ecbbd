//! A live daemon in this process, on a thread and a `current_thread` runtime of its own as in its own process.
//!
//! `cargo bench -p styxy-daemon --bench live -- [requests] [noise] [owners] [pids] [--quick]`; all if none is named.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![cfg_attr(unix, expect(clippy::unwrap_used, reason = "a bench may stop at anything odd"))]

#[cfg(unix)]
mod noise;
#[cfg(unix)]
mod owners;
#[cfg(unix)]
mod pids;
#[cfg(unix)]
mod requests;
#[cfg(unix)]
mod support;

#[cfg(unix)]
fn main() {
    // Cargo itself adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [word, share] = words.as_slice()
        && word == pids::INSIDE
    {
        return pids::run_inside(share.parse().unwrap());
    }
    let share = if words.iter().any(|word| word == "--quick") { 10 } else { 1 };
    let named =
        |name: &str| words.iter().all(|word| word.starts_with("--")) || words.iter().any(|word| word == name);
    if named("requests") {
        requests::run();
    }
    if named("noise") {
        noise::run(share);
    }
    if named("owners") {
        owners::run(share);
    }
    if named("pids") {
        pids::run(share);
    }
}

#[cfg(not(unix))]
fn main() {
    println!("skipped: the bench speaks over a Unix socket");
}
