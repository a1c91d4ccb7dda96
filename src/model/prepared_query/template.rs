//! Templates: queries whose texts are put together from the name that was asked for.

use std::cell::Cell;

use regex::Regex;

use super::bounds::NAME_BYTES;
use super::expression::{Names, TEXTS_BYTES, Template};
use super::{PreparedQuery, ServiceQuery};
use crate::model::regexp;

/// The one type of templates.
const PREFIX_MATCH: &str = "name_prefix_match";
/// Most bytes of a pattern that was read. Each stays as long as its query.
const COMPILED_MAX: usize = 256 * 1024;

/// A template that was read once and is run for many names.
#[derive(Debug)]
pub struct CompiledTemplate {
    regexp: Option<Regex>,
    /// The texts, in the order in which [`texts`] walks them.
    texts: Vec<Template>,
}

impl CompiledTemplate {
    /// Reads the texts of a query, and tries them with its own name.
    ///
    /// # Errors
    /// In Consul's words.
    pub fn compile(query: &PreparedQuery) -> Result<Self, String> {
        let kind = &query.template.r#type;
        if kind != PREFIX_MATCH {
            return Err(format!("Bad Template.Type '{kind}'"));
        }
        let pattern = &query.template.regexp;
        let regexp = if pattern.is_empty() {
            None
        } else {
            let compiled = regexp::compile_within(pattern, COMPILED_MAX);
            Some(compiled.map_err(|why| format!("Bad Regexp: {why}"))?)
        };
        // The same for all texts, and not cheap.
        let names = names(regexp.as_ref(), &query.name, &query.name);
        let mut read = Vec::new();
        let mut service = query.service.clone();
        texts(&mut service, &mut |path, text| {
            let bad = |what: &str, why: String| format!("Bad {what} for '{text}' in {path}: {why}");
            let template = Template::parse(text)
                .map_err(|why| format!("Bad format '{text}' in {path}: {why}"))?;
            template.run(&names).map_err(|why| bad("evaluation", why))?;
            read.push(template);
            Ok(())
        })?;
        Ok(Self {
            regexp,
            texts: read,
        })
    }

    /// The query for a name.
    ///
    /// # Errors
    /// In Consul's words, when a text makes no sense with this name; and when the name or what comes out is too long.
    pub fn render(&self, query: &PreparedQuery, name: &str) -> Result<PreparedQuery, String> {
        if name.len() > NAME_BYTES {
            return Err(format!("Name is too long (limit: {NAME_BYTES} bytes)"));
        }
        let mut rendered = query.clone();
        let names = names(self.regexp.as_ref(), &query.name, name);
        let mut templates = self.texts.iter();
        texts(&mut rendered.service, &mut |path, text| {
            let Some(template) = templates.next() else {
                return Ok(());
            };
            let result = template
                .run(&names)
                .map_err(|why| format!("Bad evaluation for '{text}' in {path}: {why}"))?;
            *text = result;
            Ok(())
        })?;
        if query.template.remove_empty_tags
            && let Some(tags) = &mut rendered.service.tags
        {
            tags.retain(|tag| !tag.is_empty());
        }
        Ok(rendered)
    }
}

fn names<'n>(regexp: Option<&Regex>, prefix: &'n str, full: &'n str) -> Names<'n> {
    let groups = regexp.and_then(|regexp| regexp.captures(full));
    let groups = groups.iter().flat_map(|found| {
        found
            .iter()
            .map(|group| group.map_or("", |group| group.as_str()))
    });
    Names {
        full,
        prefix,
        suffix: full.strip_prefix(prefix).unwrap_or(full),
        groups: groups.collect(),
        left: Cell::new(TEXTS_BYTES),
    }
}

/// Hands over every text of a query that may have expressions, with its place.
fn texts(
    service: &mut ServiceQuery,
    each: &mut dyn FnMut(&str, &mut String) -> Result<(), String>,
) -> Result<(), String> {
    let list = |path: &str,
                list: &mut Option<Vec<String>>,
                each: &mut dyn FnMut(&str, &mut String) -> Result<(), String>| {
        let items = list.iter_mut().flatten().enumerate();
        for (at, text) in items {
            each(&format!("{path}[{at}]"), text)?;
        }
        Ok::<_, String>(())
    };
    each("Service.Service", &mut service.service)?;
    let datacenters = &mut service.failover.datacenters;
    list("Service.Failover.Datacenters", datacenters, each)?;
    for (at, target) in service.failover.targets.iter_mut().flatten().enumerate() {
        let path = format!("Service.Failover.Targets[{at}]");
        each(&format!("{path}.Datacenter"), &mut target.datacenter)?;
        each(&format!("{path}.Peer"), &mut target.peer)?;
    }
    let ignored = &mut service.ignore_check_ids;
    list("Service.IgnoreCheckIDs", ignored, each)?;
    each("Service.Near", &mut service.near)?;
    list("Service.Tags", &mut service.tags, each)?;
    let maps = [
        ("Service.NodeMeta", &mut service.node_meta),
        ("Service.ServiceMeta", &mut service.service_meta),
    ];
    for (path, map) in maps {
        for (key, text) in map.iter_mut().flatten() {
            each(&format!("{path}[{key}]"), text)?;
        }
    }
    Ok(())
}
