//! The whole room against a catalog in memory, in virtual time.

use std::sync::Mutex;

use super::*;
use crate::agent::local::catalog::{CatalogError, CatalogFuture, ViewIndex};
use crate::agent::local::diff::CatalogView;
use crate::model::catalog::{DeregisterRequest, RegisterRequest};
use crate::model::check::HealthCheck;
use crate::model::service::NodeService;

/// A catalog of one node.
#[derive(Default)]
struct Memory {
    view: Mutex<CatalogView>,
    /// Grows with every change that [`Memory::change`] makes.
    index: watch::Sender<u64>,
    /// While set, requests whose line in the log holds the text fail.
    failure: Mutex<Option<(&'static str, CatalogError)>>,
    /// What was asked, in order.
    log: Mutex<Vec<String>>,
}

impl Memory {
    fn note(&self, what: String) -> Result<(), CatalogError> {
        if let Some((text, err)) = &*self.failure.lock().unwrap()
            && what.contains(text)
        {
            return Err(err.clone());
        }
        self.log.lock().unwrap().push(what);
        Ok(())
    }

    fn fail(&self, with: Option<CatalogError>) {
        *self.failure.lock().unwrap() = with.map(|err| ("", err));
    }

    fn fail_on(&self, text: &'static str, with: CatalogError) {
        *self.failure.lock().unwrap() = Some((text, with));
    }

    /// Changes what is known of the aliased node, and tells who watches it.
    fn change(&self, with: impl FnOnce(&mut CatalogView)) {
        with(&mut self.view.lock().unwrap());
        self.index.send_modify(|index| *index += 1);
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    fn services(&self) -> Vec<String> {
        self.view.lock().unwrap().services.keys().cloned().collect()
    }

    fn status(&self, check_id: &str) -> Option<(Status, String)> {
        let view = self.view.lock().unwrap();
        view.checks
            .get(check_id)
            .map(|check| (check.status, check.output.clone()))
    }
}

impl Catalog for Memory {
    fn view<'a>(&'a self, node: &'a str, _token: &'a str) -> CatalogFuture<'a, CatalogView> {
        Box::pin(async move {
            self.note(format!("view {node}"))?;
            Ok(self.view.lock().unwrap().clone())
        })
    }

    fn watch_view<'a>(
        &'a self,
        node: &'a str,
        token: &'a str,
        seen: ViewIndex,
    ) -> CatalogFuture<'a, (CatalogView, ViewIndex)> {
        Box::pin(async move {
            self.note(format!("watch {node} {} [{token}]", seen.checks))?;
            let mut changes = self.index.subscribe();
            let index = *changes
                .wait_for(|index| *index + 1 > seen.checks)
                .await
                .expect("the catalog outlives its readers");
            let index = ViewIndex {
                services: index + 1,
                checks: index + 1,
            };
            Ok((self.view.lock().unwrap().clone(), index))
        })
    }

    fn register<'a>(&'a self, request: RegisterRequest, _token: &'a str) -> CatalogFuture<'a, ()> {
        Box::pin(async move {
            let service = request
                .service
                .as_ref()
                .map(|it| it.id.clone())
                .unwrap_or_default();
            let checks: Vec<HealthCheck> = request
                .checks
                .iter()
                .chain(&request.check)
                .cloned()
                .collect();
            let ids: Vec<&str> = checks.iter().map(|it| it.check_id.as_str()).collect();
            self.note(format!("register [{service}] {ids:?}"))?;
            let mut view = self.view.lock().unwrap();
            view.node = Some(request.to_node());
            if let Some(service) = request.service {
                view.services.insert(service.id.clone(), service);
            }
            for check in checks {
                if !check.service_id.is_empty() && !view.services.contains_key(&check.service_id) {
                    let why = "Missing service registration".to_owned();
                    return Err(CatalogError::Refused(why));
                }
                view.checks.insert(check.check_id.clone(), check);
            }
            Ok(())
        })
    }

    fn deregister<'a>(
        &'a self,
        request: DeregisterRequest,
        _token: &'a str,
    ) -> CatalogFuture<'a, ()> {
        Box::pin(async move {
            let DeregisterRequest {
                service_id,
                check_id,
                ..
            } = request;
            self.note(format!("deregister [{service_id}] [{check_id}]"))?;
            let mut view = self.view.lock().unwrap();
            view.services.remove(&service_id);
            view.checks.remove(&check_id);
            view.checks
                .retain(|_, check| service_id.is_empty() || check.service_id != service_id);
            Ok(())
        })
    }
}

