//! A service of the project that a command runs in, and which lease it has now.

use std::collections::BTreeSet;

use styxy_client::leases::{self, Of, is_up};
use styxy_client::{Client, Error, PortRequest, Terms};
use styxy_core::api::{AllocationsQuery, Code, Lease, Refusal};
use styxy_core::order::set;
use styxy_core::{Port, ServiceName, ServiceType};

use crate::here::caller::{self, caller, ground};
use crate::here::near;
use crate::here::typed::{Look, Meant};
use crate::here::verb::Verb;
use crate::say::facts;
use crate::say::failure::Failure;

/// A service of the project that the command runs in.
#[derive(Debug)]
pub(crate) struct Service {
    /// The word that was typed for it.
    word: ServiceType,
    pub(crate) kind: ServiceType,
    pub(crate) name: Option<ServiceName>,
    /// What is asked for without `--name`: the project's file may set a name, and a package has one.
    usual: PortRequest,
    /// Whether the word is that of one service, so that another one of its type is not meant.
    is_label: bool,
    /// What is said if it has no lease, since it takes no port.
    pub(crate) portless: Option<Portless>,
    /// The words for the services of the worktree, where they are listed.
    listed: Vec<String>,
    terms: Terms,
    verb: Verb,
    /// What the place is called whose services these are.
    ground: &'static str,
}

/// What is known of a service that takes no port.
#[derive(Debug)]
pub(crate) struct Portless {
    pub(crate) label: String,
    /// What it does now, after its name.
    pub(crate) said: String,
    /// What to type about it.
    pub(crate) hint: String,
}

impl Service {
    /// The service that `word` and `name` mean here. `look` says which words there are.
    ///
    /// # Errors
    /// The project's path is not Unicode, its file has a mistake, or the environment has an invalid session name.
    pub(crate) fn here(
        word: ServiceType,
        name: Option<ServiceName>,
        verb: Verb,
        look: &Look<'_>,
    ) -> Result<Self, Failure> {
        let caller = caller();
        let words = look(caller::file(&caller)?.as_ref(), &caller, &word);
        let asked = PortRequest { name: name.clone(), ..PortRequest::new(word.clone()) };
        let Meant { request: usual, is_label } = words.request(asked.in_package(caller.package().as_ref()));
        let portless = (name.is_none() && words.is_portless(word.as_str())).then(|| Portless {
            label: word.to_string(),
            said: String::new(),
            hint: "styxy ps".to_owned(),
        });
        let kind = usual.service.clone();
        let (ground, terms) = (ground(&caller), Terms::default().or(&caller)?);
        let listed = words.listed.unwrap_or_default();
        Ok(Self { word, kind, name, usual, is_label, portless, listed, terms, verb, ground })
    }

    /// The word for one service, else `dev/web` or `dev`.
    pub(crate) fn shown(&self) -> String {
        if self.is_label {
            return self.word.to_string();
        }
        facts::label(&self.kind, self.name.as_ref().or(self.usual.full_name()))
    }

    /// Whether it is one certain server: that of a package, which has a name of its own, or of a service's word.
    fn is_certain(&self) -> bool {
        self.is_label || self.usual.name.is_none() && self.usual.default_name.is_some()
    }

    /// The live leases of this project.
    ///
    /// # Errors
    /// The daemon cannot be asked.
    pub(crate) async fn leases(&self, client: &Client) -> Result<Vec<Lease>, Error> {
        let query =
            AllocationsQuery { project_path: self.terms.project.clone(), ..AllocationsQuery::default() };
        Ok(client.allocations(&query).await?.allocations)
    }

