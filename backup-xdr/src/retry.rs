//! Info commands are tried again (`xdr-protocol.md` §9).

use crate::{
    commands::is_refusal,
    control::{ControlError, ControlPlane},
    error::Error,
};
use std::time::Duration;

/// How often a command is given, and the pauses between: `interval × multiplier^n`, ± 10 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InfoRetry {
    /// Attempts in all; 0 counts as 1 (default 3).
    pub attempts: u32,
    /// The first pause (default 1 s).
    pub interval: Duration,
    /// Growth of the pause (default 1).
    pub multiplier: f64,
}

impl Default for InfoRetry {
    fn default() -> Self {
        Self {
            attempts: 3,
            interval: Duration::from_secs(1),
            multiplier: 1.0,
        }
    }
}

/// Longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(30);

impl InfoRetry {
    /// The pause after `done` failed attempts.
    fn pause(&self, done: u32) -> Duration {
        let exponent = i32::try_from(done.saturating_sub(1)).unwrap_or(i32::MAX);
        let jitter = 0.9 + 0.2 * fastrand::f64();
        let seconds = self.interval.as_secs_f64() * self.multiplier.max(1.0).powi(exponent);
        let pause = Duration::try_from_secs_f64(seconds * jitter).unwrap_or(MAX_PAUSE);
        pause.min(MAX_PAUSE)
    }

    /// Gives a command until it is answered and not refused, or all attempts are used up; the last
    /// answer, which may be a refusal. `settles` says of a refusal that another attempt is of no use.
    ///
    /// # Errors
    /// The last attempt had no answer.
    pub(crate) async fn ask(
        &self,
        control: &dyn ControlPlane,
        node: &str,
        command: &str,
        settles: impl Fn(&str) -> bool,
    ) -> Result<Answer, ControlError> {
        let mut done = 0;
        let mut was_lost = false;
        loop {
            done += 1;
            let answer = control.info(node, command).await;
            let is_last = done >= self.attempts;
            match answer {
                Ok(text) if is_last || !is_refusal(&text) || settles(&text) => {
                    return Ok(Answer { text, was_lost });
                }
                Ok(text) => tracing::debug!(node, command, answer = %text, "refused, again"),
                Err(error) if is_last => return Err(error),
                Err(error) => {
                    was_lost = true;
                    tracing::debug!(node, command, %error, "no answer, again");
                }
            }
            tokio::time::sleep(self.pause(done)).await;
        }
    }

    /// As [`ask`](Self::ask); a refusal is an error.
    pub(crate) async fn command(
        &self,
        control: &dyn ControlPlane,
        node: &str,
        command: &str,
    ) -> Result<String, Error> {
        let answer = self.ask(control, node, command, |_| false).await;
        let answer = answer.map_err(|source| Error::Control {
            node: node.to_owned(),
            command: command.to_owned(),
            source,
        })?;
        if is_refusal(&answer.text) {
            return Err(Error::Refused {
                node: node.to_owned(),
                command: command.to_owned(),
                answer: answer.text,
            });
        }
        Ok(answer.text)
    }
}

/// What a node said in the end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its last answer.
    pub(crate) text: String,
    /// An earlier attempt had no answer: it may have been carried out.
    pub(crate) was_lost: bool,
}
