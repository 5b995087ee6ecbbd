//! Requests for ports: what was given counts, the project's file says the rest, and the caller says for whom.

use styxy_core::api::{AllocateRequest, MemberRequest};
use styxy_core::project::{EnvName, Home, Project, Service};
use styxy_core::{
    DoorRules, InstanceId, Pid, Port, ProjectId, ProjectPath, RequestId, ServiceName, ServiceType,
};
use uuid::Uuid;

use crate::worktree::label_of;
use crate::{Caller, CallerError};

/// A request for the port of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRequest {
    /// What the project's file calls it. It is not sent.
    pub label: Option<ServiceName>,
    /// What kind of server it is for.
    pub service: ServiceType,
    /// Which of several servers of that kind.
    pub name: Option<ServiceName>,
    /// The name if there is none: that of the package that it is for.
    pub default_name: Option<ServiceName>,
    /// In which package the project's file has it started. It is not sent.
    pub home: Home,
    /// Preferred port; another one is used if it is taken.
    pub port: Option<Port>,
    /// The port that this kind of server has if nobody says otherwise. It yields to a preferred port.
    pub default_port: Option<Port>,
    /// Whether it is refused if the preferred port is taken.
    pub exact: Option<bool>,
    /// How many consecutive ports are wanted instead of one, `port` the first of them: 2 to 16. Not in a group.
    pub block: Option<u8>,
    /// Further variables that hold the port. They are not sent.
    pub env: Vec<EnvName>,
    /// How requests by name reach its server.
    pub door: DoorRules,
    /// Whether it is for a service of the worktree's stack: its lease is the worktree's, and not a session's (R68).
    pub stack: bool,
    /// What differs from the terms of the group that it is in.
    pub terms: Terms,
}

impl PortRequest {
    /// A request for any port.
    #[must_use]
    pub fn new(service: ServiceType) -> Self {
        let terms = Terms::default();
        Self {
            service,
            label: None,
            name: None,
            default_name: None,
            home: Home::Callers,
            port: None,
            default_port: None,
            exact: None,
            block: None,
            env: Vec::new(),
            door: DoorRules::default(),
            stack: false,
            terms,
        }
    }

    /// The request for a service of the project's file, by a caller in the package whose servers have the name `package`.
    #[must_use]
    pub fn of(service: &Service, package: Option<&ServiceName>) -> Self {
        Self {
            label: Some(service.label.clone()),
            name: service.name.clone(),
            default_name: default_name(service, package.cloned()),
            home: service.home.clone(),
            port: service.port.port(),
            env: service.env.ports().to_vec(),
            door: service.door,
            ..Self::new(service.kind.clone())
        }
    }

    /// What variables call it: its label in the project's file, else its type.
    #[must_use]
    pub fn label(&self) -> &str {
        self.label.as_ref().map_or_else(|| self.service.as_str(), ServiceName::as_str)
    }

    /// With what the project's file says where nothing was given, of the server of this type or this label. Its port and its variables are for the server of its name:
    /// they do not apply if another name was given.
    #[must_use]
    pub fn or(self, file: Option<&Project>) -> Self {
        let package = self.default_name.as_ref();
        let said = file.and_then(|file| file.wish(&self.service, self.name.as_ref(), package));
        let of = said.map(|said| Self::of(said, package));
        match of {
            Some(of) => self.over(of),
            None => self,
        }
    }

    /// The request for the server of `of`, with what was given here.
    #[must_use]
    pub fn over(self, of: Self) -> Self {
        let Self { name, port, default_port, exact, block, env, terms, .. } = self;
        let mut all = of.env;
        all.extend(env.into_iter().filter(|name| !all.contains(name)).collect::<Vec<_>>());
        let port = port.or(of.port);
        let default_port = default_port.or(of.default_port).filter(|_| port.is_none());
        Self { name: name.or(of.name), port, default_port, exact, block, env: all, terms, ..of }
    }

    /// With the name of the caller's package where no name is given, neither by the caller nor by the project's file. To be said
    /// before [`PortRequest::or`], since the file may be about servers of that package.
    #[must_use]
    pub fn in_package(self, package: Option<&ServiceName>) -> Self {
        Self { default_name: package.cloned(), ..self }
    }

    /// With the port of the project's file as the default port, if it has the name of a package: several packages share that
    /// file, and the first one that is started must not take the port that another one had.
    #[must_use]
    pub fn sharing_port(self) -> Self {
        if self.name.is_some() || self.default_name.is_none() || self.home != Home::Callers {
            return self;
        }
        Self { default_port: self.port.or(self.default_port), port: None, ..self }
    }