    /// Which of `leases` is meant. Without a name it is what is handed over to this command, then the one with the usual name;
    /// outside of packages then the only other one. A lease that only waits for its server gives way to a server that runs,
    /// if the command is about servers.
    ///
    /// # Errors
    /// Several other ones are there; the refusal lists them.
    pub(crate) fn lease<'a>(&self, leases: &'a [Lease]) -> Result<Option<&'a Lease>, Refusal> {
        match self.choose(leases)? {
            Some(lease) if self.verb.ends_something() => self.only_one(lease, leases).map(Some),
            chosen => Ok(chosen),
        }
    }

    /// `chosen`, unless another server that runs has the same name: a command that ends something must not pick one.
    fn only_one<'a>(&self, chosen: &'a Lease, leases: &[Lease]) -> Result<&'a Lease, Refusal> {
        let theirs = leases::whose(chosen, &self.terms);
        let is_called_so = |lease: &&Lease| {
            (&lease.service_type, &lease.service_name) == (&chosen.service_type, &chosen.service_name)
        };
        let running = leases
            .iter()
            .filter(is_called_so)
            .filter(|lease| is_up(lease) && leases::whose(lease, &self.terms) == theirs);
        let ports = set(running.map(|lease| lease.port));
        let Some(first) = ports.first().filter(|_| ports.len() > 1) else { return Ok(chosen) };
        let all: Vec<String> = ports.iter().map(Port::to_string).collect();
        let name = facts::service(chosen);
        let error = format!("several servers here are called {name}, on the ports {}", all.join(", "));
        Err(Refusal::new(Code::InvalidRequest, error)
            .hint(format!("styxy {} {first}", self.verb.word()))
            .detail("candidates", all))
    }

    fn choose<'a>(&self, leases: &'a [Lease]) -> Result<Option<&'a Lease>, Refusal> {
        let ours = || leases.iter().filter(|lease| lease.service_type == self.kind && self.is_ours(lease));
        let named = |name: Option<&ServiceName>| {
            self.first(ours().filter(|lease| lease.service_name.as_ref() == name))
        };
        if self.name.is_some() {
            return Ok(named(self.name.as_ref()));
        }
        let handed = ours().filter(|lease| leases::is_handed_over(lease, &self.usual, &self.terms));
        let usual = self.first(handed).or_else(|| named(self.usual.full_name()));
        if self.is_certain() {
            return Ok(usual);
        }
        let others: Vec<&Lease> = match usual {
            Some(lease) if is_up(lease) || !self.verb.is_about_servers() => return Ok(usual),
            Some(_) => ours().filter(|lease| is_up(lease)).collect(),
            None => ours().collect(),
        };
        let labels = set(others.iter().copied().map(facts::service));
        if labels.len() < 2 {
            Ok(self.first(others.into_iter()).or(usual))
        } else {
            Err(self.several(&labels))
        }
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        leases::whose(lease, &self.terms) != Of::Project
    }

    /// The one that is meant of several with one name: this session's before others', then one whose server listens, then the
    /// oldest.
    fn first<'a>(&self, leases: impl Iterator<Item = &'a Lease>) -> Option<&'a Lease> {
        leases.min_by_key(|lease| {
            let theirs = leases::whose(lease, &self.terms) != Of::Caller;
            (theirs, !is_up(lease), lease.allocated_at, lease.port)
        })
    }

    /// It is not said which of several is meant.
    fn several(&self, labels: &BTreeSet<String>) -> Refusal {
        let all: Vec<&str> = labels.iter().map(String::as_str).collect();
        let one = all.iter().find(|label| label.contains('/')).unwrap_or(&all[0]);
        let error = format!("there are several {} servers here: {}", self.kind, all.join(", "));
        Refusal::new(Code::InvalidRequest, error)
            .hint(format!("styxy {} {one}", self.verb.word()))
            .detail("candidates", all.clone())
    }

    /// None of `leases` is for it. The hint names one that is probably meant, if there is one: `dev/web` for `web`.
    pub(crate) fn missing(&self, leases: &[Lease]) -> Refusal {
        let typed = facts::label(&self.word, self.name.as_ref());
        self.without(&self.shown(), &typed, leases)
    }

    /// The same for the name of a service whose type was not typed.
    pub(crate) fn missing_name(&self, name: &ServiceName, leases: &[Lease]) -> Refusal {
        self.without(name.as_str(), name.as_str(), leases)
    }

    fn without(&self, shown: &str, typed: &str, leases: &[Lease]) -> Refusal {
        let code = match self.verb {
            Verb::Release | Verb::Check => Code::UnknownLease,
            Verb::Who | Verb::Verify | Verb::Wait | Verb::Open | Verb::Kill => Code::NotRunning,
        };
        if let Some(Portless { label, said, hint }) = &self.portless {
            return Refusal::new(code, format!("{label} takes no port{said}")).hint(hint.clone());
        }
        let near = near::label(typed, leases.iter().filter(|lease| self.is_ours(lease)), self.verb);
        let near = near.or_else(|| near::word(typed, &self.listed, self.verb));
        let hint =
            near.map_or_else(|| "styxy list".to_owned(), |near| format!("styxy {} {near}", self.verb.word()));
        Refusal::new(code, format!("this {} has no lease for {shown}", self.ground)).hint(hint)
    }

    /// `this worktree has no lease for dev`
    pub(crate) fn without_lease(&self) -> String {
        format!("this {} has no lease for {}", self.ground, self.shown())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::{Value, json};
    use styxy_core::{InstanceId, ProjectPath};

    pub(crate) fn service(name: Option<&str>, instance: Option<&str>) -> Service {
        Service {
            word: ServiceType::new("dev").unwrap(),
            kind: ServiceType::new("dev").unwrap(),
            is_label: false,
            portless: None,
            listed: Vec::new(),
            name: name.map(|name| ServiceName::new(name).unwrap()),
            usual: PortRequest::new(ServiceType::new("dev").unwrap()),
            terms: Terms {
                project: ProjectPath::new("/w/app").ok(),
                instance: instance.map(|id| InstanceId::new(id).unwrap()),
                ..Terms::default()
            },
            verb: Verb::Wait,
            ground: "worktree",
        }
    }

    fn different(leases: &[(u16, Value)]) -> Vec<Lease> {
        let different = |(port, fields): &(u16, Value)| {
            lease(*port, |wire| {
                for (key, value) in fields.as_object().unwrap() {
                    wire[key] = value.clone();
                }
            })
        };
        leases.iter().map(different).collect()
    }

    /// The port of the lease that is meant among some that differ by these fields.
    fn meant(service: &Service, leases: &[(u16, Value)]) -> Option<u16> {
        let leases = different(leases);
        service.lease(&leases).unwrap().map(|lease| lease.port.get())
    }

    #[test]
    fn the_lease_of_this_worktree_service_and_name_is_meant() {
        let others = [(1, json!({"project_path": "/w/other"})), (2, json!({"service_type": "api"}))];
        assert_eq!(meant(&service(None, None), &others), None);
        let both = [(3, json!({"service_name": "web"})), (4, json!({"service_name": "admin"}))];
        assert_eq!(meant(&service(Some("admin"), None), &both), Some(4));
        assert_eq!(meant(&service(Some("docs"), None), &both), None);
        let with_one_unnamed = [both[0].clone(), (5, json!({}))];
        assert_eq!(meant(&service(None, None), &with_one_unnamed), Some(5));
        let dev = || PortRequest::new(ServiceType::new("dev").unwrap());
        let web = ServiceName::new("web").ok();
        let usual = Service { usual: PortRequest { name: web.clone(), ..dev() }, ..service(None, None) };
        assert_eq!(meant(&usual, &with_one_unnamed), Some(3), "the name in the project's file");
        let package = Service { usual: dev().in_package(web.as_ref()), ..service(None, None) };
        assert_eq!(meant(&package, &with_one_unnamed), Some(3), "the package's name");
        assert_eq!(meant(&package, &both[1..]), None, "a package has nothing of another one");
        assert_eq!(meant(&service(None, None), &both[1..]), Some(4), "the only one");
        let refusal = service(None, None).lease(&different(&both)).unwrap_err();
        assert_eq!(refusal.error, "there are several dev servers here: dev/admin, dev/web");
        assert_eq!(refusal.hint.as_deref(), Some("styxy wait dev/admin"));
    }

    #[test]
    fn where_servers_are_meant_a_lease_that_waits_gives_way_to_the_only_server_that_runs() {
        let up = |port, name: &str| (port, json!({"service_name": name, "state": "active"}));
        let waits = (1, json!({}));
        let about = |verb| Service { verb, ..service(None, None) };
        let one = [waits.clone(), up(2, "web"), (3, json!({"service_name": "docs"}))];
        for verb in [Verb::Open, Verb::Who, Verb::Verify] {
            assert_eq!(meant(&about(verb), &one), Some(2), "{verb:?}");
            assert_eq!(meant(&about(verb), &[waits.clone(), one[2].clone()]), Some(1), "{verb:?}");
            let several = different(&[waits.clone(), up(2, "web"), up(3, "docs")]);
            assert!(about(verb).lease(&several).is_err(), "{verb:?}");
        }
        for verb in [Verb::Check, Verb::Wait, Verb::Kill, Verb::Release] {
            assert_eq!(meant(&about(verb), &one), Some(1), "{verb:?}");
        }
        let runs = [(1, json!({"state": "active"})), up(2, "web")];
        assert_eq!(meant(&about(Verb::Open), &runs), Some(1));
        let package = Service {
            usual: service(None, None).usual.in_package("api".parse().ok().as_ref()),
            ..about(Verb::Open)
        };
        assert_eq!(meant(&package, &one), None, "a package has nothing of another one");
    }

    #[test]
    fn what_ends_something_does_not_choose_between_servers_with_one_name() {
        let up = json!({"state": "active"});
        let two = [(8003, up.clone()), (8060, up.clone())];
        let about = |verb| Service { verb, ..service(None, None) };
        for verb in [Verb::Kill, Verb::Release] {
            let refusal = about(verb).lease(&different(&two)).unwrap_err();
            assert_eq!(refusal.error, "several servers here are called dev, on the ports 8003, 8060");
            assert_eq!(refusal.hint, Some(format!("styxy {} 8003", verb.word())));
            assert_eq!(meant(&about(verb), &[(8003, up.clone()), (8060, json!({}))]), Some(8003));
        }
        assert_eq!(meant(&about(Verb::Open), &two), Some(8003));
        let theirs = [(8003, up.clone()), (8060, json!({"state": "active", "instance_id": "claude-1"}))];
        assert_eq!(
            meant(&Service { verb: Verb::Kill, ..service(None, Some("claude-1")) }, &theirs),
            Some(8060)
        );
    }

    #[test]
    fn a_service_without_a_lease_says_so_and_names_one_that_is_called_so() {
        let none = |kind: &str, verb, leases: &[(u16, Value)]| {
            let kind: ServiceType = kind.parse().unwrap();
            let usual = PortRequest::new(kind.clone());
            failed(
                Service { word: kind.clone(), kind, usual, verb, ..service(None, None) }
                    .missing(&different(leases)),
            )
        };
        let web = [(1, json!({"service_name": "packages.web"}))];
        let elsewhere = [(1, json!({"service_name": "web", "project_path": "/w/other"}))];
        snapshot!(
            "no_lease",
            each([
                ("none", none("web", Verb::Open, &[])),
                ("another service is called so", none("web", Verb::Kill, &web)),
                ("another project's", none("web", Verb::Release, &elsewhere)),
            ])
        );
    }

    #[test]
    fn a_lease_of_this_session_comes_first_then_one_that_listens_then_the_oldest() {
        let old = "2026-11-22T17:00:00Z";
        let up = [(1, json!({"allocated_at": old})), (2, json!({"state": "active"}))];
        assert_eq!(meant(&service(None, None), &up), Some(2));
        let age = [(1, json!({})), (2, json!({"allocated_at": old}))];
        assert_eq!(meant(&service(None, None), &age), Some(2));
        let ours = [(1, json!({"state": "active"})), (2, json!({"instance_id": "claude-1"}))];
        assert_eq!(meant(&service(None, Some("claude-1")), &ours), Some(2));
        assert_eq!(meant(&service(None, None), &ours), Some(1));
    }
}
