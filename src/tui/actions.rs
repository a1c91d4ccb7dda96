//! The menu of what can be done to the row under the cursor. Pure.

use super::derive::{NodeRow, PeerRow, Picture};
use super::page::Page;
use super::prompt::MAX_LETTERS;
use super::words::one_line;
use super::write::Change;
use crate::model::check::{NODE_MAINTENANCE, Status};
use crate::model::member::MemberStatus;

/// Instances of a service that a menu lists.
pub const MAX_INSTANCES: usize = 20;

/// Letters for those items whose own letter is taken, or part of the name that is to be typed.
const SPARE: &str = "BCEGHIJKLNOPQSUVWXYZbcdefghijklmnoprstuvwxyz123456789";

/// What may be done to a service must be asked for: its instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The service.
    pub service: String,
    /// Only this instance: node and id.
    pub only: Option<(String, String)>,
}

/// An instance of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// The node.
    pub node: String,
    /// The id.
    pub id: String,
    /// `10.0.0.1:80`
    pub address: String,
    /// Whether the agent that is asked has it.
    pub own: bool,
    /// Whether it is in maintenance.
    pub maintenance: bool,
    /// The worst of its checks.
    pub status: Status,
}

/// A menu.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Menu {
    /// What it is about.
    pub title: String,
    /// What can be done, and notes of what cannot.
    pub items: Vec<Item>,
    /// The question whose answer fills it.
    pub waits: Option<Lookup>,
}

/// A line of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The key; none for a note.
    pub letter: Option<char>,
    /// What it says.
    pub text: String,
    /// What the key leads to.
    pub then: Option<Then>,
}

/// Where a key of a menu leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// To the question before a change.
    Confirm(Change),
    /// To another menu.
    Open(Menu),
}

impl Menu {
    fn new(title: String) -> Self {
        Self {
            title,
            ..Self::default()
        }
    }

    /// A menu that waits for an answer.
    fn waiting(lookup: Lookup) -> Self {
        Self {
            title: one_line(&lookup.service),
            items: Vec::new(),
            waits: Some(lookup),
        }
    }

    /// The item of a key.
    pub fn item(&self, letter: char) -> Option<&Item> {
        self.items.iter().find(|item| item.letter == Some(letter))
    }

    fn note(&mut self, text: impl Into<String>) {
        self.items.push(Item {
            letter: None,
            text: text.into(),
            then: None,
        });
    }

    /// Adds a change under its letter, or another one where the name to type has that: the key that opens the question
    /// is ignored inside.
    fn change(&mut self, letter: char, text: impl Into<String>, change: Change) {
        let name = change.name();
        let typeable = !name.is_empty()
            && name.chars().count() <= MAX_LETTERS
            && !name.chars().any(char::is_control);
        match self.free(letter, name).filter(|_| typeable) {
            Some(letter) => self.add(letter, text, Then::Confirm(change)),
            None => self.note(format!(
                "{}: only by command, the name cannot be typed here",
                text.into()
            )),
        }
    }

    fn open(&mut self, letter: char, text: impl Into<String>, menu: Self) {
        if let Some(letter) = self.free(letter, "") {
            self.add(letter, text, Then::Open(menu));
        }
    }

    fn add(&mut self, letter: char, text: impl Into<String>, then: Then) {
        self.items.push(Item {
            letter: Some(letter),
            text: text.into(),
            then: Some(then),
        });
    }

    fn free(&self, wanted: char, name: &str) -> Option<char> {
        let usable = |letter: &char| !name.contains(*letter) && self.item(*letter).is_none();
        [wanted].into_iter().chain(SPARE.chars()).find(usable)
    }
}

/// The menu for what a page or a row is about; `own` is the node of the agent that is asked.
pub fn menu(page: &Page, picture: &Picture, own: Option<&str>) -> Option<Menu> {
    match page {
        Page::Node(name) => Some(of_node(name, picture, own)),
        Page::Service(name) => Some(Menu::waiting(Lookup {
            service: name.clone(),
            only: None,
        })),
        Page::Check(node, id) => {
            let found = picture.checks.iter();
            let check = found
                .clone()
                .find(|check| *check.node == **node && *check.id == **id)?;
            if check.service.is_empty() {
                return Some(of_node(node, picture, own));
            }
            Some(Menu::waiting(Lookup {
                service: check.service.to_string(),
                only: Some((node.clone(), check.instance.to_string())),
            }))
        }
        Page::View(_) | Page::Folder(_) | Page::Key(_) | Page::Line(_) => None,
    }
}

