//! What is known when a question is answered: this server's own catalog, and what others said about the rest.
//!
//! A server answers from its published state at once. What it lacks, and on a client agent everything, is wanted as
//! a value; the driver finds it out, puts it into the world and has the same question answered again.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::catalog::{Catalog, QueryAsk, QueryFound};
use super::lookup::Failure;
use super::record::{DnsName, Record};
use crate::model::node::Node;

/// Something that an answer needs and that only others know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Want {
    /// A part of a catalog, from the servers.
    Fetch(Need),
    /// The addresses behind a foreign name, from the recursors.
    Name(DnsName),
}

/// A part of a datacenter's catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Need {
    /// The datacenter in lower case; empty for the agent's own.
    pub datacenter: String,
    /// The part.
    pub what: What,
}

/// Which part of a catalog. Names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum What {
    /// The node with a name: [`Found::Node`].
    Node(String),
    /// The instances of a service: [`Found::Instances`].
    Service(String),
    /// The instances that mesh clients of a service reach: [`Found::Instances`].
    Connect(String),
    /// The ingress gateways for a service: [`Found::Instances`].
    Ingress(String),
    /// What a prepared query finds: [`Found::Query`].
    Query(QueryAsk),
    /// A node with an address: [`Found::Node`].
    NodeAt(IpAddr),
    /// The name of a service of which an instance has an address of its own: [`Found::Service`].
    ServiceAt(IpAddr),
}

/// A part of a catalog, as [`What`] names it.
#[derive(Debug, Clone)]
pub enum Found<I> {
    /// The node, where there is one.
    Node(Option<Arc<Node>>),
    /// Instances, in the order of the servers' state.
    Instances(I),
    /// The service's name, where there is one.
    Service(Option<String>),
    /// What a prepared query found.
    Query(QueryFound<I>),
}

/// Why a part of a catalog could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The datacenter is not known: the name does not exist.
    #[error("no path to datacenter")]
    NoPath,
    /// There is no such prepared query: the name does not exist.
    #[error("query not found")]
    NoQuery,
    /// No server answered: nobody knows whether the name exists.
    #[error("no server answered")]
    Unavailable,
}

/// What was fetched for a question.
pub type Fetched<C> = HashMap<Need, Result<Found<<C as Catalog>::Instances>, FetchError>>;

/// What is known when a question is answered.
pub struct World<'w, C: Catalog> {
    /// This datacenter's catalog, where the agent has it.
    pub local: Option<&'w C>,
    /// Parts of catalogs that were asked for: of other datacenters, and of this one where the agent has none.
    pub fetched: &'w Fetched<C>,
    /// Records behind foreign names that were asked for; empty where no recursor knew any.
    pub resolved: &'w HashMap<DnsName, Vec<Record>>,
    /// Seconds since 1970, for the serial of the zone.
    pub unix_time: u32,
    /// Who asks, as far as the packet's sender tells.
    pub client: Option<IpAddr>,
}

/// A catalog as a question sees it: the agent's own, or one that is asked for piece by piece.
pub(crate) struct Pieces<'w, C: Catalog> {
    world: &'w World<'w, C>,
    /// Where the agent has the catalog.
    local: Option<&'w C>,
    datacenter: &'w str,
}

impl<C: Catalog> World<'_, C> {
    /// The catalog of this datacenter, or of another one.
    pub(crate) fn of<'s>(&'s self, datacenter: Option<&'s str>) -> Pieces<'s, C> {
        Pieces {
            world: self,
            local: self.local.filter(|_| datacenter.is_none()),
            datacenter: datacenter.unwrap_or_default(),
        }
    }
}

