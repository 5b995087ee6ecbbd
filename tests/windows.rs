//! What only Windows has: pipes that run out of instances, handles that everybody inherits, spellings of one folder, jobs.

use crate::support::{Home, sort};

#[test]
fn clients_that_come_together_all_get_a_port() {
    let home = Home::new();
    home.start();
    let ports = std::thread::scope(|scope| {
        let ask =
            |name: String| home.styxy(&["allocate", "-q", "-s", sort::MANY, "-n", &name]).done().number();
        let clients: Vec<_> = (0..24).map(|n| scope.spawn(move || ask(format!("c{n}")))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect::<std::collections::BTreeSet<_>>()
    });
    assert_eq!(ports.len(), 24);
}
