//! Which name was probably meant: a lease's for a target that no lease has, a service type's for one that nobody knows.

use styxy_core::api::Lease;
use styxy_core::config::{Config, Parsed};
use styxy_core::{ServiceName, ServiceType, is_slip, nearest};

use crate::here::config_file::read_or_default;
use crate::here::context;
use crate::here::typed::Words;
use crate::here::verb::Verb;
use crate::say::facts;
use crate::say::output;

/// The lease that `typed` (`web`, `dev/web`, `packages.web`, `devv`) probably means, as a target: one that is called so but for
/// its type or its folder, else the one with the fewest typos. For a command that ends something a typo must be a sure slip.
pub(crate) fn label<'a>(typed: &str, leases: impl Iterator<Item = &'a Lease>, verb: Verb) -> Option<String> {
    let handles: Vec<(String, String)> = leases.flat_map(handles).collect();
    let is = |same: fn(&str, &str) -> bool| handles.iter().find(|(handle, _)| same(typed, handle));
    let found = is(str::eq_ignore_ascii_case).or_else(|| {
        if verb.ends_something() {
            return is(is_slip);
        }
        let near = nearest(typed, handles.iter().map(|(handle, _)| handle.as_str()))?;
        handles.iter().find(|(handle, _)| handle == near)
    });
    found.map(|(_, label)| label.clone())
}

/// The service of `labels` that `typed` probably means, by the same rule; not one that is typed as it is called.
pub(crate) fn word(typed: &str, labels: &[String], verb: Verb) -> Option<String> {
    let others = || labels.iter().map(String::as_str).filter(|label| *label != typed);
    let found = if verb.ends_something() {
        others().find(|label| is_slip(typed, label))
    } else {
        nearest(typed, others())
    };
    found.filter(|_| !labels.iter().any(|label| label == typed)).map(str::to_owned)
}

/// What a lease may be called, each with its label: `dev/packages.web`, `dev/web`, `packages.web`, `web` and `dev`.
fn handles(lease: &Lease) -> Vec<(String, String)> {
    let label = facts::service(lease);
    let kind = &lease.service_type;
    let name = lease.service_name.as_ref().map(ServiceName::as_str);
    let last = name.and_then(|name| name.rsplit('.').next());
    let named = name.into_iter().chain(last).flat_map(|name| [format!("{kind}/{name}"), name.to_owned()]);
    let all = std::iter::once(label.clone()).chain(named).chain([kind.to_string()]);
    all.map(|handle| (handle, label.clone())).collect()
}

/// Says which of the service types that were typed are probably mistyped.
pub(crate) fn warn(typed: &[ServiceType], words: &Words) {
    typed.iter().filter_map(|kind| mistyped(kind, words)).for_each(|said| output::warning(&said));
}

/// What to say about a service type that is probably a slip of the hand: it has no settings, and one that has some differs by a
/// slip only. The type is used as typed: any word may be one.
fn mistyped(kind: &ServiceType, words: &Words) -> Option<String> {
    let built_in = Config::default().service_types;
    let mut known = words.all().into_iter().chain(built_in.keys().map(ServiceType::as_str));
    let meant = known.find(|known| is_slip(kind.as_str(), known))?;
    // A strict daemon says it itself.
    let is_said = || settings().is_some_and(|settings| settings.strict_service_types);
    let problem = || format!("there are no settings for the service type {kind}; did you mean {meant}?");
    (!is_known(kind, words) && !is_said()).then(problem)
}

/// Whether the word is a service or a service type.
fn is_known(kind: &ServiceType, words: &Words) -> bool {
    words.all().contains(&kind.as_str())
        || Config::default().service_types.contains_key(kind)
        || settings().is_some_and(|settings| settings.service_types.contains_key(kind))
}

/// The user's own settings. They are read for few words, since most types that are typed are known.
fn settings() -> Option<Config> {
    let Parsed { config, .. } = read_or_default(&context::layout().ok()?.config()).ok()?;
    Some(config)
}

/// The first of the words that is neither a service nor a service type, where the worktree's services are listed, and nearly one of them.
pub(crate) fn slip<'a>(typed: &'a [ServiceType], words: &Words) -> Option<&'a ServiceType> {
    let listed = words.listed.as_ref()?;
    let is_near = |kind: &ServiceType| nearest(kind.as_str(), listed.iter().map(String::as_str)).is_some();
    typed.iter().find(|kind| is_near(kind) && !is_known(kind, words))
}

