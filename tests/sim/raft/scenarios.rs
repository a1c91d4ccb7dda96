//! Runs with faults from seeds, and some faults that were thought of.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consulctl::agent::raft::{Raft, WriteError};
use consulctl::agent::store::KvVerb;

use super::client::{command, look};
use super::cluster::{FIRST, QUANTUM, World};
use super::faults::{Fault, Script, Whom};
use super::net::{CLIENTS, Host, Weather};
use super::story::Story;
use crate::dice::Dice;
use crate::seeds;

/// Seeds of the usual run.
const SEEDS: u64 = 40;
/// One seed of so many has faults for a minute, so that there is time for the longest pauses; the others for a quarter.
const LONG: u64 = 10;
/// A snapshot threshold that no test reaches.
const NEVER: u64 = 1_000_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn raft_is_linearizable_whatever_fails() {
    super::spy::listen();
    let outlines = seeds::each(SEEDS, |seed| {
        let mut dice = Dice::new(seed);
        let end = if seed % LONG == LONG - 1 { 60 } else { 15 };
        let script = Script::from(&mut dice.fork(), Duration::from_secs(end));
        let outline = Story::begin(dice, script).end();
        super::spy::say(&format!("seed {seed}: {outline:?}"));
        outline
    });
    let operations: usize = outlines.iter().map(|o| o.operations).sum();
    assert!(
        operations > outlines.len() * 100,
        "{operations} operations: the clients hardly ran"
    );
}

#[test]
fn a_leader_that_is_killed_twenty_times_loses_nothing() {
    let crash = |n: u64| {
        let at = ms(2000 + 2500 * n);
        (at, Fault::Crash(Whom::Leader, ms(100 + 90 * n)))
    };
    let script = Script::of((0..20).map(crash).collect(), ms(55_000));
    let outline = Story::begin(Dice::new(1), script).end();
    assert!(
        outline.acknowledged > 50 && outline.terms > 10 && outline.recovery < ms(20_000),
        "{outline:?}"
    );
}

#[test]
fn servers_come_and_go_under_load() {
    let script = [
        (ms(2000), Fault::Grow),
        (ms(7000), Fault::Crash(Whom::Leader, ms(300))),
        (ms(12_000), Fault::Shrink),
    ];
    let outline = Story::begin(Dice::new(2), Script::of(script.into(), ms(18_000))).end();
    assert_eq!(outline.members, FIRST, "{outline:?}");
}

/// A formed cluster with `x` set to `old`, its leader and the two others.
fn cluster(seed: u64) -> (World, Host, [Host; 2]) {
    let mut world = World::new(Dice::new(seed), NEVER);
    world.form();
    let leader = world.leader().expect("formed");
    let set = |raft: Raft| async move {
        raft.write(command(KvVerb::Set, "x", "old", 0), ms(1000))
            .await
    };
    let written = world.ask(leader, ms(2000), set);
    written.expect("answered").expect("written");
    (world, leader, [(leader + 1) % FIRST, (leader + 2) % FIRST])
}

async fn lease_read(raft: Raft) -> Result<Option<(String, u64)>, WriteError> {
    raft.verify_lease(Duration::ZERO).await?;
    Ok(look(&raft, "x"))
}

