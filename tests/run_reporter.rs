//! On a terminal `styxy run` leaves a process behind that says once where the server really listens.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{Home, Terminal, on_terminal, open_terminal, sort, until};

/// A shell word: a server on this port, whatever `PORT` says, which ends with a line on its standard input.
fn listens(port: &str) -> String {
    let script = format!(
        "import os, socket, sys\ns = socket.socket()\ns.bind((\"127.0.0.1\", int({port})))\ns.listen()\n\
         print(\"li\" \"stens\", os.getpid())\nsys.stdin.readline()"
    );
    format!("python3 -uc '{script}'")
}

/// The processes of Styxy's in this home, without the daemon.
fn reporters(home: &Home) -> Vec<PathBuf> {
    let of_home = format!("STYXY_HOME={}\0", home.root().display());
    let is_reporter = |process: &PathBuf| {
        let text =
            |name: &str| fs::read(process.join(name)).map(|text| String::from_utf8_lossy(&text).into_owned());
        let words = text("cmdline").unwrap_or_default();
        words.contains("styxy\0run\0") && text("environ").unwrap_or_default().contains(&of_home)
    };
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(is_reporter).collect()
}

#[test]
fn a_tool_that_ignores_its_port_is_named_with_the_port_where_it_listens() {
    let home = Home::new();
    let elsewhere = home.spare_port();
    let port = *home.range(sort::WEB).start();
    let mut terminal = Terminal::shell(&home);
    terminal.types(&format!("$STYXY run -s web -- {}\n", listens(&elsewhere.to_string())));
    let door = home.listen_port();
    terminal
        .sees(&format!("styxy: web is http://localhost:{port} and http://web.project.localhost:{door}\r\n"));
    terminal.sees("listens ");
    assert_eq!(reporters(&home).len(), 1);
    terminal.sees(&format!(
        "styxy: web listens on http://localhost:{elsewhere}, and nothing on its port {port}: the command ignores PORT\r"
    ));
    until("the reporter ends", || reporters(&home).is_empty());
    terminal.types("\n");
}

#[test]
fn a_server_on_its_own_port_is_not_mentioned_and_the_reporter_ends() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.types(&format!("$STYXY run -s web -- {}\n", listens("os.environ[\"PORT\"]")));
    terminal.sees("listens ");
    until("the reporter ends", || reporters(&home).is_empty());
    assert_eq!(home.leases().len(), 1, "the server has its lease all the same");
    terminal.types("\necho d''one\n");
    let shown = terminal.sees("done");
    assert!(!shown.contains("styxy: web listens"), "{shown}");
}

#[test]
fn the_reporter_is_not_the_commands_child_and_ends_with_it() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    terminal.types("$STYXY run -s web -- sh -c 'echo p\"\"id $$; read line'\n");
    terminal.sees("pid ");
    let said = terminal.sees("\r\n");
    let pid = said.trim();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    assert_eq!(children, "", "neither a child nor a zombie");
    assert_eq!(reporters(&home).len(), 1);
    // Ctrl-C ends both.
    terminal.types("\x03");
    until("the reporter ends with the command", || reporters(&home).is_empty());
    let bare = on_terminal(home.command("ls").arg("/proc/self/fd"), "").1;
    let under =
        on_terminal(&mut home.styxy_command(&["run", "-s", sort::WEB, "--", "ls", "/proc/self/fd"]), "").1;
    let (first, rest) = under.split_once("\r\n").unwrap();
    assert!(first.starts_with("styxy: web is "), "{under:?}");
    assert_eq!(rest, bare, "the command has no descriptor more");
}

#[test]
fn the_reporter_keeps_nothing_but_the_terminal() {
    let home = Home::new();
    home.start();
    let (_ours, theirs) = open_terminal();
    let mut command = home.shell("exec 7</dev/zero; exec $STYXY run -s web -- sh -c 'exec >&2; read line'");
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(theirs()).spawn().unwrap();
    drop(command);
    // The pipe ends with the command's own use of it.
    assert_eq!(running.stdout.take().unwrap().read(&mut [0]).unwrap(), 0);
    let found = reporters(&home);
    let [reporter] = found.as_slice() else { panic!("{found:?}") };
    let kept = fs::read_dir(reporter.join("fd")).unwrap().map(|entry| fs::read_link(entry.unwrap().path()));
    let kept: Vec<PathBuf> = kept.map_while(Result::ok).collect();
    assert!(kept.contains(&"/dev/null".into()) && !kept.contains(&"/dev/zero".into()), "{kept:?}");
    assert_eq!(fs::read_link(reporter.join("cwd")).unwrap(), PathBuf::from("/"));
    drop(running.stdin.take());
    assert!(!running.wait().unwrap().success(), "nothing was read");
    until("the reporter ends with the command", || reporters(&home).is_empty());
}

#[test]
fn nobody_waits_for_the_reporter() {
    let home = Home::new();
    // What was shown ends when nobody has the terminal open any more.
    let (code, shown) = on_terminal(&mut home.styxy_command(&["run", "-s", sort::WEB, "--", "true"]), "");
    assert_eq!(code, 0, "{shown}");
    until("the reporter ends with the command", || reporters(&home).is_empty());
    until("no lease is left behind", || home.leases().is_empty());
}

#[test]
fn where_nobody_reads_there_is_no_reporter() {
    let home = Home::new();
    let mut terminal = Terminal::shell(&home);
    for line in ["$STYXY run -q -s web -- sh -c", "$STYXY run -s web 2>/dev/null -- sh -c"] {
        terminal.types(&format!("{line} 'echo re\"\"ady; read line'\n"));
        terminal.sees("ready");
        assert_eq!(reporters(&home), [] as [PathBuf; 0], "{line}");
        terminal.types("\n");
    }
}
