//! Which requests of web pages are refused: those of pages of the Internet. A name can be guessed, where a port could not.

use std::net::Ipv4Addr;

use hyper::header::{HeaderName, ORIGIN, REFERER};
use hyper::{HeaderMap, Uri};

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Why a page's request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// Its `Origin` is not on this machine.
    Origin,
    /// A page of another site loads this as a part of itself.
    Site,
}

/// Whether a page of the Internet makes this request other than by going there (R125).
///
/// Whoever follows a link or sends a form arrives: a login that returns from its provider does. Programs say nothing of pages and
/// arrive too. Pages of this machine may ask each other; the servers' own rules for other origins decide.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Foreign> {
    if headers.get(MODE).is_some_and(|mode| mode == "navigate") {
        return Ok(());
    }
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_some() {
        let all_local = origins.all(|origin| origin.to_str().is_ok_and(is_local));
        return if all_local { Ok(()) } else { Err(Foreign::Origin) };
    }
    let is_cross_site = headers.get_all(SITE).iter().any(|site| site == "cross-site");
    let from_here = || headers.get(REFERER).and_then(|page| page.to_str().ok()).is_some_and(is_local);
    if is_cross_site && !from_here() { Err(Foreign::Site) } else { Ok(()) }
}

/// Whether a URL's host is this machine, by a name that cannot be anybody else's.
fn is_local(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let (Some(host), true) = (url.host(), url.scheme().is_some()) else { return false };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a person goes there, so that a page is worth showing: as browsers say it, or as older ones ask.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    match headers.get(MODE) {
        Some(mode) => mode == "navigate",
        None => crate::answer::wants_html(headers),
    }
}

/// Whether a person typed the address, or comes from a page of the same origin: only then names are shown.
pub(crate) fn may_see_names(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(SITE).iter();
    sites.all(|site| site == "none" || site == "same-origin") && is_navigation(headers)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn checked(pairs: &[(&'static str, &'static str)]) -> Result<(), Foreign> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        check(&headers)
    }

    #[test]
    fn pages_of_the_internet_are_refused_unless_somebody_goes_there() {
        for (pairs, expected) in [
            (&[][..], Ok(())),
            (&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], Ok(())),
            (&[("origin", "https://evil.example")], Err(Foreign::Origin)),
            (&[("origin", "null")], Err(Foreign::Origin)),
            (
                &[("origin", "http://web.shop.localhost:9876"), ("origin", "https://evil.example")],
                Err(Foreign::Origin),
            ),
            (&[("origin", "http://localhost.evil.example")], Err(Foreign::Origin)),
            (&[("origin", "http://evillocalhost")], Err(Foreign::Origin)),
            (&[("origin", "chrome-extension://abcdef")], Err(Foreign::Origin)),
            (&[("origin", "")], Err(Foreign::Origin)),
            (&[("origin", "http://web.shop.localhost:9876"), ("sec-fetch-site", "cross-site")], Ok(())),
            (&[("origin", "http://localhost:3000")], Ok(())),
            (&[("origin", "http://127.0.0.1:3000")], Ok(())),
            (&[("origin", "http://[::1]:3000")], Ok(())),
            (&[("origin", "tauri://localhost")], Ok(())),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], Err(Foreign::Site)),
            (&[("sec-fetch-site", "cross-site"), ("referer", "https://evil.example/")], Err(Foreign::Site)),
            (&[("sec-fetch-site", "cross-site"), ("referer", "http://a.other.localhost:9876/")], Ok(())),
            (&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], Ok(())),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("origin", "https://login.example"),
                ],
                Ok(()),
            ),
            (&[("sec-fetch-mode", "websocket"), ("origin", "https://evil.example")], Err(Foreign::Origin)),
        ] {
            assert_eq!(checked(pairs), expected, "{pairs:?}");
        }
    }
}
