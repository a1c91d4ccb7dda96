//! Virtual time only: the scheduler never sees a clock.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn plan(drive: Drive) -> Plan {
    Plan {
        drive,
        thresholds: Thresholds::default(),
        status: Status::Critical,
        output: String::new(),
        service_id: String::new(),
        deregister_after: None,
    }
}

fn periodic(seconds: u64) -> Plan {
    plan(Drive::Periodic {
        interval: Duration::from_secs(seconds),
        lane: Lane::Sockets,
    })
}

/// A scheduler with few places for programs.
fn scheduler(seed: u64) -> Scheduler {
    let processes = Limit {
        places: 2,
        at_most: 4,
    };
    Scheduler::new(
        seed,
        Limits {
            processes,
            ..Limits::of_files(None)
        },
    )
}

fn ttl(seconds: u64) -> Plan {
    plan(Drive::Ttl {
        ttl: Duration::from_secs(seconds),
        output_max_size: 4096,
    })
}

fn add(scheduler: &mut Scheduler, now: Mono, id: &str, plan: Plan) {
    scheduler.handle(
        now,
        Input::Add {
            check_id: id.to_owned(),
            plan,
        },
    );
}

fn drain(scheduler: &mut Scheduler) -> Vec<Output> {
    std::iter::from_fn(|| scheduler.poll_output()).collect()
}

fn report(id: &str, status: Status, output: &str) -> Output {
    Output::Report {
        check_id: id.to_owned(),
        outcome: Outcome::new(status, output),
    }
}

fn beat(id: &str, status: Status, output: &str) -> Input {
    Input::Heartbeat {
        check_id: id.to_owned(),
        outcome: Outcome::new(status, output),
    }
}

fn finished(id: &str, run: u64, status: Status) -> Input {
    Input::Finished {
        check_id: id.to_owned(),
        run,
        outcome: Outcome::new(status, "out"),
    }
}

/// Advances to the next deadline and returns it with what came out.
fn step(scheduler: &mut Scheduler) -> (Mono, Vec<Output>) {
    let now = scheduler.next_deadline().expect("something is planned");
    scheduler.handle(now, Input::Tick);
    (now, drain(scheduler))
}

#[test]
fn the_next_run_is_an_interval_after_the_end_of_the_last() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, SECOND, "web", periodic(10));
    let (first, outputs) = step(&mut scheduler);
    assert!(first >= SECOND && first < SECOND * 11);
    assert_eq!(
        outputs,
        [Output::Start {
            check_id: "web".to_owned(),
            run: 1
        }]
    );
    assert_eq!(
        scheduler.next_deadline(),
        None,
        "no second run while one is under way"
    );
    scheduler.handle(first + SECOND * 3, finished("web", 1, Status::Passing));
    assert_eq!(
        drain(&mut scheduler),
        [report("web", Status::Passing, "out")]
    );
    assert_eq!(scheduler.next_deadline(), Some(first + SECOND * 13));
}

#[test]
fn intervals_below_a_second_are_stretched() {
    let mut scheduler = scheduler(1);
    let interval = Duration::from_millis(5);
    add(
        &mut scheduler,
        Mono::ZERO,
        "web",
        plan(Drive::Periodic {
            interval,
            lane: Lane::Sockets,
        }),
    );
    let (first, _) = step(&mut scheduler);
    scheduler.handle(first, finished("web", 1, Status::Passing));
    assert_eq!(scheduler.next_deadline(), Some(first + SECOND));
}

#[test]
fn first_runs_are_spread_over_the_interval() {
    let mut scheduler = scheduler(7);
    for n in 0..200 {
        add(&mut scheduler, Mono::ZERO, &format!("c{n}"), periodic(10));
    }
    let mut seconds = BTreeSet::new();
    while scheduler.next_deadline().is_some() {
        let (at, _) = step(&mut scheduler);
        assert!(at < SECOND * 10);
        seconds.insert(at.as_secs());
    }
    assert_eq!(
        seconds.len(),
        10,
        "every second of the interval has first runs"
    );
}

#[test]
fn a_removed_check_is_aborted_and_its_late_result_ignored() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, Mono::ZERO, "web", periodic(10));
    let (now, _) = step(&mut scheduler);
    scheduler.handle(
        now,
        Input::Remove {
            check_id: "web".to_owned(),
        },
    );
    assert_eq!(
        drain(&mut scheduler),
        [Output::Abort {
            check_id: "web".to_owned(),
            run: 1
        }]
    );
    scheduler.handle(now, finished("web", 1, Status::Passing));
    assert_eq!(drain(&mut scheduler), []);
    assert_eq!(scheduler.next_deadline(), None);
}

