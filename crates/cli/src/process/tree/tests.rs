//! Made-up tables, and random ones.

use proptest::prelude::*;

use super::*;
use crate::process::table::User;

const LEASE: &str = "4f5e0000-0000-4000-8000-000000000000";

fn lease() -> LockId {
    LockId::parse(LEASE).unwrap()
}

/// `pid parent group`, a `*` for the lease's mark, a `!` for the leader of a session; all of them children of init.
fn table(text: &str) -> Table {
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let mut number = || words.next().unwrap().parse().unwrap();
        let (pid, parent, group): (u32, u32, u32) = (number(), number(), number());
        Entry {
            pid,
            parent: Some(parent),
            group: Some(group),
            leads_session: line.contains('!'),
            started: 7,
            name: format!("p{pid}"),
            user: User::Own,
            is_stopped: false,
            mark: line.contains('*').then(lease),
            session: None,
            stack: None,
        }
    };
    let lines = text.split(',').chain(["1 0 1 !"]);
    lines.map(|line| entry(line.trim())).map(|entry| (entry.pid, entry)).collect()
}

fn roots(listeners: &[u32], owner: Option<u32>) -> Roots {
    Roots { listeners: listeners.to_vec(), owner, marks: vec![lease()], ..Roots::default() }
}

/// All may be ended but init and `spared`.
fn tree(text: &str, roots: &Roots, spared: &[u32]) -> Tree {
    let judge = |entry: &Entry, _| match entry.pid {
        1 => Verdict::Hide,
        pid if spared.contains(&pid) => Verdict::Spare("not mine".to_owned()),
        _ => Verdict::End,
    };
    Tree::of(&table(text), roots, &judge)
}

fn members(text: &str, roots: &Roots) -> Vec<u32> {
    tree(text, roots, &[]).members.into_keys().collect()
}

#[test]
fn the_whole_tree_below_the_owner_belongs_to_its_server() {
    // sh 10 is a person's; npm 20, sh 21, node 22, esbuild 23, tailwind 24 beside them.
    let text = "10 1 10 !, 20 10 20 *, 21 20 20 *, 22 21 20 *, 23 22 20 *, 24 20 20 *, 30 10 30";
    assert_eq!(members(text, &roots(&[22], Some(20))), [20, 21, 22, 23, 24]);
    assert_eq!(members(text, &roots(&[], Some(20))), [20, 21, 22, 23, 24], "nothing listens yet");
    assert_eq!(members(text, &roots(&[22], Some(99))), [20, 21, 22, 23, 24], "the owner has ended");
}

#[test]
fn what_went_its_own_way_is_found_by_its_mark_alone() {
    // 40 was forked twice and leads a session; 41 is below it, with an environment of its own.
    let text = "20 1 20 *, 22 20 20 *, 40 1 40 !*, 41 40 40, 50 1 50 !";
    let found = tree(text, &roots(&[22], Some(20)), &[]);
    let ways: Vec<_> = found.members.into_iter().collect();
    assert_eq!(ways, [(20, Way::Owns), (22, Way::Listens), (40, Way::Marked), (41, Way::Below)]);
}

#[test]
fn without_a_lease_what_only_waits_for_the_listener_goes_with_it() {
    // The shell 10 leads its session; npm 20, sh 21, node 22, its worker 23.
    let alone = "10 1 10 !, 20 10 20, 21 20 20, 22 21 20, 23 22 20";
    assert_eq!(members(alone, &roots(&[22], None)), [20, 21, 22, 23]);
    let beside = "10 1 10 !, 20 10 20, 21 20 20, 22 21 20, 24 20 20";
    assert_eq!(members(beside, &roots(&[22], None)), [21, 22], "npm has another child");
    let script = "10 1 10 !, 22 10 10";
    assert_eq!(members(script, &roots(&[22], None)), [22], "a leader of a session is never above");
    let job = "10 1 10 !, 15 10 15, 22 15 22";
    assert_eq!(members(job, &roots(&[22], None)), [22], "another process group");
    let workers = "10 1 10 !, 20 10 20, 21 20 20, 22 20 20";
    assert_eq!(members(workers, &roots(&[21, 22], None)), [20, 21, 22], "all children of it listen");
    assert_eq!(members(workers, &roots(&[21], None)), [21]);
}

#[test]
fn a_shell_that_owns_a_lease_is_not_its_server() {
    let text = "10 1 10 !, 22 10 22, 30 10 30";
    assert_eq!(members(text, &roots(&[22], Some(10))), [22]);
    // What leased the port by itself, without `styxy run`, is one with all that is below it.
    let text = "10 1 10 !, 20 10 20, 22 20 20, 23 20 20";
    assert_eq!(members(text, &roots(&[22], Some(20))), [20, 22, 23]);
    assert_eq!(members(text, &roots(&[22], Some(23))), [22], "it is not above the listener");
}

