//! Runs with faults from seeds, and some that were thought of.

use std::time::Duration;

use super::faults::Script;
use super::story::Story;
use crate::dice::Dice;
use crate::seeds;

/// Seeds of the usual run.
const SEEDS: u64 = 40;

#[test]
fn raft_is_linearizable_whatever_fails() {
    super::spy::listen();
    let outlines = seeds::each(SEEDS, |seed| {
        let mut dice = Dice::new(seed);
        let script = Script::from(&mut dice.fork());
        let outline = Story::begin(dice, script).end();
        println!("seed {seed}: {outline:?}");
        outline
    });
    let operations: usize = outlines.iter().map(|o| o.operations).sum();
    let slowest = outlines.iter().map(|o| o.recovery).max();
    println!("{operations} operations; slowest recovery {slowest:?}");
    assert!(
        operations > outlines.len() * 300,
        "{operations} operations: the clients hardly ran"
    );
}
