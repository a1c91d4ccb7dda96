//! Names inside URL paths.

use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use super::error::ApiError;

/// What is escaped: all but what Go leaves as it is in a path. `\` would be read as `/`.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// `base` followed by `name`, escaped; slashes in the name stay.
///
/// # Errors
///
/// A `.` or `..` between slashes: URLs resolve such parts, so that the request would speak of
/// another name.
pub(super) fn join(base: &str, name: &[u8]) -> Result<String, ApiError> {
    let is_dots = |part: &[u8]| part == b"." || part == b"..";
    if name.split(|byte| *byte == b'/').any(is_dots) {
        return Err(ApiError::Name(String::from_utf8_lossy(name).into_owned()));
    }
    Ok(format!("{base}{}", percent_encode(name, ESCAPED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_slashes_stay() {
        let path = |name: &[u8]| join("/v1/kv/", name).unwrap();
        assert_eq!(path(b"a/b c?#%"), "/v1/kv/a/b%20c%3F%23%25");
        assert_eq!(path(b"a\\b\xff+=:@"), "/v1/kv/a%5Cb%FF+=:@");
        assert_eq!(path(b""), "/v1/kv/");
        assert_eq!(path(b"..."), "/v1/kv/...");
    }

    #[test]
    fn dots_that_a_url_would_resolve_are_refused() {
        assert!(join("/v1/kv/", b"a/../b").is_err());
        assert!(join("/v1/kv/", b".").is_err());
        assert!(join("/v1/kv/", b"a/..").is_err());
    }
}
