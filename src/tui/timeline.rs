//! Who led, from when to when.

use super::observed::{HOUR, Observations};
use super::snapshot::{ClusterSnapshot, Millis, Source};
use super::words::parse_moment;

/// A day.
pub const DAY: Millis = 24 * HOUR;

/// One leadership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The leader's node name; its address where nobody knows the name.
    pub leader: String,
    /// The term, where the agent tells it.
    pub term: Option<u64>,
    /// When it began.
    pub from: Millis,
    /// Whether it is older than that.
    pub at_least: bool,
    /// When it ended; `None` while it lasts.
    pub to: Option<Millis>,
}

/// The leaderships that are known, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    /// The leaderships.
    pub bars: Vec<Bar>,
    /// Whether the agent told them or they were seen from here.
    pub source: Source,
}

impl Timeline {
    /// The agent's record where it keeps one, otherwise what was seen.
    pub fn new(
        snapshot: &ClusterSnapshot,
        seen: &Observations,
        name: impl Fn(&str, &str) -> String,
    ) -> Self {
        let record = snapshot
            .changes
            .get()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut bars: Vec<Bar> = Vec::new();
        for change in record {
            let Some(at) = parse_moment(&change.time) else {
                continue;
            };
            let leader = (!change.leader_address.is_empty())
                .then(|| name(&change.leader_id, &change.leader_address));
            // The first one is what the agent found when it started.
            let at_least = bars.is_empty();
            begin(&mut bars, at, leader, Some(change.term), at_least);
        }
        if !bars.is_empty() {
            return Self {
                bars,
                source: Source::Agent,
            };
        }
        for reign in seen.reigns() {
            let leader = (!reign.leader.is_empty()).then(|| name("", &reign.leader));
            begin(
                &mut bars,
                reign.since.at,
                leader,
                None,
                reign.since.at_least,
            );
        }
        let source = if bars.is_empty() {
            Source::Unavailable
        } else {
            Source::Observed
        };
        Self { bars, source }
    }

    /// How far the record reaches back; 0 without one.
    pub fn span(&self, now: Millis) -> Millis {
        self.bars.first().map_or(0, |bar| (now - bar.from).max(0))
    }

    /// The leadership that lasts.
    pub fn current(&self) -> Option<&Bar> {
        self.bars.last().filter(|bar| bar.to.is_none())
    }

    /// How often the leader changed since `from`. The first one that is known changed nothing that is known.
    pub fn changes_since(&self, from: Millis) -> usize {
        let changes = self.bars.iter().skip(1);
        changes.filter(|bar| bar.from >= from).count()
    }

    /// The leaders of the last day in one line: `srv-1 8h > srv-3 9h > srv-2 6h12m`.
    pub fn line(&self, now: Millis) -> String {
        let bars = self
            .bars
            .iter()
            .filter(|bar| bar.to.unwrap_or(now) > now - DAY);
        let parts: Vec<String> = bars
            .map(|bar| {
                let length = bar.to.unwrap_or(now) - bar.from;
                format!("{} {}", bar.leader, super::words::short(length))
            })
            .collect();
        parts.join(" > ")
    }

    /// Which cells of a row of `width` the leader had something of, over the last `span`.
    pub fn cells(&self, leader: &str, width: usize, span: Millis, now: Millis) -> Vec<bool> {
        let mut cells = vec![false; width];
        for (from, to, _) in self.runs(leader, width, span, now) {
            for cell in cells.iter_mut().take(to).skip(from) {
                *cell = true;
            }
        }
        cells
    }

    /// The leader's bars in a row of `width` over the last `span`: from which cell on, up to which one, in which term.
    pub fn runs(
        &self,
        leader: &str,
        width: usize,
        span: Millis,
        now: Millis,
    ) -> Vec<(usize, usize, Option<u64>)> {
        let mut runs = Vec::new();
        let Ok(count) = Millis::try_from(width) else {
            return runs;
        };
        if count == 0 || span <= 0 {
            return runs;
        }
        let place = |at: Millis| (at - (now - span)).clamp(0, span) * count / span;
        for bar in self.bars.iter().filter(|bar| bar.leader == leader) {
            let end = bar.to.unwrap_or(now);
            if end < now - span {
                continue;
            }
            let (from, to) = (place(bar.from), place(end));
            let from = usize::try_from(from).unwrap_or_default();
            let to = usize::try_from(to).unwrap_or_default().max(from + 1);
            runs.push((from, to, bar.term));
        }
        runs
    }
}

/// Ends the leadership that lasted and begins another, if somebody leads.
fn begin(
    bars: &mut Vec<Bar>,
    at: Millis,
    leader: Option<String>,
    term: Option<u64>,
    at_least: bool,
) {
    if let Some(last) = bars.last_mut().filter(|bar| bar.to.is_none()) {
        if leader.as_ref() == Some(&last.leader) && term == last.term {
            return;
        }
        last.to = Some(at);
    }
    if let Some(leader) = leader {
        bars.push(Bar {
            leader,
            term,
            from: at,
            at_least,
            to: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::raft::LeaderChangeRecord;
    use crate::tui::snapshot::Update;

    fn change(time: &str, term: u64, leader: &str) -> LeaderChangeRecord {
        LeaderChangeRecord {
            time: time.to_owned(),
            term,
            leader_id: leader.to_owned(),
            leader_address: leader.to_owned(),
            reason: String::new(),
        }
    }

    fn timeline() -> (Timeline, Millis) {
        let record = vec![
            change("2020-01-01T00:00:00Z", 1, "a"),
            change("2020-01-01T08:00:00Z", 1, ""),
            change("2020-01-01T08:00:05Z", 2, "b"),
            change("2020-01-01T08:00:05Z", 2, "b"),
            change("2020-01-01T17:00:00Z", 3, "a"),
        ];
        let snapshot = ClusterSnapshot::new("x").with(Update::Changes(Ok(record)), 1);
        let name = |_: &str, address: &str| format!("srv-{address}");
        let timeline = Timeline::new(&snapshot, &Observations::default(), name);
        let now = parse_moment("2020-01-02T00:00:00Z").unwrap();
        (timeline, now)
    }

    #[test]
    fn the_record_becomes_leaderships() {
        let (timeline, now) = timeline();
        assert_eq!(timeline.source, Source::Agent);
        assert_eq!(timeline.line(now), "srv-a 8h0m > srv-b 8h59m > srv-a 7h0m");
        assert_eq!(timeline.changes_since(now - DAY), 2);
        assert_eq!(timeline.changes_since(now - 8 * HOUR), 1);
        assert_eq!(timeline.current().map(|bar| bar.term), Some(Some(3)));
    }

    #[test]
    fn a_row_shows_when_a_server_led() {
        let (timeline, now) = timeline();
        let row = |leader| {
            let cells = timeline.cells(leader, 24, DAY, now);
            let letters = cells.iter().map(|cell| if *cell { '#' } else { '.' });
            letters.collect::<String>()
        };
        assert_eq!(row("srv-a"), "########.........#######");
        assert_eq!(row("srv-b"), "........#########.......");
        assert!(timeline.cells("srv-a", 0, DAY, now).is_empty());
        let runs = timeline.runs("srv-a", 24, DAY, now);
        assert_eq!(runs, [(0, 8, Some(1)), (17, 24, Some(3))]);
    }
}
