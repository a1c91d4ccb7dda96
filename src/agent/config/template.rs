//! Address templates such as `{{ GetPrivateIP }}` or
//! `{{ GetAllInterfaces | include "name" "^eth" | attr "address" }}`: the functions of go-sockaddr
//! that select addresses of this machine.

use std::cmp::Ordering;

use super::interface::Interface;
use super::selector::{attribute, by_default, by_size, by_type, order, regex, selector_for};

/// Longest template, in bytes.
const MAX_LENGTH: usize = 4096;

/// Why a template has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The text is no template.
    #[error("unable to parse template {template:?}: {reason}")]
    Parse {
        /// The whole text.
        template: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A function refused its arguments.
    #[error("unable to execute sockaddr input {template:?}: {reason}")]
    Execute {
        /// The whole text.
        template: String,
        /// What the function says.
        reason: String,
    },
}

/// Replaces every `{{ … }}` by its value.
pub fn expand(template: &str, interfaces: &[Interface]) -> Result<String, TemplateError> {
    let parse_error = |reason: String| TemplateError::Parse {
        template: template.to_owned(),
        reason,
    };
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        if template.len() > MAX_LENGTH {
            return Err(parse_error(format!("longer than {MAX_LENGTH} bytes")));
        }
        let (action, after) = after
            .split_once("}}")
            .ok_or_else(|| parse_error("unclosed action".into()))?;
        text.push_str(before);
        let calls = parse_action(action).map_err(parse_error)?;
        let value = run(&calls, interfaces).map_err(|reason| TemplateError::Execute {
            template: template.to_owned(),
            reason,
        })?;
        text.push_str(&value);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

/// One step of a pipeline.
struct Call {
    function: String,
    arguments: Vec<String>,
}

/// What flows through a pipeline.
enum Flow<'a> {
    Interfaces(Vec<&'a Interface>),
    Text(String),
}

fn parse_action(action: &str) -> Result<Vec<Call>, String> {
    let action = action.strip_prefix("- ").unwrap_or(action);
    let action = action.strip_suffix(" -").unwrap_or(action);
    let mut calls = Vec::new();
    let mut words: Vec<(String, bool)> = Vec::new();
    let mut rest = action.trim_start();
    loop {
        let next = rest.chars().next();
        if next.is_none() || next == Some('|') {
            calls.push(parse_call(std::mem::take(&mut words))?);
            if next.is_none() {
                return Ok(calls);
            }
            rest = &rest[1..];
        } else if let Some(quote) = next.filter(|c| matches!(c, '"' | '`')) {
            let (word, after) = quoted(rest, quote)?;
            words.push((word, true));
            rest = after;
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || matches!(c, '|' | '"' | '`'))
                .unwrap_or(rest.len());
            words.push((rest[..end].to_owned(), false));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
}

fn parse_call(words: Vec<(String, bool)>) -> Result<Call, String> {
    let mut words = words.into_iter();
    let Some((function, is_quoted)) = words.next() else {
        return Err("missing value for command".into());
    };
    if is_quoted || !(is_source(&function) || is_filter(&function)) {
        return Err(format!("function {function:?} not defined"));
    }
    let arguments: Vec<_> = words.collect();
    if let Some((name, _)) = arguments
        .iter()
        .find(|(word, is_quoted)| !is_quoted && word.parse::<u32>().is_err())
    {
        return Err(format!("function {name:?} not defined"));
    }
    Ok(Call {
        function,
        arguments: arguments.into_iter().map(|(word, _)| word).collect(),
    })
}

fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut escaped = false;
    for (position, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return Ok((word, &text[position + 1..])),
            _ => word.push(c),
        }
    }
    Err("unterminated quoted string".into())
}

fn is_source(function: &str) -> bool {
    matches!(
        function,
        "GetAllInterfaces"
            | "GetDefaultInterfaces"
            | "GetPrivateInterfaces"
            | "GetPublicInterfaces"
            | "GetPrivateIP"
            | "GetPrivateIPs"
            | "GetPublicIP"
            | "GetPublicIPs"
            | "GetInterfaceIP"
            | "GetInterfaceIPs"
    )
}

fn is_filter(function: &str) -> bool {
    matches!(
        function,
        "include" | "exclude" | "sort" | "limit" | "offset" | "unique" | "attr" | "join"
    )
}

