//! A network between hosts on a plane: delay by distance, jitter, loss, copies, late packets, and walls. It
//! knows nothing of what is sent.

use std::time::Duration;

use crate::dice::Dice;

/// A machine. Processes on it come and go; the machine keeps its place.
pub(crate) type HostId = usize;

/// How well the network works. Times are one-way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conditions {
    /// What every packet takes.
    pub(crate) base: Duration,
    /// What it takes from one edge of the plane to the opposite one.
    pub(crate) crossing: Duration,
    /// Up to this much is added, evenly spread.
    pub(crate) jitter: Duration,
    /// How often a packet is lost.
    pub(crate) loss: f64,
    /// How often a packet comes twice.
    pub(crate) duplicate: f64,
    /// How often a packet is overtaken by later ones.
    pub(crate) late: f64,
    /// Up to this much later it comes.
    pub(crate) late_by: Duration,
    /// Bytes a second of a stream.
    pub(crate) bandwidth: u32,
}

impl Conditions {
    /// One datacenter.
    pub(crate) fn lan() -> Self {
        Self {
            base: Duration::from_micros(100),
            crossing: Duration::from_micros(900),
            jitter: Duration::from_micros(200),
            loss: 0.0,
            duplicate: 0.0,
            late: 0.0,
            late_by: Duration::from_millis(50),
            bandwidth: 100_000_000,
        }
    }

    /// Something between one datacenter and a bad day.
    pub(crate) fn any(dice: &mut Dice) -> Self {
        Self {
            base: dice.log_span(Duration::from_micros(50), Duration::from_millis(5)),
            crossing: dice.log_span(Duration::from_micros(500), Duration::from_millis(80)),
            jitter: dice.log_span(Duration::from_micros(50), Duration::from_millis(20)),
            loss: dice.unit() * 0.05,
            duplicate: dice.unit() * 0.05,
            late: dice.unit() * 0.05,
            late_by: Duration::from_millis(300),
            bandwidth: 10_000_000,
        }
    }
}

/// Who does not hear whom: hosts are in groups, and any group may be deaf to any other.
#[derive(Debug, Clone, Default)]
struct Walls {
    /// By host; hosts past the end are in group 0.
    group: Vec<usize>,
    /// `deaf[to][from]`.
    deaf: Vec<Vec<bool>>,
}

impl Walls {
    fn between(&self, from: HostId, to: HostId) -> bool {
        let group = |host: HostId| self.group.get(host).copied().unwrap_or(0);
        self.deaf
            .get(group(to))
            .is_some_and(|deaf| deaf[group(from)])
    }
}

/// The network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) conditions: Conditions,
    places: Vec<(f64, f64)>,
    walls: Walls,
    dice: Dice,
}

/// Before a lost packet of a stream is sent again.
const RETRANSMIT: Duration = Duration::from_millis(200);
/// Streams give up after this many losses of one packet.
const RETRANSMITS: u32 = 6;
/// Payload of one packet of a stream, in bytes.
const SEGMENT: usize = 1448;

impl Network {
    pub(crate) const fn new(conditions: Conditions, dice: Dice) -> Self {
        Self {
            conditions,
            places: Vec::new(),
            walls: Walls {
                group: Vec::new(),
                deaf: Vec::new(),
            },
            dice,
        }
    }

    /// A machine anywhere on the plane.
    pub(crate) fn add(&mut self) -> HostId {
        self.places.push((self.dice.unit(), self.dice.unit()));
        self.places.len() - 1
    }

    /// One way, without jitter.
    pub(crate) fn distance(&self, a: HostId, b: HostId) -> Duration {
        let ((ax, ay), (bx, by)) = (self.places[a], self.places[b]);
        self.conditions.base + self.conditions.crossing.mul_f64((ax - bx).hypot(ay - by))
    }

    /// Groups that do not hear each other; `group` by host.
    pub(crate) fn split(&mut self, group: Vec<usize>) {
        let groups = group.iter().max().map_or(0, |most| most + 1);
        let deaf = (0..groups)
            .map(|to| (0..groups).map(|from| to != from).collect())
            .collect();
        self.walls = Walls { group, deaf };
    }

    /// Groups of which each pair does, does not, or does in one direction hear each other, by chance.
    pub(crate) fn split_unevenly(&mut self, group: Vec<usize>) {
        self.split(group);
        for (to, row) in self.walls.deaf.iter_mut().enumerate() {
            for (from, deaf) in row.iter_mut().enumerate() {
                *deaf = to != from && self.dice.chance(0.6);
            }
        }
    }

