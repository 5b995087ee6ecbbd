//! What the lock file must keep, because nothing else would tell that it is gone.

use reqwest::Url;

/// `idna_adapter` chooses by its version what `url` knows of international domain names: 1.2 has ICU's tables (18 crates,
/// a quarter of a megabyte in the program and the addon together), 1.0 has none and refuses such names. Every host that
/// Styxy asks is ASCII, most often `localhost`. After `cargo update`:
///
///     cargo update -p idna_adapter --precise 1.0.0
#[test]
fn the_lock_file_keeps_the_tables_of_international_domain_names_out() {
    let lock = include_str!("../Cargo.lock");
    let entry =
        |name: &str| lock.split("[[package]]").find(|entry| entry.contains(&format!("\nname = {name:?}\n")));
    let version = entry("idna_adapter").expect("url depends on it").split('"').nth(3);
    assert_eq!(version, Some("1.0.0"), "cargo update -p idna_adapter --precise 1.0.0");
    for name in ["icu_normalizer", "icu_properties"] {
        assert_eq!(entry(name), None, "something else needs {name} now: is 1.0.0 still worth it?");
    }
}

#[test]
fn every_url_that_styxy_asks_is_understood_without_those_tables() {
    for (url, host) in [
        ("http://localhost/status", "localhost"),
        ("http://LOCALHOST:3000/", "localhost"),
        ("http://127.0.0.1:9876/check/3000", "127.0.0.1"),
        ("http://[::1]:9876/events", "[::1]"),
        ("http://web.feature-1.shop.localhost:3000/", "web.feature-1.shop.localhost"),
        ("http://localhost:3000/grüße?q=日本#ende", "localhost"),
    ] {
        let parsed = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(parsed.host_str(), Some(host), "{url}");
    }
    assert_eq!(Url::parse("http://localhost/ü").unwrap().path(), "/%C3%BC");
    assert!(Url::parse("http://grüße.example/").is_err(), "the tables are there");
}
