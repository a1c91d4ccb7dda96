//! What must hold of any commands: blocking reads miss nothing, refused commands change nothing,
//! the same log makes the same bytes, and a snapshot is the whole state.

use std::fmt::Debug;

use proptest::prelude::*;

use super::arbitrary::{KEYS, NODES, SERVICES, SESSIONS, commands};
use crate::agent::store::*;
use crate::model::check::Status;
use crate::model::kv::Key;

/// A read with its answer in print.
struct Probe {
    name: String,
    run: Box<dyn Fn(&State) -> Seen>,
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    index: u64,
    answer: String,
    watched: Vec<Topic>,
}

fn probe<Q: Query + Debug + 'static>(query: Q) -> Probe
where
    Q::Answer: Debug,
{
    Probe {
        name: format!("{query:?}"),
        run: Box::new(move |state| {
            let mut watch = WatchSet::default();
            let (index, answer) = query.run(state, &mut watch);
            Seen {
                index,
                answer: format!("{answer:?}"),
                watched: watch.topics().to_vec(),
            }
        }),
    }
}

fn probes() -> Vec<Probe> {
    let rack = vec![("rack".to_owned(), "true".to_owned())];
    let mut all = vec![
        probe(ListNodes::default()),
        probe(ListNodes {
            node_meta: rack.clone(),
            ..ListNodes::default()
        }),
        probe(ListServices::default()),
        probe(ListServices {
            node_meta: rack.clone(),
        }),
        probe(ChecksInState::default()),
        probe(ChecksInState {
            node_meta: rack.clone(),
            ..ChecksInState::default()
        }),
        probe(ChecksInState {
            status: Some(Status::Critical),
            ..ChecksInState::default()
        }),
    ];
    for key in KEYS.iter().map(|key| Key::from(*key)) {
        all.push(probe(KvGet { key: key.clone() }));
        all.push(probe(KvList {
            prefix: key.clone(),
        }));
        all.push(probe(KvKeys {
            prefix: key,
            separator: b"/".to_vec(),
        }));
    }
    all.push(probe(SessionList));
    all.extend(SESSIONS.iter().map(|id| {
        let id = id.to_uppercase();
        probe(SessionGet { id })
    }));
    for node in NODES.iter().map(|node| (*node).to_owned()) {
        all.push(probe(NodeWithServices { node: node.clone() }));
        all.push(probe(SessionsOfNode { node: node.clone() }));
        all.push(probe(ChecksOfNode { node }));
    }
    all.push(probe(NodeWithServices {
        node: "id-a".to_owned(),
    }));
    all.push(probe(PreparedQueryList));
    all.push(probe(PreparedQueryGet {
        id: "00000001-0000-0000-0000-000000000000".to_owned(),
    }));
    all.push(probe(InstancesAt {
        address: "10.0.1.1".to_owned(),
    }));
    all.extend(
        SERVICES
            .iter()
            .flat_map(|service| service_probes(service, &rack)),
    );
    all
}

fn service_probes(service: &str, rack: &[(String, String)]) -> Vec<Probe> {
    let (service, rack) = (service.to_owned(), rack.to_vec());
    let mut all = Vec::new();
    let of_service = ChecksOfService {
        service: service.clone(),
        ..Default::default()
    };
    all.push(probe(of_service.clone()));
    all.push(probe(ChecksOfService {
        node_meta: rack.clone(),
        ..of_service
    }));
    for connect in [false, true] {
        let instances = ServiceInstances {
            service: service.clone(),
            connect,
            with_checks: true,
            ..ServiceInstances::default()
        };
        all.push(probe(ServiceInstances {
            node_meta: rack.clone(),
            ..instances.clone()
        }));
        all.push(probe(ServiceInstances {
            passing_only: true,
            ..instances.clone()
        }));
        all.push(probe(ServiceInstances {
            with_checks: false,
            ..instances.clone()
        }));
        all.push(probe(ServiceInstances {
            ingress: true,
            ..instances.clone()
        }));
        all.push(probe(instances));
    }
    all
}

/// Whether a touched topic wakes a reader of another, by the rule that [`Topic`] states.
fn wakes(touched: &Topic, watched: &Topic) -> bool {
    let begins = |key: &Key, prefix: &Key| key.as_bytes().starts_with(prefix.as_bytes());
    match (touched, watched) {
        (Topic::Kv(key), Topic::KvPrefix(prefix)) | (Topic::KvPrefix(prefix), Topic::Kv(key)) => {
            begins(key, prefix)
        }
        (Topic::KvPrefix(one), Topic::KvPrefix(other)) => begins(one, other) || begins(other, one),
        (one, other) => one == other,
    }
}

fn replay(commands: &[Command]) -> State {
    let mut state = State::default();
    for (index, command) in (1..).zip(commands) {
        state.apply(index, command, &mut Touched::default());
    }
    state
}

