//! What a cluster knows beside records: its version, secondary indexes, UDF modules
//! (`info-protocol.md` §2, §6, §7).

mod build;
mod clock;
mod index;
mod udf;

pub use build::Build;
pub use clock::ClockOffset;
pub use index::{BinType, IndexDefinition, IndexSource, IndexType, UnknownIndex};
pub use udf::UdfModule;

use crate::{
    error::Error,
    view::{ClusterView, Node, NodeName, ask, command_name},
};
use aerospike_wire::info;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;

/// Secondary indexes of a namespace.
#[derive(Debug, Default)]
pub struct Indexes {
    /// Those that can be written to a backup.
    pub known: Vec<IndexDefinition>,
    /// Those of kinds that nobody knows yet.
    pub unknown: Vec<UnknownIndex>,
}

/// Metadata commands on a cluster.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a> {
    view: &'a dyn ClusterView,
}

/// How often progress that only polling shows is asked for.
const POLL: Duration = Duration::from_millis(50);

/// The same for what may take hours.
const LONG_POLL: Duration = Duration::from_secs(1);

impl<'a> Metadata<'a> {
    /// Metadata commands through `view`.
    #[must_use]
    pub const fn new(view: &'a dyn ClusterView) -> Self {
        Self { view }
    }

    /// The lowest version among the nodes: what all of them can do.
    ///
    /// # Errors
    /// A node that does not answer, or not with four numbers.
    pub async fn build(&self) -> Result<Build, Error> {
        let mut lowest: Option<Build> = None;
        for node in self.view.nodes() {
            let text = ask(self.view, &node.name, "build").await?;
            let build = text
                .parse()
                .map_err(|reason| nonsense(&node.name, "build", reason))?;
            lowest = Some(lowest.map_or(build, |found: Build| found.min(build)));
        }
        lowest.ok_or(Error::NoNodes)
    }

    /// Whether the namespace exists on any node.
    ///
    /// # Errors
    /// [`Error::NoNamespace`] when it does not; failures of the info command.
    pub async fn check_namespace(&self, namespace: &str) -> Result<(), Error> {
        for node in self.view.nodes() {
            let all = ask(self.view, &node.name, "namespaces").await?;
            if all.split(';').any(|name| name == namespace) {
                return Ok(());
            }
        }
        Err(Error::NoNamespace {
            namespace: namespace.to_owned(),
        })
    }

    /// Records in the namespace: all copies, divided by the number of copies. For progress only.
    ///
    /// # Errors
    /// A node that does not answer, or without these figures.
    pub async fn record_count(&self, namespace: &str) -> Result<u64, Error> {
        let mut records = 0u64;
        for node in self.view.nodes() {
            let (objects, copies) = self.objects(&node.name, namespace).await?;
            records = records.saturating_add(objects.checked_div(copies).unwrap_or_default());
        }
        Ok(records)
    }

    /// The same for some sets of the namespace.
    ///
    /// # Errors
    /// As [`Self::record_count`].
    pub async fn record_count_of_sets(
        &self,
        namespace: &str,
        sets: &[Vec<u8>],
    ) -> Result<u64, Error> {
        let command = format!("sets/{namespace}");
        let (mut objects, mut copies) = (0u64, 1);
        for node in self.view.nodes() {
            copies = self.objects(&node.name, namespace).await?.1;
            let text = ask(self.view, &node.name, &command).await?;
            for entry in info::items(text.as_bytes(), b';') {
                let name = info::value(entry, b':', b"set").unwrap_or_default();
                if sets.iter().any(|set| set == name) {
                    let count = info::value(entry, b':', b"objects").and_then(info::number);
                    objects = objects.saturating_add(count.unwrap_or_default());
                }
            }
        }
        Ok(objects.checked_div(copies).unwrap_or_default())
    }

