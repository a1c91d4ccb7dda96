use super::*;

type FillList<'a> = &'a dyn Fn(&mut ServiceQuery, usize);
type FillText<'a> = &'a dyn Fn(&mut PreparedQuery, String);

fn query(name: &str, regexp: &str, service: &str) -> PreparedQuery {
    PreparedQuery {
        name: name.to_owned(),
        template: QueryTemplate {
            r#type: "name_prefix_match".to_owned(),
            regexp: regexp.to_owned(),
            remove_empty_tags: false,
        },
        service: ServiceQuery {
            service: service.to_owned(),
            ..ServiceQuery::default()
        },
        ..PreparedQuery::default()
    }
}

/// The service that a template named `geo-db` asks for.
fn rendered(regexp: &str, service: &str, asked: &str) -> Result<String, String> {
    let query = query("geo-db", regexp, service);
    let compiled = CompiledTemplate::compile(&query)?;
    Ok(compiled.render(&query, asked)?.service.service)
}

#[test]
fn templates_are_filled_as_consul_fills_them() {
    let two = r"^geo-db-(.*?)-([^\-]+?)$";
    #[rustfmt::skip]
    let table = [
        (two, "mysql-${match(1)}-${match(2)}", "geo-db-customer-master", "mysql-customer-master"),
        (two, "mysql-${match(0)}-x", "geo-db-customer-master", "mysql-geo-db-customer-master-x"),
        (two, "${name.full}|${name.prefix}|${name.suffix}|${agent.segment}|", "geo-db-customer-master",
            "geo-db-customer-master|geo-db|-customer-master||"),
        ("", "${match(0)}x", "geo-db-customer", "x"),
        ("", "${match(1)}x", "geo-db-customer", "x"),
        ("^nomatch$", "${match(0)}x", "geo-db-customer", "x"),
        ("(a)?(b)?", "${match(1)}x${match(2)}", "geo-db-a", "x"),
        ("", "${match(-1)}x", "geo-db-customer", "x"),
        ("", "$${name.full}", "geo-db-customer", "${name.full}"),
        ("", "$$${name.full}", "geo-db-customer", "$geo-db-customer"),
        ("", "$name $$ }{", "geo-db-customer", "$name $ }{"),
        ("", "${\"a${name.suffix}b\"}", "geo-db-customer", "a-customerb"),
        ("", "${\"a\\\"b\"}", "geo-db-customer", "a\"b"),
        ("", "abc}${name.full}}", "geo-db-customer", "abc}geo-db-customer}"),
        ("", "${name.full}", "GEO-DB-Customer", "GEO-DB-Customer"),
        ("", "${name.suffix}", "GEO-DB-Customer", "GEO-DB-Customer"),
        ("(?i)^GEO-(.*)$", "${match(1)}", "GEO-DB-Customer", "DB-Customer"),
        ("", "${ match( 0 ) }", "geo-db-customer", ""),
        ("", "${(name.full)}", "geo-db-customer", "geo-db-customer"),
        ("", "${1.5}", "geo-db", "1.5"),
        ("", "${1.0}", "geo-db", "1"),
        ("", "${5 / 2} ${5 % 2} ${5 * 2 + 1}", "geo-db", "2 1 11"),
        ("", "${1 + 2 * 3}", "geo-db", "9"),
        ("", "${10 - 2 - 3}", "geo-db", "5"),
        ("", "${1.5 + 1}", "geo-db", "2.5"),
        ("", "${1 + 1.5}", "geo-db", "2"),
        ("", "${7 / 2.0}", "geo-db", "3"),
        ("", "${7 % 2.5}", "geo-db", "1"),
        ("", "${- 1} ${1 + -1}", "geo-db", "-1 0"),
        ("", "${match(\"0\")}${match(1-1)}${match(1.0)}", "geo-db", ""),
    ];
    for (regexp, service, asked, expected) in table {
        let found = rendered(regexp, service, asked);
        assert_eq!(found.as_deref(), Ok(expected), "{regexp} {service} {asked}");
    }
}