fn run(calls: &[Call], interfaces: &[Interface]) -> Result<String, String> {
    let mut flow: Option<Flow<'_>> = None;
    for call in calls {
        let arguments: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
        flow = Some(match flow {
            None if is_source(&call.function) => source(&call.function, &arguments, interfaces)?,
            Some(Flow::Interfaces(list)) if is_filter(&call.function) => {
                filter(&call.function, &arguments, list)
                    .map_err(|reason| format!("error calling {}: {reason}", call.function))?
            }
            _ => return Err(format!("wrong type of value for {}", call.function)),
        });
    }
    match flow {
        Some(Flow::Text(text)) => Ok(text),
        _ => Err("the template selects interfaces, end it with | attr \"address\"".into()),
    }
}

fn wrong_count(function: &str, want: usize, got: usize) -> String {
    format!("wrong number of args for {function}: want {want} got {got}")
}

fn source<'a>(
    function: &str,
    arguments: &[&str],
    all: &'a [Interface],
) -> Result<Flow<'a>, String> {
    let takes_name = matches!(function, "GetInterfaceIP" | "GetInterfaceIPs");
    if arguments.len() != usize::from(takes_name) {
        return Err(wrong_count(
            function,
            usize::from(takes_name),
            arguments.len(),
        ));
    }
    let routed = |special: bool| {
        let mut list: Vec<_> = all
            .iter()
            .filter(|it| it.is_up && it.is_forwardable() && it.is_special() == special)
            .collect();
        list.sort_by(|a, b| by_default(a, b).then(by_type(a, b)).then(by_size(a, b)));
        list
    };
    let named = || -> Result<Vec<&Interface>, String> {
        let name = regex(arguments[0])?;
        let mut list: Vec<_> = all.iter().filter(|it| name.is_match(&it.name)).collect();
        list.sort_by(|a, b| by_type(a, b).then(by_size(a, b)));
        Ok(list)
    };
    Ok(match function {
        "GetAllInterfaces" => Flow::Interfaces(all.iter().collect()),
        "GetDefaultInterfaces" => {
            Flow::Interfaces(all.iter().filter(|it| it.has_default_route).collect())
        }
        "GetPrivateInterfaces" => Flow::Interfaces(routed(true)),
        "GetPublicInterfaces" => Flow::Interfaces(routed(false)),
        "GetPrivateIP" => first_address(&routed(true)),
        "GetPublicIP" => first_address(&routed(false)),
        "GetPrivateIPs" => all_addresses(&routed(true)),
        "GetPublicIPs" => all_addresses(&routed(false)),
        "GetInterfaceIP" => first_address(&named()?),
        _ => all_addresses(&named()?),
    })
}

fn first_address<'a>(list: &[&Interface]) -> Flow<'a> {
    Flow::Text(
        list.first()
            .map_or_else(String::new, |it| it.address.to_string()),
    )
}

fn all_addresses<'a>(list: &[&Interface]) -> Flow<'a> {
    let addresses: Vec<_> = list.iter().map(|it| it.address.to_string()).collect();
    Flow::Text(addresses.join(" "))
}

fn filter<'a>(
    function: &str,
    arguments: &[&str],
    mut list: Vec<&'a Interface>,
) -> Result<Flow<'a>, String> {
    let count = |text: &str| {
        text.parse::<usize>()
            .map_err(|_| format!("{text:?} is not a number of interfaces"))
    };
    match (function, arguments) {
        ("include" | "exclude", [selector, value]) => {
            let keep = function == "include";
            let selector = selector_for(selector, value, function)?;
            list.retain(|it| selector(it) == keep);
        }
        ("sort", [clauses]) => {
            let clauses: Vec<_> = clauses
                .split(',')
                .map(|clause| order(clause.trim()))
                .collect::<Result<_, _>>()?;
            list.sort_by(|a, b| {
                clauses
                    .iter()
                    .fold(Ordering::Equal, |order, by| order.then_with(|| by(a, b)))
            });
        }
        ("limit", [limit]) => list.truncate(count(limit)?),
        ("offset", [offset]) => {
            list.drain(..count(offset)?.min(list.len()));
        }
        ("unique", [selector]) => {
            let mut seen = Vec::new();
            for it in &list {
                attribute(selector, it)?;
            }
            list.retain(|it| {
                let value = attribute(selector, it).unwrap_or_default();
                let is_new = !seen.contains(&value);
                seen.push(value);
                is_new
            });
        }
        ("attr", [selector]) => {
            return match list.first() {
                Some(it) => attribute(selector, it).map(Flow::Text),
                None => Ok(Flow::Text(String::new())),
            };
        }
        ("join", [selector, separator]) => {
            let values: Vec<_> = list
                .iter()
                .map(|it| attribute(selector, it))
                .collect::<Result<_, _>>()?;
            return Ok(Flow::Text(values.join(separator)));
        }
        _ => {
            let want = if matches!(function, "include" | "exclude" | "join") {
                3
            } else {
                2
            };
            return Err(wrong_count(function, want, arguments.len() + 1));
        }
    }
    Ok(Flow::Interfaces(list))
}

