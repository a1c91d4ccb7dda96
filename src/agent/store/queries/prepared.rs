//! Reads of prepared queries, and running them.

use std::sync::Arc;

use super::catalog::has_meta;
use super::near::sort_by_distance;
use crate::agent::store::{Instance, Query, State, Topic, WatchSet};
use crate::model::access::{Guard, Requirement, Resource};
use crate::model::check::Status;
use crate::model::prepared_query::{PreparedQuery, QueryDns, QueryFailover, ServiceQuery};

/// How far into a sorted answer the node is looked for that it was sorted by. Consul's.
const NEAR_SEARCH: usize = 10;

/// One prepared query, by id.
#[derive(Debug, Clone)]
pub struct PreparedQueryGet {
    /// The id; anything that is no id finds nothing.
    pub id: String,
}

impl Query for PreparedQueryGet {
    type Answer = Option<Arc<PreparedQuery>>;
    const METHOD: &'static str = "PreparedQuery.Get";

    fn guard(answer: &Self::Answer) -> Option<Guard<'_>> {
        reading(answer.as_ref()?)
    }

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::PreparedQueries);
        let found = state.prepared_query(&self.id).ok().flatten().cloned();
        (state.indexes().prepared_queries, found)
    }
}

/// All prepared queries.
#[derive(Debug, Clone, Copy, Default)]
pub struct PreparedQueryList;

impl Query for PreparedQueryList {
    type Answer = Vec<Arc<PreparedQuery>>;
    const METHOD: &'static str = "PreparedQuery.List";

    fn run(&self, state: &State, watch: &mut WatchSet) -> (u64, Self::Answer) {
        watch.add(Topic::PreparedQueries);
        let all = state.prepared_queries().cloned().collect();
        (state.indexes().prepared_queries, all)
    }
}

/// What running a name would run.
#[derive(Debug, Clone, Default)]
pub struct PreparedQueryExplain {
    /// The id or name.
    pub id_or_name: String,
}

impl Query for PreparedQueryExplain {
    type Answer = Result<Option<Arc<PreparedQuery>>, String>;
    const METHOD: &'static str = "PreparedQuery.Explain";

    fn guard(answer: &Self::Answer) -> Option<Guard<'_>> {
        reading(answer.as_ref().ok()?.as_ref()?)
    }

    fn run(&self, state: &State, _: &mut WatchSet) -> (u64, Self::Answer) {
        (0, state.resolve_prepared_query(&self.id_or_name))
    }
}

/// Who runs a query, and how much is of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// Most instances; 0 for all.
    pub limit: usize,
    /// Whether the instances that mesh clients reach are meant, whatever the query says.
    pub connect: bool,
    /// The node by whose round trips the answer is sorted, with Consul's `_agent` and `_ip`; empty for the query's.
    pub near: String,
    /// The asker's address.
    pub ip: String,
    /// The node of the agent that was asked.
    pub agent: String,
    /// Decides the order of instances. Chosen by whoever answers: it does not travel.
    pub seed: u64,
}

/// What running a prepared query found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Execution {
    /// The service's name, as the query has it.
    pub service: String,
    /// The instances, in the order in which they are to be used.
    pub nodes: Vec<Instance>,
    /// What DNS says of them.
    pub dns: QueryDns,
    /// The datacenter where they are; empty for that of the answering server.
    pub datacenter: String,
    /// How many other datacenters were asked.
    pub failovers: u64,
    /// The query, for who has to ask others; does not travel.
    pub query: Option<Arc<PreparedQuery>>,
}

impl Execution {
    /// Where else to look, where that is allowed and nothing was found.
    pub fn failover(&self) -> Option<&QueryFailover> {
        let query = self.query.as_ref().filter(|_| self.nodes.is_empty());
        query.map(|query| &query.service.failover)
    }

    /// Reading the service is needed; a query's own token counts before the asker's.
    fn guard(&self) -> Guard<'_> {
        let own = self.query.as_ref().map(|query| &*query.token);
        Guard {
            token: own.filter(|token| !token.is_empty()),
            requirement: Requirement::read(Resource::Service, self.service.as_bytes()),
        }
    }
}

/// Who looks at a query must be allowed to read its name.
fn reading(query: &PreparedQuery) -> Option<Guard<'_>> {
    let name = query.guarded_name()?;
    Some(Guard {
        token: None,
        requirement: Requirement::read(Resource::Query, name.as_bytes()),
    })
}

/// Runs a prepared query.
#[derive(Debug, Clone, Default)]
pub struct PreparedQueryExecute {
    /// The id or name.
    pub id_or_name: String,
    /// Who asks.
    pub asker: Asker,
}

impl Query for PreparedQueryExecute {
    type Answer = Result<Option<Execution>, String>;
    const METHOD: &'static str = "PreparedQuery.Execute";

