//! Takes back what a run has left behind that was killed (`xdr-protocol.md` §8).

use crate::{
    choreography::InfoRetry,
    commands::{self, DcName, is_dc_not_found, is_refusal},
    control::ControlPlane,
    error::Error,
};

/// What became of a clean-up.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// Nodes on which something was taken back.
    pub nodes: Vec<String>,
    /// Nodes on which there was nothing.
    pub untouched: Vec<String>,
    /// What failed; the other nodes were asked all the same.
    pub failures: Vec<Error>,
}

/// Deletes a data centre on every node that has it.
pub async fn stop_xdr(
    control: &dyn ControlPlane,
    dc: &DcName,
    namespace: &str,
    retry: &InfoRetry,
) -> Cleaned {
    let mut cleaned = Cleaned::default();
    for node in control.nodes() {
        match delete(control, &node, dc, namespace, retry).await {
            Ok(true) => cleaned.nodes.push(node),
            Ok(false) => cleaned.untouched.push(node),
            Err(error) => cleaned.failures.push(error),
        }
    }
    cleaned
}

/// Permits writes of transactions on every node.
pub async fn unblock_transactions(
    control: &dyn ControlPlane,
    namespace: &str,
    retry: &InfoRetry,
) -> Cleaned {
    let mut cleaned = Cleaned::default();
    let command = commands::block_transactions(namespace, false);
    for node in control.nodes() {
        match retry.command(control, &node, &command).await {
            Ok(_) => cleaned.nodes.push(node),
            Err(error) => cleaned.failures.push(error),
        }
    }
    cleaned
}

/// Whether there was anything to delete.
async fn delete(
    control: &dyn ControlPlane,
    node: &str,
    dc: &DcName,
    namespace: &str,
    retry: &InfoRetry,
) -> Result<bool, Error> {
    // A data centre without the namespace is one that a run had only begun to make.
    for command in [commands::statistics(dc, namespace), commands::delete(dc)] {
        let answer = retry.ask(control, node, &command, is_dc_not_found).await;
        let answer = answer.map_err(|source| Error::Control {
            node: node.to_owned(),
            command: command.clone(),
            source,
        })?;
        if is_dc_not_found(&answer.text) {
            return Ok(false);
        }
        let is_delete = command.ends_with("delete");
        if is_delete && is_refusal(&answer.text) {
            return Err(Error::Refused {
                node: node.to_owned(),
                command,
                answer: answer.text,
            });
        }
    }
    Ok(true)
}
