//! The campaign: faults against a real daemon under real clients, and a checker of what the clients saw.
//!
//! `cargo test -p styxy --test campaign --release -- --short` takes four minutes, `-- --full` the night. A plain
//! `cargo test` runs the checker's own tests only. docs/RELIABILITY.md says what each fault is and what must hold.

#[cfg(all(test, target_os = "linux"))]
mod checker;
#[cfg(all(test, target_os = "linux"))]
mod clients;
#[cfg(all(test, target_os = "linux"))]
mod daemon;
#[cfg(all(test, target_os = "linux"))]
mod faults;
#[cfg(all(test, target_os = "linux"))]
mod history;
#[cfg(all(test, target_os = "linux"))]
mod options;
#[cfg(all(test, target_os = "linux"))]
mod processes;
#[cfg(all(test, target_os = "linux"))]
mod report;
#[cfg(all(test, target_os = "linux"))]
mod sandbox;
#[cfg(all(test, target_os = "linux"))]
mod work;

#[cfg(all(test, target_os = "linux"))]
fn main() -> std::process::ExitCode {
    work::main()
}

#[cfg(not(all(test, target_os = "linux")))]
fn main() {
    // Namespaces, pidfds and /proc.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), b"the campaign is skipped: it needs Linux\n");
}
