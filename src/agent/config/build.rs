//! From sources to the configuration: parse, decode, merge, read, validate.

use std::sync::Arc;

use super::decode::decode;
use super::defaults::{DEFAULTS, DEV};
use super::deprecated::modernize;
use super::error::{ConfigError, ErrorKind};
use super::flags::AgentFlags;
use super::interface::Interface;
use super::layer::{Layer, Origin};
use super::reader::Reader;
use super::runtime::Config;
use super::tree::Entry;
use super::{addresses, definitions, hcl, json, security, topics, validate};

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// HCL 1, or JSON if the text begins with a brace.
    Hcl,
    /// JSON.
    Json,
}

impl Format {
    /// The language of a file by its name, or the one that `-config-format` forces.
    pub fn of(path: &str, forced: Option<Self>) -> Option<Self> {
        let by_name = || {
            let extension = path.rsplit_once('.')?.1;
            Self::parse(extension)
        };
        forced.or_else(by_name)
    }

    /// The language that `-config-format` names.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "hcl" => Some(Self::Hcl),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// A file's name, language and text.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Name for error messages, as the operator gave it.
    pub name: String,
    /// Language of the text.
    pub format: Format,
    /// The text.
    pub text: String,
}

/// Everything that says how the agent is to be.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The command line.
    pub flags: AgentFlags,
    /// Configuration files in the order in which they are merged.
    pub files: Vec<SourceFile>,
}

/// What the configuration depends on besides its sources.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Name of the machine, which is the node's unless configured.
    pub hostname: String,
    /// Network interfaces, for templates and for the address to advertise.
    pub interfaces: Vec<Interface>,
    /// Value of `CONSUL_INTRO_TOKEN`.
    pub intro_token: Option<String>,
}

/// A configuration that can be run with, and what the operator should know about it.
#[derive(Debug, Clone)]
pub struct Built {
    /// The configuration.
    pub config: Config,
    /// Warnings for the log.
    pub warnings: Vec<String>,
}

/// Builds the configuration, or says everything that is wrong with it.
///
/// Sources are merged in Consul's order: defaults, development mode, flags that may be repeated,
/// files, flags with one value, `-hcl` fragments.
pub fn build(sources: &Sources, facts: &Facts) -> Result<Built, Vec<ConfigError>> {
    let (mut layer, mut errors) = merge(sources);
    if errors.iter().any(|error| error.kind == ErrorKind::Syntax) {
        // What the broken file would have said is unknown, so that nothing else can be judged.
        return Err(errors);
    }
    let mut warnings = modernize(&mut layer);
    let dev_mode = sources.flags.dev == Some(true);
    let mut reader = Reader::new(&layer, &facts.interfaces);
    let mut config = read(&mut reader, facts, dev_mode);
    validate::validate(&mut config, &mut reader);
    warnings.append(&mut reader.warnings);
    // A setting that seems to be missing may be the one whose key is mistyped.
    let is_clean = errors.is_empty();
    errors.extend(
        reader
            .errors
            .into_iter()
            .filter(|error| is_clean || error.kind != ErrorKind::Missing),
    );
    if !errors.is_empty() {
        return Err(errors);
    }
    config.effective = layer;
    Ok(Built { config, warnings })
}

fn merge(sources: &Sources) -> (Layer, Vec<ConfigError>) {
    let flags = &sources.flags;
    let mut errors = Vec::new();
    let mut layer = built_in(DEFAULTS);
    if flags.dev == Some(true) {
        layer.merge(built_in(DEV));
    }
    layer.merge(flags.list_layer());
    for file in &sources.files {
        layer.merge(parse(&file.name, file.format, &file.text, &mut errors));
    }
    layer.merge(flags.scalar_layer());
    for (index, text) in flags.hcl.iter().enumerate() {
        layer.merge(parse(
            &format!("flags-{index}.hcl"),
            Format::Hcl,
            text,
            &mut errors,
        ));
    }
    (layer, errors)
}

fn parse(name: &str, format: Format, text: &str, errors: &mut Vec<ConfigError>) -> Layer {
    let name: Arc<str> = name.into();
    let entries = match format {
        Format::Hcl => hcl::parse(text),
        Format::Json => json::parse(text),
    };
    match entries {
        Ok(entries) => {
            let (layer, mut found) = decode(&name, &entries);
            errors.append(&mut found);
            layer
        }
        Err(error) => {
            let origin = Origin::File {
                name,
                line: error.line,
            };
            errors.push(ConfigError::new(ErrorKind::Syntax, error.message).at(Some(&origin)));
            Layer::default()
        }
    }
}

/// The settings of a text of our own.
fn built_in(text: &str) -> Layer {
    let entries: Vec<Entry> = hcl::parse(text).expect("the built-in defaults are HCL");
    let (mut layer, errors) = decode(&"default".into(), &entries);
    debug_assert!(errors.is_empty(), "{errors:?}");
    layer.forget_origins();
    layer
}

fn read(reader: &mut Reader<'_>, facts: &Facts, dev_mode: bool) -> Config {
    Config {
        dev_mode,
        node: topics::node(reader, &facts.hostname, dev_mode),
        addresses: addresses::read(reader),
        join: topics::join(reader),
        gossip: topics::gossip(reader),
        dns: topics::dns(reader),
        http: topics::http(reader),
        ui: topics::ui(reader),
        limits: topics::limits(reader),
        raft: topics::raft(reader, dev_mode),
        acl: security::acl(reader),
        tls: security::tls(reader, facts.intro_token.as_deref()),
        log: topics::log(reader),
        telemetry: topics::telemetry(reader),
        check: topics::check(reader),
        connect: topics::connect(reader),
        services: definitions::services(reader),
        checks: definitions::checks(reader),
        watches: definitions::watches(reader),
        config_entries: reader.definitions("config_entries.bootstrap"),
        effective: Layer::default(),
    }
}