#[test]
fn a_replaced_check_ignores_the_run_of_its_predecessor() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, Mono::ZERO, "web", periodic(10));
    let (now, _) = step(&mut scheduler);
    add(&mut scheduler, now, "web", periodic(10));
    assert_eq!(
        drain(&mut scheduler),
        [Output::Abort {
            check_id: "web".to_owned(),
            run: 1
        }]
    );
    let (now, outputs) = step(&mut scheduler);
    assert_eq!(
        outputs,
        [Output::Start {
            check_id: "web".to_owned(),
            run: 2
        }]
    );
    scheduler.handle(now, finished("web", 1, Status::Passing));
    assert_eq!(drain(&mut scheduler), []);
    scheduler.handle(now, finished("web", 2, Status::Warning));
    assert_eq!(
        drain(&mut scheduler),
        [report("web", Status::Warning, "out")]
    );
}

#[test]
fn silence_makes_a_ttl_check_critical_once() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, Mono::ZERO, "t", ttl(60));
    let (at, outputs) = step(&mut scheduler);
    assert_eq!(at, SECOND * 60);
    let expired = Output::Expired {
        check_id: "t".to_owned(),
    };
    assert_eq!(
        outputs,
        [expired, report("t", Status::Critical, "TTL expired")]
    );
    assert_eq!(scheduler.next_deadline(), None);
}

#[test]
fn heartbeats_that_come_before_the_tick_come_in_time() {
    let mut scheduler = scheduler(1);
    let late = SECOND * 61;
    for id in ["a", "b", "c"] {
        add(&mut scheduler, Mono::ZERO, id, ttl(60));
    }
    add(&mut scheduler, late, "new", periodic(10));
    scheduler.handle(late, beat("a", Status::Passing, "fine"));
    scheduler.handle(late, beat("b", Status::Passing, "fine"));
    assert_eq!(
        drain(&mut scheduler),
        ["a", "b"].map(|id| report(id, Status::Passing, "fine"))
    );
    assert!(scheduler.next_deadline().is_some_and(|due| due < late));
    scheduler.handle(late, Input::Tick);
    let expired = Output::Expired {
        check_id: "c".to_owned(),
    };
    assert_eq!(
        drain(&mut scheduler),
        [expired, report("c", Status::Critical, "TTL expired")]
    );
}

#[test]
fn a_heartbeat_starts_the_ttl_anew_and_expiry_repeats_its_note() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, Mono::ZERO, "t", ttl(60));
    scheduler.handle(SECOND * 59, beat("t", Status::Passing, "fine"));
    assert_eq!(
        drain(&mut scheduler),
        [report("t", Status::Passing, "fine")]
    );
    let (at, outputs) = step(&mut scheduler);
    assert_eq!(at, SECOND * 119);
    let said = "TTL expired (last output before timeout follows): fine";
    assert_eq!(outputs[1], report("t", Status::Critical, said));
}

#[test]
fn a_long_note_is_cut() {
    let mut scheduler = scheduler(1);
    let drive = Drive::Ttl {
        ttl: SECOND,
        output_max_size: 5,
    };
    add(&mut scheduler, Mono::ZERO, "t", plan(drive));
    scheduler.handle(Mono::ZERO, beat("t", Status::Passing, "abcdefghijk"));
    let cut = report("t", Status::Passing, "abcde ... (captured 5 of 11 bytes)");
    assert_eq!(drain(&mut scheduler), [cut]);
}

#[test]
fn only_ttl_checks_take_heartbeats() {
    let mut scheduler = scheduler(1);
    add(&mut scheduler, Mono::ZERO, "p", periodic(10));
    add(&mut scheduler, Mono::ZERO, "t", ttl(10));
    assert!(scheduler.is_ttl("t"));
    assert!(!scheduler.is_ttl("p") && !scheduler.is_ttl("none"));
    assert_eq!(scheduler.counts(), (1, 1));
    scheduler.handle(Mono::ZERO, beat("p", Status::Passing, ""));
    scheduler.handle(Mono::ZERO, beat("none", Status::Passing, ""));
    assert_eq!(drain(&mut scheduler), []);
}

