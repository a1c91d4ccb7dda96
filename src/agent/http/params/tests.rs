use super::*;
use proptest::prelude::*;

const DEFAULTS: ReadDefaults<'static> = ReadDefaults {
    datacenter: "dc1",
    discovery_max_stale: Duration::ZERO,
};

fn parse(query: &str) -> Params {
    Params::parse(query.as_bytes()).unwrap()
}

fn read(query: &str) -> Result<ReadParams, ParamError> {
    read_params(&parse(query), &HeaderMap::new(), b"/v1/kv/a", DEFAULTS)
}

#[test]
fn names_and_values_follow_go() {
    let params = parse("a=1&b=x+y%20z&c&&tag=v1;tag=v2&=e&d=1=2&%61b=%2B");
    assert_eq!(params.get("a").unwrap(), "1");
    assert_eq!(params.get("b").unwrap(), "x y z");
    assert!(params.has("c"));
    assert_eq!(params.get("c").unwrap(), "");
    assert_eq!(params.non_empty("c"), None);
    assert_eq!(params.all("tag").collect::<Vec<_>>(), ["v1", "v2"]);
    assert_eq!(params.get("").unwrap(), "e");
    assert_eq!(params.get("d").unwrap(), "1=2");
    assert_eq!(params.get("ab").unwrap(), "+");
    assert!(!params.has("missing"));
    assert_eq!(parse("k=%ff").get_bytes("k").unwrap(), b"\xff");
    for bad in ["a=%", "a=%2", "%zz", "a=%zz", "b?c=%2"] {
        assert_eq!(
            Params::parse(bad.as_bytes()),
            Err(ParamError::Undecodable),
            "{bad}"
        );
    }
    let many = "a&".repeat(PARAMETERS_MAX + 1);
    assert_eq!(Params::parse(many.as_bytes()), Err(ParamError::Undecodable));
}

#[test]
fn parameters_are_encoded_as_go_encodes_them() {
    assert_eq!(parse("recurse&cas=1").encode(), "cas=1&recurse=");
    assert_eq!(
        parse("b=x%20y&a=2&a=1&c=%26%ff*~").encode(),
        "a=2&a=1&b=x+y&c=%26%FF%2A~"
    );
}

#[test]
fn node_meta_is_split_at_the_first_colon() {
    let meta = parse("node-meta=a:b:c&node-meta=d").node_meta();
    assert_eq!(meta.get("a").unwrap(), "b:c");
    assert_eq!(meta.get("d").unwrap(), "");
}

#[test]
fn consistency_modes_exclude_each_other() {
    assert_eq!(read("").unwrap().mode, ReadMode::Leader);
    assert_eq!(read("stale").unwrap().mode, ReadMode::Stale);
    assert_eq!(read("consistent").unwrap().mode, ReadMode::Consistent);
    let stale = read("max_stale=10s").unwrap();
    assert_eq!(
        (stale.mode, stale.max_stale),
        (ReadMode::Stale, Some(Duration::from_secs(10)))
    );
    assert_eq!(read("max_stale=0s").unwrap().mode, ReadMode::Leader);
    for (query, text) in [
        (
            "stale&consistent",
            "Cannot specify ?stale with ?consistent, conflicting semantics.",
        ),
        (
            "max_stale=1s&consistent",
            "Cannot specify ?stale with ?consistent, conflicting semantics.",
        ),
        (
            "cached&consistent",
            "Cannot specify ?cached with ?consistent, conflicting semantics.",
        ),
        ("max_stale=abc", "Invalid max_stale value \"abc\""),
        (
            "index=abc&stale&consistent",
            "Cannot specify ?stale with ?consistent, conflicting semantics.",
        ),
    ] {
        assert_eq!(read(query).unwrap_err().to_string(), text, "{query}");
    }
}