    /// The name that its lease has, unless one under another name is handed over to it.
    #[must_use]
    pub fn full_name(&self) -> Option<&ServiceName> {
        self.name.as_ref().or(self.default_name.as_ref())
    }

    fn member(self) -> MemberRequest {
        let Self { service, name, default_name, port, default_port, exact, door, stack, terms, .. } = self;
        MemberRequest {
            service_type: Some(service),
            default_name: default_name.filter(|_| name.is_none()),
            service_name: name,
            preferred_port: port,
            default_port,
            exact,
            door: (!door.is_usual()).then_some(door),
            stack: stack.then_some(true),
            reuse: terms.reuse,
            instance_id: terms.instance,
            label: terms.project.as_ref().and_then(label_of),
            project_path: terms.project,
            project_id: terms.project_id,
            pid: terms.pid,
        }
    }
}

/// The name that `service` has by default, to a caller in this package.
fn default_name(service: &Service, package: Option<ServiceName>) -> Option<ServiceName> {
    match &service.home {
        Home::Callers => package,
        Home::In(own) => own.clone(),
    }
}

/// For whom ports are, and whether they may be ports that are leased already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The project, by the root of its checkout.
    pub project: Option<ProjectPath>,
    /// Which folder that is, as far as the system says.
    pub project_id: Option<ProjectId>,
    /// The agent session.
    pub instance: Option<InstanceId>,
    /// The owner process.
    pub pid: Option<Pid>,
    /// Whether the live lease of the same key will do.
    pub reuse: Option<bool>,
}

impl Terms {
    /// With the caller's project and session where none was given. A home folder and `/` are no project, also if they were
    /// given: what is there has nothing in common.
    ///
    /// # Errors
    /// The caller's project cannot be named, or the environment names its session by what is not an instance id.
    pub fn or(self, caller: &Caller) -> Result<Self, CallerError> {
        let project = match self.project {
            Some(given) => Some(given).filter(|given| caller.may_share(given)),
            None => caller.project()?,
        };
        let project_id = project.as_ref().and_then(Caller::id_of);
        let instance = self.instance.map_or_else(|| caller.instance(), |given| Ok(Some(given)))?;
        Ok(Self { project, project_id, instance, ..self })
    }

    /// A request for one port as such, and for several as a group: all or none.
    #[must_use]
    pub fn request(self, mut ports: Vec<PortRequest>) -> AllocateRequest {
        match (ports.pop(), ports.is_empty()) {
            (Some(one), true) => self.one(one),
            (last, _) => self.group(ports.into_iter().chain(last)),
        }
    }

    /// A request for one port.
    #[must_use]
    pub fn one(self, port: PortRequest) -> AllocateRequest {
        let block = port.block;
        let member = port.member();
        let is_elsewhere = member.project_path.is_some();
        AllocateRequest {
            service_type: member.service_type,
            service_name: member.service_name,
            default_name: member.default_name,
            preferred_port: member.preferred_port,
            default_port: member.default_port,
            exact: member.exact,
            door: member.door,
            stack: member.stack,
            reuse: member.reuse.or(self.reuse),
            instance_id: member.instance_id.or(self.instance),
            label: member.label.or_else(|| self.project.as_ref().and_then(label_of)),
            project_path: member.project_path.or(self.project),
            project_id: member.project_id.or(self.project_id.filter(|_| !is_elsewhere)),
            pid: member.pid.or(self.pid),
            request_id: fresh_id(),
            block,
            ..AllocateRequest::default()
        }
    }

    /// A request for a group of ports, all or none.
    #[must_use]
    pub fn group(self, ports: impl IntoIterator<Item = PortRequest>) -> AllocateRequest {
        AllocateRequest {
            reuse: self.reuse,
            instance_id: self.instance,
            label: self.project.as_ref().and_then(label_of),
            project_path: self.project,
            project_id: self.project_id,
            pid: self.pid,
            request_id: fresh_id(),
            services: Some(ports.into_iter().map(PortRequest::member).collect()),
            ..AllocateRequest::default()
        }
    }
}

