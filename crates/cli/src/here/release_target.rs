//! The lease to release by the beginning of its id. Whether one may be released by its port: `styxy_client::release`.

use styxy_core::api::{Code, Lease, Refusal};

use crate::say::facts;

/// The only lease whose id begins with `beginning`.
pub(crate) fn beginning_with<'a>(beginning: &str, leases: &'a [Lease]) -> Result<&'a Lease, Refusal> {
    let matching: Vec<&Lease> =
        leases.iter().filter(|lease| lease.lock_id.to_string().starts_with(beginning)).collect();
    match matching.as_slice() {
        [lease] => Ok(lease),
        [] => Err(Refusal::new(
            Code::UnknownLease,
            format!("no live lease has an id that begins with {beginning}"),
        )
        .hint("styxy list --json")
        .detail("found", beginning)),
        candidates => {
            let listed: Vec<String> = candidates
                .iter()
                .map(|lease| format!("\n{}  {} {}", lease.lock_id, lease.port, facts::service(lease)))
                .collect();
            let ids: Vec<String> = candidates.iter().map(|lease| lease.lock_id.to_string()).collect();
            let error = format!(
                "{} leases have an id that begins with {beginning}:{}",
                candidates.len(),
                listed.concat()
            );
            Err(Refusal::new(Code::InvalidRequest, error)
                .hint("type more of the id, or the port")
                .detail("found", beginning)
                .detail("candidates", ids))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;
    use styxy_client::Terms;
    use styxy_client::living::Living;
    use styxy_client::release::{Claim, judge, unleased};
    use styxy_core::{InstanceId, Port, ProjectPath};

    fn ours(project: Option<&str>, instance: Option<&str>) -> Claim {
        Claim::Ours(Terms {
            project: project.map(|path| ProjectPath::new(path).unwrap()),
            instance: instance.map(|id| InstanceId::new(id).unwrap()),
            ..Terms::default()
        })
    }

    #[test]
    fn every_refusal_says_whose_the_lease_is_and_what_to_do() {
        let port = Port::new(3000).unwrap();
        let active = |change: fn(&mut serde_json::Value)| {
            lease(3000, |wire| {
                wire["state"] = json!("active");
                change(wire);
            })
        };
        let refused = |lease: Option<&Lease>, claim: &Claim| {
            let sessions = InstanceId::new("claude-2");
            let living = Living::known(sessions, Vec::new(), |_, _| true);
            failed(lease.map_or_else(|| unleased(port), |lease| judge(lease, claim, &living).unwrap_err()))
        };
        let here = ours(Some("/w/other"), Some("claude-1"));
        let alone = Claim::OursAlone(Terms::default());
        let leases = [lease(3000, |_| {}), lease(3001, |_| {})];
        snapshot!(
            "may_not_be_released",
            each([
                ("no lease", refused(None, &here)),
                ("another worktree's", refused(Some(&active(|_| {})), &here)),
                ("of no worktree", refused(Some(&active(|wire| wire["project_path"] = json!(null))), &here)),
                (
                    "another session's",
                    refused(
                        Some(&active(|wire| wire["instance_id"] = json!("claude-2"))),
                        &ours(Some("/w/app"), Some("claude-1"))
                    ),
                ),
                ("an agent, whose alone it is not", refused(Some(&leases[0]), &alone)),
                ("an id that no lease has", failed(beginning_with("ffff", &leases).unwrap_err())),
                ("an id that several leases have", failed(beginning_with("4f5e", &leases).unwrap_err())),
            ])
        );
    }

    #[test]
    fn the_beginning_of_an_id_must_be_unique() {
        let leases = [lease(3000, |_| {}), lease(3001, |_| {})];
        let whole = leases[1].lock_id.to_string();
        assert_eq!(beginning_with(&whole[..35], &leases[..1]).unwrap().port.get(), 3000);
        assert_eq!(beginning_with("4f5e", &leases).unwrap_err().code, Code::InvalidRequest);
        assert_eq!(beginning_with("ffff", &leases).unwrap_err().code, Code::UnknownLease);
    }
}
