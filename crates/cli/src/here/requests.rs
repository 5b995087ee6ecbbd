//! Which ports are asked for: the services that were named, with the name that was typed and what the project's file says.

use styxy_client::{Caller, PortRequest};
use styxy_core::project::Project;
use styxy_core::{ServiceName, ServiceType};

use crate::here::typed::Said;
use crate::here::variables;
use crate::say::facts;
use crate::say::failure::Failure;

/// A request for each of `services`: `name` as typed for the only one of them, all else as is said of it, and without a name
/// that of the caller's package (R60).
///
/// # Errors
/// Two of them are one server or would have the same variable, or `name` is typed for several.
pub(crate) fn requests(
    services: Vec<ServiceType>,
    name: Option<&ServiceName>,
    said: Said<'_>,
    caller: &Caller,
) -> Result<Vec<PortRequest>, Failure> {
    if let Some((one, other)) = variables::clash(&services) {
        let variable = variables::variable(one.as_str());
        return Err(Failure::usage(
            format!("{one} and {other} would both be {variable}"),
            "name each service once",
        ));
    }
    if name.is_some() && services.len() > 1 {
        return Err(Failure::usage(
            "--name does not go with several services: it is not said which of them it is for",
            "put the names into .styxy.json",
        ));
    }
    let package = caller.package();
    let request = |service| {
        let request = PortRequest { name: name.cloned(), ..PortRequest::new(service) };
        said.request(request.in_package(package.as_ref()))
    };
    let words = services.clone();
    let all = shared(services.into_iter().map(request), said.file(), caller);
    let key = |request: &PortRequest| (request.service.clone(), request.full_name().cloned());
    for (at, one) in all.iter().enumerate() {
        if let Some(before) = all[..at].iter().position(|other| key(other) == key(one)) {
            let server = facts::label(&one.service, one.full_name());
            let error = format!("{} and {} are one server here: {server}", words[before], words[at]);
            return Err(Failure::usage(error, "name each service once"));
        }
    }
    Ok(all)
}

/// A request for each service of the project's file that has a port.
pub(crate) fn of_file(file: Option<&Project>, caller: &Caller) -> Vec<PortRequest> {
    let package = caller.package();
    let services = file.into_iter().flat_map(|file| &file.services).filter(|service| service.serves());
    shared(services.map(|service| PortRequest::of(service, package.as_ref())), file, caller)
}

/// The same, or the request for `dev` if the file names no service.
pub(crate) fn usual(file: Option<&Project>, caller: &Caller) -> Vec<PortRequest> {
    let requests = of_file(file, caller);
    if !requests.is_empty() {
        return requests;
    }
    let dev = ServiceType::new("dev").map(PortRequest::new).into_iter();
    dev.map(|dev| dev.in_package(caller.package().as_ref())).collect()
}

/// The requests of a caller whose package may have the project's file in common with others.
fn shared(
    requests: impl Iterator<Item = PortRequest>,
    file: Option<&Project>,
    caller: &Caller,
) -> Vec<PortRequest> {
    let is_shared = caller.package().is_some() && file.is_some() && caller.shares_file();
    if is_shared { requests.map(PortRequest::sharing_port).collect() } else { requests.collect() }
}

/// The service types of the project's file; `dev` if it names none.
pub(crate) fn services(file: Option<&Project>) -> Vec<ServiceType> {
    let mut services: Vec<ServiceType> = Vec::new();
    for service in file.into_iter().flat_map(|file| &file.services).filter(|service| service.serves()) {
        if !services.contains(&service.kind) {
            services.push(service.kind.clone());
        }
    }
    if services.is_empty() {
        services.extend(ServiceType::new("dev"));
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_for_several_services_and_one_service_twice_are_wrong_usage() {
        let nowhere = Caller::new(None, None, |_| None, || None);
        let all = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
        let web = "web".parse().unwrap();
        let asked = |words: &[&str], name| requests(all(words), name, Said::Type(None), &nowhere);
        assert!(asked(&["dev", "api"], Some(&web)).is_err());
        assert!(asked(&["dev", "dev"], None).is_err());
        assert_eq!(asked(&["dev"], Some(&web)).unwrap()[0].name.as_ref(), Some(&web));
    }

    #[test]
    fn without_a_word_the_services_are_the_files_and_else_dev() {
        let file = styxy_core::project::parse(r#"{"services": {"api": {}, "web": {}}}"#).unwrap();
        assert_eq!(services(Some(&file)), ["api".parse().unwrap(), "web".parse().unwrap()]);
        assert_eq!(services(None), ["dev".parse().unwrap()]);
    }
}
