//! The search for an order: depth first, every configuration once.

use std::collections::HashSet;

use super::model::{Action, Model, State, Step, ValueId};

/// Configurations after which a search gives up. Each takes some hundred bytes.
const MAX_CONFIGURATIONS: usize = 2_000_000;

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order; this many configurations were tried.
    Order(usize),
    /// There is none.
    Nothing,
    /// It would take too long to tell.
    TooMany,
}

/// A set of operations.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Set(Box<[u64]>);

impl Set {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into())
    }

    fn has(&self, at: usize) -> bool {
        self.0[at / 64] & (1 << (at % 64)) != 0
    }

    fn flip(&mut self, at: usize) {
        self.0[at / 64] ^= 1 << (at % 64);
    }
}

/// A configuration on the way down, and what may come next.
struct Frame {
    state: State,
    /// The first completed operation that is not placed yet.
    low: usize,
    next: std::vec::IntoIter<(usize, State)>,
    /// The operation that led here.
    placed: Option<usize>,
}

struct Search<'a> {
    model: &'a Model,
    /// Completed operations by call, then the others by call.
    steps: Vec<Step>,
    completed: usize,
    done: Set,
    tried: HashSet<(Set, Option<ValueId>)>,
}

/// Looks for an order of the steps in which each could have been made between its call and its return.
pub(super) fn search(model: &Model, steps: &[Step]) -> Found {
    let mut steps = steps.to_vec();
    steps.sort_by_key(|step| (step.end == u64::MAX, step.call));
    let completed = steps.partition_point(|step| step.end != u64::MAX);
    let search = Search {
        model,
        done: Set::new(steps.len()),
        steps,
        completed,
        tried: HashSet::new(),
    };
    search.run()
}

impl Search<'_> {
    fn run(mut self) -> Found {
        let mut path = vec![self.frame(State::default(), 0, None)];
        while let Some(top) = path.last_mut() {
            let (low, state) = (self.skip(top.low), top.state);
            top.low = low;
            if low == self.completed {
                return Found::Order(self.tried.len());
            }
            let Some((at, after)) = top.next.next() else {
                if let Some(placed) = top.placed {
                    self.done.flip(placed);
                }
                path.pop();
                continue;
            };
            self.done.flip(at);
            debug_assert!(self.model.apply(state, self.steps[at].action) == Some(after));
            if !self.tried.insert((self.done.clone(), after.value)) {
                self.done.flip(at);
                continue;
            }
            if self.tried.len() > MAX_CONFIGURATIONS {
                return Found::TooMany;
            }
            let frame = self.frame(after, low, Some(at));
            path.push(frame);
        }
        Found::Nothing
    }

    fn skip(&self, low: usize) -> usize {
        (low..self.completed)
            .find(|at| !self.done.has(*at))
            .unwrap_or(self.completed)
    }

    fn frame(&self, state: State, low: usize, placed: Option<usize>) -> Frame {
        Frame {
            state,
            low,
            next: self.candidates(state, low).into_iter(),
            placed,
        }
    }

    /// What may be placed next: whatever was called before the first return of those that are left.
    fn candidates(&self, state: State, low: usize) -> Vec<(usize, State)> {
        let mut limit = u64::MAX;
        let mut open = Vec::new();
        for at in low..self.completed {
            let step = &self.steps[at];
            if step.call > limit {
                break;
            }
            if !self.done.has(at) {
                limit = limit.min(step.end);
                open.push(at);
            }
        }
        open.retain(|at| self.steps[*at].call < limit);
        open.sort_by_key(|at| self.steps[*at].end);
        let mut alike = HashSet::new();
        let pending = (self.completed..self.steps.len())
            .take_while(|at| self.steps[*at].call < limit)
            .filter(|at| !self.done.has(*at))
            // Of those with the same effect and no return, any will do as well as the others.
            .filter(|at| alike.insert(self.steps[*at].action));
        open.extend(pending);
        let fitting: Vec<(usize, State)> = open
            .into_iter()
            .filter_map(|at| Some((at, self.model.apply(state, self.steps[at].action)?)))
            .collect();
        // What changes nothing and fits now need not be tried later.
        match fitting
            .iter()
            .find(|(at, _)| changes_nothing(self.steps[*at].action))
        {
            Some(harmless) => vec![*harmless],
            None => fitting,
        }
    }
}

fn changes_nothing(action: Action) -> bool {
    match action {
        Action::Read(_) => true,
        Action::Cas { swapped, .. } => swapped == Some(false),
        Action::Put(_) | Action::Delete => false,
    }
}