fn of_node(name: &str, picture: &Picture, own: Option<&str>) -> Menu {
    let mut menu = Menu::new(one_line(name));
    let node = picture.nodes.iter().find(|node| node.name == name);
    if let Some(node) = node {
        force_leave(&mut menu, node);
    }
    maintenance(&mut menu, name, picture, own);
    let peer = picture.peers.iter().find(|peer| peer.name == name);
    if let Some(peer) = peer {
        let alive = node.is_some_and(|node| node.status == MemberStatus::Alive);
        of_peer(&mut menu, peer, alive, picture);
    }
    menu
}

fn force_leave(menu: &mut Menu, node: &NodeRow) {
    match node.status {
        MemberStatus::Failed | MemberStatus::Leaving | MemberStatus::None => {
            let change = Change::ForceLeave {
                node: node.name.clone(),
            };
            menu.change('F', "force-leave", change);
        }
        MemberStatus::Alive => menu.note("force-leave: it is alive, and would say so and stay"),
        MemberStatus::Left => menu.note("force-leave: it has left"),
    }
}

fn maintenance(menu: &mut Menu, name: &str, picture: &Picture, own: Option<&str>) {
    if own != Some(name) {
        let name = one_line(name);
        menu.note(format!(
            "maintenance: only its own agent can do that (:via {name})"
        ));
        return;
    }
    let mut checks = picture.checks.iter();
    let on = checks.any(|check| *check.node == *name && *check.id == *NODE_MAINTENANCE);
    let (letter, text) = if on {
        ('U', "end maintenance")
    } else {
        ('M', "begin maintenance")
    };
    let change = Change::NodeMaintenance {
        node: name.to_owned(),
        on: !on,
    };
    menu.change(letter, text, change);
}

fn of_peer(menu: &mut Menu, peer: &PeerRow, alive: bool, picture: &Picture) {
    let leader = picture.peers.iter().find(|peer| peer.leader);
    let from = leader.map(|leader| leader.name.clone()).unwrap_or_default();
    if peer.leader {
        let change = Change::TransferLeader { to: None, from };
        menu.change('T', "hand the leadership to another server", change);
        menu.note("remove peer: it leads, hand the leadership over first");
        return;
    }
    if peer.voter {
        let change = Change::TransferLeader {
            to: Some((peer.name.clone(), peer.id.clone())),
            from,
        };
        menu.change('T', "hand the leadership to it", change);
    } else {
        menu.note("leadership: it does not vote");
    }
    let change = Change::RemovePeer {
        name: peer.name.clone(),
        id: peer.id.clone(),
        alive,
    };
    menu.change('R', "remove raft peer", change);
}

/// The menu of a service, once its instances are known: `found` are at most [`MAX_INSTANCES`] of `total`.
pub fn of_instances(lookup: &Lookup, found: &[Instance], total: usize) -> Menu {
    let mut menu = Menu::new(one_line(&lookup.service));
    match found {
        [] => menu.note("the catalog has no such instance"),
        [one] => return of_instance(one),
        _ => {
            for instance in found {
                let whose = if instance.own { ", of this agent" } else { "" };
                let text = format!("{}{whose}", shown(instance));
                menu.open('B', text, of_instance(instance));
            }
        }
    }
    if total > found.len() {
        let more = total - found.len();
        menu.note(format!("and {more} more: choose one of their checks"));
    }
    menu
}

fn shown(instance: &Instance) -> String {
    one_line(&format!(
        "{} on {} {} {}",
        instance.id,
        instance.node,
        instance.address,
        instance.status.as_str()
    ))
}

