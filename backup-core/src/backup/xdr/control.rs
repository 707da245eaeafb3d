//! The choreography's door to the cluster: info commands through the cluster view.

use backup_cluster::view::{ClusterView, NodeName};
use backup_xdr::control::{BoxFuture, ControlError, ControlPlane};
use std::sync::Arc;

/// A cluster view as the choreography sees it.
#[derive(Debug)]
pub(super) struct Control {
    view: Arc<dyn ClusterView>,
}

impl Control {
    pub(super) fn new(view: Arc<dyn ClusterView>) -> Self {
        Self { view }
    }
}

impl ControlPlane for Control {
    fn nodes(&self) -> Vec<String> {
        let nodes = self.view.nodes().into_iter();
        nodes.map(|node| node.name.as_str().to_owned()).collect()
    }

    fn info<'a>(
        &'a self,
        node: &'a str,
        command: &'a str,
    ) -> BoxFuture<'a, Result<String, ControlError>> {
        Box::pin(async move {
            let node = NodeName::new(node);
            let answers = self.view.info(&node, &[command]).await;
            let mut answers = answers.map_err(ControlError::new)?;
            Ok(answers.pop().unwrap_or_default())
        })
    }
}
