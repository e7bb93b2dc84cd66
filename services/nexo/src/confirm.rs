//! Confirmation of commands that may lose data: shows a risk summary and asks the operator. Both are recorded.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::{operator_log::OperatorLog, output};

/// Severity of a command's worst case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Rows of the live database may be lost.
    High,
    /// Nothing is lost, but users are affected.
    Medium,
}

impl Risk {
    /// Text for the summary: `HIGH: what was written since then is not in it`.
    pub(crate) fn because(self, why: &str) -> String {
        let level = match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
        };
        format!("{level}: {why}")
    }
}

/// Summary that an operator reads before confirming.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RiskSummary {
    /// The operation to be carried out.
    pub(crate) operation: String,
    /// Severity and reason: see [`Risk::because`].
    pub(crate) risk: String,
    /// Data that may be lost, one line each.
    pub(crate) at_risk: Vec<String>,
    /// Backup that is taken before the operation.
    pub(crate) backup: String,
    /// Time to recover from a backup.
    pub(crate) recovery: String,
    /// How to undo the operation.
    pub(crate) undo: String,
}

/// The operator did not confirm.
#[derive(Debug, thiserror::Error)]
#[error("not confirmed. Type the database's name when asked, or give --confirm {0}")]
pub(crate) struct NotConfirmed(String);

/// The operator did not confirm that access is restored.
#[derive(Debug, thiserror::Error)]
#[error(
    "not confirmed: members, roles or invitations come back, as the card says. Type yes when asked, or give --with-access"
)]
pub(crate) struct AccessNotConfirmed;

/// Parameters of a confirmation.
pub(crate) struct ConfirmPrompt<'a> {
    /// Name of the database, to be typed.
    pub(crate) database: String,
    /// Value of `--confirm`, if given.
    pub(crate) given: Option<&'a str>,
    /// Log that records the answer.
    pub(crate) log: OperatorLog,
}

impl RiskSummary {
    /// Shows the summary and carries out the work if the operator confirms the database's name by `--confirm` or at the
    /// prompt. Summary, answer and outcome are recorded in `ops.operator_log`.
    pub(crate) async fn confirm<T>(
        self,
        asked: &ConfirmPrompt<'_>,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let work = Box::pin(work); // it is large
        self.show();
        let agreed = match asked.given {
            Some(given) => given == asked.database,
            None => std::io::stdin().is_terminal() && ask(&asked.database) == asked.database,
        };
        if !agreed {
            asked.log.record_refusal(&self.operation, &self).await;
            return Err(NotConfirmed(asked.database.clone()).into());
        }
        self.carry_out(&asked.log, work).await
    }

    /// Carries out the work of a confirmed summary, or of one that the schedule is authorized for. Summary and outcome
    /// are recorded in `ops.operator_log`.
    pub(crate) async fn carry_out<T>(
        self,
        log: &OperatorLog,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        log.record_card(&self.operation, &self, work).await
    }

    fn show(&self) {
        output::note(&format!("operation     {}", self.operation));
        output::note(&format!("risk          {}", self.risk));
        for (at, line) in self.at_risk.iter().enumerate() {
            let title = if at == 0 { "data at risk" } else { "" };
            output::note(&format!("{title:<13} {line}"));
        }
        output::note(&format!("backup        {}", self.backup));
        output::note(&format!("recovery      {}", self.recovery));
        output::note(&format!("to undo it    {}", self.undo));
    }
}

/// Asks for `word` if standard input is a terminal.
pub(crate) fn agrees(question: &str, word: &str) -> bool {
    std::io::stdin().is_terminal() && answer(question) == word
}

fn ask(database: &str) -> String {
    answer(&format!("Type the name of the database ({database}) to go on: "))
}

fn answer(question: &str) -> String {
    let _ = write!(std::io::stderr(), "{question}");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer); // no input means no
    answer.trim().to_owned()
}
