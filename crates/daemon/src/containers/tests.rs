//! Engines that answer, that do not, and what is remembered of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::*;

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

/// An engine with one container, which publishes 3000; counts how often it is asked.
fn engine(place: &Path) -> Arc<AtomicUsize> {
    let (listener, asked) = (UnixListener::bind(place).unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A request may come in pieces.
            let lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            assert_eq!(head[0], "GET /containers/json HTTP/1.0");
            count.fetch_add(1, Ordering::SeqCst);
            let body = r#"[{"Names": ["/web"], "State": "running", "Ports": [{"PublicPort": 3000, "Type": "tcp"}]}]"#;
            let _ = write!(stream, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
        }
    });
    asked
}

fn of(place: &Path) -> Containers {
    Containers { places: vec![place.to_owned()], known: Mutex::default() }
}

#[test]
fn an_engine_is_asked_once_for_a_while_and_only_about_its_own_programs() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("docker.sock");
    let asked = engine(&place);
    let containers = of(&place);
    let name = |process, user, number| Some(containers.behind(process, user, port(number))?.name);
    assert_eq!(name(Some("node"), Relation::Own, 3000), None);
    assert_eq!(name(Some("nginx"), Relation::Root, 3000), None);
    assert_eq!(name(None, Relation::Other, 3000), None);
    assert_eq!(asked.load(Ordering::SeqCst), 0, "no program of an engine's");
    assert_eq!(name(None, Relation::Root, 3000).as_deref(), Some("web"));
    assert_eq!(name(Some("docker-proxy"), Relation::Own, 3000).as_deref(), Some("web"));
    assert_eq!(name(None, Relation::Root, 3001), None);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_engine_that_never_answers_costs_a_bounded_time_and_is_left_alone_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("docker.sock");
    let _silent = UnixListener::bind(&place).unwrap();
    let containers = of(&place);
    let begun = Instant::now();
    assert_eq!(containers.behind(None, Relation::Root, port(3000)), None);
    assert!((PATIENCE..PATIENCE * 8).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    let again = Instant::now();
    assert_eq!(containers.behind(None, Relation::Root, port(3000)), None);
    assert!(again.elapsed() < PATIENCE, "it is not asked again at once");
}

#[test]
fn the_variables_name_engines_before_the_usual_places() {
    let variable = |name: &str| match name {
        "DOCKER_HOST" => Some("unix:///tmp/engine.sock".into()),
        "CONTAINER_HOST" => Some("ssh://elsewhere".into()),
        "XDG_RUNTIME_DIR" => Some("/run/user/1000".into()),
        _ => None,
    };
    let expected = [
        "/tmp/engine.sock",
        "/var/run/docker.sock",
        "/run/podman/podman.sock",
        "/run/user/1000/docker.sock",
        "/run/user/1000/podman/podman.sock",
    ];
    assert_eq!(places(variable), expected.map(PathBuf::from));
    assert_eq!(places(|_| None).len(), 2);
}
