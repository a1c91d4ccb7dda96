//! Runs a check with many seeds, on all processors; a failure names its seed.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Runs `check` with the seeds from 0 to below `count` and returns what it made of each, in order.
/// `SIM_SEED=17` runs that one only; `SIM_SEEDS=1000` runs more of them, or fewer.
///
/// # Panics
/// When the check panics with any seed; the text names all of those.
pub(crate) fn each<T: Send>(count: u64, check: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse());
    if let Some(seed) = number("SIM_SEED") {
        return vec![check(seed.expect("SIM_SEED is a number"))];
    }
    let count = number("SIM_SEEDS").map_or(count, |n| n.expect("SIM_SEEDS is a number"));
    on_all_processors(count, &check)
}

fn on_all_processors<T: Send>(count: u64, check: &(impl Fn(u64) -> T + Sync)) -> Vec<T> {
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= count {
                break;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| check(seed)));
            outcomes
                .lock()
                .expect("nobody panics with it")
                .push((seed, outcome));
        }
    };
    thread::scope(|scope| {
        for _ in 1..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
        work();
    });
    let mut outcomes = outcomes.into_inner().expect("nobody panics with it");
    outcomes.sort_by_key(|(seed, _)| *seed);
    let failed: Vec<u64> = outcomes
        .iter()
        .filter_map(|(seed, outcome)| outcome.is_err().then_some(*seed))
        .collect();
    outcomes
        .into_iter()
        .map(|(seed, outcome)| {
            outcome.unwrap_or_else(|panic| {
                let text = text(&*panic);
                panic!("seeds {failed:?} fail; SIM_SEED={seed} repeats the first: {text}")
            })
        })
        .collect()
}

fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}

#[test]
fn a_failure_names_its_seed() {
    assert_eq!(on_all_processors(5, &|seed| seed * 2), [0, 2, 4, 6, 8]);
    let panic = catch_unwind(|| {
        on_all_processors(9, &|seed| assert!(seed % 5 != 3, "three or eight"));
    })
    .expect_err("one of them fails");
    let text = text(&*panic);
    assert!(
        text.contains("seeds [3, 8] fail; SIM_SEED=3") && text.contains("three or eight"),
        "{text}"
    );
}
