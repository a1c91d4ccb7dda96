//! Going to another context while a command runs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::config::{Chosen, Named, Origin, layered};
use super::context::{CONNECTING, Context};
use super::error::{During, Error};
use super::profile::{self, Reading, TOKEN_GUARD};
use crate::api::{ApiError, Client, Overrides, Patience, Settings};

/// How long a token may take while the screen is somebody else's.
const TOKEN_PATIENCE: Duration = Duration::from_secs(15);

/// The variables that a client is made from.
const VARIABLES: [&str; 12] = [
    "CONSUL_CACERT",
    "CONSUL_CAPATH",
    "CONSUL_CLIENT_CERT",
    "CONSUL_CLIENT_KEY",
    "CONSUL_HTTP_ADDR",
    "CONSUL_HTTP_AUTH",
    "CONSUL_HTTP_SSL",
    "CONSUL_HTTP_SSL_VERIFY",
    "CONSUL_HTTP_TOKEN",
    "CONSUL_HTTP_TOKEN_FILE",
    "CONSUL_NAMESPACE",
    "CONSUL_TLS_SERVER_NAME",
];

/// What clients of other contexts are made from; a copy, so that another thread can.
pub(crate) struct Visits {
    contexts: BTreeMap<String, Named>,
    variables: BTreeMap<&'static str, String>,
    within: Option<String>,
    patience: Patience,
}

impl Visits {
    /// The contexts of the user's file.
    pub(crate) fn new(context: &mut Context) -> Result<Self, Error> {
        let set = |name| Some((name, context.variable(name)?));
        Ok(Self {
            variables: VARIABLES.into_iter().filter_map(set).collect(),
            within: context.variable(TOKEN_GUARD),
            patience: context.patience(),
            contexts: context.config()?.contexts.clone(),
        })
    }

    /// The contexts, by name.
    pub(crate) fn contexts(&self) -> &BTreeMap<String, Named> {
        &self.contexts
    }

    /// A client of a context, as `-context` makes it. Flags about the agent are of the first one: they do not count here,
    /// its token least of all. May wait for the context's token, and reads certificates.
    pub(crate) fn client(&self, name: &str) -> Result<Client, Error> {
        Client::new(&self.settings(name)?).during(CONNECTING)
    }

    fn settings(&self, name: &str) -> Result<Settings, Error> {
        let Some(named) = self.contexts.get(name) else {
            return Err(Error::Message(format!("there is no context \"{name}\"")));
        };
        if let Some((line, text)) = &named.mistake {
            return Err(Error::Message(format!("line {line}: {text}")));
        }
        let chosen = Chosen {
            name: name.to_owned(),
            origin: Origin::Flag,
            named: named.clone(),
        };
        // What the environment has is for the agent that the dashboard began with.
        let own = |name: &str| {
            let value = self.variables.get(name);
            value.filter(|_| !chosen.has_address()).cloned()
        };
        let variable = |name: &str| layered(Some(&chosen), name, own);
        let mut settings = Settings::resolve(Overrides::default(), variable)
            .map_err(ApiError::from)
            .during(CONNECTING)?;
        if variable("CONSUL_HTTP_ADDR").is_none() {
            return Err(Error::Message(format!("the context {name} has no address")));
        }
        settings.datacenter = named.texts.get("datacenter").cloned();
        settings.patience = self.patience;
        if chosen.gives_token(false, own("CONSUL_HTTP_TOKEN").is_some()) {
            let reading = Reading {
                asks: false,
                limit: TOKEN_PATIENCE,
                within: self.within.clone(),
                silent: true,
                notice: None,
            };
            settings.token = profile::token(&chosen, &reading)?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::parse;

    #[test]
    fn a_context_brings_its_own_address_and_token() {
        let text = "[contexts.a]\naddress = \"127.0.0.9:1\"\ntoken_cmd = [\"/bin/echo\", \"t\"]\n[contexts.b]\n[contexts.c]\naddress = \"127.0.0.9:2\"\ntoken_cmd = [\"/bin/false\"]\n[contexts.e]\naddress = \"127.0.0.9:3\"\n";
        let mut visits = Visits {
            contexts: parse(text).unwrap().contexts,
            variables: BTreeMap::from([
                ("CONSUL_HTTP_ADDR", "127.0.0.8:3".to_owned()),
                ("CONSUL_HTTP_TOKEN", "other".to_owned()),
            ]),
            within: None,
            patience: Patience::PERSON,
        };
        let settings = visits.settings("a").unwrap();
        assert_eq!(settings.address.display_base(), "http://127.0.0.9:1");
        assert_eq!(settings.token.as_deref(), Some("t"), "not that of another");
        let settings = visits.settings("e").unwrap();
        assert_eq!(settings.token, None, "nor where there is none");
        assert_eq!(visits.client("b").unwrap().address(), "http://127.0.0.8:3");
        let error = visits.client("c").err().unwrap().to_string();
        assert!(error.contains("token_cmd `/bin/false`"), "{error}");
        let error = visits.client("d").err().unwrap().to_string();
        assert_eq!(error, "there is no context \"d\"");
        visits.variables.clear();
        let error = visits.client("b").err().unwrap().to_string();
        assert_eq!(error, "the context b has no address");
    }
}
