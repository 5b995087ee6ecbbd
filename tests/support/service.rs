//! A server of `styxy up`, which ends only when it is ended: its standard input says nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use super::helper::{ARGUMENTS, ROLE, listener};

/// Listens on `PORT`, and answers each request with the variable that it names; with `pids`, by its own and its child's.
pub(super) fn service(name: &str, kind: Option<&str>) {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let child = kind.filter(|kind| *kind == "parent").map(|_| sleeper());
    let pids: Vec<String> =
        [Some(std::process::id()), child].into_iter().flatten().map(|pid| pid.to_string()).collect();
    let listener = listener(&([127, 0, 0, 1], port).into());
    println!("{name} begins");
    for stream in listener.incoming().map_while(Result::ok) {
        // Whoever has gone wants no answer.
        let _ = answer(stream, &pids.join(" "));
    }
}

fn answer(mut stream: TcpStream, pids: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::from("x");
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line)?;
    }
    let variable = first.split(' ').nth(1).unwrap_or_default().trim_start_matches('/');
    let said = if variable == "pids" { pids.to_owned() } else { std::env::var(variable).unwrap_or_default() };
    write!(stream, "HTTP/1.0 200 OK\r\n\r\n{said}")
}

/// A process in a group of its own and without a console, as a program that means to stay.
fn sleeper() -> u32 {
    use std::os::windows::process::CommandExt as _;
    const DETACHED: u32 = 0x208;
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(ARGUMENTS)
        .env(ROLE, "sleeps")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.creation_flags(DETACHED).spawn().unwrap().id()
}
