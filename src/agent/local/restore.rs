//! The state at the start: files of the configuration first, then what was registered over HTTP.

use tracing::{debug, warn};

use super::entry::{LocalCheck, Source};
use super::error::LocalError;
use super::persist::{Files, Saved, SavedCheck, SavedService};
use super::plan::FileDefinitions;
use super::state::{Change, LocalState};
use crate::agent::checks::spec::Probe;
use crate::model::check::{SERVICE_MAINTENANCE_PREFIX, Status};

/// Fills an empty state. Definitions of configuration files win over saved ones of the same id,
/// whose files are removed. `now_ms`: milliseconds since the Unix epoch.
///
/// # Errors
/// An invalid definition in the configuration, or a saved file that the disk does not give.
/// Damaged files are set aside and the others load.
/// A saved registration that this agent's configuration now forbids is logged and kept on disk.
pub(super) fn restore(
    state: &mut LocalState,
    definitions: &FileDefinitions,
    files: Option<&Files>,
    now_ms: u64,
) -> Result<(), LocalError> {
    let mut change = state.plan_reload(definitions)?;
    let Some(files) = files else {
        state.commit(change);
        return Ok(());
    };
    let saved = files.load()?;
    files.save(&change)?;
    for check in &mut change.checks {
        believe_ttl(check, &saved, now_ms);
    }
    state.commit(change);
    for service in &saved.services {
        restore_service(state, service);
    }
    for check in &saved.checks {
        if let Some(check_id) = lost_check(state, check, &saved) {
            let moved = files.set_check_aside(&check_id)?;
            warn!(
                target: "agent", check = %check_id, set_aside = %moved.display(),
                "the check of a service that is gone was set aside"
            );
            continue;
        }
        restore_check(state, check, &saved, now_ms);
    }
    for (check_id, ttl) in &saved.ttls {
        if ttl.expires_ms <= now_ms || state.check(check_id).is_none() {
            files.remove_ttl(check_id)?;
        }
    }
    Ok(())
}

fn restore_service(state: &mut LocalState, saved: &SavedService) {
    let definition = &saved.definition;
    let id = own_id(saved);
    if state.service(id).is_some() {
        return;
    }
    match state.plan_known_service(definition, Source::Api) {
        Ok(mut change) => {
            for service in &mut change.services {
                service.sidecar = saved.sidecar;
            }
            debug!(target: "agent", service = %id, "restored service definition from file");
            state.commit(change);
        }
        Err(err) => {
            warn!(target: "agent", service = %id, error = %err, "Failed to restore service");
        }
    }
}

/// The id of a check whose service is neither here nor on disk, as after a crash in the middle of
/// a removal: left where it is, it would come back with a later service of this id at some restart.
fn lost_check(state: &LocalState, saved: &SavedCheck, all: &Saved) -> Option<String> {
    let (id, check_id) = match (&saved.definition, &saved.maintenance) {
        (Some(definition), _) => (definition.service_id.as_str(), definition.id.clone()),
        (None, Some(switch)) => {
            let id = switch.service_id.as_str();
            (id, format!("{SERVICE_MAINTENANCE_PREFIX}{id}"))
        }
        (None, None) => return None,
    };
    let on_disk = |service: &SavedService| own_id(service) == id;
    let known = id.is_empty() || state.service(id).is_some() || all.services.iter().any(on_disk);
    (!known).then_some(check_id)
}

fn own_id(saved: &SavedService) -> &str {
    match saved.definition.id.as_str() {
        "" => &saved.definition.name,
        id => id,
    }
}

/// What a TTL check said before the restart holds until its time is over, wherever the check was
/// defined.
fn believe_ttl(check: &mut LocalCheck, all: &Saved, now_ms: u64) {
    let probe = check.spec.as_ref().map(|spec| &spec.probe);
    if !matches!(probe, Some(Probe::Ttl { .. })) {
        return;
    }
    let said = all.ttls.get(&check.check.check_id);
    if let Some(ttl) = said.filter(|ttl| ttl.expires_ms > now_ms) {
        check.check.status = ttl.status;
        check.check.output.clone_from(&ttl.output);
    }
}

fn restore_check(state: &mut LocalState, saved: &SavedCheck, all: &Saved, now_ms: u64) {
    let planned = match (&saved.definition, &saved.maintenance) {
        (Some(definition), _) => {
            if state.check(&definition.id).is_some() {
                return;
            }
            state.plan_known_check(definition, Source::Api)
        }
        (None, Some(switch)) if switch.service_id.is_empty() => Ok(state
            .plan_node_maintenance(true, &switch.reason)
            .unwrap_or_default()),
        (None, Some(switch)) => state
            .plan_service_maintenance(&switch.service_id, true, &switch.reason)
            .map(Option::unwrap_or_default),
        (None, None) => Ok(Change::default()),
    };
    match planned {
        Ok(mut change) => {
            for check in &mut change.checks {
                // A check is not believed to pass before it says so again …
                check.check.status = Status::Critical;
                // … but a TTL check may have said so.
                believe_ttl(check, all, now_ms);
                let id = &check.check.check_id;
                debug!(target: "agent", check = %id, "restored health check from file");
            }
            state.commit(change);
        }
        Err(err) => {
            let definition = saved.definition.as_ref().map(|it| it.id.as_str());
            let switched = saved.maintenance.as_ref().map(|it| it.service_id.as_str());
            let id = definition.or(switched).unwrap_or_default();
            warn!(target: "agent", check = %id, error = %err, "Failed to restore check");
        }
    }
}
