//! How large a definition may be. Every server reads each one while it applies the log, and keeps it.

use super::PreparedQuery;

/// Longest name, in bytes; of a query, and of what a template is run for.
pub(super) const NAME_BYTES: usize = 1024;
/// Most items in all lists and maps of a definition together.
pub(super) const MAX_ITEMS: usize = 1024;
/// Most bytes of all texts of a definition together.
pub(super) const DEFINITION_BYTES: usize = 64 * 1024;

/// Checks the size of a definition.
///
/// # Errors
/// With the bound that is passed. Consul has none of these.
pub(super) fn check(query: &PreparedQuery) -> Result<(), String> {
    if query.name.len() > NAME_BYTES {
        return Err(format!("Name is too long (limit: {NAME_BYTES} bytes)"));
    }
    let (items, bytes) = measure(query);
    if items > MAX_ITEMS {
        return Err(format!(
            "Definition has too many tags, datacenters, checks and metadata pairs ({items} > {MAX_ITEMS})"
        ));
    }
    if bytes > DEFINITION_BYTES {
        return Err(format!(
            "Definition is too large ({bytes} > {DEFINITION_BYTES} bytes)"
        ));
    }
    Ok(())
}

/// The items in lists and maps, and the bytes of all texts.
fn measure(query: &PreparedQuery) -> (usize, usize) {
    let service = &query.service;
    let failover = &service.failover;
    let fixed = [
        &query.id,
        &query.name,
        &query.session,
        &query.token,
        &query.template.r#type,
        &query.template.regexp,
        &service.service,
        &service.near,
        &query.dns.ttl,
    ];
    let lists = [
        &failover.datacenters,
        &service.ignore_check_ids,
        &service.tags,
    ];
    let listed = lists.into_iter().flatten().flatten().map(String::len);
    let targets = failover.targets.iter().flatten();
    let targets = targets.map(|target| target.datacenter.len() + target.peer.len());
    let maps = [&service.node_meta, &service.service_meta];
    let pairs = maps.into_iter().flatten().flatten();
    let pairs = pairs.map(|(key, value)| key.len() + value.len());
    let fixed: usize = fixed.into_iter().map(String::len).sum();
    let items = listed.chain(targets).chain(pairs);
    items.fold((0, fixed), |(count, bytes), item| (count + 1, bytes + item))
}
