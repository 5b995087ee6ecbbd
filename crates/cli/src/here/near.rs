//! Which name was probably meant: a lease's for a target that no lease has, a service type's for one that nobody knows.

use styxy_core::api::Lease;
use styxy_core::config::{Config, Parsed};
use styxy_core::project::Project;
use styxy_core::{ServiceName, ServiceType, is_slip, nearest};

use crate::here::config_file::read_or_default;
use crate::here::context;
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
pub(crate) fn warn(typed: &[ServiceType], file: Option<&Project>) {
    typed.iter().filter_map(|kind| mistyped(kind, file)).for_each(|said| output::warning(&said));
}

/// What to say about a service type that is probably a slip of the hand: it has no settings, and one that has some differs by a
/// slip only. The type is used as typed: any word may be one.
fn mistyped(kind: &ServiceType, file: Option<&Project>) -> Option<String> {
    let of_file = || file.into_iter().flat_map(|file| file.services.iter().map(|service| &service.kind));
    let built_in = Config::default().service_types;
    let known: Vec<&ServiceType> = of_file().chain(built_in.keys()).collect();
    let meant = known.iter().find(|known| is_slip(kind.as_str(), known.as_str()))?;
    // The user's file is read only now, since most types that are typed are known. A strict daemon says it itself.
    let is_settled = || {
        let settings = context::layout().ok().and_then(|layout| read_or_default(&layout.config()).ok());
        settings.is_some_and(|Parsed { config, .. }| {
            config.strict_service_types || config.service_types.contains_key(kind)
        })
    };
    let is_label = file.is_some_and(|file| file.service(kind.as_str()).is_some());
    let is_known = known.contains(&kind) || is_label || is_settled();
    (!is_known).then(|| format!("there are no settings for the service type {kind}; did you mean {meant}?"))
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
        let said = |kind: &str| mistyped(&kind.parse().unwrap(), None);
        let expected = "there are no settings for the service type Dev; did you mean dev?";
        assert_eq!(said("Dev").as_deref(), Some(expected));
        assert!(said("storyboook").is_some());
        for kind in ["dev", "api2", "app", "web", "docs"] {
            assert_eq!(said(kind), None, "{kind}");
        }
        let file = styxy_core::project::parse(r#"{"services": {"Dev": {}}}"#).unwrap();
        assert_eq!(mistyped(&"Dev".parse().unwrap(), Some(&file)), None, "the project's file has it");
    }
}