#[test]
fn templates_that_mean_nothing_are_refused_in_consuls_words() {
    let syntax = "parse error: syntax error";
    #[rustfmt::skip]
    let table = [
        ("${foo.bar}", "1:3: unknown variable accessed: foo.bar"),
        ("${name}", "1:3: unknown variable accessed: name"),
        ("${true}", "1:3: unknown variable accessed: true"),
        ("${name..full}", "1:3: unknown variable accessed: name..full"),
        ("${match(x)}", "1:9: unknown variable accessed: x"),
        ("${match()}", "1:3: match: expected 1 arguments, got 0"),
        ("${match(0,1)}", "1:3: match: expected 1 arguments, got 2"),
        ("${nofn(1)}", "1:3: unknown function called: nofn"),
        ("multi\nline ${x.y}", "2:9: unknown variable accessed: x.y"),
        ("é ${x.y}", "1:5: unknown variable accessed: x.y"),
        ("${name.full + \"x\"}", "__builtin_StringToInt: strconv.ParseInt: parsing \"geo-db\": invalid syntax"),
        ("${match(match(0))}", "__builtin_StringToInt: strconv.ParseInt: parsing \"\": invalid syntax"),
        // Consul's servers fall over this one.
        ("${1 / 0}", "division by zero"),
    ];
    for (service, why) in table {
        let expected = format!("Bad evaluation for '{service}' in Service.Service: {why}");
        assert_eq!(rendered("", service, "geo-db-x"), Err(expected));
    }
    let bad = [
        "${bad",
        "${}",
        "${1",
        "${  }",
        "${@}",
        "${\"u}",
        "${1 < 2}",
        "${!true}",
        "abc${name.full",
        "${name.full name.full}",
        "${true ? \"a\" : \"b\"}",
    ];
    for service in bad {
        let expected = format!("Bad format '{service}' in Service.Service: {syntax}");
        assert_eq!(rendered("", service, "geo-db-x"), Err(expected));
    }
    let deep = format!("${{{}1{}}}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(rendered("", &deep, "geo-db").is_err());
    let refused = rendered("(", "a", "geo-db").unwrap_err();
    assert_eq!(
        refused,
        "Bad Regexp: error parsing regexp: missing closing ): `(`"
    );
}

#[test]
fn every_text_is_filled_and_named() {
    let text = |text: &str| Some(vec!["ok".to_owned(), text.to_owned(), String::new()]);
    let pair = |text: &str| Some([("k".to_owned(), text.to_owned())].into());
    let mut sample = query("p-", "", "a");
    let service = &mut sample.service;
    service.tags = text("t${name.suffix}");
    service.ignore_check_ids = text("i${name.suffix}");
    service.failover.datacenters = text("d${name.suffix}");
    service.near = "n${name.suffix}".to_owned();
    service.node_meta = pair("m${name.suffix}");
    service.service_meta = pair("s${name.suffix}");
    sample.template.remove_empty_tags = true;
    let compiled = CompiledTemplate::compile(&sample).unwrap();
    let found = compiled.render(&sample, "p-1").unwrap().service;
    assert_eq!(found.tags.unwrap(), ["ok", "t1"]);
    assert_eq!(found.ignore_check_ids.unwrap(), ["ok", "i1", ""]);
    assert_eq!(found.failover.datacenters.unwrap(), ["ok", "d1", ""]);
    assert_eq!(found.near, "n1");
    assert_eq!(
        (found.node_meta, found.service_meta),
        (pair("m1"), pair("s1"))
    );

    sample.service.near = "${x.y}".to_owned();
    let refused = CompiledTemplate::compile(&sample).unwrap_err();
    assert!(refused.contains("in Service.Near: 1:3:"), "{refused}");
    sample.service.tags = text("${x.y}");
    sample.service.near = String::new();
    let refused = CompiledTemplate::compile(&sample).unwrap_err();
    assert!(refused.contains("in Service.Tags[1]: "), "{refused}");
}

#[test]
fn definitions_are_checked_in_consuls_words() {
    let refusal = |change: fn(&mut PreparedQuery)| {
        let mut query = PreparedQuery {
            name: "x".to_owned(),
            ..PreparedQuery::default()
        };
        query.service.service = "a".to_owned();
        change(&mut query);
        query.check().err().unwrap_or_default()
    };
    assert_eq!(refusal(|_| ()), "");
    assert_eq!(refusal(|q| q.name.clear()), "Must be bound to a session");
    assert_eq!(
        refusal(|q| q.service.service.clear()),
        "Must provide a Service name to query"
    );
    assert_eq!(
        refusal(|q| q.service.failover.nearest_n = -1),
        "Bad NearestN '-1', must be >= 0"
    );
    assert_eq!(
        refusal(|q| q.dns.ttl = "abc".to_owned()),
        "Bad DNS TTL 'abc': time: invalid duration \"abc\""
    );
    assert_eq!(
        refusal(|q| q.dns.ttl = "-1s".to_owned()),
        "DNS TTL '-1000000000', must be >=0"
    );
    assert_eq!(
        refusal(|q| q.service.node_meta = Some([("a b".to_owned(), "x".to_owned())].into())),
        "Couldn't load metadata pair ('a b', 'x'): Key contains invalid characters"
    );
    assert!(refusal(|q| q.token = HIDDEN_TOKEN.to_owned()).starts_with("Bad Token '<hidden>'"));
}

#[test]
fn definitions_have_a_size() {
    let refusal = |change: &dyn Fn(&mut PreparedQuery)| {
        let mut query = query("x", "", "a");
        change(&mut query);
        query.check().err().unwrap_or_default()
    };
    let named = |len: usize| refusal(&|q| q.name = "n".repeat(len));
    assert_eq!(named(1024), "");
    assert_eq!(named(1025), "Name is too long (limit: 1024 bytes)");
    let list = |len: usize| Some(vec![String::new(); len]);
    let target = || FailoverTarget::default();
    let map = |len: usize| Some((0..len).map(|n| (n.to_string(), String::new())).collect());
    let lists: [FillList<'_>; 5] = [
        &|service, len| service.tags = list(len),
        &|service, len| service.ignore_check_ids = list(len),
        &|service, len| service.failover.datacenters = list(len),
        &|service, len| service.failover.targets = Some(vec![target(); len]),
        &|service, len| service.service_meta = map(len),
    ];
    let too_many =
        "Definition has too many tags, datacenters, checks and metadata pairs (1025 > 1024)";
    for fill in lists {
        assert_eq!(refusal(&|q| fill(&mut q.service, 1024)), "");
        assert_eq!(refusal(&|q| fill(&mut q.service, 1025)), too_many);
    }
    let both = refusal(&|q| {
        q.service.tags = list(1024);
        q.service.node_meta = map(1);
    });
    assert_eq!(both, too_many);
    let large = |bytes: usize| {
        let texts: [FillText<'_>; 6] = [
            &|q, text| q.template.regexp = text,
            &|q, text| q.service.service.push_str(&text),
            &|q, text| q.service.near = text,
            &|q, text| q.service.tags = Some(vec![text]),
            &|q, text| q.service.service_meta = Some([(text, String::new())].into()),
            &|q, text| q.service.service_meta = Some([(String::new(), text)].into()),
        ];
        texts.map(|fill| refusal(&|q| fill(q, "t".repeat(bytes))))
    };
    // The name, the service, the type.
    let rest = 1 + 1 + "name_prefix_match".len();
    assert_eq!(large(65_536 - rest), [""; 6]);
    let too_large = "Definition is too large (65537 > 65536 bytes)";
    assert_eq!(large(65_537 - rest), [too_large; 6]);
}

#[test]
fn all_texts_together_have_a_size() {
    let with_tags = |count: usize, tag: &str| {
        let mut query = query("0", "^(.*)$", "a");
        query.service.tags = Some(vec![tag.to_owned(); count]);
        query
    };
    let rendered = |query: &PreparedQuery, name: &str| {
        let compiled = CompiledTemplate::compile(query).unwrap();
        let filled = compiled.render(query, name);
        filled.map(|query| query.service.tags.unwrap_or_default().len())
    };
    let name = "n".repeat(1024);
    // What a name gives counts, and what is put into a text counts, so that each tag takes 2 KiB; the service has one byte.
    let full = with_tags(128, "${name.full}");
    let refused = |at: usize, tag: &str| {
        let text = "the texts are longer than 262144 bytes together";
        Err(format!(
            "Bad evaluation for '{tag}' in Service.Tags[{at}]: {text}"
        ))
    };
    assert_eq!(rendered(&full, &name), refused(127, "${name.full}"));
    assert_eq!(rendered(&full, &name[1..]), Ok(128));
    let group = with_tags(128, "${match(1)}");
    assert_eq!(rendered(&group, &name), refused(127, "${match(1)}"));
    // Numbers come out of long texts that are seen nowhere.
    let digits = "0".repeat(1024);
    let hidden = format!("${{{}1}}", "match(1)+".repeat(256));
    assert_eq!(
        rendered(&with_tags(1, &hidden), &digits),
        refused(0, &hidden)
    );
    assert_eq!(rendered(&with_tags(1, &hidden), &digits[..512]), Ok(1));
    // The definition's own name is tried when it is read.
    let mut named = with_tags(200, "${name.full}");
    named.name.clone_from(&name);
    let refused = CompiledTemplate::compile(&named).unwrap_err();
    assert!(
        refused.contains("Service.Tags[127]: the texts"),
        "{refused}"
    );
    let too_long = rendered(&with_tags(0, ""), &"n".repeat(1025)).unwrap_err();
    assert_eq!(too_long, "Name is too long (limit: 1024 bytes)");
}

#[test]
fn patterns_are_small() {
    let large = r"^\pL{20}$";
    assert!(crate::model::regexp::compile(large).is_ok());
    let refused = rendered(large, "a", "geo-db").unwrap_err();
    let expected = format!("Bad Regexp: error parsing regexp: expression too large: `{large}`");
    assert_eq!(refused, expected);
    for pattern in [
        r"(?i)^geo-([\pL-]+)\.",
        r"^geo-([a-zA-Z0-9-]{1,63})\.(\w+)$",
        r"^geo-(.*?)\.([^\-]+?)$",
    ] {
        let found = rendered(pattern, "${match(1)}", "geo-G-d.b");
        assert_eq!(found.as_deref(), Ok("G-d"), "{pattern}");
    }
}

#[test]
fn it_prints_as_consul_prints_it() {
    let query = PreparedQuery {
        name: "q".to_owned(),
        ..PreparedQuery::default()
    };
    assert_eq!(
        serde_json::to_string(&query).unwrap(),
        r#"{"ID":"","Name":"q","Session":"","Token":"","Template":{"Type":"","Regexp":"","RemoveEmptyTags":false},"Service":{"Service":"","Failover":{"NearestN":0,"Datacenters":null},"OnlyPassing":false,"IgnoreCheckIDs":null,"Near":"","Tags":null,"NodeMeta":null,"ServiceMeta":null,"Connect":false},"DNS":{"TTL":""},"CreateIndex":0,"ModifyIndex":0}"#
    );
}

#[test]
fn other_datacenters_come_nearest_first_then_as_named() {
    let known = ["dc2", "dc3", "dc4"].map(str::to_owned);
    let failover = QueryFailover {
        nearest_n: 1,
        datacenters: Some(["dc9", "dc4", "dc2"].map(str::to_owned).into()),
        targets: None,
    };
    assert_eq!(
        failover_order(&failover, &known),
        (vec!["dc2", "dc4"], vec!["dc9"])
    );
    assert_eq!(failover_order(&failover, &[]).0, Vec::<&str>::new());
}
