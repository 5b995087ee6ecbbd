//! How a tree is shown before it is ended.

use std::collections::{BTreeMap, BTreeSet};

use styxy_core::Port;

use crate::process::table::Entry;
use crate::process::tree::{Tree, Way};
use crate::say::output::one_line;
use crate::say::width::{cut, cut_process, width};

/// How much of a line the depth of a process may take.
const MOST_INDENT: usize = 24;

pub(super) fn question(count: usize) -> String {
    if count == 1 { "End this process?".to_owned() } else { format!("End these {count} processes?") }
}

/// A line for each process, below its parent, with the ports that it listens on; each of at most `room` columns.
pub(super) fn lines(
    tree: &Tree,
    table: &BTreeMap<u32, Entry>,
    ports: &dyn Fn(u32) -> Vec<Port>,
    room: Option<usize>,
) -> Vec<String> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut tops = Vec::new();
    for pid in tree.members.keys() {
        let parent = table.get(pid).and_then(|entry| entry.parent);
        match parent.filter(|parent| tree.members.contains_key(parent)) {
            Some(parent) => children.entry(parent).or_default().push(*pid),
            None => tops.push(*pid),
        }
    }
    let (mut lines, mut drawn) = (Vec::new(), BTreeSet::new());
    // Those of a circle, which a table of many moments may show, come at the end.
    for top in tops.into_iter().chain(tree.members.keys().copied()) {
        let mut open = vec![(top, 0)];
        while let Some((pid, depth)) = open.pop() {
            if drawn.insert(pid) {
                lines.push(line(pid, depth, tree, table, &ports(pid), room));
                let below = children.get(&pid).into_iter().flatten().rev();
                open.extend(below.map(|child| (*child, depth + 1)));
            }
        }
    }
    lines
}

fn line(
    pid: u32,
    depth: usize,
    tree: &Tree,
    table: &BTreeMap<u32, Entry>,
    ports: &[Port],
    room: Option<usize>,
) -> String {
    let indent = " ".repeat((2 + 2 * depth).min(MOST_INDENT));
    let process = table
        .get(&pid)
        .map_or_else(|| format!("pid {pid}"), |entry| format!("{} ({pid})", one_line(&entry.name)));
    let mut facts: Vec<String> = Vec::new();
    match ports {
        [] => {}
        [port] => facts.push(format!("port {port}")),
        ports => {
            let all: Vec<String> = ports.iter().map(Port::to_string).collect();
            facts.push(format!("ports {}", all.join(", ")));
        }
    }
    if tree.members.get(&pid) == Some(&Way::Marked) {
        facts.push("started under the lease".to_owned());
    }
    let facts = if facts.is_empty() { String::new() } else { format!("  {}", facts.join(", ")) };
    let Some(room) = room else { return format!("{indent}{process}{facts}") };
    // The name gives way first: the pid and the port say more.
    let left = room.saturating_sub(width(&indent) + width(&facts));
    let least = width(&process).min(8);
    if left >= least {
        return format!("{indent}{}{facts}", cut_process(&process, left));
    }
    cut(&format!("{indent}{process}{facts}"), room)
}

#[cfg(test)]
mod tests {
    use styxy_core::Port;

    use super::*;
    use crate::process::table::User;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn a_tree_is_shown_as_one_within_the_terminal() {
        let entry = |pid: u32, parent: u32, name: &str| Entry {
            pid,
            parent: Some(parent),
            group: Some(20),
            leads_session: false,
            started: 7,
            name: name.to_owned(),
            user: User::Own,
            is_stopped: false,
            mark: None,
            session: None,
            stack: None,
        };
        let all = [
            entry(20, 10, "npm run dev"),
            entry(21, 20, "sh"),
            entry(22, 21, "node"),
            entry(23, 22, "a-long-name-\u{202e}of-a-program"),
            entry(24, 20, "tailwindcss"),
            entry(40, 1, "worker"),
        ];
        let table: BTreeMap<u32, Entry> = all.into_iter().map(|entry| (entry.pid, entry)).collect();
        let way = |pid: u32| if pid == 40 { Way::Marked } else { Way::Below };
        let members = table.keys().map(|pid| (*pid, way(*pid))).collect();
        let tree = Tree { members, spared: BTreeMap::new() };
        let port = |number| Port::new(number).unwrap();
        let ports = |pid: u32| match pid {
            22 => vec![port(3000)],
            23 => vec![port(3001), port(24678)],
            _ => Vec::new(),
        };
        let at = |room| lines(&tree, &table, &ports, room).join("\n") + "\n";
        snapshot!(
            "kill_tree",
            each([
                ("no terminal", at(None)),
                ("40 columns", at(Some(40))),
                ("20 columns", at(Some(20))),
                ("the question", format!("{}\n{}\n", question(1), question(6))),
            ])
        );
    }
}