proptest! {
    #[test]
    fn blocking_reads_miss_nothing_and_indexes_never_go_back(commands in commands()) {
        let probes = probes();
        let mut state = State::default();
        let mut seen: Vec<Seen> = probes.iter().map(|probe| (probe.run)(&state)).collect();
        for (index, command) in (1..).zip(&commands) {
            let mut touched = Touched::default();
            state.apply(index, command, &mut touched);
            for (probe, before) in probes.iter().zip(&mut seen) {
                let after = (probe.run)(&state);
                prop_assert!(
                    after.index >= before.index,
                    "{} went from {} back to {} at {:?}", probe.name, before.index, after.index, command
                );
                if after.answer != before.answer {
                    prop_assert!(
                        after.index == index,
                        "{} changed at {} but has index {}: {:?}", probe.name, index, after.index, command
                    );
                    let woken = before.watched.iter().any(|watched| {
                        touched.topics().any(|topic| wakes(topic, watched))
                    });
                    prop_assert!(woken, "{} was not woken by {:?}: {:?}", probe.name, command, touched);
                }
                *before = after;
            }
        }
    }

    #[test]
    fn refused_commands_change_nothing(commands in commands()) {
        let mut state = State::default();
        for (index, command) in (1..).zip(&commands) {
            let mut before = state.clone();
            let mut touched = Touched::default();
            let refused = match state.apply(index, command, &mut touched) {
                Response::Refused(_) | Response::Bool(false) => true,
                Response::Txn(answer) => answer.errors.is_some(),
                Response::Done | Response::Bool(true) | Response::Id(_) => false,
            };
            if refused || touched.is_empty() {
                before.last_index = index;
                prop_assert!(touched.is_empty(), "{:?} touched {:?}", command, touched);
                prop_assert_eq!(before.to_snapshot(), state.to_snapshot(), "{:?}", command);
            }
        }
    }

    #[test]
    fn the_same_log_makes_the_same_bytes(commands in commands()) {
        prop_assert_eq!(replay(&commands).to_snapshot(), replay(&commands).to_snapshot());
    }

    #[test]
    fn a_snapshot_is_the_whole_state(commands in commands(), more in commands()) {
        let mut state = replay(&commands);
        let bytes = state.to_snapshot();
        let mut restored = State::from_snapshot(&bytes).unwrap();
        prop_assert_eq!(&restored.to_snapshot(), &bytes);
        prop_assert_eq!(&restored.session_links, &state.session_links);
        let first = state.last_index() + 1;
        let steps = std::iter::once(None).chain(more.iter().map(Some));
        for (index, command) in (first - 1..).zip(steps) {
            if let Some(command) = command {
                let (mut one, mut other) = (Touched::default(), Touched::default());
                let responses = (
                    state.apply(index, command, &mut one),
                    restored.apply(index, command, &mut other),
                );
                prop_assert_eq!(&responses.0, &responses.1, "{:?}", command);
                prop_assert_eq!(one, other, "{:?}", command);
            }
            for probe in probes() {
                let (one, other) = ((probe.run)(&state), (probe.run)(&restored));
                prop_assert_eq!(one, other, "{}", probe.name);
            }
            prop_assert!(state.service_names().eq(restored.service_names()));
        }
        prop_assert_eq!(state.to_snapshot(), restored.to_snapshot());
    }

    #[test]
    fn commands_survive_the_log(commands in commands()) {
        for command in &commands {
            let bytes = rmp_serde::to_vec_named(command).unwrap();
            prop_assert_eq!(&rmp_serde::from_slice::<Command>(&bytes).unwrap(), command);
        }
    }

    #[test]
    fn damaged_snapshots_are_refused_or_read(commands in commands(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = replay(&commands).to_snapshot();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        if let Ok(state) = State::from_snapshot(&bytes) {
            for probe in probes() {
                (probe.run)(&state);
            }
        }
    }

    #[test]
    fn indexes_go_on_above_any_restored_archive(old in commands(), new in commands(), more in commands()) {
        let archive = replay(&old).to_snapshot();
        let mut state = replay(&new);
        let before = state.last_index();
        let mut log_index = before + 1;
        let mut touched = Touched::default();
        state.apply(log_index, &Command::Restore(archive.clone()), &mut touched);
        prop_assert!(touched.is_everything());
        prop_assert!(state.last_index() > before);
        prop_assert!(state.last_index() > replay(&old).last_index());
        let expected = State::from_snapshot(&archive).unwrap();
        for probe in probes() {
            prop_assert_eq!((probe.run)(&state).answer, (probe.run)(&expected).answer);
        }
        for command in &more {
            let newest = state.last_index();
            log_index += 1;
            state.apply(log_index, command, &mut touched);
            prop_assert_eq!(state.last_index(), newest + 1);
        }
    }
}