/// A follower answers the leader, forgets that it did because it is started anew, and is asked for its vote while the
/// leader may still count on that answer.
#[test]
fn a_restarted_server_does_not_elect_another_leader_within_the_lease() {
    let elected = AtomicUsize::new(0);
    let tries = seeds::each(16, |seed| {
        let mut dice = Dice::new(seed);
        let (mut world, old, [restarted, other]) = cluster(seed);
        world.separate(old, other);
        world.run_for(dice.span(ms(1500), ms(3000)));
        world.separate(old, restarted);
        world.servers[restarted].crash();
        world.run_for(dice.span(ms(4), ms(60)));
        let now = world.now;
        world.servers[restarted].start(now);
        let written = Arc::new(AtomicBool::new(false));
        let stale = Arc::new(Mutex::new(Vec::new()));
        let (net, done) = (world.net.clone(), Arc::clone(&written));
        world.clients.spawn(async move {
            let set = |raft: Raft| async move {
                raft.write(command(KvVerb::Set, "x", "new", 0), Duration::ZERO)
                    .await
            };
            for host in [other, restarted].into_iter().cycle() {
                if let Ok(Ok(_)) = net.ask(CLIENTS, host, ms(50), set).await {
                    break;
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        let (net, done, reads) = (world.net.clone(), Arc::clone(&written), Arc::clone(&stale));
        world.clients.spawn(async move {
            loop {
                let is_late = done.load(Ordering::Relaxed);
                let read = net.ask(CLIENTS + 1, old, ms(500), lease_read).await;
                if let (true, Ok(Ok(found))) = (is_late, read) {
                    let mut reads = reads.lock().unwrap_or_else(PoisonError::into_inner);
                    reads.push(found);
                }
                tokio::time::sleep(ms(5)).await;
            }
        });
        world.run_for(ms(3500));
        elected.fetch_add(
            usize::from(written.load(Ordering::Relaxed)),
            Ordering::Relaxed,
        );
        let stale = stale.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(stale.is_empty(), "read after the write: {stale:?}");
    });
    let elected = elected.into_inner();
    assert!(
        elected * 2 > tries.len(),
        "only {elected} runs had a new leader"
    );
}

#[test]
fn a_leader_that_was_paused_does_not_answer_from_before() {
    for seed in 0..4 {
        let (mut world, old, [_, other]) = cluster(seed);
        let now = world.now;
        world.servers[old].stop(now);
        world.run_for(ms(6000));
        let new = world.leader().filter(|leader| *leader != old);
        let new = new.unwrap_or_else(|| panic!("{old} still leads, {other} does not"));
        let set = |raft: Raft| async move {
            raft.write(command(KvVerb::Set, "x", "new", 0), ms(1000))
                .await
        };
        let written = world.ask(new, ms(2000), set);
        written.expect("answered").expect("written");
        let read = world.send(old, ms(40_000), lease_read);
        world.run_for(ms(24_000));
        let now = world.now;
        world.servers[old].resume(now);
        world.run_for(ms(1000));
        let read = read.lock().unwrap_or_else(PoisonError::into_inner).take();
        let read = read.expect("answered").expect("delivered");
        assert!(read.is_err(), "seed {seed}: {read:?}");
    }
}

/// A leader is cut off with the answers to an entry on their way. The first of them commits the entry, and a message that
/// tells the other follower so is on its way when that one's answer is read: it is from before another leader was
/// elected, and proves nothing about the moment at which the later message was sent.
#[test]
fn an_old_answer_proves_no_lease() {
    let tries = seeds::each(16, |seed| {
        let (mut world, old, others) = cluster(seed);
        let slow = |low, high| Weather {
            delay: (ms(low), ms(high)),
            loss: 0.0,
        };
        let last = |world: &World, host: Host| {
            let raft = world.servers[host].raft().expect("up");
            raft.stats().last_log_index
        };
        let before = last(&world, old);
        let set = |value| {
            move |raft: Raft| async move {
                raft.write(command(KvVerb::Set, "x", value, 0), ms(1000))
                    .await
            }
        };
        let _pending = world.send(old, ms(9000), set("older"));
        while last(&world, old) == before {
            world.net.set_weather(slow(30, 40));
            world.run_for(QUANTUM);
        }
        world.run_for(QUANTUM);
        world.net.set_weather(slow(850, 880));
        let sent = world.now;
        while others.iter().any(|host| last(&world, *host) == before) {
            world.run_for(QUANTUM);
        }
        world.run_for(2 * QUANTUM);
        world.net.set_weather(Weather::FAIR);
        for other in others {
            world.separate(old, other);
        }
        let leads = world.run_until(ms(3000), |world| {
            world.leader().is_some_and(|leader| leader != old)
        });
        assert!(leads, "nobody else leads");
        let new = world.leader().expect("somebody leads");
        let written = world.ask(new, ms(2000), set("new"));
        written.expect("answered").expect("written");
        let is_in_time = world.now < sent + ms(850);
        // What the old leader does not know, nobody tells it; but the answers arrive.
        let now = world.now;
        world.servers[new].stop(now);
        for other in others {
            world.net.unwall(other, old);
        }
        while world.now < sent + ms(1400) {
            let read = world.ask(old, ms(500), lease_read).expect("answered");
            if let Ok(found) = read {
                let value = found.map(|(value, _)| value);
                let late = world.now.saturating_sub(sent);
                assert_eq!(value.as_deref(), Some("new"), "seed {seed}, {late:?} later");
            }
        }
        is_in_time
    });
    let in_time = tries.iter().filter(|is_in_time| **is_in_time).count();
    assert!(in_time * 2 > tries.len(), "{tries:?}");
}

#[test]
fn a_minority_accepts_nothing() {
    let (mut world, old, [a, b]) = cluster(3);
    world.separate(old, a);
    world.separate(old, b);
    let lost = |raft: Raft| async move {
        raft.write(command(KvVerb::Set, "lost", "1", 0), ms(3000))
            .await
    };
    let lost = world.ask(old, ms(8000), lost).expect("answered");
    assert!(lost.is_err(), "{lost:?}");
    world.run_for(ms(2000));
    let read = world.ask(old, ms(1000), lease_read).expect("answered");
    assert_eq!(read, Err(WriteError::NoLeader));
    let stale = world.ask(old, ms(1000), |raft| async move { look(&raft, "x") });
    assert_eq!(
        stale.expect("answered").map(|(value, _)| value).as_deref(),
        Some("old")
    );
    let leads = world.run_until(ms(5000), |world| world.leader().is_some_and(|l| l != old));
    assert!(leads, "the majority has no leader");
    world.join(old, a);
    world.join(old, b);
    world.run_for(ms(5000));
    for host in 0..FIRST {
        let raft = world.servers[host].raft().expect("up");
        assert!(look(raft, "lost").is_none(), "{host} has it");
    }
}

/// A server comes back under its old id without its disk, and is sent a part of what was committed with its help when
/// the leader dies. The third server is further behind, and would elect it.
#[test]
fn a_server_that_lost_its_disk_is_no_candidate_before_it_has_caught_up() {
    let tries = seeds::each(4, |seed| {
        let (mut world, old, [wiped, behind]) = cluster(seed);
        world.separate(old, behind);
        world.separate(wiped, behind);
        // A few of them fill a message.
        let large = "x".repeat(200 << 10);
        for n in 0..20 {
            let pair = command(KvVerb::Set, &format!("once/{n}"), &large, 0);
            let set = |raft: Raft| async move { raft.write(pair, ms(1000)).await };
            let written = world.ask(old, ms(2000), set);
            written.expect("answered").expect("written");
        }
        let last = |world: &World, host: Host| {
            let raft = world.servers[host].raft();
            raft.map_or(0, |raft| raft.stats().last_log_index)
        };
        let (least, most) = (last(&world, behind), last(&world, old));
        world.lose_disk(wiped);
        while last(&world, wiped) <= least {
            world.run_for(QUANTUM);
        }
        world.separate(old, wiped);
        world.servers[old].crash();
        world.join(wiped, behind);
        let is_in_part = last(&world, wiped) < most;
        let led = world.run_until(ms(6000), |world| world.leader().is_some());
        assert!(
            !led || !is_in_part,
            "seed {seed}: {:?} leads",
            world.leader()
        );
        world.join(old, wiped);
        world.join(old, behind);
        let now = world.now;
        world.servers[old].start(now);
        let has = |world: &World, host: Host| {
            let raft = world.servers[host].raft();
            raft.is_some_and(|raft| (0..20).all(|n| look(raft, &format!("once/{n}")).is_some()))
        };
        let all = world.run_until(ms(6000), |world| (0..FIRST).all(|host| has(world, host)));
        assert!(all, "seed {seed}: acknowledged writes are gone");
        is_in_part
    });
    assert!(tries.contains(&true), "never in the middle: {tries:?}");
}

/// A machine whose disk is lost comes back with another id, takes the old one's place, and has everything.
#[test]
fn a_wiped_server_takes_its_old_place() {
    let (mut world, leader, [wiped, _]) = cluster(4);
    let old = world.servers[wiped].id.clone();
    world.wipe(wiped);
    let new = world.servers[wiped].peer();
    let change = |raft: Raft| async move {
        raft.remove_server(&old).await?;
        raft.add_nonvoter(&new).await?;
        tokio::time::sleep(ms(500)).await;
        raft.promote(&new.id).await
    };
    let changed = world.ask(leader, ms(5000), change);
    changed.expect("answered").expect("changed");
    let has = |world: &World| {
        let raft = world.servers[wiped].raft();
        raft.and_then(|raft| look(raft, "x")).is_some()
    };
    assert!(world.run_until(ms(3000), has), "it has no state");
    let other = (0..FIRST).find(|host| *host != leader && *host != wiped);
    world.servers[other.expect("three")].crash();
    let set = |raft: Raft| async move {
        raft.write(command(KvVerb::Set, "x", "new", 0), ms(3000))
            .await
    };
    let written = world.ask(leader, ms(4000), set);
    written.expect("answered").expect("its vote counts");
}
