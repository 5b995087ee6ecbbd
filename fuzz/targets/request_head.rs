//! Where a request goes, by its head: neither the first look at a connection nor the decision about a request panics, and they agree on
//! what matters. Nothing with another host than ours reaches the API, which is what the header filter relies on.

#![no_main]

use std::future::Future as _;

use libfuzzer_sys::fuzz_target;
use styxy_door::{Goes, dispatch};

const PORT: u16 = 9876;
const OURS: [&str; 3] = ["localhost:9876", "127.0.0.1:9876", "[::1]:9876"];

fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let likely = begins(&mut rest);
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Request::new(&mut headers);
    if !matches!(head.parse(bytes), Ok(httparse::Status::Complete(_))) {
        return;
    }
    let Some(Ok(target)) = head.path.map(str::parse::<http::Uri>) else { return };
    let mut map = http::HeaderMap::new();
    for header in head.headers.iter() {
        let name = http::HeaderName::from_bytes(header.name.as_bytes());
        let value = http::HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else { return };
        map.append(name, value);
    }
    assert!(likely.is_some(), "a whole head says for whom it is");
    if matches!(dispatch(PORT, &target, &map), Goes::Api(_)) {
        let named: Vec<String> = map
            .get_all("host")
            .iter()
            .filter_map(|host| host.to_str().ok())
            .map(str::to_ascii_lowercase)
            .collect();
        assert!(named.iter().all(|host| OURS.contains(&host.as_str())), "{named:?} reached the API");
    }
});

/// What the first look says of a connection that holds these bytes and no more.
fn begins(bytes: &mut &[u8]) -> Option<styxy_door::Likely> {
    let looking = std::pin::pin!(styxy_door::begin(bytes));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match looking.poll(&mut context) {
        std::task::Poll::Ready(found) => found.ok().map(|(_, likely)| likely),
        std::task::Poll::Pending => None,
    }
}
