//! What is filled into the texts of a project's file (R140): the addresses of its services, and what the worktree is called.

use styxy_core::Port;
use styxy_core::label::HostName;
use styxy_core::project::text::{Fact, Place, Text};

use crate::here::variables::{Served, url};

/// The addresses of a project's services.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    /// By their labels.
    addresses: Vec<(String, Address)>,
    slug: Option<String>,
}

/// Where a service is reached.
#[derive(Debug, Clone)]
struct Address {
    port: Port,
    named_url: Option<String>,
}

impl Places {
    /// The places of `served`. `slug` is what the worktree is called if none of them has a name.
    pub(crate) fn new<'s>(
        served: impl IntoIterator<Item = &'s Served>,
        slug: impl FnOnce() -> Option<String>,
    ) -> Self {
        let address = |served: &Served| Address { port: served.port, named_url: served.named_url.clone() };
        let addresses: Vec<(String, Address)> =
            served.into_iter().map(|served| (served.label.clone(), address(served))).collect();
        let host = addresses.iter().find_map(|(_, address)| HostName::read(address.host()?));
        // The daemon may have called it otherwise than the folder says, if another worktree has that name.
        let slug = host.map(|host| host.worktree.to_string()).or_else(slug);
        Self { addresses, slug }
    }

    /// What the worktree is called.
    pub(crate) fn slug(&self) -> Option<&str> {
        self.slug.as_deref()
    }

    /// `text` with its places filled in; none if one of them is unknown.
    pub(crate) fn filled(&self, text: &Text) -> Option<String> {
        text.filled(|place| self.of(place))
    }

    fn of(&self, place: &Place) -> Option<String> {
        match place {
            Place::Of(label, fact) => {
                let known = self.addresses.iter().find(|(known, _)| known == label.as_str());
                known.map(|(_, address)| address.says(*fact))
            }
            Place::Slug => self.slug.clone(),
            Place::SlugUnderscored => self.slug.as_ref().map(|slug| slug.replace('-', "_")),
        }
    }
}

impl Address {
    fn says(&self, fact: Fact) -> String {
        let of_port = || url(self.port);
        match fact {
            Fact::Port => self.port.to_string(),
            Fact::Url | Fact::Origin => of_port(),
            // Whoever reads it wants an address in any case.
            Fact::NamedUrl | Fact::NamedOrigin => {
                self.named_url.as_ref().map_or_else(of_port, |url| url.trim_end_matches('/').to_owned())
            }
            Fact::Host => self.host().unwrap_or("localhost").to_owned(),
        }
    }

    /// The host of its address by name.
    fn host(&self) -> Option<&str> {
        let (_, rest) = self.named_url.as_deref()?.split_once("://")?;
        rest.split(['/', ':']).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(named: Option<&str>) -> Places {
        let api =
            Served::called_so("my-api", Port::new(4000).unwrap()).called(named.map(str::to_owned).as_ref());
        Places::new([&api], || Some("login-shop".to_owned()))
    }

    fn filled(places: &Places, text: &str) -> Option<String> {
        places.filled(&Text::parse(text).unwrap())
    }

    #[test]
    fn each_place_is_filled_in() {
        let named = places(Some("http://api-my.shop-2.localhost:9876"));
        let all = "{my-api.port} {my-api.url} {my-api.named_url} {my-api.origin} {my-api.named_origin} {my-api.host} {slug}";
        assert_eq!(
            filled(&named, all).as_deref(),
            Some(
                "4000 http://localhost:4000 http://api-my.shop-2.localhost:9876 http://localhost:4000 \
                 http://api-my.shop-2.localhost:9876 api-my.shop-2.localhost shop-2"
            )
        );
    }

    #[test]
    fn a_server_without_a_name_is_reached_by_its_port() {
        let nameless = places(None);
        let all = "{my-api.named_url} {my-api.named_origin} {my-api.host} {slug_}";
        let expected = "http://localhost:4000 http://localhost:4000 localhost login_shop";
        assert_eq!(filled(&nameless, all).as_deref(), Some(expected));
        assert_eq!(filled(&nameless, "{web.url}"), None);
    }
}
