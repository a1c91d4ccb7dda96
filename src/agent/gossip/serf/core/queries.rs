//! Questions to the pool and answers to them: sections 9.2 and 10 of the wire format.

use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rand::seq::IteratorRandom;

use crate::agent::gossip::swim::ceil_log10;
use crate::agent::gossip::wire::{
    Filter, QUERY_FLAG_ACK, QUERY_FLAG_NO_BROADCAST, QUERY_MAX, Query, QueryResponse, Relay,
    SerfMessage,
};
use crate::model::member::MemberStatus;
use crate::model::mono::Mono;

use super::super::filter;
use super::super::io::{Event, Output, QueryKey, QueryRequest, RequestError};
use super::super::own_queries::Verdict;
use super::super::questions::Question;
use super::super::queues::Queue;
use super::super::recent_events::Novelty;
use super::Core;

/// Queries with this prefix are serf's own business.
pub(in super::super) const INTERNAL_PREFIX: &str = "_serf_";
/// Members that carry an answer a second way, at most.
pub(in super::super) const RELAY_FACTOR_MAX: u8 = 5;
/// From this memberlist protocol on a member relays.
const RELAYS_FROM: u8 = 5;

impl Core {
    /// Asks all members, this one included; `alive` is how many there are.
    pub(in super::super) fn ask(
        &mut self,
        now: Mono,
        request: QueryRequest,
        alive: usize,
    ) -> Result<QueryKey, RequestError> {
        if request.relay_factor > RELAY_FACTOR_MAX {
            return Err(RequestError::RelayFactor);
        }
        if !self.own_queries.has_room() {
            return Err(RequestError::TooManyQueries);
        }
        let timeout = request
            .timeout
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or_else(|| self.default_query_timeout(alive));
        let query = Query {
            ltime: self.query_clock.time(),
            id: self.rng.random::<u32>() >> 1,
            address: self.address,
            source_node: self.name.clone(),
            filters: request.filters.iter().map(Filter::encode).collect(),
            flags: if request.ack { QUERY_FLAG_ACK } else { 0 },
            relay_factor: request.relay_factor,
            timeout,
            name: request.name,
            payload: request.payload,
        };
        let message = SerfMessage::Query(query.clone()).encode();
        if message.len() > QUERY_MAX {
            return Err(RequestError::QueryTooLarge { limit: QUERY_MAX });
        }
        let key = QueryKey {
            ltime: query.ltime,
            id: query.id,
        };
        self.own_queries.start(key, request.ack, now + timeout);
        self.query(now, query);
        self.gossip(Queue::Queries, message);
        Ok(key)
    }

    fn default_query_timeout(&self, alive: usize) -> Duration {
        self.gossip_interval
            .saturating_mul(self.config.query_timeout_mult)
            .saturating_mul(ceil_log10(alive.saturating_add(1)))
    }

    /// A query was heard; true when it is to be passed on, whether it is meant for us or not.
    pub(super) fn query(&mut self, now: Mono, query: Query) -> bool {
        self.query_clock.witness(query.ltime);
        let clock = self.query_clock.time();
        match self.recent_queries.see(clock, query.ltime, query.id) {
            Novelty::New => {}
            Novelty::Known => return false,
            Novelty::TooOld | Novelty::Full => {
                let Query { name, ltime, .. } = query;
                let reason = format!(
                    "received old query {name} from time {ltime} (current: {clock}), or too many of it"
                );
                self.ignored("query", reason);
                return false;
            }
        }
        let pass_on = query.flags & QUERY_FLAG_NO_BROADCAST == 0;
        if filter::all_match(&query.filters, &self.name, &self.tags) {
            self.deliver(now, query);
        }
        pass_on
    }

