//! `Session`.

use crate::agent::rpc::WriteOptions;
use crate::agent::rpc::wire::session::{self, decode_specific, encode_sessions};
use crate::agent::rpc::wire::{RemoteQuery as _, decode_command, encode_response};
use crate::agent::rpc::{Consistency, QueryMeta};
use crate::agent::store::{
    Command, Query as _, Response, SessionCommand, SessionGet, SessionList, SessionsOfNode,
};
use crate::model::session::{check_id, lookup_failed};

use super::dispatcher::{Answer, Dispatcher, failed, unknown};

impl Dispatcher {
    /// `Session`.
    pub(super) async fn session(&self, method: &str, body: &[u8]) -> Answer {
        match method {
            session::APPLY => self.apply_session(method, body).await,
            session::RENEW => self.renew_session(body).await,
            SessionGet::METHOD => {
                let (options, query) = SessionGet::decode_request(body)?;
                check_id(&query.id).map_err(|why| failed(lookup_failed(&why)))?;
                let (meta, answer) = self.query(&options, &query).await?;
                Ok(SessionGet::encode_reply(&meta, answer)?)
            }
            SessionList::METHOD => self.read::<SessionList>(body).await,
            SessionsOfNode::METHOD => self.read::<SessionsOfNode>(body).await,
            _ => Err(unknown(method)),
        }
    }

    async fn apply_session(&self, method: &str, body: &[u8]) -> Answer {
        let Some((options, Command::Session(command))) = decode_command(method, body)? else {
            return Err(unknown(method));
        };
        let response = match command {
            SessionCommand::Create(session) => {
                Response::Id(self.rpc.session_create(&options, *session).await?)
            }
            SessionCommand::Destroy { id } => {
                self.rpc.session_destroy(&options, &id).await?;
                Response::Done
            }
        };
        Ok(encode_response(method, response)?)
    }

    async fn renew_session(&self, body: &[u8]) -> Answer {
        let (options, id) = decode_specific(body)?;
        let options = WriteOptions {
            datacenter: options.query.datacenter,
            token: options.query.token,
        };
        let renewed = self.rpc.session_renew(&options, &id).await?;
        let meta = QueryMeta {
            index: renewed.as_ref().map_or(1, |session| session.modify_index),
            known_leader: true,
            last_contact_ms: 0,
            consistency: Consistency::Default,
            generation: 0,
        };
        Ok(encode_sessions(&meta, renewed.as_deref())?)
    }
}
