//! Walkthrough A: the first agent.

use std::net::Ipv4Addr;

use hickory_proto::op::{MessageType, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use serde_json::json;

use crate::support::{Dns, TestAgent, own_address, text_of};

/// An agent with the machine's own name, as a user starts it first.
fn first_agent() -> (TestAgent, String) {
    let agent = TestAgent::start(own_address(), &["-dev"]).in_catalog();
    let name = agent.json("/v1/agent/self")["Config"]["NodeName"]
        .as_str()
        .unwrap()
        .to_owned();
    (agent, name)
}

#[test]
fn members_shows_the_node_itself() {
    let (agent, name) = first_agent();
    let printed = agent.cli_ok(&["members"]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}");
    let header = [
        "Node", "Address", "Status", "Type", "Build", "Protocol", "DC", "Segment",
    ];
    assert_eq!(lines[0].split_whitespace().collect::<Vec<_>>(), header);
    let address = format!("{}:8301", agent.ip);
    let version = env!("CARGO_PKG_VERSION");
    let row = [
        &name, &address, "alive", "server", version, "2", "dc1", "<all>",
    ];
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), row);
    // Columns are aligned, two spaces apart.
    for column in ["Address", "Status", "Segment"] {
        let at = lines[0].find(column).unwrap();
        assert_eq!(&lines[1][at - 2..at], "  ", "{printed}");
        assert_ne!(lines[1].as_bytes()[at], b' ', "{printed}");
    }
}

#[test]
fn detailed_members_shows_the_tags() {
    let (agent, name) = first_agent();
    let printed = agent.cli_ok(&["members", "-detailed"]);
    let lines: Vec<&str> = printed.lines().collect();
    let header: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(header, ["Node", "Address", "Status", "Tags"]);
    let row: Vec<&str> = lines[1].split_whitespace().collect();
    assert_eq!(row[..3], [&name, &*format!("{}:8301", agent.ip), "alive"]);
    let id = agent.json("/v1/catalog/nodes")[0]["ID"]
        .as_str()
        .unwrap()
        .to_owned();
    let tags: Vec<&str> = row[3].split(',').collect();
    let (build, tags): (Vec<&str>, Vec<&str>) =
        tags.into_iter().partition(|tag| tag.starts_with("build="));
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        build[0].starts_with(&format!("build={version}:")),
        "{build:?}"
    );
    let id = format!("id={id}");
    let expected = [
        "acls=0",
        "dc=dc1",
        "ft_fs=1",
        "ft_si=1",
        &id,
        "port=8300",
        "raft_vsn=3",
        "role=consul",
        "segment=<all>",
        "vsn=2",
        "vsn_max=3",
        "vsn_min=2",
        "wan_join_port=8302",
    ];
    assert_eq!(tags, expected);
}

#[test]
fn the_catalog_has_one_node_in_indented_json() {
    let (agent, name) = first_agent();
    let answer = agent.send("GET", "/v1/catalog/nodes", "");
    let nodes = answer.json();
    let (node, ip) = (&nodes[0], agent.ip.to_string());
    let expected = json!([{
        "ID": node["ID"], "Node": name, "Address": ip, "Datacenter": "dc1",
        "TaggedAddresses": {"lan": ip, "lan_ipv4": ip, "wan": ip, "wan_ipv4": ip},
        "Meta": {"consul-network-segment": ""},
        "CreateIndex": node["CreateIndex"], "ModifyIndex": node["ModifyIndex"],
    }]);
    assert_eq!(nodes, expected);
    assert!(node["CreateIndex"].as_u64() <= node["ModifyIndex"].as_u64());
    // serde_json keeps the order of fields, so that this is the order of Consul's.
    let mut indented = Vec::new();
    let style = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut writer = serde_json::Serializer::with_formatter(&mut indented, style);
    serde::Serialize::serialize(&expected, &mut writer).unwrap();
    assert_eq!(answer.text().trim_end(), text_of(&indented));
}

#[test]
fn dns_knows_the_node() {
    let (agent, name) = first_agent();
    let dns = Dns::new(agent.dns());
    let question = format!("{name}.node.consul.");
    let answers = [
        dns.ask(&question, RecordType::A),
        dns.ask_tcp(&question, RecordType::A),
    ];
    for answer in answers {
        let flags = &answer.metadata;
        assert_eq!(flags.message_type, MessageType::Response);
        assert_eq!(flags.response_code, ResponseCode::NoError);
        assert!(flags.authoritative && flags.recursion_desired);
        assert!(!flags.recursion_available && !flags.truncation);
        assert_eq!(answer.answers.len(), 1);
        let record = &answer.answers[0];
        assert_eq!((record.ttl, record.name.to_ascii()), (0, question.clone()));
        let RData::A(address) = record.data else {
            panic!("{record}")
        };
        assert_eq!(Ipv4Addr::from(address), agent.ip);
    }
    let answer = dns.ask("nobody.node.consul.", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert!(answer.answers.is_empty());
    assert_eq!(answer.authorities[0].record_type(), RecordType::SOA);
}

#[test]
fn leaving_ends_the_agent() {
    let (agent, name) = first_agent();
    let address = format!("-http-addr={}:8500", agent.ip);
    assert_eq!(agent.cli_ok(&["force-leave", &address, &name]), "");
    assert_eq!(
        agent.cli_ok(&["leave", &address]),
        "Graceful leave complete\n"
    );
    let (code, printed) = agent.ended();
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.contains("shutdown complete"), "{printed}");
}

#[test]
fn all_listeners_of_a_development_agent_are_there() {
    let (agent, _) = first_agent();
    let printed = agent.printed();
    let ports = format!(
        "[{}] (HTTP: 8500, HTTPS: -1, gRPC: 8502, DNS: 8600)",
        agent.ip
    );
    assert!(printed.contains(&ports), "{printed}");
    for port in [8500, 8600] {
        std::net::TcpStream::connect((agent.ip, port)).unwrap();
    }
}