fn of_instance(instance: &Instance) -> Menu {
    let mut menu = Menu::new(shown(instance));
    let change = Change::Deregister {
        node: instance.node.clone(),
        id: instance.id.clone(),
        own: instance.own,
    };
    menu.change('D', "deregister", change);
    if !instance.own {
        let node = one_line(&instance.node);
        menu.note(format!(
            "maintenance: only its own agent can do that (:via {node})"
        ));
        return menu;
    }
    let (letter, text) = if instance.maintenance {
        ('U', "end maintenance")
    } else {
        ('M', "begin maintenance")
    };
    let change = Change::ServiceMaintenance {
        id: instance.id.clone(),
        on: !instance.maintenance,
    };
    menu.change(letter, text, change);
    menu
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::derive::bad_cluster::bad_picture;

    fn lines(menu: &Menu) -> Vec<String> {
        let line = |item: &Item| match item.letter {
            Some(letter) => format!("{letter} {}", item.text),
            None => item.text.clone(),
        };
        menu.items.iter().map(line).collect()
    }

    fn of(name: &str, own: &str) -> Vec<String> {
        let (_, picture) = bad_picture();
        let page = Page::Node(name.to_owned());
        lines(&menu(&page, &picture, Some(own)).unwrap())
    }

    #[test]
    fn nodes_have_what_their_state_allows() {
        assert_eq!(
            of("web-7", "web-3"),
            [
                "F force-leave",
                "maintenance: only its own agent can do that (:via web-7)"
            ]
        );
        assert_eq!(
            of("web-3", "web-3"),
            [
                "force-leave: it is alive, and would say so and stay",
                "M begin maintenance"
            ]
        );
        assert_eq!(
            of("srv-2", "web-3")[2..],
            [
                "T hand the leadership to another server",
                "remove peer: it leads, hand the leadership over first"
            ]
        );
        assert_eq!(
            of("srv-3", "web-3")[2..],
            ["T hand the leadership to it", "R remove raft peer"]
        );
    }

    #[test]
    fn a_key_is_never_a_letter_of_the_name_to_type() {
        let instance = |id: &str| Instance {
            id: id.to_owned(),
            node: "n".to_owned(),
            own: true,
            ..Instance::default()
        };
        let letters = |id: &str| -> Vec<Option<char>> {
            let menu = of_instance(&instance(id));
            menu.items.iter().map(|item| item.letter).collect()
        };
        assert_eq!(letters("web"), [Some('D'), Some('M')]);
        assert_eq!(letters("DB-M"), [Some('C'), Some('E')]);
        let all: String = ('0'..='z').collect();
        assert_eq!(letters(&all), [None, None]);
        assert_eq!(letters("bell\u{7}"), [None, None]);
        assert_eq!(letters(&"x".repeat(MAX_LETTERS + 1)), [None, None]);
        assert!(!SPARE.contains(['a', 'q']), "they open and close the menu");
    }

    #[test]
    fn instances_are_chosen_first() {
        let lookup = Lookup {
            service: "web".to_owned(),
            only: None,
        };
        let one = |node: &str, own| Instance {
            id: "web".to_owned(),
            node: node.to_owned(),
            address: "10.0.0.1:80".to_owned(),
            own,
            maintenance: own,
            status: Status::Passing,
        };
        let found = [one("n1", true), one("n2", false)];
        let menu = of_instances(&lookup, &found, 30);
        assert_eq!(
            lines(&menu),
            [
                "B web on n1 10.0.0.1:80 passing, of this agent",
                "C web on n2 10.0.0.1:80 passing",
                "and 28 more: choose one of their checks"
            ]
        );
        let inner = |letter| match menu.item(letter).unwrap().then.clone() {
            Some(Then::Open(menu)) => lines(&menu),
            other => panic!("{other:?}"),
        };
        assert_eq!(inner('B'), ["D deregister", "U end maintenance"]);
        assert_eq!(
            inner('C'),
            [
                "D deregister",
                "maintenance: only its own agent can do that (:via n2)"
            ]
        );
        let menu = of_instances(&lookup, &found[..1], 1);
        assert_eq!(menu.title, "web on n1 10.0.0.1:80 passing");
        let menu = of_instances(&lookup, &[], 0);
        assert_eq!(lines(&menu), ["the catalog has no such instance"]);
    }
}
