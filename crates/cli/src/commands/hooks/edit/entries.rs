//! Which entries of an event's list are Styxy's own.

use super::super::agents::is_ours;
use super::super::text::Node;

/// An entry of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnEntry<'n> {
    /// Which item of the list it is, or is in.
    item: usize,
    /// Which hook of its group it is; 0 without a group.
    inner: usize,
    pub(super) group: Option<&'n Node>,
    pub(super) hook: &'n Node,
}

impl<'n> OwnEntry<'n> {
    /// Whether there is nothing of others in its group.
    pub(super) fn is_alone(&self) -> bool {
        self.group.is_none_or(|group| hooks(group).iter().all(|hook| is_own(hook)))
    }

    /// The list that it is in, and where; its group in the event's list, if it is the only hook there.
    pub(super) fn place(&self, list: &'n Node) -> (&'n Node, usize) {
        match self.group.and_then(|group| group.get("hooks")) {
            Some(inner) if inner.items().len() > 1 => (inner, self.inner),
            _ => (list, self.item),
        }
    }

    /// As [`Self::place`]; its group also if all the hooks there are ours.
    pub(super) fn widest_place(&self, list: &'n Node) -> (&'n Node, usize) {
        if self.is_alone() { (list, self.item) } else { self.place(list) }
    }
}

/// Every entry of ours in an event's list, in the order of the text.
pub(super) fn all(list: &Node) -> Vec<OwnEntry<'_>> {
    let mut all = Vec::new();
    for (item, slot) in list.items().iter().enumerate() {
        if is_bare(&slot.value) {
            all.push(OwnEntry { item, inner: 0, group: None, hook: &slot.value });
            continue;
        }
        let inner = hooks(&slot.value).into_iter().enumerate().filter(|(_, hook)| is_own(hook));
        all.extend(inner.map(|(inner, hook)| OwnEntry { item, inner, group: Some(&slot.value), hook }));
    }
    all
}

/// The hooks of a group.
pub(super) fn hooks(group: &Node) -> Vec<&Node> {
    let items = group.get("hooks").map_or(&[][..], Node::items);
    items.iter().map(|slot| &slot.value).collect()
}

/// Whether an item of an event's list is a hook of ours, without a group around it.
pub(super) fn is_bare(item: &Node) -> bool {
    is_own(item) && item.get("hooks").is_none()
}

/// Whether a hook is ours.
pub(super) fn is_own(hook: &Node) -> bool {
    let Some(command) = hook.get("command").and_then(Node::text) else { return false };
    let arguments = hook.get("args").map_or(&[][..], Node::items);
    let arguments: Option<Vec<&str>> = arguments.iter().map(|slot| slot.value.text()).collect();
    arguments.is_some_and(|arguments| is_ours(command, &arguments))
}