#[test]
fn thresholds_hold_a_result_back() {
    let mut scheduler = scheduler(1);
    let mut plan = periodic(10);
    plan.thresholds.failures_before_critical = 2;
    add(&mut scheduler, Mono::ZERO, "web", plan);
    let (now, _) = step(&mut scheduler);
    scheduler.handle(now, finished("web", 1, Status::Critical));
    let verdict = Verdict::TooFewFailures {
        count: 1,
        needed: 2,
    };
    let status = Status::Critical;
    let held = Output::BelowThreshold {
        check_id: "web".to_owned(),
        status,
        verdict,
    };
    assert_eq!(drain(&mut scheduler), [held]);
    let (now, _) = step(&mut scheduler);
    scheduler.handle(now, finished("web", 2, Status::Critical));
    assert_eq!(
        drain(&mut scheduler),
        [report("web", Status::Critical, "out")]
    );
}

#[test]
fn a_service_that_stays_critical_is_deregistered_at_the_next_reaping() {
    let mut scheduler = scheduler(1);
    let mut plan = ttl(10);
    plan.service_id = "web-1".to_owned();
    plan.deregister_after = Some(SECOND * 60);
    add(&mut scheduler, Mono::ZERO, "t", plan);
    let mut deregistered = None;
    while deregistered.is_none() {
        let (now, outputs) = step(&mut scheduler);
        assert!(now <= SECOND * 300, "it must be reaped");
        deregistered = outputs
            .iter()
            .any(|o| matches!(o, Output::Deregister { .. }))
            .then_some(now);
    }
    // Critical since 10 s, so past 70 s; reaping happens at 30, 60, 90 s.
    assert_eq!(deregistered, Some(SECOND * 90));
}

#[test]
fn a_recovery_restarts_the_time_to_deregistration() {
    let mut scheduler = scheduler(1);
    let mut plan = plan(Drive::Derived);
    plan.service_id = "web-1".to_owned();
    plan.deregister_after = Some(SECOND * 60);
    add(&mut scheduler, Mono::ZERO, "a", plan);
    let derived = |status| Input::Derived {
        check_id: "a".to_owned(),
        status,
    };
    scheduler.handle(Mono::ZERO, derived(Status::Critical));
    scheduler.handle(SECOND * 50, derived(Status::Passing));
    scheduler.handle(SECOND * 51, derived(Status::Critical));
    scheduler.handle(SECOND * 110, Input::Tick);
    assert_eq!(drain(&mut scheduler), []);
    scheduler.handle(SECOND * 140, Input::Tick);
    let gone = Output::Deregister {
        service_id: "web-1".to_owned(),
        check_id: "a".to_owned(),
    };
    assert_eq!(drain(&mut scheduler), [gone]);
}

fn program(seconds: u64) -> Plan {
    plan(Drive::Periodic {
        interval: Duration::from_secs(seconds),
        lane: Lane::Processes,
    })
}

fn starts(scheduler: &mut Scheduler) -> Vec<(String, u64)> {
    drain(scheduler)
        .into_iter()
        .filter_map(|output| match output {
            Output::Start { check_id, run } => Some((check_id, run)),
            _ => None,
        })
        .collect()
}

#[test]
fn programs_wait_for_a_place_and_connections_do_not() {
    let mut scheduler = scheduler(3);
    for n in 0..5 {
        add(&mut scheduler, Mono::ZERO, &format!("p{n}"), program(10));
        add(&mut scheduler, Mono::ZERO, &format!("s{n}"), periodic(10));
    }
    scheduler.handle(Duration::from_nanos(9_999_999_999), Input::Tick);
    let started = starts(&mut scheduler);
    let of = |kind: &str| started.iter().filter(|it| it.0.starts_with(kind)).count();
    assert_eq!((of("p"), of("s")), (2, 5));
    let (id, run) = started.iter().find(|it| it.0.starts_with('p')).unwrap();
    scheduler.handle(SECOND * 10, finished(id, *run, Status::Passing));
    assert_eq!(starts(&mut scheduler).len(), 1, "the free place is taken");
}

