//! Whether a query is meant for this member: section 9.1 of the wire format.

use bytes::Bytes;

use crate::agent::gossip::wire::{Filter, Tags};
use crate::model::regexp;

/// Filters of one query, at most.
const FILTERS_MAX: usize = 16;
/// All expressions of one query together, in bytes.
const EXPRESSIONS_MAX: usize = 1024;
/// One compiled expression, in bytes.
const COMPILED_MAX: usize = 64 * 1024;

/// Whether all filters let this member through. What cannot be read, is no expression, or is more than a query
/// may ask of us, lets nobody through.
pub(super) fn all_match(filters: &[Bytes], name: &str, tags: &Tags) -> bool {
    let mut room = EXPRESSIONS_MAX;
    filters.len() <= FILTERS_MAX
        && filters.iter().all(|filter| match Filter::decode(filter) {
            Ok(Filter::Nodes(nodes)) => nodes.iter().any(|node| node == name),
            Ok(Filter::Tag { tag, expr }) => {
                let Some(rest) = room.checked_sub(expr.len()) else {
                    return false;
                };
                room = rest;
                let value = tags.get(&tag).map_or("", String::as_str);
                let pattern = regexp::compile_within(&expr, COMPILED_MAX);
                pattern.is_ok_and(|pattern| pattern.is_match(value))
            }
            Err(_) => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(tag: &str, expr: &str) -> Bytes {
        let (tag, expr) = (tag.to_owned(), expr.to_owned());
        Filter::Tag { tag, expr }.encode()
    }

    fn nodes(names: &[&str]) -> Bytes {
        Filter::Nodes(names.iter().map(|&name| name.to_owned()).collect()).encode()
    }

    #[test]
    fn all_filters_must_match() {
        let tags = Tags::from([
            ("role".to_owned(), "web-server".to_owned()),
            ("dc".to_owned(), "dc1".to_owned()),
        ]);
        let table = [
            (vec![], true),
            (vec![nodes(&["n1", "n2"])], true),
            (vec![nodes(&["n2"])], false),
            (vec![nodes(&[])], false),
            (vec![tag("role", "web")], true),
            (vec![tag("role", "^web$")], false),
            (vec![tag("role", "^(web|db)-")], true),
            (vec![tag("dc", r"^dc\d$")], true),
            (vec![tag("missing", "^$")], true),
            (vec![tag("missing", ".")], false),
            (vec![tag("role", "web"), tag("dc", "dc2")], false),
            (vec![nodes(&["n1"]), tag("role", "server$")], true),
            (vec![tag("role", "(")], false),
            (vec![tag("role", "(?=web)")], false),
            (vec![Bytes::new()], false),
            (vec![Bytes::from_static(b"\x07\xc0")], false),
            (vec![Bytes::from_static(b"\x00")], false),
        ];
        for (filters, expected) in table {
            assert_eq!(all_match(&filters, "n1", &tags), expected, "{filters:?}");
        }
    }

    #[test]
    fn a_query_may_ask_only_so_much() {
        let tags = Tags::from([("role".to_owned(), "web".to_owned())]);
        let all = |filter: Bytes, count| all_match(&vec![filter; count], "n1", &tags);
        assert!(all(nodes(&["n1"]), 16));
        assert!(!all(nodes(&["n1"]), 17));
        let half = tag("role", &format!("web|{}", "x".repeat(508)));
        assert!(all(half.clone(), 2));
        assert!(!all(half, 3));
        // A hundred kilobytes, compiled.
        assert!(!all(tag("role", r"web|(\p{L}{20})"), 1));
    }

    #[test]
    fn a_huge_expression_matches_nothing() {
        let huge = "(a{1000}){1000}";
        assert!(!all_match(&[tag("role", huge)], "n1", &Tags::new()));
    }
}