/// An id that no other request has: under it a client that lost the answer may send the request again, and it grants once.
fn fresh_id() -> Option<RequestId> {
    RequestId::new(&Uuid::new_v4().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use styxy_core::project::parse;

    fn dev() -> PortRequest {
        PortRequest::new("dev".parse().unwrap())
    }

    fn port(number: u16) -> Option<Port> {
        Port::new(number).ok()
    }

    fn file() -> Project {
        parse(r#"{"services": {"dev": {"name": "web", "port": 3000, "env": ["WEB_PORT"]}}}"#).unwrap()
    }

    /// The request as it is sent, without its id.
    fn sent(mut request: AllocateRequest) -> Value {
        assert!(request.request_id.take().is_some());
        serde_json::to_value(request).unwrap()
    }

    #[test]
    fn the_file_says_what_was_not_given() {
        let open = dev().or(Some(&file()));
        assert_eq!(open.name.as_ref().map(ServiceName::as_str), Some("web"));
        assert_eq!((open.port, open.env), (port(3000), vec!["WEB_PORT".parse().unwrap()]));
        let typed = PortRequest { port: port(5000), ..dev() }.or(Some(&file()));
        assert_eq!((typed.name.is_some(), typed.port), (true, port(5000)));
        let api = PortRequest::new("api".parse().unwrap());
        assert_eq!(api.clone().or(Some(&file())), api);
        assert_eq!(dev().or(None), dev());
    }

    #[test]
    fn what_the_file_says_of_the_door_is_sent_for_the_server_of_its_name() {
        let file =
            parse(r#"{"services": {"dev": {"name": "web", "open": true, "host": "local"}, "api": {}}}"#)
                .unwrap();
        let door = |request: PortRequest| sent(Terms::default().one(request.or(Some(&file))))["door"].take();
        assert_eq!(door(dev()), json!({"open": true, "host": "local"}));
        assert_eq!(door(PortRequest { name: "admin".parse().ok(), ..dev() }), Value::Null);
        assert_eq!(door(PortRequest::new("api".parse().unwrap())), Value::Null);
        let group = sent(Terms::default().group([dev().or(Some(&file))]));
        assert_eq!(group["services"][0]["door"]["open"], json!(true));
    }

    #[test]
    fn the_files_port_is_that_of_its_own_name() {
        let named = |name: &str| PortRequest { name: name.parse().ok(), ..dev() }.or(Some(&file()));
        assert_eq!(named("web").port, port(3000));
        let admin = named("admin");
        assert_eq!((admin.name.as_ref().map(ServiceName::as_str), admin.port), (Some("admin"), None));
        assert!(admin.env.is_empty());
    }

    #[test]
    fn a_default_port_yields_to_the_files_port_and_variables_add_up() {
        let default = PortRequest { default_port: port(5173), ..dev() };
        let filled = default.clone().or(Some(&file()));
        assert_eq!((filled.port, filled.default_port), (port(3000), None));
        let other = PortRequest { name: "admin".parse().ok(), ..default };
        assert_eq!(other.or(Some(&file())).default_port, port(5173));
        let env = ["A_PORT", "WEB_PORT"].map(|name| name.parse().unwrap()).into();
        let more = PortRequest { env, ..dev() }.or(Some(&file())).env;
        assert_eq!(more.iter().map(ToString::to_string).collect::<Vec<_>>(), ["WEB_PORT", "A_PORT"]);
    }

    #[test]
    fn packages_that_share_a_file_have_its_port_as_a_default() {
        let web = "web".parse().ok();
        let file = parse(r#"{"services": {"dev": {"port": 3000}}}"#).unwrap();
        let shared = dev().in_package(web.as_ref()).or(Some(&file)).sharing_port();
        assert_eq!((shared.port, shared.default_port), (None, port(3000)));
        let at_root = dev().in_package(None).or(Some(&file)).sharing_port();
        assert_eq!((at_root.port, at_root.default_port), (port(3000), None));
    }

    #[test]
    fn one_port_is_asked_for_as_such_and_several_are_a_group() {
        let terms = Terms { reuse: Some(true), pid: Pid::new(42), ..Terms::default() };
        let one = sent(terms.clone().request(vec![dev()]));
        assert_eq!(one, json!({"service_type": "dev", "reuse": true, "pid": 42}));
        let two = sent(terms.request(vec![dev(), PortRequest { port: port(80), ..dev() }]));
        let members = json!([{"service_type": "dev"}, {"service_type": "dev", "preferred_port": 80}]);
        assert_eq!(two, json!({"services": members, "reuse": true, "pid": 42}));
    }

    #[test]
    fn a_ports_own_terms_win_over_those_of_the_request() {
        let own = Terms { pid: Pid::new(7), reuse: Some(false), ..Terms::default() };
        let own = PortRequest { terms: own, ..dev() };
        let terms = Terms { pid: Pid::new(42), reuse: Some(true), ..Terms::default() };
        let one = sent(terms.clone().one(own.clone()));
        assert_eq!((&one["pid"], &one["reuse"]), (&json!(7), &json!(false)));
        let group = sent(terms.group([own]));
        assert_eq!((&group["pid"], &group["services"][0]["pid"]), (&json!(42), &json!(7)));
    }

    #[test]
    fn no_two_requests_have_one_id() {
        let id = || Terms::default().one(dev()).request_id;
        assert_ne!(id(), id());
    }
}
