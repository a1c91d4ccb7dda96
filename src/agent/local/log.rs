//! Consul's log lines about services and checks.

use std::time::Duration;

use tracing::{debug, warn};

use super::state::Change;
use super::validate::is_dns_name;
use crate::agent::checks::outcome::{Outcome, Verdict};
use crate::agent::checks::scheduler::{MIN_DEREGISTER_AFTER, MIN_INTERVAL};
use crate::agent::checks::spec::CheckSpec;
use crate::model::check::Status;
use crate::model::duration::GoDuration;

/// The longest name that DNS can ask for.
const DNS_LABEL_MAX: usize = 63;

/// A change that is about to be made.
pub(super) fn change(change: &Change) {
    for id in &change.removed_services {
        debug!(target: "agent", service = %id, "removed service");
    }
    for id in &change.removed_checks {
        debug!(target: "agent", check = %id, "removed check");
    }
    for service in &change.services {
        warn_of_dns_names(&service.service.service, &service.service.tags);
    }
}

fn warn_of_dns_names(name: &str, tags: &[String]) {
    if !is_dns_name(name) {
        warn!(
            target: "agent", service = ?name,
            "Service name will not be discoverable via DNS due to invalid characters. Valid \
             characters include all alpha-numerics and dashes."
        );
    } else if name.len() > DNS_LABEL_MAX {
        warn!(
            target: "agent", service = %name,
            "Service name will not be discoverable via DNS due to it being too long. Valid \
             lengths are between 1 and 63 bytes."
        );
    }
    for tag in tags.iter().filter(|tag| !is_dns_name(tag)) {
        debug!(
            target: "agent", tag = %tag,
            "Service tag will not be discoverable via DNS due to invalid characters. Valid \
             characters include all alpha-numerics and dashes."
        );
    }
}

/// Times of a check that are stretched to Consul's minimum.
pub(super) fn short_times(check_id: &str, spec: &CheckSpec) {
    let short = |time: Duration, min: Duration| !time.is_zero() && time < min;
    if short(spec.interval, MIN_INTERVAL) {
        warn!(
            target: "agent", check = %check_id, minimum_interval = %GoDuration::from(MIN_INTERVAL),
            "check has interval below minimum"
        );
    }
    if short(
        spec.deregister_after.unwrap_or_default(),
        MIN_DEREGISTER_AFTER,
    ) {
        let minimum_interval = GoDuration::from(MIN_DEREGISTER_AFTER);
        warn!(
            target: "agent", check = %check_id, minimum_interval = %minimum_interval,
            "check has deregister interval below minimum"
        );
    }
}

/// A run's result that is published.
pub(super) fn result(check_id: &str, outcome: &Outcome) {
    match outcome.status {
        Status::Critical => warn!(target: "agent", check = %check_id, "Check is now critical"),
        status @ (Status::Passing | Status::Warning) => {
            debug!(target: "agent", check = %check_id, status = %status, "Check status updated");
        }
    }
}

/// A run's result that does not count yet.
pub(super) fn verdict(check_id: &str, status: Status, verdict: Verdict) {
    match verdict {
        Verdict::TooFewSuccesses { count, needed } => warn!(
            target: "agent", check = %check_id, status = %status, success_count = count,
            success_threshold = needed, "Check passed but has not reached success threshold"
        ),
        Verdict::TooFewFailures { count, needed } => warn!(
            target: "agent", check = %check_id, status = %status, failure_count = count,
            failure_threshold = needed, "Check failed but has not reached failure threshold"
        ),
        Verdict::Report(_) => {}
    }
}