fn settings() -> LocalSettings {
    let node = NodeIdentity {
        id: "6c0a".to_owned(),
        name: "n1".to_owned(),
        datacenter: "dc1".to_owned(),
        ..NodeIdentity::default()
    };
    LocalSettings {
        seed: 7,
        ..LocalSettings::new(node)
    }
}

async fn start(settings: LocalSettings) -> (Local, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let local = Local::start(settings, Arc::clone(&memory) as Arc<dyn Catalog>)
        .await
        .unwrap();
    (local, memory)
}

fn service(json: &str) -> ServiceDefinition {
    serde_json::from_str(json).expect("a service")
}

fn check(json: &str) -> CheckDefinition {
    serde_json::from_str(json).expect("a check")
}

/// Waits until the catalog's form of a check is as wanted.
async fn until_status(memory: &Memory, check_id: &str, status: Status) -> String {
    tokio::time::timeout(Duration::from_hours(1), async {
        loop {
            match memory.status(check_id) {
                Some((found, output)) if found == status => return output,
                _ => tokio::task::yield_now().await,
            }
            tokio::time::advance(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("the status comes")
}

#[tokio::test(start_paused = true)]
async fn registrations_reach_the_catalog_at_once() {
    let (local, memory) = start(settings()).await;
    local.wait_in_sync().await;
    memory.log();
    local
        .register_service(service(r#"{"Name":"web","Check":{"TTL":"9s"}}"#), false)
        .await
        .unwrap();
    assert_eq!(
        local.state().agent_services().len(),
        1,
        "readable when the call returns"
    );
    local.wait_in_sync().await;
    assert_eq!(memory.log(), ["register [web] [\"service:web\"]"]);
    local
        .update_ttl("service:web", Status::Passing, "fine")
        .await
        .unwrap();
    local.wait_in_sync().await;
    assert_eq!(
        memory.status("service:web"),
        Some((Status::Passing, "fine".to_owned()))
    );
    local.deregister_service("web").await.unwrap();
    local.wait_in_sync().await;
    assert_eq!(
        (memory.services().len(), memory.status("service:web")),
        (0, None)
    );
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_ttl_check_turns_critical_in_the_catalog() {
    let (local, memory) = start(settings()).await;
    local
        .register_check(check(r#"{"Name":"t","TTL":"60s","Status":"passing"}"#))
        .await
        .unwrap();
    local
        .update_ttl("t", Status::Passing, "last words")
        .await
        .unwrap();
    let output = until_status(&memory, "t", Status::Critical).await;
    assert_eq!(
        output,
        "TTL expired (last output before timeout follows): last words"
    );
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn only_ttl_checks_take_reports() {
    let (local, _memory) = start(settings()).await;
    let json = r#"{"Name":"tcp","TCP":"127.0.0.1:1","Interval":"1h"}"#;
    local.register_check(check(json)).await.unwrap();
    for id in ["tcp", "none"] {
        let err = local
            .update_ttl(id, Status::Passing, "")
            .await
            .expect_err("refused");
        assert_eq!(
            err.to_string(),
            format!("CheckID \"{id}\" does not have associated TTL")
        );
    }
    let stats = LocalStats {
        check_monitors: 1,
        check_ttls: 0,
        checks: 1,
        services: 0,
    };
    assert_eq!(local.stats(), stats);
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_catalog_is_tried_again() {
    let (local, memory) = start(settings()).await;
    memory.fail(Some(CatalogError::Failed("No cluster leader".to_owned())));
    local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(!local.state().in_sync());
    memory.fail(None);
    let before = tokio::time::Instant::now();
    local.wait_in_sync().await;
    assert!(before.elapsed() <= RETRY_WINDOW);
    assert_eq!(memory.services(), ["web"]);
    local.shutdown().await;
}

/// The retry comes after 15 to 30 seconds.
const RETRY_WINDOW: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn a_server_that_comes_up_is_synced_with_at_once() {
    let (local, memory) = start(settings()).await;
    memory.fail(Some(CatalogError::Failed("No cluster leader".to_owned())));
    local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    memory.fail(None);
    let before = tokio::time::Instant::now();
    local.server_up();
    local.wait_in_sync().await;
    assert!(
        before.elapsed() < Duration::from_secs(1),
        "{:?}",
        before.elapsed()
    );
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn what_the_catalog_lost_or_gained_is_mended_within_two_minutes() {
    let (local, memory) = start(settings()).await;
    local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await
        .unwrap();
    local.wait_in_sync().await;
    {
        let mut view = memory.view.lock().unwrap();
        view.services.clear();
        let stray = NodeService {
            id: "stray".to_owned(),
            ..NodeService::default()
        };
        view.services.insert("stray".to_owned(), stray);
    }
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(memory.services(), ["web"]);
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_entry_does_not_hold_up_the_others() {
    let (local, memory) = start(settings()).await;
    local.wait_in_sync().await;
    let denied = CatalogError::Denied("Permission denied".to_owned());
    memory.fail_on("[a]", denied.clone());
    two_services_at_once(&local, &memory, denied).await;
    assert_eq!(memory.services(), ["b"]);
    local.shutdown().await;
}

/// Registers `a` and `b` so that one comparison sends both.
async fn two_services_at_once(local: &Local, memory: &Memory, on_a: CatalogError) {
    memory.fail(Some(CatalogError::Failed("No cluster leader".to_owned())));
    for definition in [r#"{"Name":"a"}"#, r#"{"Name":"b"}"#] {
        let registered = local.register_service(service(definition), false).await;
        registered.unwrap();
    }
    memory.fail_on("[a]", on_a);
    local.server_up();
    let sent = || memory.services().contains(&"b".to_owned());
    tokio::time::timeout(Duration::from_secs(10), async {
        while !sent() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("b is sent");
}

#[tokio::test(start_paused = true)]
async fn a_refused_entry_does_not_hold_up_the_others_and_is_tried_again() {
    let (local, memory) = start(settings()).await;
    local.wait_in_sync().await;
    let refused = CatalogError::Refused("too odd".to_owned());
    two_services_at_once(&local, &memory, refused).await;
    assert_eq!(memory.services(), ["b"]);
    assert!(!local.state().in_sync());
    memory.fail(None);
    local.wait_in_sync().await;
    assert_eq!(memory.services(), ["a", "b"]);
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_check_brings_along_the_service_that_the_catalog_lost() {
    let (local, memory) = start(settings()).await;
    let definition = r#"{"Name":"web","Check":{"CheckID":"t","TTL":"24h"}}"#;
    let registered = local.register_service(service(definition), false).await;
    registered.unwrap();
    local.wait_in_sync().await;
    memory.view.lock().unwrap().services.clear();
    let before = tokio::time::Instant::now();
    local.update_ttl("t", Status::Passing, "").await.unwrap();
    local.wait_in_sync().await;
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(memory.services(), ["web"]);
    assert_eq!(memory.status("t"), Some((Status::Passing, String::new())));
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_denied_removal_keeps_its_token_for_the_next_comparison() {
    let (local, memory) = start(settings()).await;
    let definition = service(r#"{"Name":"web","Token":"t1"}"#);
    local.register_service(definition, false).await.unwrap();
    local.wait_in_sync().await;
    let denied = CatalogError::Denied("Permission denied".to_owned());
    memory.fail_on("deregister", denied);
    local.deregister_service("web").await.unwrap();
    local.wait_in_sync().await;
    assert_eq!(memory.services(), ["web"]);
    let removed = local.state().removed_services.get("web").cloned();
    assert_eq!(removed.map(|it| it.token).as_deref(), Some("t1"));
    memory.fail(None);
    local.server_up();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(memory.services().is_empty());
    assert!(local.state().removed_services.is_empty());
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn output_alone_waits_for_its_turn() {
    let settings = LocalSettings {
        check_update_interval: Duration::from_mins(5),
        ..settings()
    };
    let (local, memory) = start(settings).await;
    local
        .register_check(check(r#"{"Name":"t","TTL":"24h","Status":"passing"}"#))
        .await
        .unwrap();
    local.wait_in_sync().await;
    local
        .update_ttl("t", Status::Passing, "new words")
        .await
        .unwrap();
    assert_eq!(local.state().agent_checks()["t"].output, "new words");
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert_eq!(memory.status("t"), Some((Status::Passing, String::new())));
    tokio::time::sleep(Duration::from_mins(6)).await;
    assert_eq!(
        memory.status("t"),
        Some((Status::Passing, "new words".to_owned()))
    );
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn aliases_follow_at_once_even_in_chains() {
    let (local, _memory) = start(settings()).await;
    local
        .register_service(service(r#"{"Name":"a","Check":{"TTL":"24h"}}"#), false)
        .await
        .unwrap();
    local
        .register_service(
            service(r#"{"Name":"b","Check":{"AliasService":"a"}}"#),
            false,
        )
        .await
        .unwrap();
    local
        .register_service(
            service(r#"{"Name":"c","Check":{"AliasService":"b"}}"#),
            false,
        )
        .await
        .unwrap();
    let status = |id: &str| local.state().agent_checks()[id].status;
    assert_eq!(
        (status("service:b"), status("service:c")),
        (Status::Critical, Status::Critical)
    );
    local
        .update_ttl("service:a", Status::Passing, "ok")
        .await
        .unwrap();
    assert_eq!(
        (status("service:b"), status("service:c")),
        (Status::Passing, Status::Passing)
    );
    local.deregister_service("a").await.unwrap();
    assert_eq!(
        (status("service:b"), status("service:c")),
        (Status::Critical, Status::Critical)
    );
    local.shutdown().await;
}

/// A check of the aliased node.
fn far_check(status: Status, output: &str) -> HealthCheck {
    HealthCheck {
        node: "n2".to_owned(),
        check_id: "serfHealth".to_owned(),
        name: "Serf Health Status".to_owned(),
        status,
        output: output.to_owned(),
        ..HealthCheck::default()
    }
}

async fn until_output(local: &Local, check_id: &str, output: &str) {
    let mut published = local.published.clone();
    let found = published.wait_for(|it| {
        let checks = it.state.agent_checks();
        checks.get(check_id).is_some_and(|it| it.output == output)
    });
    tokio::time::timeout(Duration::from_mins(1), found)
        .await
        .expect("the output comes")
        .expect("the room runs");
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_another_node_follows_the_catalog() {
    let (local, memory) = start(settings()).await;
    let set = |view: &mut CatalogView, status, output: &str| {
        let far = far_check(status, output);
        view.checks.insert(far.check_id.clone(), far);
    };
    memory.change(|view| set(view, Status::Critical, "gone"));
    for json in [
        r#"{"Name":"al","AliasNode":"n2","Status":"passing"}"#,
        r#"{"Name":"db","AliasNode":"n2","AliasService":"db"}"#,
        r#"{"Name":"other","AliasNode":"n2","Token":"t2"}"#,
    ] {
        local.register_check(check(json)).await.unwrap();
    }
    let failing = "Aliased check \"Serf Health Status\" failing: gone";
    until_output(&local, "al", failing).await;
    until_output(&local, "other", failing).await;
    let missing = "Service db could not be found on node n2";
    until_output(&local, "db", missing).await;
    let watches = |log: Vec<String>| log.into_iter().filter(|it| it.starts_with("watch"));
    let mut first: Vec<String> = watches(memory.log())
        .filter(|it| it.contains(" 0 "))
        .collect();
    first.sort();
    assert_eq!(first, ["watch n2 0 []", "watch n2 0 [t2]"], "one a token");
    // A change is seen at once, and by all.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let changed = tokio::time::Instant::now();
    memory.change(|view| {
        set(view, Status::Passing, "alive");
        let db = NodeService {
            id: "db".to_owned(),
            ..NodeService::default()
        };
        view.services.insert("db".to_owned(), db);
    });
    for id in ["al", "db", "other"] {
        until_output(&local, id, "All checks passing.").await;
    }
    assert!(changed.elapsed() <= Duration::from_millis(200));
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_another_node_survives_a_catalog_that_fails() {
    let (local, memory) = start(settings()).await;
    let json = r#"{"Name":"al","AliasNode":"n2"}"#;
    local.register_check(check(json)).await.unwrap();
    until_output(&local, "al", "No checks found.").await;
    memory.fail(Some(CatalogError::Failed("No cluster leader".to_owned())));
    memory.change(|_| ());
    let failing = "Failure checking aliased node or service: No cluster leader";
    until_output(&local, "al", failing).await;
    // Long enough for the longest pause.
    tokio::time::sleep(Duration::from_mins(2)).await;
    memory.fail(None);
    until_output(&local, "al", "No checks found.").await;
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_follows_a_node_without_aliases() {
    let (local, memory) = start(settings()).await;
    for json in [
        r#"{"Name":"a","AliasNode":"n2"}"#,
        r#"{"Name":"b","AliasNode":"n2"}"#,
    ] {
        local.register_check(check(json)).await.unwrap();
    }
    until_output(&local, "a", "No checks found.").await;
    until_output(&local, "b", "No checks found.").await;
    local.deregister_check("a").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(memory.index.receiver_count(), 1, "b still follows");
    // Its kind changed: it mirrors nothing any more.
    let json = r#"{"Name":"b","TTL":"10s"}"#;
    local.register_check(check(json)).await.unwrap();
    tokio::time::timeout(Duration::from_mins(1), memory.index.closed())
        .await
        .expect("the watch ends with the last alias");
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_critical_is_deregistered() {
    let (local, memory) = start(settings()).await;
    let json = r#"{"Name":"web","Check":{"TTL":"10s","DeregisterCriticalServiceAfter":"1s"}}"#;
    local.register_service(service(json), false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(65)).await;
    assert_eq!(memory.services(), ["web"], "a minute is the least");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(local.state().service("web").is_none());
    local.wait_in_sync().await;
    assert!(memory.services().is_empty());
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn watching_a_service_ends_with_its_change() {
    let (local, _memory) = start(settings()).await;
    assert!(local.wait_change("web", "x").await.is_none());
    local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await
        .unwrap();
    let first = local.wait_change("web", "x").await.expect("there");
    let watching = {
        let (local, hash) = (local.clone(), first.content_hash.clone());
        tokio::spawn(async move { local.wait_change("web", &hash).await })
    };
    local
        .register_service(service(r#"{"Name":"other"}"#), false)
        .await
        .unwrap();
    local
        .register_service(service(r#"{"Name":"web","Port":9}"#), false)
        .await
        .unwrap();
    let second = watching.await.unwrap().expect("there");
    assert_eq!(second.port, 9);
    assert_ne!(second.content_hash, first.content_hash);
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_leaving_agent_takes_its_entries_along_and_a_stopping_one_does_not() {
    for (leave, left) in [(false, 1), (true, 0)] {
        let (local, memory) = start(settings()).await;
        local
            .register_service(service(r#"{"Name":"web"}"#), false)
            .await
            .unwrap();
        local
            .register_check(check(r#"{"Name":"own","TTL":"5s"}"#))
            .await
            .unwrap();
        local.wait_in_sync().await;
        if leave {
            local.leave().await;
        } else {
            local.shutdown().await;
        }
        assert_eq!(memory.services().len(), left);
        assert_eq!(memory.status("own").iter().count(), left);
        let err = local.deregister_service("web").await.expect_err("stopped");
        assert!(matches!(err, LocalError::Stopped));
    }
}

#[tokio::test]
async fn registrations_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(on_disk()).await;
    let json = r#"{"Name":"web","Port":80,"Connect":{"SidecarService":{}},"Check":{"TTL":"1h","Status":"passing"}}"#;
    local.register_service(service(json), false).await.unwrap();
    local
        .register_service(service(r#"{"Name":"gone"}"#), false)
        .await
        .unwrap();
    local
        .register_check(check(r#"{"Name":"said","TTL":"1h"}"#))
        .await
        .unwrap();
    local
        .update_ttl("said", Status::Warning, "so so")
        .await
        .unwrap();
    local.set_node_maintenance(true, "upgrade").await.unwrap();
    local
        .set_service_maintenance("web", true, "")
        .await
        .unwrap();
    local.deregister_service("gone").await.unwrap();
    let before = local.state();
    local.shutdown().await;

    let (local, memory) = start(on_disk()).await;
    let after = local.state();
    assert_eq!(after.agent_services(), before.agent_services());
    let ids = |state: &LocalState| state.agent_checks().into_keys().collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    let checks = after.agent_checks();
    assert_eq!(
        checks["service:web"].status,
        Status::Critical,
        "it has not said so again"
    );
    assert_eq!(
        (checks["said"].status, checks["said"].output.as_str()),
        (Status::Warning, "so so")
    );
    assert_eq!(checks["_node_maintenance"].notes, "upgrade");
    local.wait_in_sync().await;
    assert_eq!(memory.services(), ["web", "web-sidecar-proxy"]);
    local.deregister_service("web").await.unwrap();
    assert_eq!(
        local.state().services().count(),
        0,
        "the sidecar is still known as one"
    );
    local.shutdown().await;
}

#[tokio::test]
async fn definitions_of_files_win_over_saved_ones() {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(on_disk()).await;
    local
        .register_service(service(r#"{"Name":"web","Port":1}"#), false)
        .await
        .unwrap();
    local.shutdown().await;
    let definitions = FileDefinitions {
        services: vec![service(r#"{"Name":"web","Port":2}"#)],
        checks: vec![],
    };
    let (local, _memory) = start(LocalSettings {
        definitions,
        ..on_disk()
    })
    .await;
    assert_eq!(local.state().service("web").unwrap().service.port, 2);
    local.reload(FileDefinitions::default()).await.unwrap();
    assert!(local.state().service("web").is_none());
    local.shutdown().await;
    let (local, _memory) = start(on_disk()).await;
    assert!(
        local.state().service("web").is_none(),
        "the saved form is gone for good"
    );
    local.shutdown().await;
}

#[tokio::test]
async fn a_registration_that_cannot_be_saved_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let settings = LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(settings).await;
    std::fs::remove_dir_all(dir.path().join("services")).unwrap();
    let result = local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await;
    let err = result.expect_err("the folder is gone");
    assert!(err.to_string().contains("services"), "{err}");
    assert!(local.state().service("web").is_none());
    local.shutdown().await;
}

#[tokio::test]
async fn a_damaged_file_is_set_aside_and_the_agent_starts() {
    let dir = tempfile::tempdir().unwrap();
    let checks = dir.path().join("checks");
    std::fs::create_dir_all(&checks).unwrap();
    std::fs::write(checks.join("abc"), "{").unwrap();
    let (local, _memory) = start(LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    })
    .await;
    assert!(checks.join("set-aside").join("abc").is_file());
    local.shutdown().await;
}

#[tokio::test]
async fn a_switch_whose_service_is_gone_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let with_files = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(with_files()).await;
    let web = service(r#"{"Name":"web"}"#);
    local.register_service(web.clone(), false).await.unwrap();
    local
        .set_service_maintenance("web", true, "")
        .await
        .unwrap();
    local.shutdown().await;
    let services = dir.path().join("services");
    let file = std::fs::read_dir(&services).unwrap().next().unwrap();
    std::fs::write(file.unwrap().path(), "torn").unwrap();
    let (local, _memory) = start(with_files()).await;
    assert!(local.state().checks().next().is_none());
    local.register_service(web, false).await.unwrap();
    local.shutdown().await;
    let (local, _memory) = start(with_files()).await;
    assert!(local.state().service("web").is_some());
    assert!(local.state().checks().next().is_none(), "not switched off");
    local.shutdown().await;
}

#[tokio::test]
async fn a_ttl_check_of_a_file_keeps_what_it_said_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let with_files = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        definitions: FileDefinitions {
            services: vec![service(
                r#"{"Name":"web","Check":{"CheckID":"own","TTL":"10m"}}"#,
            )],
            checks: vec![
                check(r#"{"Name":"alone","TTL":"10m"}"#),
                check(r#"{"Name":"silent","TTL":"10m"}"#),
            ],
        },
        ..settings()
    };
    let (local, _memory) = start(with_files()).await;
    for id in ["own", "alone"] {
        local.update_ttl(id, Status::Passing, "fine").await.unwrap();
    }
    local.shutdown().await;
    let (local, _memory) = start(with_files()).await;
    let checks = local.state().agent_checks();
    for id in ["own", "alone"] {
        let check = &checks[id];
        assert_eq!(
            (check.status, check.output.as_str()),
            (Status::Passing, "fine")
        );
    }
    assert_eq!(checks["silent"].status, Status::Critical);
    local.shutdown().await;
}

#[tokio::test]
async fn ids_that_no_path_can_hold_are_refused_and_old_ones_still_load() {
    let dir = tempfile::tempdir().unwrap();
    let with_files = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(with_files()).await;
    let err = local.register_service(service(r#"{"Name":"x/../y"}"#), false);
    let err = err.await.expect_err("refused");
    assert!(matches!(err, LocalError::Invalid(_)), "{err}");
    let err = local.register_check(check(r#"{"Name":"a\nb","TTL":"1s"}"#));
    let err = err.await.expect_err("refused");
    assert!(err.to_string().starts_with("Invalid check ID: "), "{err}");
    let files = FileDefinitions {
        services: vec![service(r#"{"Name":"web"}"#), service(r#"{"Name":".."}"#)],
        ..FileDefinitions::default()
    };
    local.reload(files).await.expect_err("refused");
    assert!(local.state().services().next().is_none(), "nor the others");
    local.shutdown().await;
    // As an earlier version wrote it; the file is named by the id's hash.
    let name = "fec01a9e6f563b4475fb001444444ff74f953d7bfa4b1d02cadc593dbcd85527";
    let old = r#"{"Version":1,"Sidecar":false,"Definition":{"Name":"x/../y"}}"#;
    let services = dir.path().join("services");
    std::fs::write(services.join(name), old).unwrap();
    let (local, _memory) = start(with_files()).await;
    assert!(local.state().service("x/../y").is_some());
    local.deregister_service("x/../y").await.unwrap();
    local.shutdown().await;
}

#[tokio::test]
async fn script_checks_run_and_stop_with_the_agent() {
    let mut settings = settings();
    settings.state.remote_script_checks = true;
    let (local, memory) = start(settings).await;
    let json = r#"{"Name":"sc","Args":["sh","-c","echo hi; exit 1"],"Interval":"1ms"}"#;
    local.register_check(check(json)).await.unwrap();
    let mut published = local.published.clone();
    let ran = published.wait_for(|it| it.state.agent_checks()["sc"].status == Status::Warning);
    ran.await.unwrap();
    local.wait_in_sync().await;
    assert_eq!(
        memory.status("sc"),
        Some((Status::Warning, "hi\n".to_owned()))
    );
    local.shutdown().await;
}

/// The value of a line of the Prometheus text; 0 when there is none.
fn counted(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.prometheus().expect("it is switched on");
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(key, _)| *key == format!("consul_{name}"));
    found.map_or(0, |(_, value)| value.parse().expect("a number"))
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_how_anti_entropy_fares() {
    let metrics = Metrics::detached(MetricsSettings {
        prometheus_retention: Duration::from_hours(1),
        ..MetricsSettings::default()
    });
    let settings = LocalSettings {
        metrics: metrics.clone(),
        ..settings()
    };
    let (local, memory) = start(settings).await;
    assert_eq!(local.sync_status().since_last_full, None);
    let mut progress = local.progress.clone();
    progress.changed().await.unwrap();
    let first = local.sync_status();
    assert_eq!((first.full, first.failed, first.in_sync), (1, 0, true));
    // Sent at once.
    local
        .register_service(service(r#"{"Name":"web"}"#), false)
        .await
        .unwrap();
    local.wait_in_sync().await;
    progress.changed().await.unwrap();
    assert_eq!(local.sync_status().partial, 1);
    // The catalog fails: what is new waits.
    memory.fail(Some(CatalogError::Failed("No cluster leader".to_owned())));
    for json in [
        r#"{"Name":"db"}"#,
        r#"{"Name":"cache","Check":{"TTL":"9s"}}"#,
    ] {
        local.register_service(service(json), false).await.unwrap();
        progress.changed().await.unwrap();
    }
    local.deregister_service("web").await.unwrap();
    progress.changed().await.unwrap();
    let failing = local.sync_status();
    assert_eq!(
        (
            failing.pending_services,
            failing.pending_checks,
            failing.pending_removals
        ),
        (2, 1, 1)
    );
    assert_eq!((failing.failures_in_a_row, failing.in_sync), (3, false));
    memory.fail(None);
    local.wait_in_sync().await;
    progress.changed().await.unwrap();
    let after = local.sync_status();
    assert_eq!((after.failures_in_a_row, after.pending()), (0, 0));
    assert!(after.failed >= 3, "{after:?}");
    // A token that may not register.
    memory.fail(Some(CatalogError::Denied("Permission denied".to_owned())));
    local
        .register_service(service(r#"{"Name":"secret"}"#), false)
        .await
        .unwrap();
    progress.changed().await.unwrap();
    assert_eq!(counted(&metrics, "acl_blocked_service_registration"), 1);
    assert_eq!(counted(&metrics, "anti_entropy_failed"), after.failed);
    assert!(counted(&metrics, "anti_entropy_full_count") >= 2);
    assert!(counted(&metrics, "anti_entropy_partial_count") >= 1);
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_output_change_while_the_agent_runs() {
    let (local, memory) = start(settings()).await;
    let json = r#"{"Name":"beat","TTL":"1h","Status":"passing"}"#;
    local.register_check(check(json)).await.unwrap();
    local.wait_in_sync().await;
    local
        .update_ttl("beat", Status::Passing, "waits")
        .await
        .unwrap();
    let known = |memory: &Memory| memory.status("beat").map(|(_, output)| output);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        known(&memory).as_deref(),
        Some(""),
        "five minutes by default"
    );
    // What waits is sent, and what comes next does not wait.
    local.set_output_rules(Duration::ZERO, false).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(known(&memory).as_deref(), Some("waits"));
    local
        .update_ttl("beat", Status::Passing, "at once")
        .await
        .unwrap();
    local.wait_in_sync().await;
    assert_eq!(known(&memory).as_deref(), Some("at once"));
    local.set_output_rules(Duration::ZERO, true).await.unwrap();
    local
        .update_ttl("beat", Status::Passing, "secret")
        .await
        .unwrap();
    local.wait_in_sync().await;
    assert_eq!(known(&memory).as_deref(), Some(""));
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn aliases_of_files_are_known_from_the_start() {
    let definitions = FileDefinitions {
        services: vec![
            service(r#"{"Name":"plain"}"#),
            service(r#"{"Name":"al","Check":{"AliasService":"plain"}}"#),
        ],
        checks: vec![],
    };
    let (local, _memory) = start(LocalSettings {
        definitions,
        ..settings()
    })
    .await;
    let checks = local.state().agent_checks();
    let alias = &checks["service:al"];
    assert_eq!(
        (alias.status, alias.output.as_str()),
        (Status::Passing, "No checks found.")
    );
    local.shutdown().await;
}

#[tokio::test]
async fn a_sidecar_with_odd_upstreams_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let on_disk = || LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    };
    let (local, _memory) = start(on_disk()).await;
    let json = r#"{"Name":"web","Port":80,"Connect":{"SidecarService":{"Proxy":{"Upstreams":[{"DestinationName":"db"}]}}}}"#;
    local.register_service(service(json), false).await.unwrap();
    let before = local.state();
    local.shutdown().await;
    let (local, _memory) = start(on_disk()).await;
    assert_eq!(local.state().agent_services(), before.agent_services());
    local.shutdown().await;
}

#[tokio::test]
async fn of_two_checks_with_one_id_the_later_one_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (local, _memory) = start(LocalSettings {
        data_dir: Some(dir.path().to_owned()),
        ..settings()
    })
    .await;
    let json = r#"{"Name":"web","Checks":[{"CheckID":"one","TTL":"1h","Notes":"a"},{"CheckID":"one","TTL":"1h","Notes":"b"}]}"#;
    for replace in [false, true] {
        let done = local.register_service(service(json), replace).await;
        done.unwrap();
        assert_eq!(local.state().agent_checks()["one"].notes, "b");
    }
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_reload_leaves_checks_of_overridden_services_alone() {
    let definitions = || FileDefinitions {
        services: vec![service(
            r#"{"Name":"web","Tags":["own"],"EnableTagOverride":true,"Check":{"CheckID":"said","TTL":"30s"}}"#,
        )],
        checks: vec![],
    };
    let (local, memory) = start(LocalSettings {
        definitions: definitions(),
        ..settings()
    })
    .await;
    let said = local.update_ttl("said", Status::Passing, "").await;
    said.unwrap();
    local.wait_in_sync().await;
    {
        let mut view = memory.view.lock().unwrap();
        let service = view.services.get_mut("web").unwrap();
        service.tags = vec!["other".to_owned()];
    }
    local.server_up();
    let adopted = async {
        while local.state().service("web").unwrap().service.tags != ["other"] {
            tokio::time::advance(Duration::from_millis(100)).await;
            tokio::task::yield_now().await;
        }
    };
    adopted.await;
    // What the check has left of its time goes on to run out.
    tokio::time::sleep(Duration::from_secs(20)).await;
    local.reload(definitions()).await.unwrap();
    assert_eq!(
        local.state().service("web").unwrap().service.tags,
        ["other"]
    );
    assert_eq!(local.state().agent_checks()["said"].service_tags, ["other"]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(
        local.state().agent_checks()["said"].status,
        Status::Critical
    );
    local.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_critical_alias_that_is_registered_again_is_reaped_all_the_same() {
    let (local, _memory) = start(settings()).await;
    let ill = r#"{"Name":"ill","Check":{"TTL":"1h"}}"#;
    local.register_service(service(ill), false).await.unwrap();
    let json =
        r#"{"Name":"web","Check":{"AliasService":"ill","DeregisterCriticalServiceAfter":"1m"}}"#;
    for _ in 0..2 {
        local.register_service(service(json), false).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(local.state().service("web").is_none());
    local.shutdown().await;
}
