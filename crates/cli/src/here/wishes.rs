//! What is asked of the daemon for each service: what was typed, then what the project's file says.

use std::env;
use std::path::Path;

use styxy_client::project;
use styxy_core::api::{AllocateRequest, MemberRequest};
use styxy_core::project::{EnvName, Project, Service};
use styxy_core::{Port, ServiceName, ServiceType};

use crate::here::place::user_home;
use crate::here::variables;
use crate::say::failure::Failure;

/// What is wished for one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) service: ServiceType,
    pub(crate) name: Option<ServiceName>,
    pub(crate) port: Option<Port>,
    /// Further variables for its port.
    pub(crate) env: Vec<EnvName>,
}

/// The project's file that counts in `folder`: the nearest one up to the checkout's root.
///
/// # Errors
/// It has a mistake; nothing is done then.
pub(crate) fn project_of(folder: &Path) -> Result<Option<Project>, Failure> {
    project::around(folder, user_home().as_deref()).map_err(|error| Failure::Usage(Box::new(error.refusal())))
}

/// As [`project_of`], in the current folder.
///
/// # Errors
/// As [`project_of`].
pub(crate) fn current_project() -> Result<Option<Project>, Failure> {
    match env::current_dir() {
        Ok(folder) => project_of(&folder),
        Err(_) => Ok(None),
    }
}

/// The wishes for `services`: `name` as typed for the only one of them, all else as the file says.
///
/// # Errors
/// Two of them would have the same variable, or `name` is typed for several.
pub(crate) fn wishes(
    services: Vec<ServiceType>,
    name: Option<&ServiceName>,
    project: Option<&Project>,
) -> Result<Vec<Wish>, Failure> {
    if let Some((one, other)) = variables::clash(&services) {
        let variable = variables::variable(one);
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
    let wish = |service: ServiceType| {
        let none = Project::default();
        let Service { name, port, env } = project.unwrap_or(&none).wish(&service, name);
        Wish { service, name, port, env }
    };
    Ok(services.into_iter().map(wish).collect())
}

/// `request` for one service, or for a group of several.
pub(crate) fn fill(request: &mut AllocateRequest, wishes: &[Wish]) {
    if let [wish] = wishes {
        request.service_type = Some(wish.service.clone());
        request.service_name.clone_from(&wish.name);
        request.preferred_port = wish.port;
    } else {
        let member = |wish: &Wish| MemberRequest {
            service_type: Some(wish.service.clone()),
            service_name: wish.name.clone(),
            preferred_port: wish.port,
            ..MemberRequest::default()
        };
        request.services = Some(wishes.iter().map(member).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use styxy_core::project::parse;

    fn services(names: &[&str]) -> Vec<ServiceType> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_file_fills_in_what_was_not_typed() {
        let project =
            parse(r#"{"services": {"dev": {"name": "web", "port": 3000, "env": ["WEB_PORT"]}}}"#).unwrap();
        let all = wishes(services(&["dev", "api"]), None, Some(&project)).unwrap();
        assert_eq!(all[0].name.as_ref().map(ServiceName::as_str), Some("web"));
        assert_eq!((all[0].port.map(Port::get), all[1].port), (Some(3000), None));
        assert_eq!(all[0].env, ["WEB_PORT".parse().unwrap()]);
        let name = "admin".parse().unwrap();
        let typed = wishes(services(&["dev"]), Some(&name), Some(&project)).unwrap();
        assert_eq!((typed[0].name.as_ref(), typed[0].port), (Some(&name), None), "the port is web's");
        let name = "web".parse().unwrap();
        let typed = wishes(services(&["dev"]), Some(&name), Some(&project)).unwrap();
        assert_eq!(typed[0].port.map(Port::get), Some(3000));
    }

    #[test]
    fn one_name_for_several_services_and_one_service_twice_are_wrong_usage() {
        assert!(wishes(services(&["dev", "api"]), Some(&"web".parse().unwrap()), None).is_err());
        assert!(wishes(services(&["dev", "dev"]), None, None).is_err());
    }

    #[test]
    fn one_service_is_a_plain_request_and_several_are_a_group() {
        let mut request = AllocateRequest::default();
        fill(&mut request, &wishes(services(&["dev"]), None, None).unwrap());
        assert!(request.services.is_none() && request.service_type.is_some());
        let mut request = AllocateRequest::default();
        fill(&mut request, &wishes(services(&["dev", "api"]), None, None).unwrap());
        assert_eq!(request.services.unwrap().len(), 2);
    }
}
