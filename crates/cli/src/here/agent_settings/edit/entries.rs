//! Which entries of an event's list are Styxy's.

use styxy_core::json::Node;

use super::super::recognised::is_ours;

/// The keys under which agents have the command of a hook.
const COMMANDS: [&str; 3] = ["command", "bash", "powershell"];

/// An entry of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnEntry<'n> {
    /// The item of the list that it is, or is in.
    item: usize,
    /// The position in its group; 0 without a group.
    inner: usize,
    pub(super) group: Option<&'n Node<'n>>,
    pub(super) hook: &'n Node<'n>,
}

impl<'n> OwnEntry<'n> {
    /// Whether its group contains only entries of ours.
    pub(super) fn is_alone(&self) -> bool {
        self.group.is_none_or(|group| hooks(group).iter().all(|hook| is_own(hook)))
    }

    /// The list that it is in, and its position; those of its group if it is the only hook there.
    pub(super) fn place(&self, list: &'n Node<'n>) -> (&'n Node<'n>, usize) {
        match self.group.and_then(|group| group.get("hooks")) {
            Some(inner) if inner.items().len() > 1 => (inner, self.inner),
            _ => (list, self.item),
        }
    }

    /// Like [`Self::place`]; its group also if all hooks there are ours.
    pub(super) fn widest_place(&self, list: &'n Node<'n>) -> (&'n Node<'n>, usize) {
        if self.is_alone() { (list, self.item) } else { self.place(list) }
    }
}

/// Our entries in an event's list, in the order of the text.
pub(super) fn all<'n>(list: &'n Node<'n>) -> Vec<OwnEntry<'n>> {
    let mut all = Vec::new();
    for (item, value) in list.items().iter().enumerate() {
        if is_bare(value) {
            all.push(OwnEntry { item, inner: 0, group: None, hook: value });
            continue;
        }
        let inner = hooks(value).iter().enumerate().filter(|(_, hook)| is_own(hook));
        all.extend(inner.map(|(inner, hook)| OwnEntry { item, inner, group: Some(value), hook }));
    }
    all
}

/// The hooks of a group.
pub(super) fn hooks<'n>(group: &'n Node<'n>) -> &'n [Node<'n>] {
    group.get("hooks").map_or(&[], Node::items)
}

/// Whether an item of an event's list is a hook of ours, without a group around it.
pub(super) fn is_bare(item: &Node) -> bool {
    is_own(item) && item.get("hooks").is_none()
}

/// Whether a hook is ours.
pub(super) fn is_own(hook: &Node) -> bool {
    let Some(command) = COMMANDS.iter().find_map(|key| hook.get(key)?.as_text()) else { return false };
    let arguments = hook.get("args").map_or(&[][..], Node::items);
    let arguments: Option<Vec<&str>> = arguments.iter().map(Node::as_text).collect();
    arguments.is_some_and(|arguments| is_ours(command, &arguments))
}