/// Says which of the words are none of the services where these are listed, and so types, unless [`warn`] says more.
pub(crate) fn warn_of_types(typed: &[ServiceType], words: &Words) {
    typed.iter().filter_map(|kind| only_a_type(kind, words)).for_each(|said| output::warning(&said));
}

fn only_a_type(kind: &ServiceType, words: &Words) -> Option<String> {
    let listed = words.listed.as_ref()?.join(", ");
    let is_said = || is_known(kind, words) || mistyped(kind, words).is_some();
    (!is_said()).then(|| {
        format!("{kind} is none of this worktree's services ({listed}), and is taken for a service type")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::json;

    #[test]
    fn a_lease_is_found_by_part_of_its_name_and_in_spite_of_typos() {
        let web = lease(1, |wire| wire["service_name"] = json!("packages.web"));
        let book = lease(2, |wire| wire["service_type"] = json!("storybook"));
        let near = |typed: &str, verb| label(typed, [&web, &book].into_iter(), verb);
        for typed in ["web", "dev/web", "packages.web", "WEB", "Dev/Web", "devv", "dev/wbe", "dve"] {
            assert_eq!(near(typed, Verb::Open).as_deref(), Some("dev/packages.web"), "{typed}");
        }
        assert_eq!(near("storybuk", Verb::Check).as_deref(), Some("storybook"));
        for typed in ["api", "nonsense", "dev/docs"] {
            assert_eq!(near(typed, Verb::Open), None, "{typed}");
        }
    }

    #[test]
    fn a_service_of_the_list_is_found_in_spite_of_typos_before_it_has_a_lease() {
        let labels = ["api", "worker"].map(str::to_owned);
        let near = |typed: &str, verb| word(typed, &labels, verb);
        assert_eq!(near("wroker", Verb::Wait).as_deref(), Some("worker"));
        assert_eq!(near("ap", Verb::Wait).as_deref(), Some("api"));
        assert_eq!(near("app", Verb::Kill), None);
        for typed in ["api", "nope"] {
            assert_eq!(near(typed, Verb::Wait), None, "{typed}");
        }
    }

    #[test]
    fn what_ends_something_takes_only_sure_slips() {
        let app = lease(1, |wire| wire["service_type"] = json!("app"));
        let near = |typed: &str, verb| label(typed, std::iter::once(&app), verb);
        assert_eq!(near("api", Verb::Check).as_deref(), Some("app"));
        for verb in [Verb::Kill, Verb::Release] {
            assert_eq!(near("api", verb), None);
            assert_eq!(near("App", verb).as_deref(), Some("app"));
            assert_eq!(near("pap", verb).as_deref(), Some("app"));
        }
    }

    #[test]
    fn a_type_without_settings_that_is_a_slip_is_said() {
        let none = Words::default();
        let said = |kind: &str| mistyped(&kind.parse().unwrap(), &none);
        let expected = "there are no settings for the service type Dev; did you mean dev?";
        assert_eq!(said("Dev").as_deref(), Some(expected));
        assert!(said("storyboook").is_some());
        for kind in ["dev", "api2", "app", "web", "docs"] {
            assert_eq!(said(kind), None, "{kind}");
        }
        let file = styxy_core::project::parse(r#"{"services": {"Dev": {}}}"#).unwrap();
        let words = Words { file: Some(file), ..Words::default() };
        assert_eq!(mistyped(&"Dev".parse().unwrap(), &words), None, "the project's file has it");
        let words = Words { listed: Some(vec!["shop".to_owned(), "worker".to_owned()]), ..words };
        let said = |kind: &str| mistyped(&kind.parse().unwrap(), &words);
        assert!(said("wroker").is_some_and(|said| said.ends_with("did you mean worker?")));
        assert_eq!(said("shop"), None);
        let is_slip = |kind: &str| slip(&[kind.parse().unwrap()], &words).is_some();
        assert!(is_slip("wroker") && is_slip("shp"));
        for kind in ["metrics", "worker", "Dev", "api"] {
            assert!(!is_slip(kind), "{kind}");
        }
        let said = |kind: &str| only_a_type(&kind.parse().unwrap(), &words);
        assert!(
            said("metrics").is_some_and(
                |said| said.contains("metrics is none of this worktree's services (shop, worker)")
            )
        );
        for kind in ["wroker", "worker", "Dev", "api"] {
            assert_eq!(said(kind), None, "{kind}");
        }
    }
}
