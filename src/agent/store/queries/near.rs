//! Sorting by estimated round trip.

use crate::agent::store::State;

/// Sorts items by the estimated round trip from `source` to their node; unknown ones come last.
/// The order of equals, and of all when the source has no coordinate, stays.
pub(super) fn sort_by_distance<T>(
    state: &State,
    source: &str,
    items: &mut [T],
    node: impl Fn(&T) -> &str,
) {
    let Some(from) = state.coordinate(source) else {
        return;
    };
    items.sort_by_cached_key(|item| {
        let seconds = state
            .coordinate(node(item))
            .and_then(|to| from.coord.distance_to(&to.coord))
            .unwrap_or(f64::INFINITY);
        // Non-negative floats order as their bits do.
        seconds.to_bits()
    });
}
