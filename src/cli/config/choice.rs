//! Which context is used, and what it adds to flags and environment. Pure.

use super::file::{Config, Named};
use crate::cli::suggest::did_you_mean;

/// Who named the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `-context`.
    Flag,
    /// `CONSULCTL_CONTEXT`.
    Environment,
    /// `current` in the file.
    File,
}

/// The context that is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Its name.
    pub(crate) name: String,
    /// Who named it.
    pub(crate) origin: Origin,
    /// What it says.
    pub(crate) named: Named,
}

/// The context to use, if one is named. An empty name counts as not given: it must not make a guard go away.
///
/// # Errors
///
/// The file has no context of that name, or something is wrong in it: the message, and a hint.
pub(crate) fn choose(
    config: &Config,
    flag: Option<&str>,
    variable: Option<&str>,
) -> Result<Option<Chosen>, (String, Option<String>)> {
    let named = [
        (flag, Origin::Flag),
        (variable, Origin::Environment),
        (config.current.as_deref(), Origin::File),
    ];
    let found = named
        .into_iter()
        .find_map(|(name, origin)| Some((name.filter(|name| !name.is_empty())?, origin)));
    let Some((name, origin)) = found else {
        return Ok(None);
    };
    let Some(named) = config.contexts.get(name) else {
        let hint = did_you_mean(name, config.contexts.keys().map(String::as_str));
        return Err((format!("there is no context \"{name}\""), hint));
    };
    if let Some((line, text)) = &named.mistake {
        return Err((format!("{}:{line}: {text}", config.path), None));
    }
    Ok(Some(Chosen {
        name: name.to_owned(),
        origin,
        named: named.clone(),
    }))
}

impl Chosen {
    /// Whether what the context says goes before the environment: it was named by a flag, and flags do.
    pub(crate) fn is_by_flag(&self) -> bool {
        self.origin == Origin::Flag
    }

    /// Whether it names an agent.
    pub(crate) fn has_address(&self) -> bool {
        self.named.texts.contains_key("address")
    }

    /// Whether the environment speaks of another agent than the one that a flag names with the context: what it has for
    /// that one, tokens too, is not for the context's.
    pub(crate) fn is_elsewhere(&self, variable: impl Fn(&str) -> Option<String>) -> bool {
        let address = variable("CONSUL_HTTP_ADDR").filter(|value| !value.is_empty());
        self.is_by_flag() && self.has_address() && address.is_some()
    }

    /// Whether the token is the context's, where flags name one or variables do. It is for the context's own agent.
    pub(crate) fn gives_token(&self, by_flag: bool, by_variable: bool) -> bool {
        let has_one =
            self.named.texts.contains_key("token_file") || !self.named.token_cmd.is_empty();
        has_one && self.has_address() && !by_flag && (!by_variable || self.is_by_flag())
    }
}

/// The value of one of Consul's variables: the environment's own, or else what the context says; the other way round when
/// a flag names the context. The token is not among them, it may have to be made.
pub(crate) fn layered(
    chosen: Option<&Chosen>,
    name: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let setting = match name {
        "CONSUL_HTTP_ADDR" => "address",
        "CONSUL_CACERT" => "ca_file",
        "CONSUL_CAPATH" => "ca_path",
        "CONSUL_CLIENT_CERT" => "client_cert",
        "CONSUL_CLIENT_KEY" => "client_key",
        "CONSUL_TLS_SERVER_NAME" => "tls_server_name",
        "CONSUL_NAMESPACE" => "namespace",
        _ => "",
    };
    let own = variable(name).filter(|value| !value.is_empty());
    let said = chosen.and_then(|chosen| chosen.named.texts.get(setting).cloned());
    let Some(chosen) = chosen.filter(|chosen| chosen.is_by_flag()) else {
        return own.or(said);
    };
    said.or(own.filter(|_| !chosen.is_elsewhere(variable)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::parse;

    fn config() -> Config {
        parse("current = \"prod\"\n[contexts.prod]\naddress = \"p:1\"\n[contexts.dev]\naddress = \"d:1\"\n").unwrap()
    }

    #[test]
    fn a_flag_beats_the_environment_which_beats_the_file() {
        let found = |flag, variable| {
            let chosen = choose(&config(), flag, variable).unwrap();
            chosen.map(|chosen| (chosen.name, chosen.origin))
        };
        let some = |name: &str, origin| Some((name.to_owned(), origin));
        assert_eq!(found(Some("dev"), Some("prod")), some("dev", Origin::Flag));
        assert_eq!(found(None, Some("dev")), some("dev", Origin::Environment));
        assert_eq!(found(None, None), some("prod", Origin::File));
        assert_eq!(found(Some(""), Some("")), some("prod", Origin::File));
        let mut broken = config();
        let mistake = (3, "wrong".to_owned());
        broken.path = "f".to_owned();
        broken.contexts.get_mut("dev").unwrap().mistake = Some(mistake);
        let text = choose(&broken, Some("dev"), None).unwrap_err().0;
        assert_eq!(text, "f:3: wrong");
        assert!(choose(&broken, None, None).is_ok());
        let (text, hint) = choose(&config(), Some("prd"), None).unwrap_err();
        assert_eq!(text, "there is no context \"prd\"");
        assert_eq!(hint.as_deref(), Some("did you mean `prod`?"));
    }

    #[test]
    fn the_environment_beats_what_the_context_says() {
        let chosen = choose(&config(), None, None).unwrap();
        let find = |own: Option<&str>| {
            layered(chosen.as_ref(), "CONSUL_HTTP_ADDR", |_| {
                own.map(str::to_owned)
            })
        };
        assert_eq!(find(None).as_deref(), Some("p:1"));
        assert_eq!(find(Some("")).as_deref(), Some("p:1"));
        assert_eq!(find(Some("e:1")).as_deref(), Some("e:1"));
        let by_flag = choose(&config(), Some("dev"), None).unwrap();
        let find = |name: &str, variables: &[&str]| {
            let own = |name: &str| variables.contains(&name).then(|| "own".to_owned());
            layered(by_flag.as_ref(), name, own).unwrap_or_default()
        };
        let all = ["CONSUL_HTTP_ADDR", "CONSUL_CACERT", "CONSUL_HTTP_TOKEN"];
        assert_eq!(find("CONSUL_HTTP_ADDR", &all), "d:1");
        assert_eq!(find("CONSUL_CACERT", &all[1..]), "own");
        assert_eq!(find("CONSUL_HTTP_TOKEN", &all[1..]), "own");
        for name in &all[1..] {
            assert_eq!(find(name, &all), "", "{name} is for another agent");
        }
        assert_eq!(
            layered(chosen.as_ref(), "CONSUL_HTTP_TOKEN", |_| None),
            None
        );
    }
}