#[test]
fn a_program_that_meets_a_full_lane_at_its_deadline_says_so() {
    let mut scheduler = scheduler(3);
    for n in 0..5 {
        add(&mut scheduler, Mono::ZERO, &format!("p{n}"), program(10));
    }
    // Nothing ever ends: two start when due, two at their deadlines, one finds no place at all.
    let mut started = 0;
    let mut refused = Vec::new();
    while refused.is_empty() {
        let (now, outputs) = step(&mut scheduler);
        assert!(now < SECOND * 20, "within two intervals");
        for output in outputs {
            match output {
                Output::Start { .. } => started += 1,
                Output::Report { outcome, .. } => refused.push(outcome),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(started, 4);
    assert_eq!(refused[0].status, Status::Critical);
    let text = "not run: 4 checks of this agent run a program already";
    assert!(refused[0].output.starts_with(text), "{}", refused[0].output);
    assert!(scheduler.next_deadline().is_some(), "it is tried again");
}

#[test]
fn a_removed_check_waits_no_more() {
    let mut scheduler = scheduler(3);
    for n in 0..3 {
        add(&mut scheduler, Mono::ZERO, &format!("p{n}"), program(10));
    }
    scheduler.handle(Duration::from_nanos(9_999_999_999), Input::Tick);
    let started: BTreeSet<_> = starts(&mut scheduler).into_iter().map(|it| it.0).collect();
    let waiting = (0..3)
        .map(|n| format!("p{n}"))
        .find(|id| !started.contains(id))
        .unwrap();
    scheduler.handle(SECOND * 10, Input::Remove { check_id: waiting });
    assert_eq!(drain(&mut scheduler), [], "nothing was under way");
    assert_eq!(scheduler.next_deadline(), None);
}

/// One check whose runs are short beside many whose runs hang, more than the brim holds.
#[test]
fn short_programs_are_on_time_beside_any_number_of_hanging_ones() {
    let processes = Limit {
        places: 8,
        at_most: 32,
    };
    let limits = Limits {
        processes,
        ..Limits::of_files(None)
    };
    let mut scheduler = Scheduler::new(5, limits);
    for n in 0..50 {
        let id = format!("hangs{n}");
        add(&mut scheduler, Mono::ZERO, &id, program(10));
    }
    add(&mut scheduler, Mono::ZERO, "ok", program(2));
    let mut ends = BTreeSet::new();
    let (mut starts, mut refused) = (Vec::new(), 0);
    let mut now = Mono::ZERO;
    while now < SECOND * 120 {
        let end = ends.first().map(|it: &(Mono, String, u64)| it.0);
        let due = [end, scheduler.next_deadline()];
        now = due.into_iter().flatten().min().unwrap();
        let input = if end == Some(now) {
            let (_, id, run) = ends.pop_first().unwrap();
            finished(&id, run, Status::Passing)
        } else {
            Input::Tick
        };
        scheduler.handle(now, input);
        for output in drain(&mut scheduler) {
            match output {
                Output::Start { check_id, run } if check_id == "ok" => {
                    starts.push(now);
                    ends.insert((now, check_id, run));
                }
                Output::Start { check_id, run } => {
                    ends.insert((now + SECOND * 20, check_id, run));
                }
                Output::Report { outcome, .. } if outcome.output.contains("not run") => {
                    refused += 1;
                }
                _ => {}
            }
        }
    }
    assert!(refused > 0, "the lane is full to the brim");
    assert!(starts.len() >= 59, "{starts:?}");
    for pair in starts.windows(2) {
        assert_eq!(pair[1], pair[0] + SECOND * 2, "{starts:?}");
    }
}

/// A world in which each check's runs take their own time, maybe longer than its interval.
struct World {
    scheduler: Scheduler,
    /// Interval and length of a run.
    checks: BTreeMap<String, (Duration, Duration)>,
    /// When a run ends.
    ends: BTreeSet<(Mono, String, u64)>,
    /// When the next run, or word that there is none, is due at the latest.
    latest: BTreeMap<String, Mono>,
    events: BTreeMap<String, u32>,
    refused: u32,
}

impl World {
    fn new(seed: u64, at_most: usize, checks: &[(bool, u64, u64)]) -> Self {
        let processes = Limit { places: 2, at_most };
        let limits = Limits {
            processes,
            ..Limits::of_files(None)
        };
        let mut world = Self {
            scheduler: Scheduler::new(seed, limits),
            checks: BTreeMap::new(),
            ends: BTreeSet::new(),
            latest: BTreeMap::new(),
            events: BTreeMap::new(),
            refused: 0,
        };
        for (n, (is_program, interval, length)) in checks.iter().enumerate() {
            let id = format!("c{n}");
            let interval_time = Duration::from_secs(*interval);
            let length = Duration::from_millis(*length);
            let (plan, grace) = if *is_program {
                (program(*interval), interval_time)
            } else {
                (periodic(*interval), Duration::ZERO)
            };
            add(&mut world.scheduler, Mono::ZERO, &id, plan);
            world.latest.insert(id.clone(), interval_time + grace);
            world.checks.insert(id, (interval_time, length));
        }
        world
    }

    /// Goes to the next event; whether every start was in time.
    fn step(&mut self, programs: &BTreeSet<String>) -> Result<Mono, TestCaseError> {
        let end = self.ends.first().map(|it| it.0);
        let now = [end, self.scheduler.next_deadline()]
            .into_iter()
            .flatten()
            .min()
            .expect("something always comes");
        let input = if end == Some(now) {
            let (_, id, run) = self.ends.pop_first().unwrap();
            self.expect_next(now, &id, programs);
            finished(&id, run, Status::Passing)
        } else {
            Input::Tick
        };
        self.scheduler.handle(now, input);
        for output in drain(&mut self.scheduler) {
            match output {
                Output::Start { check_id, run } => {
                    self.in_time(now, &check_id)?;
                    let length = self.checks[&check_id].1;
                    self.ends.insert((now + length, check_id, run));
                }
                Output::Report { check_id, outcome } if outcome.output.contains("not run") => {
                    self.in_time(now, &check_id)?;
                    prop_assert_eq!(outcome.status, Status::Critical);
                    self.refused += 1;
                    self.expect_next(now, &check_id, programs);
                }
                _ => {}
            }
        }
        Ok(now)
    }

    fn expect_next(&mut self, now: Mono, id: &str, programs: &BTreeSet<String>) {
        let interval = self.checks[id].0;
        let rounds = if programs.contains(id) { 2 } else { 1 };
        self.latest.insert(id.to_owned(), now + interval * rounds);
    }

    fn in_time(&mut self, now: Mono, id: &str) -> Result<(), TestCaseError> {
        let latest = self.latest.remove(id).expect("one run at a time");
        prop_assert!(
            now <= latest,
            "{} started at {:?}, not {:?}",
            id,
            now,
            latest
        );
        *self.events.entry(id.to_owned()).or_default() += 1;
        Ok(())
    }
}

proptest! {
    /// However many checks hang, connections start when due and programs an interval later at
    /// most; where the brim holds all programs, none is ever refused.
    #[test]
    fn hanging_checks_starve_nobody(
        seed in any::<u64>(),
        brim in 2usize..40,
        checks in prop::collection::vec(
            (any::<bool>(), 1u64..12, prop_oneof![0u64..50, 5_000u64..60_000]), 1..40),
    ) {
        let mut world = World::new(seed, brim, &checks);
        let programs: BTreeSet<String> = checks.iter().enumerate()
            .filter(|(_, check)| check.0).map(|(n, _)| format!("c{n}")).collect();
        let horizon = SECOND * 180;
        loop {
            let now = world.step(&programs)?;
            let under_way = world.ends.iter().filter(|it| programs.contains(&it.1)).count();
            prop_assert!(under_way <= brim);
            for (id, latest) in &world.latest {
                prop_assert!(*latest >= now, "{} is overdue since {:?} at {:?}", id, latest, now);
            }
            if now > horizon {
                break;
            }
        }
        prop_assert!(world.refused == 0 || brim - brim / 8 * 2 < programs.len());
        for (id, (interval, length)) in &world.checks {
            let round = *interval * 2 + *length;
            let least = horizon.as_millis() / round.as_millis();
            let seen = world.events.get(id).copied().unwrap_or_default();
            prop_assert!(u128::from(seen) >= least, "{} had {} of {} turns", id, seen, least);
        }
    }
}

proptest! {
    /// Whatever happens, at most one run a check is under way and the next deadline after a tick is
    /// never in the past.
    #[test]
    fn runs_never_overlap(
        seed in any::<u64>(),
        actions in prop::collection::vec((0u8..6, 0u8..6, 0u64..3_000), 1..120),
    ) {
        let mut scheduler = scheduler(seed);
        let mut now = Mono::ZERO;
        let mut running: BTreeMap<String, u64> = BTreeMap::new();
        for (action, which, millis) in actions {
            now += Duration::from_millis(millis);
            let check_id = format!("c{which}");
            let input = match action {
                0 => Input::Add { check_id, plan: periodic(u64::from(which) + 1) },
                5 => Input::Add { check_id, plan: program(u64::from(which) + 1) },
                1 => Input::Remove { check_id },
                2 => Input::Add { check_id, plan: ttl(2) },
                3 => match running.remove(&check_id) {
                    Some(run) => finished(&check_id, run, Status::Passing),
                    None => beat(&check_id, Status::Passing, "x"),
                },
                _ => Input::Tick,
            };
            let ticked = matches!(input, Input::Tick);
            scheduler.handle(now, input);
            for output in drain(&mut scheduler) {
                match output {
                    Output::Start { check_id, run } => {
                        prop_assert!(running.insert(check_id, run).is_none());
                    }
                    Output::Abort { check_id, run } => {
                        prop_assert_eq!(running.remove(&check_id), Some(run));
                    }
                    _ => {}
                }
            }
            prop_assert!(!ticked || scheduler.next_deadline().is_none_or(|due| due > now));
        }
    }
}
