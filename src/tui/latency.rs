//! How far nodes are from each other: round trips that are estimated from network coordinates.

use std::collections::BTreeMap;

use super::snapshot::{ClusterSnapshot, Fault, Millis, Part};
use crate::model::coordinate::{Coordinate, NodeCoordinate};

/// Upper bounds of the ranges that are shown, in milliseconds; what is more lies beyond the last.
pub const RANGES_MS: [u32; 6] = [6, 15, 50, 100, 200, 300];

/// The range of a round trip: a place in [`RANGES_MS`], or one beyond.
pub fn range(millis: f64) -> usize {
    let bounds = RANGES_MS.iter();
    bounds.filter(|bound| millis >= f64::from(**bound)).count()
}

/// The round trips from one node to all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The shortest, in milliseconds.
    pub min_ms: f64,
    /// The one in the middle; the mean of both where there are two.
    pub median_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// A datacenter, and where its servers are in the WAN pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Its name.
    pub name: String,
    /// Its servers.
    pub servers: Vec<NodeCoordinate>,
}

/// Servers of a datacenter that are compared: enough for a median.
const MAX_SERVERS: usize = 16;

/// The coordinates as they are shown, and from where one looks.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    /// What the agent said; stands still while the picture does.
    pub coordinates: Part<Vec<NodeCoordinate>>,
    areas: Part<Vec<Area>>,
    own: String,
    chosen: Option<String>,
}

impl Latency {
    /// Takes what is known now.
    pub fn look(&mut self, snapshot: &ClusterSnapshot) {
        self.coordinates = snapshot.coordinates.clone();
        if let Some(agent) = snapshot.agent.get() {
            self.own.clone_from(&agent.node);
        }
    }

    /// Takes what is known of datacenters.
    pub fn take_areas(&mut self, came: Result<Vec<Area>, Fault>, now: Millis) {
        self.areas.take(came, now);
    }

    /// The datacenters; none while nobody says.
    pub fn areas(&self) -> &[Area] {
        self.areas.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The median round trip between the servers of two datacenters, or among those of one, in milliseconds.
    pub fn apart(&self, here: &Area, there: &Area) -> Option<f64> {
        let mut found: Vec<f64> = Vec::new();
        for (place, one) in here.servers.iter().take(MAX_SERVERS).enumerate() {
            for (other_place, other) in there.servers.iter().take(MAX_SERVERS).enumerate() {
                if here.name != there.name || place < other_place {
                    found.extend(between(&one.coord, &other.coord));
                }
            }
        }
        found.sort_by(f64::total_cmp);
        middle(&found)
    }

    /// Looks from another node.
    pub fn choose(&mut self, node: &str) {
        self.chosen = Some(node.to_owned());
    }

    /// Every node's coordinate, by name. A node of several segments counts with its first one.
    pub fn nodes(&self) -> BTreeMap<&str, &Coordinate> {
        let list = self.coordinates.get().map(Vec::as_slice);
        let mut nodes = BTreeMap::new();
        for node in list.unwrap_or_default() {
            nodes.entry(node.node.as_str()).or_insert(&node.coord);
        }
        nodes
    }

    /// The node that one looks from: the one that was chosen, otherwise the agent's own, otherwise the first.
    pub fn origin(&self) -> Option<&str> {
        let nodes = self.coordinates.get()?;
        let has = |name: &str| nodes.iter().find(|node| node.node == name);
        let chosen = self.chosen.as_deref().and_then(has);
        let found = chosen
            .or_else(|| has(&self.own))
            .or_else(|| nodes.first())?;
        Some(&found.node)
    }

    /// All nodes with their round trip from the origin in milliseconds, nearest first; the origin itself leads.
    pub fn ranked(&self) -> Vec<(&str, Option<f64>)> {
        let nodes = self.nodes();
        let Some((origin, here)) = self
            .origin()
            .and_then(|name| Some((name, *nodes.get(name)?)))
        else {
            return Vec::new();
        };
        let mut ranked: Vec<(&str, Option<f64>)> = nodes
            .iter()
            .filter(|(name, _)| **name != origin)
            .map(|(name, there)| (*name, between(here, there)))
            .collect();
        // Nodes with coordinates of other dimensions cannot be compared: they come last.
        let key = |rtt: Option<f64>| rtt.unwrap_or(f64::INFINITY);
        ranked.sort_by(|a, b| key(a.1).total_cmp(&key(b.1)).then(a.0.cmp(b.0)));
        ranked.insert(0, (origin, None));
        ranked
    }

    /// The shortest, the middle and the longest round trip from the origin.
    pub fn spread(&self) -> Option<Spread> {
        let ranked = self.ranked();
        let found: Vec<f64> = ranked.iter().filter_map(|(_, rtt)| *rtt).collect();
        let (first, last) = (found.first()?, found.last()?);
        Some(Spread {
            min_ms: *first,
            median_ms: middle(&found)?,
            max_ms: *last,
        })
    }
}

/// The middle of sorted numbers; the mean of both where there are two.
fn middle(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, upper))
}

