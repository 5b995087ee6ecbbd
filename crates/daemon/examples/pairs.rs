//! So many allocate and release pairs over the socket of a daemon in this process, beside so many other live leases:
//! `bench/instructions.mjs` counts what they take.
//!
//! `pairs COUNT LIVE`

#[cfg(unix)]
#[path = "../benches/live/support.rs"]
#[expect(dead_code, reason = "the benches use all of it")]
#[expect(clippy::unwrap_used, reason = "it may stop at anything odd")]
mod support;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let (Some(count), Some(live)) = (numbers.next().transpose()?, numbers.next().transpose()?) else {
        return Err("pairs COUNT LIVE".into());
    };
    let home = tempfile::tempdir()?;
    let daemon = support::daemon(&home.path().join("daemon"), support::CONFIG);
    let mut client = support::Client::unix(&daemon.socket);
    for _ in 0..live {
        client.allocate();
    }
    for _ in 0..count {
        client.pair();
    }
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
