use super::*;

fn shown(text: &str) -> String {
    let each = |victim: &Victim| match victim {
        Victim::Process(pid) => format!("process {pid}"),
        Victim::Listener(port) => format!("port {port}"),
        Victim::Named(Name { text, part: Part::Whole }) => format!("all {text}"),
        Victim::Named(Name { text, part: Part::OfName }) => format!("names with {text}"),
        Victim::Named(Name { text, part: Part::OfCommandLine }) => format!("lines with {text}"),
    };
    read(text).iter().map(each).collect::<Vec<_>>().join(", ")
}

#[test]
fn each_literal_form_names_whom_it_ends() {
    for (text, expected) in [
        ("kill 4242", "process 4242"),
        (" /bin/kill -9 4242 43\n", "process 4242, process 43"),
        ("kill -s KILL 4242", "process 4242"),
        ("kill -SIGTERM 4242 2>/dev/null || true", "process 4242"),
        ("pkill node", "names with node"),
        ("pkill -9 -f next-server", "lines with next-server"),
        ("pkill -x vite", "all vite"),
        ("killall -9 node vite", "all node, all vite"),
        ("fuser -k 3000/tcp", "port 3000"),
        ("fuser -k -9 3000/tcp 5173/tcp >/dev/null 2>&1", "port 3000, port 5173"),
        ("npx kill-port 3000", "port 3000"),
        ("npx -y kill-port@2 3000 3001", "port 3000, port 3001"),
        ("kill-port 3000", "port 3000"),
        ("lsof -ti:3000 | xargs kill", "port 3000"),
        ("lsof -ti tcp:3000 2>/dev/null | xargs -r kill -9", "port 3000"),
        ("lsof -t -i:3000 -sTCP:LISTEN | xargs kill -9 2>/dev/null", "port 3000"),
        ("kill -9 $(lsof -ti :3000)", "port 3000"),
        ("taskkill /PID 4242 /F", "process 4242"),
        ("taskkill //F //IM node.exe", "all node.exe"),
        ("Stop-Process -Id 4242,43 -Force", "process 4242, process 43"),
        ("stop-process -name node", "all node"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn whatever_is_more_than_these_words_names_nobody() {
    for text in [
        "",
        "ls",
        "kill",
        "kill -0 4242",
        "kill -l",
        "kill %1",
        "kill -9 -1",
        "kill -- -4242",
        "kill $PID",
        "kill 4242; ls",
        "echo kill 4242",
        "git commit -m 'kill 4242'",
        "STYXY=off kill 4242",
        "sudo kill 4242",
        "pkill -u ada node",
        "pkill -n node",
        "pkill -0 node",
        "pkill 'node|vite'",
        "kill $(pgrep node)",
        "ps aux | grep node | xargs kill",
        "lsof -ti:3000 | xargs echo",
        "lsof -ti:3000",
        "lsof -u ada -ti:3000 | xargs kill",
        "fuser 3000/tcp",
        "fuser -k -i 3000/tcp",
        "npx vite --port 3000",
        "npx",
        "taskkill /IM node.exe /FI STATUS",
        "Stop-Process -Name node -WhatIf",
        "styxy kill 3000",
    ] {
        assert_eq!(shown(text), "", "{text}");
    }
}

#[test]
fn a_name_means_a_program_its_name_or_its_command_line() {
    let means = |text: &str, process, line| match &read(text)[..] {
        [Victim::Named(name)] => name.means(process, line),
        found => panic!("{found:?}"),
    };
    let (process, line) = (Some("next-server"), Some("node /w/next dev"));
    assert!(means("pkill next", process, line) && means("killall next-server", process, line));
    assert!(means("pkill -f dev", process, line) && means("pkill -f server", process, None));
    for other in ["pkill node", "killall next", "pkill -x next", "pkill -f server"] {
        assert!(!means(other, process, line), "{other}");
    }
    assert!(!means("pkill node", None, None));
    assert_eq!(means("taskkill /IM Node.exe", Some("node.exe"), None), cfg!(windows));
}