    /// Copies of records on a node, and how many of each there are in the cluster.
    async fn objects(&self, node: &NodeName, namespace: &str) -> Result<(u64, u64), Error> {
        let command = format!("namespace/{namespace}");
        let text = ask(self.view, node, &command).await?;
        let figure = |key: &str| {
            let value = info::value(text.as_bytes(), b';', key.as_bytes())?;
            info::number::<u64>(value)
        };
        let copies = figure("effective_replication_factor").unwrap_or(1).max(1);
        let objects =
            figure("objects").ok_or_else(|| nonsense(node, &command, "no object count"))?;
        Ok((objects, copies))
    }

    /// The secondary indexes of a namespace.
    ///
    /// # Errors
    /// As [`ask`]; an entry that does not follow the grammar.
    pub async fn indexes(&self, namespace: &str, build: Build) -> Result<Indexes, Error> {
        let node = self.any_node()?;
        let parameter = if build >= Build::NEW_INDEX_SYNTAX {
            "namespace"
        } else {
            "ns"
        };
        let base64 = if build >= Build::INDEX_CONTEXT {
            ";b64=true"
        } else {
            ""
        };
        let command = format!("sindex-list:{parameter}={namespace}{base64}");
        let reply = ask(self.view, &node.name, &command).await?;
        index::parse_list(&reply).map_err(|reason| nonsense(&node.name, &command, reason))
    }

    /// The UDF modules of the cluster, with their sources.
    ///
    /// # Errors
    /// As [`ask`]; content that is not base64.
    pub async fn udfs(&self) -> Result<Vec<UdfModule>, Error> {
        let node = self.any_node()?;
        let list = ask(self.view, &node.name, "udf-list").await?;
        let mut modules = Vec::new();
        for name in udf::names(&list) {
            let command = format!("udf-get:filename={name}");
            let reply = ask(self.view, &node.name, &command).await?;
            let module = udf::parse_module(&name, &reply);
            modules.push(module.map_err(|reason| nonsense(&node.name, &command, reason))?);
        }
        Ok(modules)
    }

    /// The module of this name, if there is one.
    ///
    /// # Errors
    /// As [`ask`]; content that is not base64.
    pub async fn udf(&self, name: &str) -> Result<Option<UdfModule>, Error> {
        let node = self.any_node()?;
        let list = ask(self.view, &node.name, "udf-list").await?;
        if !udf::names(&list).iter().any(|found| found == name) {
            return Ok(None);
        }
        let command = format!("udf-get:filename={name}");
        let reply = ask(self.view, &node.name, &command).await?;
        let module = udf::parse_module(name, &reply);
        let module = module.map_err(|reason| nonsense(&node.name, &command, reason))?;
        Ok(Some(module))
    }

    /// Whether the namespace refuses records that expire: nothing would remove them.
    ///
    /// # Errors
    /// As [`ask`].
    pub async fn refuses_ttl(&self, namespace: &str) -> Result<bool, Error> {
        let command = format!("namespace/{namespace}");
        let node = self.any_node()?;
        let text = ask(self.view, &node.name, &command).await?;
        let value = |key: &[u8]| info::value(text.as_bytes(), b';', key);
        let allows = value(b"allow-ttl-without-nsup").unwrap_or_default();
        Ok(value(b"nsup-period") == Some(b"0") && allows != b"true")
    }

