//! A made-up cluster: it writes down what it is told and answers from a script.

use backup_xdr::control::{BoxFuture, ControlError, ControlPlane};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard},
};

/// What a node does with a command that a script is about.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Text(&'static str),
    /// It is carried out, and its answer is lost.
    Lost,
    /// It never arrives.
    Silence,
}

/// A rule: the next commands of a node with this in them are answered so.
#[derive(Debug, Clone)]
struct Rule {
    node: &'static str,
    part: &'static str,
    answers: VecDeque<Answer>,
}

#[derive(Debug, Default)]
struct State {
    nodes: Vec<String>,
    /// Nodes with a data centre.
    dcs: BTreeSet<String>,
    blocked: BTreeSet<String>,
    /// Every command with its node, in order.
    log: Vec<(String, String)>,
    rules: Vec<Rule>,
}

/// The cluster.
#[derive(Debug)]
pub(crate) struct Script {
    state: Mutex<State>,
}

impl Script {
    pub(crate) fn new(nodes: &[&str]) -> Self {
        let state = State {
            nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The next commands of `node` with `part` in them are answered so, one after the other.
    pub(crate) fn answer(&self, node: &'static str, part: &'static str, answers: &[Answer]) {
        self.lock().rules.push(Rule {
            node,
            part,
            answers: answers.iter().cloned().collect(),
        });
    }

    pub(crate) fn set_nodes(&self, nodes: &[&str]) {
        self.lock().nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
    }

    /// What `node` was told, but for questions.
    pub(crate) fn told(&self, node: &str) -> Vec<String> {
        let state = self.lock();
        let told = state
            .log
            .iter()
            .filter(|(to, what)| to == node && what.starts_with("set-"));
        told.map(|(_, what)| what.clone()).collect()
    }

    /// How often `node` was told something with `part` in it.
    pub(crate) fn count(&self, node: &str, part: &str) -> usize {
        let state = self.lock();
        let told = state
            .log
            .iter()
            .filter(|(to, what)| to == node && what.contains(part));
        told.count()
    }

    /// Nothing of a run is left.
    pub(crate) fn assert_clean(&self) {
        let state = self.lock();
        assert!(state.dcs.is_empty(), "{:?}", state.dcs);
        assert!(state.blocked.is_empty(), "{:?}", state.blocked);
    }

    pub(crate) fn add_dc(&self, node: &str) {
        self.lock().dcs.insert(node.to_owned());
    }
}

impl State {
    fn act(&mut self, node: &str, command: &str) -> String {
        let has_dc = self.dcs.contains(node);
        let text = match command {
            "build" => "8.1.0.1",
            "get-config:context=xdr" if has_dc => "dcs=other,dc;src-id=0",
            "get-config:context=xdr" => "dcs=;src-id=0;trace-sample=0",
            _ if command.contains("disable-mrt-writes=true") => {
                self.blocked.insert(node.to_owned());
                "ok"
            }
            _ if command.contains("disable-mrt-writes=false") => {
                self.blocked.remove(node);
                "ok"
            }
            _ if command.ends_with("action=create") => match self.dcs.insert(node.to_owned()) {
                true => "ok",
                false => "ERROR:4:DC already exists",
            },
            _ if !has_dc => "ERROR:4:DC not found",
            _ if command.ends_with("action=delete") => {
                self.dcs.remove(node);
                "ok"
            }
            _ if command.starts_with("get-stats") => "lag=0;recoveries=9;recoveries_pending=0",
            _ => "ok",
        };
        text.to_owned()
    }
}

impl ControlPlane for Script {
    fn nodes(&self) -> Vec<String> {
        self.lock().nodes.clone()
    }

    fn info<'a>(
        &'a self,
        node: &'a str,
        command: &'a str,
    ) -> BoxFuture<'a, Result<String, ControlError>> {
        Box::pin(async move {
            let mut state = self.lock();
            state.log.push((node.to_owned(), command.to_owned()));
            let mut rules = state.rules.iter_mut();
            let rule = rules.find(|rule| {
                rule.node == node && command.contains(rule.part) && !rule.answers.is_empty()
            });
            match rule.and_then(|rule| rule.answers.pop_front()) {
                None => Ok(state.act(node, command)),
                Some(Answer::Text(text)) => Ok(text.to_owned()),
                Some(Answer::Lost) => {
                    state.act(node, command);
                    Err(ControlError::new("the connection broke"))
                }
                Some(Answer::Silence) => Err(ControlError::new("no answer")),
            }
        })
    }
}
