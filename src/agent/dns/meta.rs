//! A node's metadata as text records.

use super::record::{Data, Owner, Record};
use crate::model::node::Node;

/// A node's metadata as TXT records.
pub(crate) fn texts<'t>(
    node: &'t Node,
    owner: &'t Owner,
    ttl: u32,
) -> impl Iterator<Item = Record> + 't {
    let meta = node.meta.iter().flatten();
    meta.map(move |(key, value)| Record {
        owner: owner.clone(),
        ttl,
        data: Data::Txt(meta_text(key, value).into_bytes().into()),
    })
}

/// `key=value` as RFC 1464 writes it: in the key, backquotes, equals signs and blanks at either end
/// are quoted with a backquote; in the value, backquotes. A key that starts with `rfc1035-` stays
/// away, its value is given as it is.
fn meta_text(key: &str, value: &str) -> String {
    let prefix = key.get(.."rfc1035-".len());
    if prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case("rfc1035-")) {
        return value.to_owned();
    }
    let inner = key.trim_matches(' ');
    let leading = key.len() - key.trim_start_matches(' ').len();
    let trailing = key.len() - leading - inner.len();
    let mut text = "` ".repeat(leading);
    for character in inner.chars() {
        if matches!(character, '`' | '=') {
            text.push('`');
        }
        text.push(character);
    }
    text.push_str(&"` ".repeat(trailing));
    text.push('=');
    text.push_str(&value.replace('`', "``"));
    text
}

#[cfg(test)]
mod tests {
    use super::meta_text;

    #[test]
    fn keys_are_quoted_as_rfc_1464_says() {
        for (key, value, expected) in [
            ("rack", "r1", "rack=r1"),
            ("", "", "="),
            ("k=v", "w", "k`=v=w"),
            ("a`b", "c`d", "a``b=c``d"),
            (" lead", "x", "` lead=x"),
            ("trail  ", "x", "trail` ` =x"),
            ("in ner", "x", "in ner=x"),
            ("   ", "x", "` ` ` =x"),
            ("RFC1035-any", "as it=is`", "as it=is`"),
            ("rfc1035", "x", "rfc1035=x"),
        ] {
            assert_eq!(meta_text(key, value), expected, "{key:?}");
        }
    }
}