impl<C: Catalog> Pieces<'_, C> {
    /// The node with that name.
    pub(crate) fn node(
        &self,
        name: &str,
        wants: &mut Vec<Want>,
    ) -> Result<Option<Arc<Node>>, Failure> {
        match self.local {
            Some(catalog) => Ok(catalog.node(name)),
            None => self.found_node(What::Node(name.to_owned()), wants),
        }
    }

    /// Every instance of a service, whatever its health.
    pub(crate) fn service(
        &self,
        name: &str,
        wants: &mut Vec<Want>,
    ) -> Result<C::Instances, Failure> {
        match self.local {
            Some(catalog) => Ok(catalog.service(name)),
            None => self.found_instances(What::Service(name.to_owned()), wants),
        }
    }

    /// Every instance that speaks the mesh's protocol for a service.
    pub(crate) fn connect(
        &self,
        name: &str,
        wants: &mut Vec<Want>,
    ) -> Result<C::Instances, Failure> {
        match self.local {
            Some(catalog) => Ok(catalog.connect(name)),
            None => self.found_instances(What::Connect(name.to_owned()), wants),
        }
    }

    /// Every ingress gateway for a service.
    pub(crate) fn ingress(
        &self,
        name: &str,
        wants: &mut Vec<Want>,
    ) -> Result<C::Instances, Failure> {
        match self.local {
            Some(catalog) => Ok(catalog.ingress(name)),
            None => self.found_instances(What::Ingress(name.to_owned()), wants),
        }
    }

    /// What a prepared query finds.
    pub(crate) fn query(
        &self,
        ask: &QueryAsk,
        seed: u64,
        wants: &mut Vec<Want>,
    ) -> Result<QueryFound<C::Instances>, Failure> {
        if let Some(catalog) = self.local {
            return catalog.query(ask, seed).ok_or(Failure::NoName);
        }
        match self.found(What::Query(ask.clone()), wants)? {
            Found::Query(found) => Ok(found.clone()),
            Found::Node(_) | Found::Instances(_) | Found::Service(_) => Err(Failure::Unknown),
        }
    }

    /// A node with that address.
    pub(crate) fn node_by_address(
        &self,
        ip: IpAddr,
        wants: &mut Vec<Want>,
    ) -> Result<Option<Arc<Node>>, Failure> {
        match self.local {
            Some(catalog) => Ok(catalog.node_by_address(ip)),
            None => self.found_node(What::NodeAt(ip), wants),
        }
    }

    /// The name of a service of which an instance has that address of its own.
    pub(crate) fn service_by_address(
        &self,
        ip: IpAddr,
        wants: &mut Vec<Want>,
    ) -> Result<Option<String>, Failure> {
        if let Some(catalog) = self.local {
            return Ok(catalog.service_by_address(ip));
        }
        match self.found(What::ServiceAt(ip), wants)? {
            Found::Service(name) => Ok(name.clone()),
            Found::Node(_) | Found::Instances(_) | Found::Query(_) => Err(Failure::Unknown),
        }
    }

    fn found_node(&self, what: What, wants: &mut Vec<Want>) -> Result<Option<Arc<Node>>, Failure> {
        match self.found(what, wants)? {
            Found::Node(node) => Ok(node.clone()),
            Found::Instances(_) | Found::Service(_) | Found::Query(_) => Err(Failure::Unknown),
        }
    }

    fn found_instances(&self, what: What, wants: &mut Vec<Want>) -> Result<C::Instances, Failure> {
        match self.found(what, wants)? {
            Found::Instances(instances) => Ok(instances.clone()),
            Found::Node(_) | Found::Service(_) | Found::Query(_) => Err(Failure::Unknown),
        }
    }

    /// What was fetched; wanted when it was not asked for yet.
    fn found(&self, what: What, wants: &mut Vec<Want>) -> Result<&Found<C::Instances>, Failure> {
        let need = Need {
            datacenter: self.datacenter.to_owned(),
            what,
        };
        match self.world.fetched.get(&need) {
            Some(Ok(found)) => Ok(found),
            Some(Err(FetchError::NoPath | FetchError::NoQuery)) => Err(Failure::NoName),
            Some(Err(FetchError::Unavailable)) => Err(Failure::Unknown),
            None => {
                wants.push(Want::Fetch(need));
                Err(Failure::Unknown)
            }
        }
    }
}