/// Round trip in milliseconds; `None` where it cannot be estimated.
pub fn between(here: &Coordinate, there: &Coordinate) -> Option<f64> {
    let millis = here.distance_to(there)? * 1000.0;
    millis.is_finite().then_some(millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::facts::AgentFacts;
    use crate::tui::snapshot::Update;

    fn at(name: &str, place: f64) -> NodeCoordinate {
        let mut coord = Coordinate {
            height: 0.0,
            ..Coordinate::default()
        };
        coord.vec[0] = place;
        NodeCoordinate {
            node: name.to_owned(),
            segment: String::new(),
            coord,
        }
    }

    fn latency(nodes: Vec<NodeCoordinate>) -> Latency {
        let facts = AgentFacts {
            node: "b".to_owned(),
            ..AgentFacts::default()
        };
        let snapshot = ClusterSnapshot::new("x")
            .with(Update::Agent(Ok(facts)), 1)
            .with(Update::Coordinates(Ok(nodes)), 1);
        let mut latency = Latency::default();
        latency.look(&snapshot);
        latency
    }

    #[test]
    fn ranges_have_their_bounds() {
        let ranges = [
            0.0, 5.9, 6.0, 14.9, 15.0, 50.0, 99.0, 100.0, 200.0, 300.0, 1e9,
        ]
        .map(range);
        assert_eq!(ranges, [0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 6]);
    }

    #[test]
    fn the_nearest_comes_first_seen_from_the_origin() {
        let mut broken = at("z", 0.0);
        broken.coord.vec.truncate(2);
        let mut latency = latency(vec![
            at("a", 0.0),
            at("b", 0.010),
            at("c", 0.110),
            at("d", 0.012),
            broken,
        ]);
        assert_eq!(latency.origin(), Some("b"));
        let names: Vec<&str> = latency.ranked().iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["b", "d", "a", "c", "z"]);
        let spread = latency.spread().unwrap();
        let rounded = [spread.min_ms, spread.median_ms, spread.max_ms].map(f64::round);
        assert_eq!(format!("{rounded:?}"), "[2.0, 10.0, 100.0]");
        latency.choose("a");
        assert_eq!(latency.spread().map(|it| it.median_ms.round()), Some(12.0));
        latency.choose("gone");
        assert_eq!(latency.origin(), Some("b"));
    }

    #[test]
    fn datacenters_are_as_far_apart_as_most_of_their_servers() {
        let area = |name: &str, places: &[f64]| Area {
            name: name.to_owned(),
            servers: places.iter().map(|place| at(name, *place)).collect(),
        };
        let mut latency = Latency::default();
        assert!(latency.areas().is_empty());
        let (one, two) = (area("dc1", &[0.0, 0.002, 0.5]), area("dc2", &[0.1]));
        let alone = area("dc3", &[]);
        latency.take_areas(Ok(vec![one.clone(), two.clone()]), 1);
        assert_eq!(latency.areas().len(), 2);
        let apart = |a: &Area, b: &Area| latency.apart(a, b).map(f64::round);
        assert_eq!(apart(&one, &two), Some(100.0));
        assert_eq!(apart(&two, &one), Some(100.0));
        assert_eq!(apart(&one, &one), Some(498.0));
        assert_eq!((apart(&two, &two), apart(&one, &alone)), (None, None));
    }

    #[test]
    fn nothing_known_is_no_distance() {
        assert_eq!(Latency::default().spread(), None);
        assert_eq!(latency(vec![at("b", 1.0)]).spread(), None);
        assert_eq!(
            latency(vec![at("b", 1e308), at("c", -1e308)]).spread(),
            None
        );
    }
}