    fn guard(answer: &Self::Answer) -> Option<Guard<'_>> {
        Some(answer.as_ref().ok()?.as_ref()?.guard())
    }

    fn run(&self, state: &State, _: &mut WatchSet) -> (u64, Self::Answer) {
        let found = state.resolve_prepared_query(&self.id_or_name);
        (
            0,
            found.map(|query| query.map(|query| execute(state, &query, &self.asker))),
        )
    }
}

/// Runs a prepared query of another datacenter, which has nothing itself.
#[derive(Debug, Clone, Default)]
pub struct PreparedQueryExecuteRemote {
    /// The query, filled.
    pub query: Arc<PreparedQuery>,
    /// Who asks; nearness does not count across datacenters.
    pub asker: Asker,
}

impl Query for PreparedQueryExecuteRemote {
    type Answer = Execution;
    const METHOD: &'static str = "PreparedQuery.ExecuteRemote";

    fn guard(answer: &Self::Answer) -> Option<Guard<'_>> {
        Some(answer.guard())
    }

    fn run(&self, state: &State, _: &mut WatchSet) -> (u64, Self::Answer) {
        let mut nodes = instances(state, &self.query.service, self.asker.connect);
        shuffle(&mut nodes, self.asker.seed);
        limit(&mut nodes, self.asker.limit);
        (0, execution(nodes, &self.query))
    }
}

fn execution(nodes: Vec<Instance>, query: &Arc<PreparedQuery>) -> Execution {
    Execution {
        service: query.service.service.clone(),
        nodes,
        dns: query.dns.clone(),
        query: Some(Arc::clone(query)),
        ..Execution::default()
    }
}

fn execute(state: &State, query: &Arc<PreparedQuery>, asker: &Asker) -> Execution {
    let mut nodes = instances(state, &query.service, asker.connect);
    // Also where a sort was asked for: there may be no coordinates.
    shuffle(&mut nodes, asker.seed);
    if let Some(near) = near(state, &query.service, asker) {
        sort_by_distance(state, &near, &mut nodes, |instance| &instance.node.node);
        let is_near = |instance: &Instance| instance.node.node.eq_ignore_ascii_case(&near);
        if let Some(at) = nodes.iter().take(NEAR_SEARCH).position(is_near) {
            nodes.swap(0, at);
        }
    }
    limit(&mut nodes, asker.limit);
    execution(nodes, query)
}

fn limit(nodes: &mut Vec<Instance>, most: usize) {
    if most > 0 {
        nodes.truncate(most);
    }
}

/// The node to sort by: the asker's word counts before the query's.
fn near(state: &State, service: &ServiceQuery, asker: &Asker) -> Option<String> {
    let near = match asker.near.as_str() {
        "" => &service.near,
        given => given,
    };
    let near = match near {
        "_agent" => asker.agent.clone(),
        "_ip" => {
            let at_ip = |node: &&Arc<crate::model::node::Node>| node.address == asker.ip;
            state.nodes().find(at_ip)?.node.clone()
        }
        node => node.to_owned(),
    };
    Some(near).filter(|near| !near.is_empty())
}

/// The instances that a query accepts, in the order of the state.
fn instances(state: &State, service: &ServiceQuery, connect: bool) -> Vec<Instance> {
    let found = if service.connect || connect {
        state.connect_instances(&service.service)
    } else {
        state.instances(&service.service)
    };
    let all = found.map_or(&[][..], |found| found);
    let accepted = all.iter().filter(|instance| accepts(service, instance));
    accepted.cloned().collect()
}

fn accepts(wanted: &ServiceQuery, instance: &Instance) -> bool {
    let ignored = |id: &String| {
        let mut ids = wanted.ignore_check_ids.iter().flatten();
        ids.any(|ignored| ignored == id)
    };
    let healthy = instance.checks.iter().all(|check| {
        ignored(&check.check_id)
            || match check.status {
                Status::Passing => true,
                Status::Warning => !wanted.only_passing,
                Status::Critical => false,
            }
    });
    let has_tag = |tag: &str| {
        let mut tags = instance.service.tags.iter();
        tags.any(|own| own.eq_ignore_ascii_case(tag))
    };
    let mut tags = wanted.tags.iter().flatten();
    let tagged = tags.all(|tag| match tag.strip_prefix('!') {
        Some(unwanted) => !has_tag(unwanted),
        None => has_tag(tag),
    });
    let pairs = |map: &Option<crate::model::node::StringMap>| -> Vec<(String, String)> {
        map.clone().into_iter().flatten().collect()
    };
    healthy
        && tagged
        && has_meta(instance.node.meta.as_ref(), &pairs(&wanted.node_meta))
        && has_meta(instance.service.meta.as_ref(), &pairs(&wanted.service_meta))
}

/// Puts items into an order that the seed decides (Fisher and Yates, over SplitMix64).
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        // The high half of a product is evenly spread over 0..=last.
        let other = (u128::from(word) * (last as u128 + 1)) >> 64;
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
}
