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
        interval: SECOND * u32::try_from(seconds).unwrap(),
    })
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
    let interval = Duration::from_millis(5);
    add(
        &mut scheduler,
        Mono::ZERO,
        "web",
        plan(Drive::Periodic { interval }),
    );
    let (first, _) = step(&mut scheduler);
    scheduler.handle(first, finished("web", 1, Status::Passing));
    assert_eq!(scheduler.next_deadline(), Some(first + SECOND));
}

#[test]
fn first_runs_are_spread_over_the_interval() {
    let mut scheduler = Scheduler::new(7);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
fn a_heartbeat_starts_the_ttl_anew_and_expiry_repeats_its_note() {
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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
    let mut scheduler = Scheduler::new(1);
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

#[test]
fn runs_beyond_the_bound_wait_and_all_come_to_pass() {
    let mut scheduler = Scheduler::new(3);
    let total = MAX_RUNNING + 50;
    for n in 0..total {
        add(&mut scheduler, Mono::ZERO, &format!("c{n}"), periodic(1));
    }
    scheduler.handle(SECOND, Input::Tick);
    let mut started: VecDeque<_> = drain(&mut scheduler).into();
    assert_eq!(started.len(), MAX_RUNNING);
    let mut seen = BTreeSet::new();
    while let Some(Output::Start { check_id, run }) = started.pop_front() {
        scheduler.handle(SECOND, finished(&check_id, run, Status::Passing));
        seen.insert(check_id);
        started.extend(
            drain(&mut scheduler)
                .into_iter()
                .filter(|o| matches!(o, Output::Start { .. })),
        );
    }
    assert_eq!(seen.len(), total);
}

proptest! {
    /// Whatever happens, at most one run a check is under way, never more than the bound in all,
    /// and the next deadline is never in the past.
    #[test]
    fn runs_never_overlap(
        seed in any::<u64>(),
        actions in prop::collection::vec((0u8..5, 0u8..4, 0u64..3_000), 1..120),
    ) {
        let mut scheduler = Scheduler::new(seed);
        let mut now = Mono::ZERO;
        let mut running: BTreeMap<String, u64> = BTreeMap::new();
        for (action, which, millis) in actions {
            now += Duration::from_millis(millis);
            let check_id = format!("c{which}");
            let input = match action {
                0 => Input::Add { check_id, plan: periodic(u64::from(which) + 1) },
                1 => Input::Remove { check_id },
                2 => Input::Add { check_id, plan: ttl(2) },
                3 => match running.remove(&check_id) {
                    Some(run) => finished(&check_id, run, Status::Passing),
                    None => beat(&check_id, Status::Passing, "x"),
                },
                _ => Input::Tick,
            };
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
            prop_assert!(running.len() <= MAX_RUNNING);
            prop_assert!(scheduler.next_deadline().is_none_or(|due| due > now));
        }
    }
}
