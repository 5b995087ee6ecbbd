//! Networks that are not as usual, each in a namespace of its own: a loopback with one family, or ports that the kernel
//! gives to connections.

#![cfg(target_os = "linux")]

use serde_json::json;

use crate::support::{Home, Output, finish, lacks_namespaces, sort};

/// What `script` says in a network namespace, with `$STYXY`; none if there can be none.
fn apart(home: &Home, script: &str) -> Option<Output> {
    let namespace = ["--net", "--mount", "--map-root-user", "sh", "-ec"];
    if lacks_namespaces(&[&namespace[..], &["ip link set lo up"]].concat()) {
        return None;
    }
    let mut command = home.command("unshare");
    command.args(namespace).arg(format!("ip link set lo up\n{script}\n$STYXY daemon stop >/dev/null"));
    command.env("STYXY", crate::support::program());
    Some(finish(&mut command).done())
}

#[test]
fn rest_is_on_whichever_loopback_address_there_is() {
    for (missing, address) in [("127.0.0.1/8", "[::1]"), ("::1/128", "127.0.0.1")] {
        let home = Home::new();
        let script = format!(
            "ip addr del {missing} dev lo\n$STYXY daemon start\n$STYXY daemon status --json | grep -A2 '\"tcp\"'\n\
             $STYXY allocate -s {} -q",
            sort::WEB
        );
        let Some(said) = apart(&home, &script) else { return };
        assert!(said.stdout.contains(&format!("\"{address}:{}\"", home.listen_port())), "{said:?}");
        assert!(said.stdout.contains(&home.range(sort::WEB).start().to_string()), "{said:?}");
        assert_eq!(said.stderr, "", "nothing is wrong");
    }
}

#[test]
fn with_ipv6_switched_off_a_server_is_seen_and_ended() {
    let home = Home::new();
    let script = format!(
        "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6\nport=$($STYXY allocate -s {} -q)\n\
         python3 -m http.server $port --bind 127.0.0.1 >/dev/null 2>&1 &\n\
         until $STYXY check $port --json | grep -q python3; do sleep 0.05; done\n\
         $STYXY kill $port --yes\n$STYXY daemon status --json\n$STYXY doctor",
        sort::WEB
    );
    let Some(said) = apart(&home, &script) else { return };
    let only = format!("\"tcp\":[\"127.0.0.1:{}\"]", home.listen_port());
    assert!(said.stdout.contains(&only), "{said:?}");
    assert!(said.stdout.contains("Nothing listens on port"), "{said:?}");
}

#[test]
fn without_a_loopback_address_there_is_one_clear_sentence() {
    let home = Home::new();
    home.configure(&json!({ "listen_port": null }));
    let script =
        "ip addr flush dev lo\n$STYXY daemon start\n$STYXY daemon status --json | grep -A2 '\"notes\"'";
    let Some(said) = apart(&home, script) else { return };
    let note = "this machine has no loopback address; the daemon listens on its socket only";
    assert!(said.stdout.contains(&format!("\"{note}\"")), "{said:?}");
}

#[test]
fn a_wide_range_of_the_kernels_own_ports_is_no_ban() {
    let home = Home::new();
    let first = *home.range(sort::WEB).start();
    let script = format!(
        "echo '1024 65535' > /proc/sys/net/ipv4/ip_local_port_range\n$STYXY allocate -s {web} -q\n\
         $STYXY daemon stop >/dev/null\necho {reserved} > /proc/sys/net/ipv4/ip_local_reserved_ports\n\
         $STYXY allocate -s {web} -q",
        web = sort::WEB,
        reserved = first + 3,
    );
    let Some(said) = apart(&home, &script) else { return };
    let ports: Vec<u16> = said.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(ports, [first, first + 3], "a reserved port is one of the others");
}