    /// Acknowledges a query that is meant for us, and hands it to whoever answers it.
    fn deliver(&mut self, now: Mono, query: Query) {
        let key = QueryKey {
            ltime: query.ltime,
            id: query.id,
        };
        let question = Question {
            address: query.address,
            source: query.source_node.clone(),
            relay_factor: query.relay_factor.min(RELAY_FACTOR_MAX),
            deadline: now + query.timeout,
        };
        if query.flags & QUERY_FLAG_ACK != 0 {
            let ack = self.response(key, QUERY_FLAG_ACK, Bytes::new());
            let message = SerfMessage::QueryResponse(ack.clone()).encode();
            self.send_response(now, &question, ack, message);
        }
        self.questions.insert(now, key, question);
        let line = self.snapshot.query(query.ltime);
        self.record(line);
        if let Some(name) = query.name.strip_prefix(INTERNAL_PREFIX) {
            self.internal_query(now, key, name, &query.payload);
            return;
        }
        self.outputs.push_back(Output::Event(Event::Query {
            key,
            name: query.name,
            payload: query.payload,
            source: query.source_node,
        }));
    }

    fn response(&self, key: QueryKey, flags: u32, payload: Bytes) -> QueryResponse {
        QueryResponse {
            ltime: key.ltime,
            id: key.id,
            from: self.name.clone(),
            flags,
            payload,
        }
    }

    /// Answers a query: once, and in time.
    pub(in super::super) fn respond(
        &mut self,
        now: Mono,
        key: QueryKey,
        payload: Bytes,
    ) -> Result<(), RequestError> {
        let question = self.questions.get(now, key).cloned();
        let question = question.ok_or(RequestError::QueryOver)?;
        let response = self.response(key, 0, payload);
        let message = SerfMessage::QueryResponse(response.clone()).encode();
        if message.len() > QUERY_MAX {
            return Err(RequestError::ResponseTooLarge { limit: QUERY_MAX });
        }
        self.questions.close(key);
        self.send_response(now, &question, response, message);
        Ok(())
    }

    /// Whether an answer with this payload is small enough to be sent.
    pub(super) fn response_fits(&self, key: QueryKey, payload: Bytes) -> bool {
        let response = self.response(key, 0, payload);
        SerfMessage::QueryResponse(response).encode().len() <= QUERY_MAX
    }

    /// Sends an answer directly, and by other members where the asker wants it.
    fn send_response(
        &mut self,
        now: Mono,
        question: &Question,
        response: QueryResponse,
        message: Bytes,
    ) {
        if question.address == self.address {
            self.query_response(now, response);
            return;
        }
        self.sends.push_back((question.address, message.clone()));
        let wanted = usize::from(question.relay_factor);
        // A relay is worth it only with as many others around.
        if wanted == 0 || self.members.len() < wanted + 1 {
            return;
        }
        let relay = SerfMessage::Relay(Relay {
            to: question.address,
            to_node: question.source.clone(),
            message,
        });
        let relay = relay.encode();
        if relay.len() > QUERY_MAX {
            let reason = format!("relayed response exceeds limit of {QUERY_MAX} bytes");
            self.ignored("relay", reason);
            return;
        }
        let able = self
            .members
            .with_status(MemberStatus::Alive)
            .filter(|entry| {
                entry.member.name != self.name
                    && entry.member.versions.protocol_max() >= RELAYS_FROM
            });
        let chosen = able.sample(&mut self.rng, wanted);
        let addresses = chosen.into_iter().map(|entry| entry.member.address);
        self.sends
            .extend(addresses.map(|address| (address, relay.clone())));
    }

    /// An answer arrived.
    pub(super) fn query_response(&mut self, now: Mono, response: QueryResponse) {
        let key = QueryKey {
            ltime: response.ltime,
            id: response.id,
        };
        let from = response.from.clone();
        match self.own_queries.take(now, response) {
            Verdict::Tell(reply) => self.replied(key, reply),
            Verdict::Known => {}
            Verdict::NotRunning => {
                let QueryKey { ltime, id } = key;
                let reason =
                    format!("reply for non-running query (LTime: {ltime}, ID: {id}) From: {from}");
                self.ignored("query response", reason);
            }
        }
    }

    /// Hears no more answers to a query of ours.
    pub(in super::super) fn give_up_query(&mut self, key: QueryKey) {
        if self.own_queries.give_up(key) {
            self.query_over(key);
        }
    }

    /// Ends all our queries: we have left.
    pub(in super::super) fn end_queries(&mut self) {
        for key in self.own_queries.end() {
            self.query_over(key);
        }
    }

    /// Ends our queries whose time is up.
    pub(super) fn expire_queries(&mut self, now: Mono) {
        for key in self.own_queries.expire(now) {
            self.query_over(key);
        }
    }
}