    /// The hosts of group 1 are heard by nobody of group 0, but hear them.
    pub(crate) fn mute(&mut self, group: Vec<usize>) {
        self.split(group);
        for (to, row) in self.walls.deaf.iter_mut().enumerate() {
            for (from, deaf) in row.iter_mut().enumerate() {
                *deaf = to == 0 && from != 0;
            }
        }
    }

    /// Everybody hears everybody.
    pub(crate) fn heal(&mut self) {
        self.walls = Walls::default();
    }

    /// After how long a datagram arrives: never, once or twice.
    pub(crate) fn datagram(&mut self, from: HostId, to: HostId) -> [Option<Duration>; 2] {
        if self.walls.between(from, to) || self.dice.chance(self.conditions.loss) {
            return [None, None];
        }
        let first = self.one_way(from, to);
        let copy = self.dice.chance(self.conditions.duplicate);
        let second = copy.then(|| self.one_way(from, to));
        [Some(first), second]
    }

    /// How long it takes to send this over a stream that has to be dialled first, or is there; `None` when
    /// it never arrives.
    pub(crate) fn stream(
        &mut self,
        from: HostId,
        to: HostId,
        dial: bool,
        bytes: usize,
    ) -> Option<Duration> {
        if self.walls.between(from, to) || self.walls.between(to, from) {
            return None;
        }
        let mut takes = Duration::ZERO;
        if dial {
            takes += self.retransmits()? + self.one_way(from, to) + self.one_way(to, from);
        }
        for _ in 0..=bytes / SEGMENT {
            takes += self.retransmits()?;
        }
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let sending = f64::from(bytes) / f64::from(self.conditions.bandwidth);
        Some(takes + self.one_way(from, to) + Duration::from_secs_f64(sending))
    }

    fn one_way(&mut self, from: HostId, to: HostId) -> Duration {
        let mut takes =
            self.distance(from, to) + self.dice.span(Duration::ZERO, self.conditions.jitter);
        if self.dice.chance(self.conditions.late) {
            takes += self.dice.span(Duration::ZERO, self.conditions.late_by);
        }
        takes
    }

    /// What losses of one packet cost a stream.
    fn retransmits(&mut self) -> Option<Duration> {
        let mut waits = Duration::ZERO;
        for doubling in 0..RETRANSMITS {
            if !self.dice.chance(self.conditions.loss) {
                return Some(waits);
            }
            waits += RETRANSMIT * 2_u32.pow(doubling);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(conditions: Conditions) -> Network {
        let mut network = Network::new(conditions, Dice::new(1));
        for _ in 0..4 {
            network.add();
        }
        network
    }

    fn arrives(network: &mut Network, from: HostId, to: HostId) -> bool {
        network.datagram(from, to)[0].is_some()
    }

    #[test]
    fn walls_stand_where_they_were_put() {
        let mut network = network(Conditions::lan());
        network.split(vec![0, 0, 1, 2]);
        assert!(arrives(&mut network, 0, 1) && arrives(&mut network, 1, 0));
        assert!(!arrives(&mut network, 0, 2) && !arrives(&mut network, 2, 0));
        assert!(!arrives(&mut network, 3, 2));
        network.mute(vec![0, 0, 1, 1]);
        assert!(arrives(&mut network, 0, 2) && !arrives(&mut network, 2, 0));
        assert!(arrives(&mut network, 3, 2));
        assert!(network.stream(0, 2, true, 10).is_none());
        assert!(network.stream(0, 1, true, 10).is_some());
        network.heal();
        assert!(arrives(&mut network, 2, 0));
    }

    #[test]
    fn packets_are_lost_and_doubled_as_often_as_asked() {
        let mut network = network(Conditions {
            loss: 0.1,
            duplicate: 0.2,
            ..Conditions::lan()
        });
        let (mut lost, mut doubled) = (0, 0);
        for _ in 0..10_000 {
            let [first, second] = network.datagram(0, 1);
            lost += u32::from(first.is_none());
            doubled += u32::from(second.is_some());
        }
        assert!((900..1100).contains(&lost), "{lost}");
        assert!((1650..1950).contains(&doubled), "{doubled}");
    }

    #[test]
    fn far_hosts_take_longer_and_streams_longer_still() {
        let mut network = network(Conditions::lan());
        let one_way = network.distance(0, 1);
        let [Some(packet), None] = network.datagram(0, 1) else {
            panic!("it arrives once");
        };
        assert!(one_way <= packet && packet <= one_way + Duration::from_micros(200));
        let stream = network.stream(0, 1, true, 1_000_000).expect("it arrives");
        assert!(stream >= one_way * 3 + Duration::from_millis(10));
    }
}
