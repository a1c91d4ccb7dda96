//! Walkthrough B: a service from a file.

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use serde_json::{Value, json};

use crate::support::{Dns, TestAgent, own_address};

const NGINX: &str = r#"{"service": {"name": "nginx", "tags": ["web"], "port": 80}}"#;

fn addresses(message: &Message) -> Vec<Ipv4Addr> {
    let records = message.answers.iter().chain(&message.additionals);
    let address = |data: &RData| match data {
        RData::A(address) => Some(Ipv4Addr::from(*address)),
        _ => None,
    };
    records.filter_map(|record| address(&record.data)).collect()
}

/// An agent with the service in its catalog.
fn agent_with(config: &std::path::Path) -> (TestAgent, Value) {
    let option = format!("-config-dir={}", config.display());
    let agent = TestAgent::start(own_address(), &["-dev", "-node=n1", &option]);
    let found = agent.wait_json("/v1/catalog/service/nginx", |found| found[0].is_object());
    (agent, found)
}

#[test]
fn a_folder_and_a_file_are_both_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nginx.json");
    std::fs::write(&file, NGINX).unwrap();
    for config in [folder.path(), file.as_path()] {
        let (agent, found) = agent_with(config);
        assert_eq!(found.as_array().unwrap().len(), 1);
        let service = &found[0];
        assert_eq!(service["Node"], json!("n1"));
        assert_eq!(service["Address"], json!(agent.ip.to_string()));
        assert_eq!(service["ServiceID"], json!("nginx"));
        assert_eq!(service["ServiceTags"], json!(["web"]));
        assert_eq!(service["ServicePort"], json!(80));
        assert_eq!(
            service["ServiceWeights"],
            json!({"Passing": 1, "Warning": 1})
        );
    }
}

#[test]
fn dns_knows_the_service() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nginx.json"), NGINX).unwrap();
    let (agent, _) = agent_with(folder.path());
    let dns = Dns::new(agent.dns());
    for name in [
        "nginx.service.consul.",
        "web.nginx.service.consul.",
        "nginx.service.dc1.consul.",
    ] {
        let answer = dns.ask(name, RecordType::A);
        assert_eq!(
            answer.metadata.response_code,
            ResponseCode::NoError,
            "{name}"
        );
        assert_eq!(addresses(&answer), [agent.ip], "{name}");
    }
    for name in ["nginx.service.consul.", "_nginx._web.service.consul."] {
        for answer in [
            dns.ask(name, RecordType::SRV),
            dns.ask_tcp(name, RecordType::SRV),
        ] {
            assert_eq!(answer.answers.len(), 1, "{name}");
            let RData::SRV(service) = &answer.answers[0].data else {
                panic!("{answer}")
            };
            assert_eq!((service.port, service.priority, service.weight), (80, 1, 1));
            assert_eq!(service.target.to_ascii(), "n1.node.dc1.consul.");
            assert_eq!(addresses(&answer), [agent.ip], "{name}");
        }
    }
    let answer = dns.ask("other.nginx.service.consul.", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
}

#[test]
fn the_commands_list_the_service() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("nginx.json"), NGINX).unwrap();
    let (agent, _) = agent_with(folder.path());
    assert_eq!(agent.cli_ok(&["catalog", "services"]), "consul\nnginx\n");
    let tagged = agent.cli_ok(&["catalog", "services", "-tags"]);
    let rows: Vec<Vec<&str>> = tagged
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(rows, [vec!["consul"], vec!["nginx", "web"]]);
}
