//! A file's tree against the table of keys: unknown keys and wrong types are errors, each with its
//! line; what is right becomes a [`Layer`].

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::error::{ConfigError, ErrorKind};
use super::layer::{Layer, Origin, Setting};
use super::nearest::nearest;
use super::schema::{Key, Kind, ROOT, SERVICE};
use super::tree::{Entry, Node, Value, exact_integer};

/// Decodes the entries of one file. What could be read is in the layer even if there are errors.
pub(super) fn decode(name: &Arc<str>, entries: &[Entry]) -> (Layer, Vec<ConfigError>) {
    let mut decoder = Decoder {
        name,
        layer: Layer::default(),
        errors: Vec::new(),
    };
    decoder.section("", ROOT, entries);
    (decoder.layer, decoder.errors)
}

struct Decoder<'a> {
    name: &'a Arc<str>,
    layer: Layer,
    errors: Vec<ConfigError>,
}

impl Decoder<'_> {
    fn origin(&self, line: u32) -> Origin {
        Origin::File {
            name: Arc::clone(self.name),
            line,
        }
    }

    fn fail(&mut self, kind: ErrorKind, line: u32, message: String, hint: Option<String>) {
        let origin = self.origin(line);
        self.errors
            .push(ConfigError::new(kind, message).at(Some(&origin)).hint(hint));
    }

    /// Settings of the outermost object or of a section in it.
    fn section(&mut self, path: &str, keys: &[Key], entries: &[Entry]) {
        for entry in entries {
            let Some(key) = self.known(path, keys, entry) else {
                continue;
            };
            let path = join(path, key.name);
            if entry.node.value == Value::Null {
                continue;
            }
            match key.kind {
                Kind::Section(inner) => {
                    if let Some(entries) = self.object(&path, &entry.node) {
                        self.section(&path, inner, entries);
                    }
                }
                Kind::Single(list, inner) => self.single(&path, list, inner, entry),
                kind => {
                    if let Some(value) = self.value(&path, kind, &entry.node) {
                        let setting = self.setting(value, entry);
                        self.layer.lay(&path, setting);
                    }
                }
            }
        }
    }

    fn setting(&self, value: Json, entry: &Entry) -> Setting {
        let lines: Vec<u32> = match &entry.node.value {
            Value::List(nodes) | Value::Blocks(nodes) => {
                nodes.iter().map(|node| node.line).collect()
            }
            _ => Vec::new(),
        };
        let count = value.as_array().map_or(0, Vec::len);
        let item = |index| self.origin(lines.get(index).copied().unwrap_or(entry.line));
        Setting {
            value,
            origin: self.origin(entry.line),
            items: (0..count).map(item).collect(),
        }
    }

    /// `service` and `check` join `services` and `checks`.
    fn single(&mut self, path: &str, list: &str, keys: &[Key], entry: &Entry) {
        let Some(entries) = self.object(path, &entry.node) else {
            return;
        };
        let value = self.checked_object(path, keys, entries);
        let origin = self.origin(entry.line);
        self.layer.set(list, Json::Array(vec![value]), origin);
    }

    fn known<'k>(&mut self, path: &str, keys: &'k [Key], entry: &Entry) -> Option<&'k Key> {
        let found = keys.iter().find(|key| key.is(&entry.key));
        if found.is_none() {
            let message = format!("invalid config key {}", join(path, &entry.key));
            let hint = hint_for(keys, &entry.key);
            self.fail(ErrorKind::Key, entry.line, message, hint);
        }
        found
    }

    /// The entries of a value that must be an object. A list of one object is that object: so HCL
    /// blocks come, and so Consul reads JSON.
    fn object<'n>(&mut self, path: &str, node: &'n Node) -> Option<&'n [Entry]> {
        match &node.value {
            Value::Object(entries) => Some(entries),
            Value::List(nodes) | Value::Blocks(nodes) if nodes.len() == 1 => {
                self.object(path, &nodes[0])
            }
            other => {
                let got = go_kind(other);
                let message = format!("'{path}' expected a map, got '{got}'");
                self.fail(ErrorKind::Type, node.line, message, None);
                None
            }
        }
    }

    fn checked_object(&mut self, path: &str, keys: &[Key], entries: &[Entry]) -> Json {
        let mut object = Map::new();
        for entry in entries {
            let Some(key) = self.known(path, keys, entry) else {
                continue;
            };
            if entry.node.value == Value::Null {
                continue;
            }
            if let Some(value) = self.value(&join(path, key.name), key.kind, &entry.node) {
                object.insert(api_name(key.name), value);
            }
        }
        Json::Object(object)
    }

    /// The JSON of a value that is of the key's kind.
    fn value(&mut self, path: &str, kind: Kind, node: &Node) -> Option<Json> {
        match kind {
            Kind::Text | Kind::Duration | Kind::Bool | Kind::Int | Kind::Uint | Kind::Float => {
                self.scalar(path, kind, node)
            }
            Kind::Texts => self.list(path, Kind::Text, node),
            Kind::AnyList => self.list(path, Kind::Any, node),
            Kind::SectionList(keys) => self.list(path, Kind::Section(keys), node),
            Kind::TextMap => self.map(path, Kind::Text, node),
            Kind::TextListMap => self.map(path, Kind::Texts, node),
            Kind::SectionMap(keys) => self.map(path, Kind::Section(keys), node),
            Kind::Any => Some(node.to_json()),
            Kind::Sidecar => self.value(path, Kind::Section(SERVICE), node),
            Kind::Section(keys) | Kind::Single(_, keys) => {
                let entries = self.object(path, node)?;
                Some(self.checked_object(path, keys, entries))
            }
        }
    }

    fn scalar(&mut self, path: &str, kind: Kind, node: &Node) -> Option<Json> {
        let expected = match kind {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Uint => "uint",
            Kind::Float => "float64",
            _ => "string",
        };
        let message = match (kind, &node.value) {
            (_, Value::List(nodes)) if nodes.len() == 1 => {
                return self.scalar(path, kind, &nodes[0]);
            }
            (Kind::Text | Kind::Duration, Value::Text(text)) => return Some(text.as_str().into()),
            (Kind::Bool, Value::Bool(flag)) => return Some((*flag).into()),
            (Kind::Uint, Value::Int(..=-1) | Value::Float(..0.0)) => {
                let number = node.to_json();
                format!("cannot parse '{path}', {number} overflows uint")
            }
            (Kind::Float, Value::Int(_) | Value::Float(_)) => return Some(node.to_json()),
            (Kind::Int | Kind::Uint, Value::Int(number)) => return Some((*number).into()),
            (Kind::Int | Kind::Uint, Value::Float(number)) => match exact_integer(*number) {
                Some(integer) => return Some(integer.into()),
                None => format!("'{path}' expected type '{expected}', got {number}"),
            },
            (_, other) => {
                let got = go_type(other);
                format!("'{path}' expected type '{expected}', got unconvertible type '{got}'")
            }
        };
        self.fail(
            ErrorKind::Type,
            node.line,
            message,
            unquoted_hint(kind, &node.value),
        );
        None
    }

    fn list(&mut self, path: &str, item: Kind, node: &Node) -> Option<Json> {
        let (Value::List(nodes) | Value::Blocks(nodes)) = &node.value else {
            let got = go_kind(&node.value);
            let message = format!("'{path}': source data must be an array or slice, got {got}");
            let hint = Some("write the value in brackets".to_owned());
            self.fail(ErrorKind::Type, node.line, message, hint);
            return None;
        };
        let items = nodes.iter().enumerate();
        let values = items.filter_map(|(i, node)| self.value(&format!("{path}[{i}]"), item, node));
        Some(values.collect::<Vec<_>>().into())
    }

    fn map(&mut self, path: &str, item: Kind, node: &Node) -> Option<Json> {
        let entries = self.object(path, node)?;
        let mut object = Map::new();
        for entry in entries
            .iter()
            .filter(|entry| entry.node.value != Value::Null)
        {
            if let Some(value) = self.value(&format!("{path}[{}]", entry.key), item, &entry.node) {
                object.insert(entry.key.clone(), value);
            }
        }
        Some(Json::Object(object))
    }
}