#[test]
fn discovery_reads_may_be_stale_by_default() {
    let defaults = ReadDefaults {
        discovery_max_stale: Duration::from_secs(5),
        ..DEFAULTS
    };
    let mode = |query: &str, path: &str| {
        read_params(&parse(query), &HeaderMap::new(), path.as_bytes(), defaults)
            .unwrap()
            .mode
    };
    assert_eq!(mode("", "/v1/health/service/web"), ReadMode::Stale);
    assert_eq!(mode("leader", "/v1/health/service/web"), ReadMode::Leader);
    assert_eq!(
        mode("consistent", "/v1/catalog/nodes"),
        ReadMode::Consistent
    );
    assert_eq!(mode("", "/v1/kv/a"), ReadMode::Leader);
}

#[test]
fn index_and_wait_are_checked_in_order() {
    let read_both = read("index=42&wait=1m30s").unwrap();
    assert_eq!(
        (read_both.index, read_both.wait),
        (42, Some(Duration::from_secs(90)))
    );
    assert_eq!(read("wait=&index=").unwrap().index, 0);
    assert_eq!(read("wait=-1s").unwrap().wait, None);
    for (query, error) in [
        ("wait=10", ParamError::Wait),
        ("wait=abc&index=abc", ParamError::Wait),
        ("index=abc", ParamError::Index),
        ("index=-1", ParamError::Index),
        ("index=%2B1", ParamError::Index),
        ("index=99999999999999999999", ParamError::Index),
    ] {
        assert_eq!(read(query), Err(error), "{query}");
    }
}

#[test]
fn tokens_have_an_order() {
    let mut headers = HeaderMap::new();
    assert_eq!(token(&parse(""), &headers), "");
    headers.insert(AUTHORIZATION, "bEaReR  third ".parse().unwrap());
    assert_eq!(token(&parse(""), &headers), "third");
    headers.insert("x-consul-token", "second".parse().unwrap());
    assert_eq!(token(&parse("token="), &headers), "second");
    assert_eq!(token(&parse("token=first"), &headers), "first");
    headers.clear();
    headers.insert(AUTHORIZATION, "Basic abc".parse().unwrap());
    assert_eq!(token(&parse(""), &headers), "");
}

#[test]
fn cache_control_must_be_numbers() {
    let mut headers = HeaderMap::new();
    headers.insert(
        CACHE_CONTROL,
        "max-age=1, must-revalidate, foo".parse().unwrap(),
    );
    assert_eq!(max_age(&headers), Ok(Some(Duration::from_secs(1))));
    headers.insert(CACHE_CONTROL, "max-age=foo".parse().unwrap());
    assert_eq!(max_age(&headers), Err(ParamError::CacheControl));
}

#[test]
fn numbers_and_booleans_fail_with_go_texts() {
    assert_eq!(
        parse("cas=abc").number("cas").unwrap_err().to_string(),
        "strconv.ParseUint: parsing \"abc\": invalid syntax"
    );
    assert_eq!(
        parse_uint("18446744073709551616").unwrap_err().to_string(),
        "strconv.ParseUint: parsing \"18446744073709551616\": value out of range"
    );
    assert_eq!(parse_uint("18446744073709551615"), Ok(u64::MAX));
    assert_eq!(parse_bool("T"), Ok(true));
    assert_eq!(
        parse_bool("x").unwrap_err().to_string(),
        "strconv.ParseBool: parsing \"x\": invalid syntax"
    );
}

proptest! {
    #[test]
    fn any_query_is_parsed_or_refused(query in proptest::collection::vec(any::<u8>(), 0..128)) {
        if let Ok(params) = Params::parse(&query) {
            let _ = params.node_meta();
            let _ = read_params(&params, &HeaderMap::new(), b"/v1/health/x", DEFAULTS);
        }
    }

    #[test]
    fn encoded_pairs_come_back(pairs in proptest::collection::vec((".{1,8}", ".{0,8}"), 0..8)) {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        let params = parse(&query);
        for (name, _) in &pairs {
            let expected: Vec<_> = pairs.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
            prop_assert_eq!(params.all(name).collect::<Vec<_>>(), expected);
        }
    }
}
