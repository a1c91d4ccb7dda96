//! Key operations on all members, and what they answered: section 9.5 of the wire format.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::agent::gossip::wire::{KeyResponse, encode_key_request};
use crate::model::go_base64;

use super::io::{QueryReply, QueryRequest};

/// The type byte of an answer.
const KEY_RESPONSE: u8 = 8;

/// A key operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOperation {
    /// Base64 keys throughout, as operators give them.
    Install(String),
    Use(String),
    Remove(String),
    List,
}

impl KeyOperation {
    /// The query that asks all members.
    ///
    /// # Errors
    /// When the key is no base64, in serf's words. Members refuse one of a wrong length.
    pub fn request(&self, relay_factor: u8) -> Result<QueryRequest, String> {
        let (name, key) = match self {
            Self::Install(key) => ("_serf_install-key", Some(key)),
            Self::Use(key) => ("_serf_use-key", Some(key)),
            Self::Remove(key) => ("_serf_remove-key", Some(key)),
            Self::List => ("_serf_list-keys", None),
        };
        // The length is for the members to judge, as with serf.
        let key = key.map(|key| go_base64::decode(key.as_bytes())).transpose();
        let key = key.map_err(|illegal| illegal.to_string())?;
        Ok(QueryRequest {
            name: name.to_owned(),
            payload: encode_key_request(&key.unwrap_or_default()),
            relay_factor,
            ..QueryRequest::default()
        })
    }
}

/// What the members said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyReport {
    /// By member: errors, and remarks such as a truncated list.
    pub messages: BTreeMap<String, String>,
    /// How many members have each key (base64).
    pub keys: BTreeMap<String, usize>,
    /// How many members use each key (base64).
    pub primary_keys: BTreeMap<String, usize>,
    /// Members that were asked.
    pub num_nodes: usize,
    /// Members that answered.
    pub num_resp: usize,
    /// Members that refused, or whose answer made no sense.
    pub num_err: usize,
}

impl KeyReport {
    /// Before anybody answered.
    pub fn new(num_nodes: usize) -> Self {
        Self {
            num_nodes,
            ..Self::default()
        }
    }

    /// Takes an answer in; true when all have answered.
    pub fn add(&mut self, reply: QueryReply) -> bool {
        let QueryReply::Response { from, payload } = reply else {
            return false;
        };
        self.num_resp += 1;
        match read(&payload) {
            Ok(answer) => self.count(&from, answer),
            Err(message) => {
                self.num_err += 1;
                self.messages.insert(from.to_string(), message);
            }
        }
        self.num_resp >= self.num_nodes
    }

    fn count(&mut self, from: &str, answer: KeyResponse) {
        if !answer.result {
            self.num_err += 1;
        }
        if !answer.result || !answer.message.is_empty() {
            self.messages.insert(from.to_owned(), answer.message);
        }
        for key in answer.keys {
            *self.keys.entry(key).or_default() += 1;
        }
        if !answer.primary_key.is_empty() {
            *self.primary_keys.entry(answer.primary_key).or_default() += 1;
        }
    }

    /// What is wrong with the operation as a whole, in serf's words: members refused, or did not answer.
    ///
    /// # Errors
    /// With that.
    pub fn outcome(&self) -> Result<(), String> {
        let Self {
            num_nodes,
            num_resp,
            num_err,
            ..
        } = self;
        if *num_err > 0 {
            return Err(format!("{num_err}/{num_nodes} nodes reported failure"));
        }
        if num_resp != num_nodes {
            return Err(format!("{num_resp}/{num_nodes} nodes reported success"));
        }
        Ok(())
    }
}

fn read(payload: &Bytes) -> Result<KeyResponse, String> {
    if payload.first() != Some(&KEY_RESPONSE) {
        return Err(format!(
            "Invalid key query response type: {}",
            go_bytes(payload)
        ));
    }
    KeyResponse::decode(payload)
        .map_err(|_| format!("Failed to decode key query response: {}", go_bytes(payload)))
}

