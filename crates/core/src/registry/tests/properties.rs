//! The invariants of docs/DESIGN.md (all but I3) in random runs of everything that can happen.

use proptest::prelude::*;

use super::steps::step;
use super::world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_invariants_hold_whatever_happens(
        steps in proptest::collection::vec(step(), 1..80),
        middle in any::<usize>(),
    ) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.check_replay(middle);
    }
}
