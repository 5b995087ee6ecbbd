use super::*;

fn pid(number: u32) -> Option<Pid> {
    Pid::new(number)
}

const AFTER_PARENT: &str = "1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 77777 1000000 100 18446744073709551615";

#[test]
fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
    let line = format!("42 (a) b (c) S 7 {AFTER_PARENT}");
    let stat = Stat::parse(line.as_bytes()).unwrap();
    assert_eq!(stat, Stat { name: b"a) b (c", state: b'S', parent: pid(7), started: 77777 });
}

#[test]
fn a_process_without_a_parent_has_none() {
    let line = format!("1 (init) S 0 {AFTER_PARENT}");
    assert_eq!(Stat::parse(line.as_bytes()).unwrap().parent, None);
}

#[test]
fn a_line_that_is_cut_off_is_not_a_process() {
    for line in ["", "42", "42 (a", "42 (a)", "42 (a) S", "42 (a) S 7 1 1 0 -1"] {
        assert_eq!(Stat::parse(line.as_bytes()), None, "{line}");
    }
}

#[test]
fn the_inode_decides_alone_where_both_have_one() {
    let key = |inode, started| ProcessKey { pid: pid(9).unwrap(), inode, started };
    assert!(same(&key(Some(1), 5), &key(Some(1), 6)));
    assert!(!same(&key(Some(1), 5), &key(Some(2), 5)));
    assert!(same(&key(None, 5), &key(Some(2), 5)) && !same(&key(None, 5), &key(None, 6)));
    assert!(!same(&key(None, 5), &ProcessKey { pid: pid(10).unwrap(), ..key(None, 5) }));
}
