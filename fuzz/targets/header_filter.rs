//! The header filter (R26), which keeps web pages away from the API: no request makes it panic, and what it lets in over TCP has none of
//! the signs of a page. The same is said here a second time, in other words than the filter's.

#![no_main]

use http::header::{HOST, ORIGIN, REFERER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use styxy_daemon::admits;
use styxy_daemon::system::Verdict;

const PORT: u16 = 9876;
const OURS: [&str; 3] = ["localhost:9876", "127.0.0.1:9876", "[::1]:9876"];
/// What the live view's page is made of, and what it asks for.
const OF_THE_VIEW: [&str; 7] = [
    "/view",
    "/events",
    "/view/style.css",
    "/view/page.js",
    "/view/show.js",
    "/view/dom.js",
    "/view/icon.svg",
];

fuzz_target!(|bytes: &[u8]| {
    let mut lines = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut lines);
    if !matches!(head.parse(bytes), Ok(httparse::Status::Complete(_))) {
        return;
    }
    let (Some(Ok(method)), Some(Ok(target))) =
        (head.method.map(|method| Method::from_bytes(method.as_bytes())), head.path.map(str::parse::<Uri>))
    else {
        return;
    };
    let mut headers = HeaderMap::new();
    for line in head.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(line.value)) else { return };
        headers.append(name, value);
    }
    let admits = |verdict| admits(PORT, verdict, &method, &target, &headers);
    let is_in = admits(Verdict::Own);
    assert_eq!(is_in, admits(Verdict::Root), "root is the user");
    for stranger in [Verdict::Other(1), Verdict::Unknown] {
        assert!(!admits(stranger), "another user is never let in");
    }
    // Without a token there are the page and its files, which are the same for everybody.
    let is_public = target.path() == "/" || target.path().starts_with("/view/");
    assert!(!admits(Verdict::NeedsToken) || is_in && is_public && method == Method::GET);
    if is_in {
        has_no_sign_of_a_page(&method, &target, &headers);
    }
});

fn has_no_sign_of_a_page(method: &Method, target: &Uri, headers: &HeaderMap) {
    let is_ours = |name: &str| OURS.contains(&name.to_ascii_lowercase().as_str());
    let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
    assert_eq!(hosts.len(), 1, "exactly one host");
    assert!(hosts[0].to_str().is_ok_and(is_ours), "{hosts:?}");
    assert!(target.authority().is_none_or(|named| is_ours(named.as_str())), "{target}");
    assert!(!headers.contains_key(ORIGIN) && !headers.contains_key(REFERER));
    for site in headers.get_all("sec-fetch-site") {
        assert_eq!(method, Method::GET, "a page writes nothing");
        // The page has one origin.
        let is_there = hosts[0].as_bytes().eq_ignore_ascii_case(OURS[0].as_bytes());
        let is_own = site == "same-origin" && is_there && OF_THE_VIEW.contains(&target.path());
        assert!(site == "none" || is_own, "{site:?} {target}");
    }
}