#[test]
fn the_lease_of_what_may_not_be_ended_says_nothing() {
    // `styxy run -- claude`: all that the agent 10 starts carries the mark.
    let text = "10 1 10 *, 22 10 10 *, 30 10 30 *, 40 1 40 !*";
    let found = tree(text, &roots(&[22], Some(10)), &[10]);
    assert_eq!((found.members.into_keys().collect::<Vec<_>>(), found.spared), (vec![22], BTreeMap::new()));
}

#[test]
fn what_is_below_a_spared_process_is_spared_with_it() {
    let text = "20 1 20 *, 22 20 20 *, 30 20 30 *, 31 30 30 *, 32 31 30 *";
    let found = tree(text, &roots(&[22], Some(20)), &[30]);
    assert_eq!(found.members.into_keys().collect::<Vec<_>>(), [20, 22]);
    assert_eq!(found.spared, BTreeMap::from([(30, "not mine".to_owned())]));
    // A listener of the port itself is the server's, wherever it is.
    assert_eq!(
        tree(text, &roots(&[22, 31], Some(20)), &[30]).members.into_keys().collect::<Vec<_>>(),
        [20, 22, 31, 32]
    );
}

#[test]
fn a_process_that_was_found_stays_when_its_parent_has_ended() {
    let kept = Roots { kept: vec![23], ..roots(&[], None) };
    assert_eq!(members("23 1 20, 24 23 20, 30 1 30", &kept), [23, 24]);
}

#[test]
fn a_process_of_the_owners_control_group_is_found_without_a_mark() {
    let grouped = Roots { grouped: vec![20, 40, 1], ..roots(&[], Some(20)) };
    assert_eq!(members("20 1 20 *, 40 1 40 !, 41 40 40, 50 1 50", &grouped), [20, 40, 41]);
    assert_eq!(tree("20 1 20 *, 40 1 40 !", &grouped, &[20]).members, BTreeMap::new());
}

#[test]
fn a_table_with_a_circle_or_a_stranger_is_no_trap() {
    assert_eq!(members("20 21 20, 21 20 20", &roots(&[20], Some(21))), [20, 21]);
    assert_eq!(members("20 20 20", &roots(&[20], None)), [20]);
    assert_eq!(members("20 1 20", &roots(&[99], Some(98))), Vec::<u32>::new());
}

fn random() -> impl Strategy<Value = (Table, Roots, BTreeSet<u32>)> {
    let entry = (2..40_u32, 0..40_u32, 2..6_u32, any::<bool>(), 0..4_u8);
    let entries = prop::collection::vec(entry, 0..40);
    let pids = || prop::collection::vec(2..40_u32, 0..4);
    (entries, pids(), prop::option::of(2..40_u32), pids(), prop::collection::btree_set(2..40_u32, 0..6))
        .prop_map(|(entries, listeners, owner, kept, spared)| {
            let mut table = table("2 1 2");
            for (pid, parent, group, leads_session, mark) in entries {
                let entry = Entry {
                    pid,
                    parent: Some(parent),
                    group: Some(group),
                    leads_session,
                    mark: (mark == 0).then(lease),
                    ..table[&2].clone()
                };
                table.insert(pid, entry);
            }
            (table, Roots { kept, ..roots(&listeners, owner) }, spared)
        })
}

proptest! {
    #[test]
    fn nobody_is_ended_who_may_not_be_and_nobody_below_a_member_is_left_without_a_word(
        (table, roots, spared) in random()
    ) {
        let judge = |entry: &Entry, _| match entry.pid {
            1 => Verdict::Hide,
            pid if spared.contains(&pid) => Verdict::Spare(String::new()),
            _ => Verdict::End,
        };
        let tree = Tree::of(&table, &roots, &judge);
        for pid in tree.members.keys() {
            prop_assert!(table.contains_key(pid));
            prop_assert!(!spared.contains(pid) || roots.kept.contains(pid), "{pid}");
            prop_assert!(!tree.spared.contains_key(pid) || roots.kept.contains(pid), "{pid}");
        }
        prop_assert!(!tree.members.contains_key(&1));
        let shields = |pid: u32| pid == 1 || tree.spared.contains_key(&pid);
        for entry in table.values() {
            let Some(parent) = entry.parent.filter(|parent| tree.members.contains_key(parent)) else { continue };
            let above = || std::iter::successors(Some(entry.pid), |pid| table.get(pid)?.parent).take(table.len() + 1);
            prop_assert!(tree.members.contains_key(&entry.pid) || above().any(shields), "{} below {parent}", entry.pid);
        }
    }

    #[test]
    fn a_process_that_has_nothing_to_do_with_it_changes_nothing((table, roots, spared) in random()) {
        let judge = |entry: &Entry, _| match entry.pid {
            1 => Verdict::Hide,
            pid if spared.contains(&pid) => Verdict::Spare(String::new()),
            _ => Verdict::End,
        };
        let before = Tree::of(&table, &roots, &judge);
        let mut more = table.clone();
        more.insert(77, Entry { pid: 77, parent: Some(1), mark: None, ..table[&2].clone() });
        prop_assert_eq!(Tree::of(&more, &roots, &judge), before);
    }
}