/// Bytes as Go prints them: `[8 132 164]`.
fn go_bytes(bytes: &[u8]) -> String {
    let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
    format!("[{}]", numbers.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn answer(from: &str, payload: impl Into<Bytes>) -> QueryReply {
        QueryReply::Response {
            from: from.into(),
            payload: payload.into(),
        }
    }

    fn refusal(text: &str) -> Bytes {
        let message = text.to_owned();
        KeyResponse {
            message,
            ..KeyResponse::default()
        }
        .encode()
    }

    #[test]
    fn requests_carry_the_key() {
        let request = KeyOperation::Use(KEY.to_owned()).request(3).unwrap();
        assert_eq!(
            (request.name.as_str(), request.relay_factor),
            ("_serf_use-key", 3)
        );
        let key: Vec<u8> = (0..16).collect();
        assert_eq!(request.payload, encode_key_request(&key));
        let list = KeyOperation::List.request(0).unwrap();
        assert_eq!(
            (list.name.as_str(), list.payload),
            ("_serf_list-keys", encode_key_request(&[]))
        );
    }

    #[test]
    fn a_text_that_is_no_base64_is_refused_in_serfs_words() {
        let table = [
            (
                "!AECAwQFBgcICQoLDA0ODw==",
                "illegal base64 data at input byte 0",
            ),
            (
                "AAEC*wQFBgcICQoLDA0ODw==",
                "illegal base64 data at input byte 4",
            ),
            ("AAECAwQ", "illegal base64 data at input byte 4"),
        ];
        for (key, text) in table {
            let install = KeyOperation::Install(key.to_owned()).request(0);
            assert_eq!(install, Err(text.to_owned()), "{key}");
            assert!(KeyOperation::Remove(key.to_owned()).request(0).is_err());
        }
    }

    #[test]
    fn keys_are_counted_by_members_that_have_them() {
        let list = |keys: &[&str]| {
            let response = KeyResponse {
                result: true,
                keys: keys.iter().map(|&key| key.to_owned()).collect(),
                primary_key: keys[0].to_owned(),
                ..KeyResponse::default()
            };
            response.encode()
        };
        let mut report = KeyReport::new(3);
        assert!(!report.add(QueryReply::Ack("n1".into())));
        assert!(!report.add(answer("n1", list(&["a", "b"]))));
        assert!(!report.add(answer("n2", list(&["b"]))));
        assert_eq!(report.outcome().unwrap_err(), "2/3 nodes reported success");
        assert!(report.add(answer("n3", list(&["a"]))));
        assert_eq!(report.outcome(), Ok(()));
        let count = |text: &str, n| (text.to_owned(), n);
        assert_eq!(report.keys, BTreeMap::from([count("a", 2), count("b", 2)]));
        assert_eq!(
            report.primary_keys,
            BTreeMap::from([count("a", 2), count("b", 1)])
        );
        assert!(report.messages.is_empty());
    }

    #[test]
    fn refusals_and_nonsense_are_errors() {
        let mut report = KeyReport::new(4);
        report.add(answer("n1", refusal("disk full")));
        report.add(answer("n2", vec![]));
        report.add(answer("n3", vec![8, 0x84]));
        let remark = KeyResponse {
            result: true,
            message: "truncated".to_owned(),
            ..KeyResponse::default()
        };
        assert!(report.add(answer("n4", remark.encode())));
        let messages: Vec<&str> = report.messages.values().map(String::as_str).collect();
        let expected = [
            "disk full",
            "Invalid key query response type: []",
            "Failed to decode key query response: [8 132]",
            "truncated",
        ];
        assert_eq!(messages, expected);
        assert_eq!((report.num_resp, report.num_err), (4, 3));
        assert_eq!(report.outcome().unwrap_err(), "3/4 nodes reported failure");
    }
}
