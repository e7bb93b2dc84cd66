//! Before a command that could lose something: what it will do, and a word from whoever runs it. Both are kept.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions, types::Json};
use uuid::Uuid;

use crate::say;

/// How bad the worst is that a command can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Risk {
    /// Rows may be lost from the live database.
    High,
    /// Nothing is lost, and people notice it.
    Medium,
}

impl Risk {
    /// For a card: `HIGH: what was written since then is not in it`.
    pub(crate) fn because(self, why: &str) -> String {
        let level = match self {
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
        };
        format!("{level}: {why}")
    }
}

/// What an operator reads before they agree.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Card {
    /// What will be done.
    pub(crate) operation: String,
    /// How bad it may be, and why: see [`Risk::because`].
    pub(crate) risk: String,
    /// What may be lost, a line each.
    pub(crate) at_risk: Vec<String>,
    /// The backup that is taken before it.
    pub(crate) backup: String,
    /// How long it takes to bring things back from a backup.
    pub(crate) recovery: String,
    /// How it is undone.
    pub(crate) undo: String,
}

/// Nobody has agreed.
#[derive(Debug, thiserror::Error)]
#[error("not confirmed. Type the database's name when asked, or give --confirm {0}")]
pub(crate) struct NotConfirmed(String);

/// Nobody has agreed that people get access back.
#[derive(Debug, thiserror::Error)]
#[error(
    "not confirmed: members, roles or invitations come back, as the card says. Type yes when asked, or give --with-access"
)]
pub(crate) struct AccessNotConfirmed;

/// Who is asked about which database.
pub(crate) struct Asked<'a> {
    /// The database's name.
    pub(crate) database: String,
    /// What `--confirm` gave.
    pub(crate) given: Option<&'a str>,
    /// Where answers are kept.
    pub(crate) log: PgConnectOptions,
    /// Who runs the command.
    pub(crate) actor: String,
}

impl Card {
    /// Shows the card; does the work if the database's name was given by `--confirm`, or is typed. What was shown,
    /// answered and came out is kept in `ops.operator_log`.
    pub(crate) async fn confirm<T>(
        self,
        asked: &Asked<'_>,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        self.show();
        let agreed = match asked.given {
            Some(given) => given == asked.database,
            None => std::io::stdin().is_terminal() && ask(&asked.database) == asked.database,
        };
        if !agreed {
            note(asked, Uuid::now_v7(), &self, "refused", "nothing was done").await;
            return Err(NotConfirmed(asked.database.clone()).into());
        }
        self.carry_out(asked, work).await
    }

    /// Does the work of a card that was agreed to, or that the schedule has a standing order for. What was shown and came
    /// out is kept in `ops.operator_log`.
    pub(crate) async fn carry_out<T>(
        self,
        asked: &Asked<'_>,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let id = Uuid::now_v7();
        note(asked, id, &self, "confirmed", "begun").await;
        let done = Box::pin(work).await;
        let outcome = done
            .as_ref()
            .map_or_else(|failed| format!("failed: {}", say::causes(failed)), |_| "done".to_owned());
        note(asked, id, &self, "confirmed", &outcome).await; // into the database that is live now
        done
    }

    fn show(&self) {
        say::note(&format!("operation     {}", self.operation));
        say::note(&format!("risk          {}", self.risk));
        for (at, line) in self.at_risk.iter().enumerate() {
            let title = if at == 0 { "data at risk" } else { "" };
            say::note(&format!("{title:<13} {line}"));
        }
        say::note(&format!("backup        {}", self.backup));
        say::note(&format!("recovery      {}", self.recovery));
        say::note(&format!("to undo it    {}", self.undo));
    }
}

/// Asks for `word`, if somebody is there to answer.
pub(crate) fn agrees(question: &str, word: &str) -> bool {
    std::io::stdin().is_terminal() && answer(question) == word
}

fn ask(database: &str) -> String {
    answer(&format!("Type the name of the database ({database}) to go on: "))
}

fn answer(question: &str) -> String {
    let _ = write!(std::io::stderr(), "{question}");
    let mut answer = String::new();
    let _ = std::io::stdin().lock().read_line(&mut answer); // nothing typed is no agreement
    answer.trim().to_owned()
}

/// A database that cannot keep it, as it is older or broken, is no reason to stop an operator who mends it.
async fn note(asked: &Asked<'_>, id: Uuid, card: &Card, answer: &str, outcome: &str) {
    let noted = async {
        let mut conn = PgConnection::connect_with(&asked.log).await?;
        sqlx::query(
            "insert into ops.operator_log (id, actor, operation, card, answer, outcome) values ($1, $2, $3, $4, $5, $6)
             on conflict (id) do update set outcome = excluded.outcome",
        )
        .bind(id)
        .bind(&asked.actor)
        .bind(&card.operation)
        .bind(Json(card))
        .bind(answer)
        .bind(outcome)
        .execute(&mut conn)
        .await?;
        conn.close().await
    };
    if let Err(failed) = noted.await {
        tracing::warn!(error = &failed as &dyn std::error::Error, outcome, "not noted in ops.operator_log");
    }
}
