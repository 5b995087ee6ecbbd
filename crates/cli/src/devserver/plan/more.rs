//! Further ports of a command (R67): which it has, and how it gets them.

use styxy_core::Port;

use super::{Change, PORT, Plan, marker};
use crate::devserver::frameworks::{self, Second};
use crate::devserver::port_argument::{self, PortArgument};
use crate::devserver::tool::Tool;

/// A further port of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct More {
    pub(crate) second: &'static Second,
    /// The port that a typed argument or a script names.
    pub(crate) port: Option<Port>,
    /// How the command gets it.
    pub(crate) by: By,
}

/// How a command gets a further port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By its words.
    Words,
    /// By variables.
    Variables,
    /// Not at all: a script names the port.
    Script,
}

impl Plan {
    /// The further ports of what starts `tool`: `node --inspect=9229 server.js`. Nothing can be added there.
    pub(super) fn fill_more_on_the_way(&mut self, tool: &Tool) {
        for (name, args) in &tool.through {
            let Some(row) = frameworks::find(name, &args.iter().map(|word| word.text.as_str())) else {
                continue;
            };
            self.framework = self.framework.or(Some(row));
            let tool = Tool { args: args.clone(), ..Tool::default() };
            for second in row.more {
                self.fill_more(&tool, second, row.valued);
            }
        }
    }

    /// Notes a further port of `tool`, if it has it and can learn which one it is. Returns the words to add for it.
    pub(super) fn fill_more(
        &mut self,
        tool: &Tool,
        second: &'static Second,
        valued: &[&str],
    ) -> Option<Vec<String>> {
        let texts = tool.args.iter().map(|word| word.text.as_str());
        if !second.when.is_met(valued, &texts) || self.more.iter().any(|more| more.second == second) {
            return None;
        }
        let service = Some(second.service);
        let (port, by, words) = match port_argument::find(&tool.args, second.port, valued) {
            PortArgument::Unknown => return None,
            PortArgument::Port { at, port, with_port } => match tool.args[at].typed {
                // 0: its own choice among the free ones is as good. A bare flag has no number either.
                Some(_) if port.is_none() && tool.args[at].text.chars().any(|each| each.is_ascii_digit()) => {
                    return None;
                }
                Some(at) => {
                    let text = with_port.replace(PORT, &marker(second.service));
                    self.changes.push(Change { at, text, service });
                    (port, By::Words, None)
                }
                None if port.is_some() => (port, By::Script, None),
                None => (None, By::Variables, None),
            },
            PortArgument::None => {
                let words = second.port.words();
                let by = if words.is_some() { By::Words } else { By::Variables };
                let marked = |words: Vec<String>| {
                    words.iter().map(|word| word.replace(PORT, &marker(second.service))).collect()
                };
                (None, by, words.map(marked))
            }
        };
        if by != By::Variables || !second.env.is_empty() {
            self.more.push(More { second, port, by });
        }
        words
    }
}
