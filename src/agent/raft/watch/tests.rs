use std::time::Duration;

use tokio::time::timeout;

use super::*;

fn set(topics: &[Topic]) -> WatchSet {
    let mut set = WatchSet::default();
    topics.iter().cloned().for_each(|topic| set.add(topic));
    set
}

fn touched(topics: &[Topic]) -> [Touched; 1] {
    let mut touched = Touched::default();
    topics.iter().cloned().for_each(|topic| touched.add(topic));
    [touched]
}

fn kv(key: &str) -> Topic {
    Topic::Kv(Key::from(key))
}

fn prefix(prefix: &str) -> Topic {
    Topic::KvPrefix(Key::from(prefix))
}

#[track_caller]
fn assert_wakes(watched: &Topic, change: &Topic, expected: bool) {
    let watches = Watches::default();
    let watcher = watches.watch(&set(std::slice::from_ref(watched)));
    watches.wake(&touched(std::slice::from_ref(change)));
    assert_eq!(
        watcher.has_changed(),
        expected,
        "{change:?} and {watched:?}"
    );
}

#[test]
fn keys_wake_themselves_and_their_prefixes() {
    for (watched, expected) in [
        (kv("a/b"), true),
        (kv("a/bc"), false),
        (kv("a"), false),
        (prefix(""), true),
        (prefix("a"), true),
        (prefix("a/"), true),
        (prefix("a/b"), true),
        (prefix("a/bc"), false),
        (prefix("a/a"), false),
        (prefix("b"), false),
        (Topic::Nodes, false),
    ] {
        assert_wakes(&watched, &kv("a/b"), expected);
    }
}

#[test]
fn deleted_trees_wake_what_is_beneath_and_above() {
    for (watched, expected) in [
        (kv("a/b"), true),
        (kv("a/b/c"), true),
        (kv("a/"), false),
        (kv("a/c"), false),
        (prefix(""), true),
        (prefix("a/"), true),
        (prefix("a/b"), true),
        (prefix("a/b/c"), true),
        (prefix("a/c"), false),
    ] {
        assert_wakes(&watched, &prefix("a/b"), expected);
    }
}

#[test]
fn other_topics_wake_their_equals() {
    let web = Topic::Service("web".into());
    assert_wakes(&web, &web, true);
    assert_wakes(&web, &Topic::Service("db".into()), false);
    assert_wakes(&web, &Topic::Services, false);
    assert_wakes(&Topic::Checks, &Topic::Checks, true);
}

#[test]
fn many_prefixes_between_key_and_match_are_skipped() {
    let watches = Watches::default();
    let near: Vec<Watcher> = (0..100)
        .map(|n| watches.watch(&set(&[prefix(&format!("app/{n:03}"))])))
        .collect();
    let hits: Vec<Watcher> = ["", "a", "app/", "app/100/x"]
        .map(|p| watches.watch(&set(&[prefix(p)])))
        .into();
    watches.wake(&touched(&[kv("app/100/x/y")]));
    assert!(near.iter().all(|w| !w.has_changed()));
    assert!(hits.iter().all(Watcher::has_changed));
}

#[test]
fn a_restore_wakes_everyone() {
    let watches = Watches::default();
    let all = [kv("k"), prefix("p"), Topic::Nodes].map(|topic| watches.watch(&set(&[topic])));
    watches.wake_all();
    assert!(all.iter().all(Watcher::has_changed));
}

#[test]
fn a_dropped_watcher_leaves_nothing_behind() {
    let watches = Watches::default();
    let topics = [kv("k"), prefix("p"), Topic::Nodes];
    let first = watches.watch(&set(&topics));
    let second = watches.watch(&set(&topics));
    assert_eq!(watches.watched(), 3);
    drop(first);
    assert_eq!(watches.watched(), 3);
    watches.wake(&touched(&[kv("k")]));
    assert_eq!(watches.watched(), 2);
    drop(second);
    assert_eq!(watches.watched(), 0);
}

#[tokio::test]
async fn a_change_between_registering_and_waiting_is_not_lost() {
    let watches = Watches::default();
    let watcher = watches.watch(&set(&[kv("k"), Topic::Nodes]));
    watches.wake(&touched(&[Topic::Nodes]));
    watches.wake(&touched(&[kv("k")]));
    for _ in 0..3 {
        let woken = timeout(Duration::from_secs(5), watcher.changed()).await;
        woken.expect("sticky");
    }
}

/// Changes of the contention test.
const LAST: u64 = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_wake_up_is_lost_under_contention() {
    use std::sync::atomic::AtomicU64;
    let watches = Watches::default();
    let value = Arc::new(AtomicU64::new(0));
    let readers = (0..8).map(|_| {
        let (watches, value) = (watches.clone(), Arc::clone(&value));
        tokio::spawn(async move {
            let mut seen = 0;
            while seen < LAST {
                let watcher = watches.watch(&set(&[kv("k")]));
                let now = value.load(Ordering::Acquire);
                if now == seen {
                    watcher.changed().await;
                }
                seen = value.load(Ordering::Acquire);
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for n in 1..=LAST {
        value.store(n, Ordering::Release);
        watches.wake(&touched(&[kv("k")]));
        if n % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        let done = timeout(Duration::from_secs(30), reader).await;
        done.expect("a wake-up was lost").expect("no panic");
    }
    assert_eq!(watches.watched(), 0);
}

#[tokio::test]
async fn ten_thousand_watchers_of_one_key_are_woken_once_each() {
    let watches = Watches::default();
    let watchers: Vec<Watcher> = (0..10_000)
        .map(|_| watches.watch(&set(&[kv("k")])))
        .collect();
    assert_eq!(watches.watched(), 1);
    watches.wake(&touched(&[kv("k")]));
    assert_eq!(watches.watched(), 0);
    for watcher in &watchers {
        watcher.changed().await;
    }
}
