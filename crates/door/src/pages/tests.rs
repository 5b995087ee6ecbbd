use sha2::{Digest as _, Sha256};
use styxy_core::{LockId, Port, WallTime};

use super::*;

const HOSTILE: &str = "<script>alert('\"&\u{0}')</script>{style}{body}{title}";

fn served(host: &str) -> Served {
    Served {
        lease: LockId::parse("4f5e0000-0000-4000-8000-000000003000").unwrap(),
        port: Port::new(3000).unwrap(),
        host: host.into(),
        service: "dev".into(),
        folder: None,
        since: WallTime(0),
        rules: styxy_core::DoorRules::default(),
        past: None,
    }
}

fn host(name: &str) -> Host {
    let mut headers = hyper::HeaderMap::new();
    headers.insert("host", name.parse().unwrap());
    match crate::dispatch(9876, &"/".parse().unwrap(), &headers) {
        crate::Goes::Door(host) => host,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_policy_allows_exactly_the_style_that_the_pages_have() {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let base64: String = Sha256::digest(STYLE)
        .chunks(3)
        .flat_map(|three| {
            let bits = three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
                << (8 * (3 - three.len()));
            (0..4).map(move |at| {
                if at > three.len() { '=' } else { ALPHABET[(bits >> (18 - 6 * at) & 63) as usize].into() }
            })
        })
        .collect();
    assert_eq!(STYLE_HASH, format!("sha256-{base64}"));
    assert!(unknown(&host("a.localhost"), &[], "").html().contains(&format!("<style>{STYLE}</style>")));
}

#[test]
fn no_value_gets_onto_a_page_as_it_is() {
    let served = Served { service: HOSTILE.into(), folder: Some(HOSTILE.into()), ..served("a.b.localhost") };
    let stranger_of = Stranger { pid: None, process: Some(HOSTILE.into()), folder: Some(HOSTILE.into()) };
    let past_of = Past {
        host: HOSTILE.into(),
        service: HOSTILE.into(),
        folder: Some(HOSTILE.into()),
        ended: None,
        why: "x",
        rules: styxy_core::DoorRules::default(),
        returns_within_ms: 0,
    };
    let host = host("x.localhost");
    for page in [
        unknown(&host, &[&served], HOSTILE),
        worktree(&host, &[&served], ":9876"),
        waiting(&served, Some(HOSTILE)),
        stranger(&served, &stranger_of),
        past(&host, &past_of, Return::Possible),
        Page::new(HOSTILE).says(HOSTILE).advises(HOSTILE, HOSTILE),
    ] {
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains('\0'), "{html}");
        assert!(html.contains("&lt;script&gt;"), "{html}");
        // A value that looks like a place of the page is not filled.
        assert_eq!(html.matches("<style>").count(), 1);
        assert!(html.contains("{body}"), "{html}");
    }
}

#[test]
fn the_nearest_name_comes_first_and_then_those_of_the_same_worktree() {
    let all =
        ["api.login-shop.localhost", "dev.other.localhost", "web.login-shop.localhost", "web.shop.localhost"]
            .map(served);
    let order = |name: &str| -> Vec<&str> {
        by_nearness(&host(name), all.iter()).into_iter().map(|served| &*served.host).collect()
    };
    assert_eq!(order("wbe.login-shop.localhost")[0], "web.login-shop.localhost");
    assert_eq!(order("wbe.login-shop.localhost")[1], "api.login-shop.localhost");
    assert_eq!(
        order("x.login-shop.localhost")[..2],
        ["api.login-shop.localhost", "web.login-shop.localhost"]
    );
}

#[test]
fn a_page_shows_so_many_names_and_says_how_many_more_there_are() {
    let all: Vec<Served> = (0..50).map(|number| served(&format!("s{number}.shop.localhost"))).collect();
    let html = unknown(&host("x.localhost"), &all.iter().collect::<Vec<_>>(), "").html();
    assert_eq!(html.matches("<li>").count(), MOST_NAMES);
    assert!(html.contains("10 more:"));
}
