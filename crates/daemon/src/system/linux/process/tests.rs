use super::*;

fn pid(number: u32) -> Option<Pid> {
    Pid::new(number)
}

#[test]
fn the_inode_decides_alone_where_both_have_one() {
    let key = |inode, started| ProcessKey { pid: pid(9).unwrap(), inode, started };
    assert!(same(&key(Some(1), 5), &key(Some(1), 6)));
    assert!(!same(&key(Some(1), 5), &key(Some(2), 5)));
    assert!(same(&key(None, 5), &key(Some(2), 5)) && !same(&key(None, 5), &key(None, 6)));
    assert!(!same(&key(None, 5), &ProcessKey { pid: pid(10).unwrap(), ..key(None, 5) }));
}