/// A key as the API spells it, but for abbreviations: `local_bind_port` is `LocalBindPort`. What
/// models keep as given, such as upstreams, is printed like this.
fn api_name(key: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .into_iter()
            .flat_map(char::to_uppercase)
            .chain(letters)
            .collect::<String>()
    };
    key.split('_').map(word).collect()
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn hint_for(keys: &[Key], name: &str) -> Option<String> {
    let is_check = keys.iter().any(|key| key.name == "docker_container_id");
    if is_check && name.eq_ignore_ascii_case("script") {
        return Some("use \"args\", a list of the command and its arguments".to_owned());
    }
    let name = nearest(name, keys.iter().map(|key| key.name))?;
    Some(format!("did you mean {name:?}?"))
}

fn unquoted_hint(kind: Kind, value: &Value) -> Option<String> {
    let hint = match (kind, value) {
        (Kind::Duration, Value::Int(_) | Value::Float(_)) => "write a duration such as \"30s\"",
        (Kind::Bool, Value::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            "write it without quotes"
        }
        (Kind::Int | Kind::Uint | Kind::Float, Value::Text(text))
            if text.parse::<f64>().is_ok() =>
        {
            "write it without quotes"
        }
        (Kind::Text, Value::Int(_) | Value::Float(_) | Value::Bool(_)) => "write it in quotes",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Go's name for the type of a decoded value, as Consul prints it.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::List(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
        Value::Blocks(_) => "[]map[string]interface {}",
    }
}

/// Go's name for the kind of a decoded value.
fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::List(_) | Value::Blocks(_) => "slice",
        Value::Object(_) => "map",
        other => go_type(other),
    }
}
