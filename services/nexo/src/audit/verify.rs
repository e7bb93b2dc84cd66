use std::{fs, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{entries, tell};
use crate::{account_lookup::find_account, output};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Slug or id of the account.
    account: String,
    /// Compare with an earlier `--json` report: also detects a chain that was rewritten in the database since.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Print the report as JSON, for a later `--against`.
    #[arg(long)]
    json: bool,
}

/// Result of a verification.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    account_id: Uuid,
    slug: String,
    /// Number of entries, and how many of them were emptied by a purge of their record.
    entries: i64,
    erased: i64,
    chains: Vec<Chain>,
    faults: Vec<Fault>,
}

/// Length of a chain, and the hash of its last link in hexadecimal.
#[derive(Debug, Serialize, Deserialize, FromRow)]
struct Chain {
    id: Uuid,
    links: i64,
    hash: String,
}

/// A break in a hash chain.
#[derive(Debug, Serialize, Deserialize, FromRow)]
struct Fault {
    /// Kind of fault: `altered`, `missing`, `cut off`, `put in`, `unchained` or `written anew`.
    #[serde(rename = "fault")]
    #[sqlx(rename = "fault")]
    kind: String,
    chain_id: Option<Uuid>,
    link: Option<i64>,
    entries: Option<Vec<Uuid>>,
}

impl Verify {
    pub(super) async fn run(self, conn: &mut PgConnection) -> anyhow::Result<bool> {
        let earlier = self.against.as_ref().map(|path| {
            let text =
                fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            serde_json::from_str(&text)
                .with_context(|| format!("{} is not what `nexo audit verify --json` said", path.display()))
        });
        let report = Report::read(conn, &self.account, earlier.transpose()?).await?;
        if self.json {
            output::json(&report)?;
        } else {
            tell(report.lines());
        }
        Ok(report.faults.is_empty())
    }
}

impl Report {
    async fn read(conn: &mut PgConnection, named: &str, earlier: Option<Self>) -> anyhow::Result<Self> {
        let (account_id, slug) = find_account(conn, named).await?;
        if let Some(other) = earlier.as_ref().filter(|earlier| earlier.account_id != account_id) {
            anyhow::bail!("the file is about {}, not about {slug}", other.slug);
        }
        let mut tx = sqlx::Connection::begin(conn).await?;
        sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
        let (entries, erased) =
            sqlx::query_as("select count(*), count(erased) from app.audit_log where account_id = $1")
                .bind(account_id)
                .fetch_one(&mut *tx)
                .await?;
        let chains = sqlx::query_as(
            "select id, links, encode(hash, 'hex') as hash from app.audit_chains where account_id = $1 order by id",
        );
        let chains = chains.bind(account_id).fetch_all(&mut *tx).await?;
        let faults = sqlx::query_as("select fault, chain_id, link, entries from ops.audit_faults($1)");
        let mut faults: Vec<Fault> = faults.bind(account_id).fetch_all(&mut *tx).await?;
        for chain in earlier.into_iter().flat_map(|earlier| earlier.chains) {
            if !stands(&mut tx, account_id, &chain).await? {
                let Chain { id, links, .. } = chain;
                let kind = "written anew".to_owned();
                faults.push(Fault { kind, chain_id: Some(id), link: Some(links), entries: None });
            }
        }
        tx.commit().await?;
        Ok(Self { account_id, slug, entries, erased, chains, faults })
    }

    fn lines(&self) -> Vec<String> {
        let Self { slug, chains, faults, .. } = self;
        let held = format!("{} in {} of {slug}", entries(self.entries), plural(chains.len(), "chain"));
        if faults.is_empty() {
            return vec![format!("{held}: none was changed, removed or put in")];
        }
        let mut lines: Vec<_> = faults.iter().map(Fault::line).collect();
        lines.push(format!("{held}: {}", plural(faults.len(), "fault")));
        lines
    }
}

impl Fault {
    fn line(&self) -> String {
        let place = match (self.chain_id, self.link) {
            (Some(chain), Some(link)) => format!("link {link} of chain {chain}"),
            _ => "outside of every chain".to_owned(),
        };
        let ids = self.entries.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let about = match self.kind.as_str() {
            "altered" => "an entry was changed, removed or put in here, among",
            "missing" => "entries were removed from here on",
            "cut off" => "the newest entries were removed, from here on",
            "put in" => "written past the chain's end:",
            "unchained" => "written past every chain, by hand or by an older release:",
            _ => "is not what the file says it was",
        };
        format!("{:<12} {place}: {about} {ids}", self.kind).trim_end().to_owned()
    }
}

/// True if the link that was a chain's last one still has the same hash.
async fn stands(conn: &mut PgConnection, account: Uuid, chain: &Chain) -> Result<bool, sqlx::Error> {
    let hash = sqlx::query_as(
        "select encode(link_hash, 'hex') from app.audit_log where account_id = $1 and chain_id = $2 and link = $3 limit 1",
    );
    let hash: Option<(String,)> =
        hash.bind(account).bind(chain.id).bind(chain.links).fetch_optional(conn).await?;
    Ok(hash.is_some_and(|(hash,)| hash == chain.hash))
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