#[cfg(test)]
mod tests {
    use super::super::interface::tests::interface;
    use super::*;
    use proptest::prelude::*;

    fn machine() -> Vec<Interface> {
        vec![
            interface("lo", "127.0.0.1/8"),
            interface("lo", "::1/128"),
            interface("eth1", "10.1.0.3/16"),
            interface("eth0", "192.168.1.2/24"),
            interface("eth0", "fd00::2/64"),
            interface("wan0", "8.8.8.8/29"),
        ]
    }

    #[test]
    fn common_forms_select_addresses() {
        let cases = [
            ("1.2.3.4", "1.2.3.4"),
            ("{{ GetPrivateIP }}", "192.168.1.2"),
            ("{{GetPublicIP}}", "8.8.8.8"),
            ("{{ GetPrivateIPs }}", "192.168.1.2 fd00::2 10.1.0.3"),
            ("{{ GetInterfaceIP \"eth1\" }} x", "10.1.0.3 x"),
            ("{{ GetInterfaceIP `lo` }}", "127.0.0.1"),
            ("{{ GetInterfaceIP \"none\" }}", ""),
            (
                r#"{{ GetAllInterfaces | include "name" "^eth" | attr "address" }}"#,
                "10.1.0.3",
            ),
            (
                r#"{{ GetAllInterfaces | exclude "type" "IPv6" | join "name" "," }}"#,
                "lo,eth1,eth0,wan0",
            ),
            (
                r#"{{ GetPrivateInterfaces | include "network" "10.0.0.0/8" | attr "address" }}"#,
                "10.1.0.3",
            ),
            (
                r#"{{ GetAllInterfaces | sort "-name,type" | limit 2 | join "address" " " }}"#,
                "8.8.8.8 127.0.0.1",
            ),
            (
                r#"{{ GetAllInterfaces | include "flags" "forwardable|up" | include "RFC" "1918" | offset 1 | attr "address" }}"#,
                "192.168.1.2",
            ),
            (
                r#"{{ GetDefaultInterfaces | unique "name" | attr "network" }}"#,
                "192.168.1.0/24",
            ),
        ];
        for (template, expected) in cases {
            assert_eq!(
                expand(template, &machine()),
                Ok(expected.to_owned()),
                "{template}"
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("{{ GetFoo }}", "function \"GetFoo\" not defined"),
            ("{{ GetPrivateIP", "unclosed action"),
            (
                "{{ GetInterfaceIP }}",
                "wrong number of args for GetInterfaceIP: want 1 got 0",
            ),
            ("{{ GetAllInterfaces }}", "end it with | attr \"address\""),
            (
                "{{ GetAllInterfaces | attr \"x\" }}",
                "unsupported attribute name \"x\"",
            ),
            (
                "{{ GetAllInterfaces | include \"x\" \"y\" }}",
                "invalid include selector \"x\"",
            ),
            (
                "{{ GetAllInterfaces | include \"name\" \"(\" }}",
                "unable to compile regexp",
            ),
            ("{{ }}", "missing value for command"),
            ("{{ \"x\" }}", "function \"x\" not defined"),
        ];
        for (template, expected) in cases {
            let error = expand(template, &machine()).unwrap_err().to_string();
            assert!(error.contains(expected), "{template}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\{\\{|\\}\\}|[ |\"`a-z0-9-]|GetAllInterfaces|limit|sort|é){0,12}") {
            let _ = expand(&text, &machine());
        }
    }
}