    /// Waits until the index is listed as it is defined.
    ///
    /// # Errors
    /// As [`ask`]; [`Error::Timeout`].
    pub async fn await_index(
        &self,
        index: &IndexDefinition,
        build: Build,
        patience: Duration,
    ) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let listed = self.indexes(index.namespace(), build).await?;
            if listed.known.contains(index) {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::Timeout {
                    node: self.any_node()?.name,
                    action: "listing an index as it was defined",
                    after: patience,
                });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the index is built on all nodes, however long that takes.
    ///
    /// # Errors
    /// As [`ask`]. A node that does not know the index yet is asked again.
    pub async fn await_built(&self, index: &IndexDefinition, build: Build) -> Result<(), Error> {
        let (namespace, name) = (index.namespace(), index.name());
        let command = if build >= Build::NEW_INDEX_SYNTAX {
            format!("sindex-stat:namespace={namespace};indexname={name}")
        } else {
            format!("sindex/{namespace}/{name}")
        };
        let mut pause = POLL;
        for node in self.view.nodes() {
            loop {
                match ask(self.view, &node.name, &command).await {
                    Ok(text) if is_built(&text) => break,
                    Ok(_) => {}
                    Err(Error::Info { refusal, .. }) if refusal.code == 201 => {}
                    // Who has left need not build it.
                    Err(_) if !self.view.nodes().contains(&node) => break,
                    Err(error) => return Err(error),
                }
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONG_POLL);
            }
        }
        Ok(())
    }

    /// Registers a module and waits until every node lists it.
    ///
    /// # Errors
    /// The server's reason, a compile error for example; [`Error::Timeout`].
    pub async fn put_udf(&self, module: &UdfModule, patience: Duration) -> Result<(), Error> {
        let node = self.any_node()?;
        let content = STANDARD.encode(&module.content);
        let command = format!(
            "udf-put:filename={};content={content};content-len={};udf-type=LUA;",
            module.name,
            content.len()
        );
        let reply = ask(self.view, &node.name, &command).await?;
        if !reply.is_empty() && !reply.eq_ignore_ascii_case("ok") {
            return Err(nonsense(&node.name, &command, &reply));
        }
        self.on_all_nodes("registering a UDF module", "udf-list", patience, |list| {
            udf::names(list).contains(&module.name)
        })
        .await
    }

    /// Creates an index. Same name with another definition is [`Error::Info`] with code 200.
    ///
    /// # Errors
    /// The server's reason.
    pub async fn create_index(&self, index: &IndexDefinition, build: Build) -> Result<(), Error> {
        let node = self.any_node()?;
        let reply = ask(self.view, &node.name, &index.create_command(build)).await?;
        if reply.is_empty() || reply.eq_ignore_ascii_case("ok") {
            return Ok(());
        }
        Err(nonsense(&node.name, "sindex-create", &reply))
    }

    /// Drops an index and waits until no node has it.
    ///
    /// # Errors
    /// The server's reason; [`Error::Timeout`].
    pub async fn drop_index(
        &self,
        namespace: &str,
        name: &str,
        build: Build,
        patience: Duration,
    ) -> Result<(), Error> {
        let node = self.any_node()?;
        let parameter = if build >= Build::NEW_INDEX_SYNTAX {
            "namespace"
        } else {
            "ns"
        };
        let command = format!("sindex-delete:{parameter}={namespace};indexname={name}");
        match ask(self.view, &node.name, &command).await {
            Err(Error::Info { refusal, .. }) if refusal.code == 201 => {}
            other => drop(other?),
        }
        let command = format!("sindex-exists:{parameter}={namespace};indexname={name}");
        self.on_all_nodes("dropping an index", &command, patience, |reply| {
            reply == "false"
        })
        .await
    }

    async fn on_all_nodes(
        &self,
        action: &'static str,
        command: &str,
        patience: Duration,
        done: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + patience;
        for node in self.view.nodes() {
            while !done(&ask(self.view, &node.name, command).await?) {
                if tokio::time::Instant::now() >= deadline {
                    return Err(Error::Timeout {
                        node: node.name,
                        action,
                        after: patience,
                    });
                }
                tokio::time::sleep(POLL).await;
            }
        }
        Ok(())
    }

    fn any_node(&self) -> Result<Node, Error> {
        self.view.nodes().into_iter().next().ok_or(Error::NoNodes)
    }
}

/// An answer without a figure comes from a server that has none to tell.
fn is_built(stat: &str) -> bool {
    let loaded = info::value(stat.as_bytes(), b';', b"load_pct").and_then(info::number::<u64>);
    loaded.is_none_or(|percent| percent >= 100)
}

fn nonsense(node: &NodeName, command: &str, reason: impl Into<String>) -> Error {
    Error::InfoText {
        node: node.clone(),
        command: command_name(command),
        reason: reason.into(),
    }
}
