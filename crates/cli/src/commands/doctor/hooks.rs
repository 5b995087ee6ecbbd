//! The hooks in agents' settings: whether they are of this version, and whether Codex runs them.

use styxy_client::agents::Agent;

use super::finding::Finding;
use crate::here::agent_settings::agents::Scope;
use crate::here::agent_settings::installed::{Age, Installed, is_trusted};

/// What is wrong with the hooks; one finding if nothing is, and none without any hooks.
pub(super) fn findings() -> Vec<Finding> {
    let installed: Vec<Installed> = Agent::ALL.into_iter().flat_map(Installed::of).collect();
    of(&installed, is_trusted)
}

fn of(installed: &[Installed], is_trusted: impl Fn(&std::path::Path) -> bool) -> Vec<Finding> {
    let older = installed.iter().filter(|found| found.age == Age::Older).map(|found| {
        let message = format!("{} has entries of an older version, which lack events", found.path.display());
        Finding::warn("hooks", message, found.command())
    });
    let of_codex = installed.iter().filter(|found| found.agent == Agent::Codex && found.scope == Scope::User);
    let untrusted = of_codex.filter(|found| !is_trusted(&found.path)).map(|found| {
        let message =
            format!("Codex runs no hook of {}: it was not told to trust them", found.path.display());
        Finding::warn("hooks", message, "codex   # and trust the hooks, with /hooks")
    });
    let wrong: Vec<Finding> = older.chain(untrusted).collect();
    if !wrong.is_empty() || installed.is_empty() {
        return wrong;
    }
    let mut names: Vec<&str> = installed.iter().map(|found| found.agent.as_str()).collect();
    names.dedup();
    vec![Finding::ok("hooks", format!("installed for {}", names.join(", ")))]
}

#[cfg(test)]
mod tests {
    use super::super::tests::shown;
    use super::*;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn hooks_of_an_older_version_and_those_that_codex_does_not_trust_are_named() {
        let of = |all: &[(Agent, Scope, Age)], trusts: bool| {
            let installed = all.iter().map(|(agent, scope, age)| {
                let path = format!("/home/ada/.{}/hooks.json", agent.as_str()).into();
                Installed { agent: *agent, scope: *scope, path, age: *age }
            });
            shown(&super::of(&installed.collect::<Vec<_>>(), |_| trusts))
        };
        let claude = (Agent::Claude, Scope::User, Age::Current);
        let codex = (Agent::Codex, Scope::User, Age::Current);
        snapshot!(
            "doctor_hooks",
            each([
                ("none", of(&[], true)),
                ("all is well", of(&[claude, (Agent::Claude, Scope::Project, Age::Current), codex], true)),
                ("not trusted", of(&[claude, codex], false)),
                (
                    "older ones",
                    of(
                        &[
                            (Agent::Claude, Scope::User, Age::Older),
                            (Agent::Qwen, Scope::Project, Age::Older)
                        ],
                        true
                    )
                ),
            ])
        );
    }
}
