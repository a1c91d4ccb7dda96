use super::fake_agent::{FakeAgent, Reply};
use super::*;
use crate::tui::fetch::{ask, everything};
use crate::tui::snapshot::ClusterSnapshot;

/// Between two questions of a test about the same.
const SOON: Duration = Duration::from_millis(20);

#[test]
fn pauses_grow_to_their_bound() {
    let middle: Vec<u64> = (1..8).map(|count| back_off(count, 0.5).as_secs()).collect();
    assert_eq!(middle, [1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(back_off(1, 0.0), Duration::from_millis(800));
    assert_eq!(back_off(99, 1.0), Duration::from_secs(18));
}

#[test]
fn an_agent_that_stops_is_stale_within_a_second() {
    let interval = Duration::from_secs(1);
    let frame = Duration::from_millis(100);
    assert!(interval / PULSES + PULSE_PATIENCE + frame < Duration::from_secs(1));
}

/// An agent's own check, which every cluster has.
const ONE_CHECK: &str = r#"[{"Node": "n", "CheckID": "serfHealth", "Status": "passing"}]"#;

/// A well agent.
fn well(path: &str) -> Reply {
    let path = path.split('?').next().unwrap_or_default();
    Reply::ok(match path {
        "/v1/agent/self" => r#"{"Config": {"NodeName": "n"}}"#,
        "/v1/status/leader" => r#""10.0.0.1:8300""#,
        "/v1/catalog/services"
        | "/v1/operator/autopilot/health"
        | "/v1/operator/raft/configuration"
        | "/v1/operator/autopilot/configuration" => "{}",
        _ => "[]",
    })
}

/// The next answer that fits.
async fn until(poller: &mut Poller, fits: impl Fn(&Update) -> bool) -> Arrived {
    let wait = async {
        loop {
            let arrived = poller.next().await.unwrap();
            if fits(&arrived.update) {
                return arrived;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap()
}

fn beats(update: &Update) -> bool {
    matches!(update, Update::Pulse(Ok(())))
}

fn fails(update: &Update) -> bool {
    matches!(update, Update::Pulse(Err(_)))
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let cases = [
        (403, "Permission denied", FaultKind::Forbidden),
        (404, "", FaultKind::Unsupported),
        (500, "No cluster leader", FaultKind::NoLeader),
        (500, "rpc error", FaultKind::Other),
        (429, "slow down", FaultKind::Other),
        (200, "<html>", FaultKind::Stranger),
        (502, "<html>", FaultKind::Stranger),
    ];
    for (status, body, kind) in cases {
        let agent = FakeAgent::start(move |_| Reply::Say(status, 0, body.to_owned())).await;
        let (update, _) = ask(&agent.client(), Subject::Members, &QueryOptions::default()).await;
        let found = update.fault().map(|fault| fault.kind);
        assert_eq!(found, Some(kind), "{status} {body}");
    }
    let agent = FakeAgent::start(|_| Reply::Close).await;
    let (update, _) = ask(&agent.client(), Subject::Members, &QueryOptions::default()).await;
    let found = update.fault().map(|fault| fault.kind);
    assert_eq!(found, Some(FaultKind::Unreachable));
}

#[tokio::test]
async fn unhealthy_servers_are_a_report_and_no_fault() {
    let body = r#"{"Healthy": false, "FailureTolerance": 0, "Servers": []}"#;
    let agent = FakeAgent::start(move |_| Reply::Say(429, 0, body.to_owned())).await;
    let (update, _) = ask(&agent.client(), Subject::Health, &QueryOptions::default()).await;
    assert!(matches!(update, Update::Health(Ok(report)) if !report.healthy));
}

#[tokio::test]
async fn nobody_leading_is_an_answer() {
    let agent = FakeAgent::start(|_| Reply::Say(500, 0, "No cluster leader".to_owned())).await;
    let (update, _) = ask(&agent.client(), Subject::Leader, &QueryOptions::default()).await;
    assert!(matches!(update, Update::Leader(Ok(leader)) if leader.is_empty()));
}

#[tokio::test]
async fn a_question_that_hangs_is_given_up() {
    let agent = FakeAgent::start(|_| Reply::Hang).await;
    let options = QueryOptions::default();
    let (update, _) = within(SOON, &agent.client(), Subject::Checks, &options).await;
    let text = update.fault().map(|fault| fault.text.clone());
    assert_eq!(text.as_deref(), Some("no answer in time"));
}

#[tokio::test]
async fn a_picture_needs_no_pulse() {
    let agent = FakeAgent::start(well).await;
    let snapshot = everything(&agent.client(), || 7).await;
    assert!(snapshot.unreachable().is_none());
    assert_eq!((snapshot.fresh, snapshot.heard()), (7, 7));
    let asked = agent.asked().borrow().len();
    assert_eq!(asked, Subject::ALL.len(), "a question a part");
}

#[tokio::test]
async fn an_agent_that_refuses_everything_is_there_all_the_same() {
    let agent = FakeAgent::start(|_| Reply::Say(403, 0, "Permission denied".to_owned())).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    let is_refused =
        |update: &Update| update.fault().map(|fault| fault.kind) == Some(FaultKind::Forbidden);
    until(&mut poller, is_refused).await;
    until(&mut poller, beats).await;
}

#[tokio::test]
async fn an_agent_that_dies_is_missed_and_found_again() {
    let agent = FakeAgent::start(well).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    until(&mut poller, beats).await;
    agent.become_one(|_| Reply::Close);
    let arrived = until(&mut poller, fails).await;
    assert!(arrived.retry_in.is_some());
    agent.become_one(well);
    poller.refresh();
    until(&mut poller, beats).await;
    until(&mut poller, |update| matches!(update, Update::Agent(Ok(_)))).await;
}

#[tokio::test]
async fn an_agent_that_stops_is_missed_and_goes_on_where_it_stopped() {
    let agent = FakeAgent::start(well).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    until(&mut poller, beats).await;
    agent.become_one(|_| Reply::Wait);
    let arrived = until(&mut poller, fails).await;
    let text = arrived.update.fault().map(|fault| fault.text.clone());
    assert_eq!(text.as_deref(), Some("no answer in time"));
    agent.become_one(well);
    until(&mut poller, beats).await;
}

#[tokio::test]
async fn any_answer_ends_the_wait_for_a_pulse() {
    let agent = FakeAgent::start(well).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    until(&mut poller, beats).await;
    // The parts are answered all the time; the pulse is not, until its pause is cut short.
    agent.become_one(|path| match path {
        "/v1/agent/version" => Reply::Close,
        other => well(other),
    });
    let long = Some(BACK_OFF[3].mul_f64(0.8));
    while until(&mut poller, fails).await.retry_in < long {}
    let began = Instant::now();
    agent.become_one(well);
    until(&mut poller, beats).await;
    assert!(began.elapsed() < BACK_OFF[2]);
}

#[tokio::test]
async fn a_connection_that_hangs_does_not_stop_what_is_refreshed() {
    let agent = FakeAgent::start(|_| Reply::Hang).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    let mut asked = agent.asked();
    let of_self = |list: &Vec<String>| list.iter().any(|path| path == "/v1/agent/self");
    asked.wait_for(of_self).await.unwrap();
    // The questions so far stay without an answer; only those that are asked anew get one.
    agent.become_one(well);
    let came = async {
        loop {
            poller.refresh();
            let soon = tokio::time::timeout(SOON, poller.next()).await;
            if let Ok(Ok(Arrived {
                update: Update::Agent(Ok(_)),
                ..
            })) = soon
            {
                return;
            }
        }
    };
    let patience = PATIENCE / 2;
    assert!(tokio::time::timeout(patience, came).await.is_ok());
}

#[tokio::test]
async fn what_answers_and_is_no_agent_is_told() {
    let page = "<html><body>Welcome</body></html>";
    for (status, body, text) in [
        (502, page, "no Consul agent there: HTTP 502 and a web page"),
        (429, "slow down", "HTTP 429 slow down"),
        (200, "{}", "what answers is no Consul agent"),
        (200, page, "no answer of a Consul agent: "),
    ] {
        let agent = FakeAgent::start(move |_| Reply::Say(status, 0, body.to_owned())).await;
        let mut snapshot = ClusterSnapshot::new("a");
        let client = agent.client();
        if let Err(fault) = pulse(&client, PATIENCE).await {
            snapshot = snapshot.with(Update::Pulse(Err(fault)), 1);
        }
        let (update, _) = ask(&client, Subject::Agent, &QueryOptions::default()).await;
        let told = snapshot.with(update, 1);
        let told = told.unreachable().expect("it is no agent");
        assert!(told.text.starts_with(text), "{told:?}");
    }
}

#[tokio::test]
async fn an_empty_catalog_is_one_that_the_token_may_not_see() {
    let agent = FakeAgent::start(|path: &str| {
        if path.starts_with("/v1/health/state/any") {
            Reply::Say(200, 5, "[]".to_owned())
        } else {
            well(path)
        }
    })
    .await;
    let (update, _) = ask(&agent.client(), Subject::Checks, &QueryOptions::default()).await;
    let fault = update.fault().expect("hidden");
    assert_eq!(fault.kind, FaultKind::Forbidden);
    assert!(
        fault.text.starts_with("the token lacks node_prefix"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn an_index_that_goes_backwards_begins_anew() {
    let checks = |index| {
        move |path: &str| match path.starts_with("/v1/health/state/any") {
            // As agents do, it waits while there is nothing newer.
            true if path.contains(&format!("index={index}&")) => Reply::Wait,
            true => Reply::Say(200, index, ONE_CHECK.to_owned()),
            false => well(path),
        }
    };
    let agent = FakeAgent::start(checks(9)).await;
    let mut poller = Poller::start(&agent.client(), SOON, Subjects::ALL);
    let mut asked = agent.asked();
    let waits = |index: u64| {
        move |list: &Vec<String>| {
            let part = format!("any?index={index}&stale=&wait=60000ms");
            list.iter().any(|path| path.ends_with(&part))
        }
    };
    asked.wait_for(waits(9)).await.unwrap();
    agent.become_one(checks(3));
    until(
        &mut poller,
        |update| matches!(update, Update::Contact(Ok(contact)) if contact.known_leader),
    )
    .await;
    asked.wait_for(waits(3)).await.unwrap();
    let questions: Vec<String> = asked.borrow().clone();
    let of_checks: Vec<&String> = questions
        .iter()
        .filter(|path| path.starts_with("/v1/health/state/any"))
        .collect();
    let plain = "/v1/health/state/any?stale=";
    assert_eq!(of_checks[0], plain);
    assert_eq!(of_checks[2], plain, "anew after the index fell");
}

#[tokio::test]
async fn what_nobody_looks_at_is_not_asked() {
    let agent = FakeAgent::start(well).await;
    let few = Subjects::of(&[Subject::Agent]);
    let mut poller = Poller::start(&agent.client(), SOON, few);
    for _ in 0..3 {
        until(&mut poller, |update| matches!(update, Update::Agent(Ok(_)))).await;
    }
    let allowed = ["/v1/agent/self", "/v1/agent/version"];
    let asked = agent.asked().borrow().clone();
    assert!(
        asked.iter().all(|path| allowed.contains(&path.as_str())),
        "{asked:?}"
    );
    poller.follow(few.with(Subject::Services));
    until(&mut poller, |update| {
        matches!(update, Update::Services(Ok(_)))
    })
    .await;
}

#[tokio::test]
async fn a_task_that_panics_is_no_silence() {
    let (_sender, arrivals) = mpsc::channel(1);
    let (refresh, _) = watch::channel(0);
    let (wanted, _) = watch::channel(Subjects::ALL);
    let mut tasks = JoinSet::new();
    tasks.spawn(async {});
    tasks.spawn(async { panic!("on purpose") });
    let mut poller = Poller {
        arrivals,
        refresh,
        tasks,
        wanted,
    };
    let error = poller.next().await.unwrap_err();
    assert!(error.to_string().contains("on purpose"), "{error}");
}
