use ::backup::{Entry, Standing};

use super::{super::Context, size};
use crate::say;

pub(in crate::db) async fn run(context: &mut Context) -> anyhow::Result<bool> {
    let config = context.backups()?;
    let entries = config.backups_everywhere().await?;
    if context.json {
        say::json(&entries)?;
        return Ok(true);
    }
    for entry in &entries {
        line(entry);
    }
    if entries.is_empty() {
        say::line(&format!("no backup in {}", config.folder().display()));
    }
    Ok(true)
}

fn line(entry: &Entry) {
    let state = match (entry.standing, &entry.status) {
        (Standing::Stored, _) => "stored, not verified".to_owned(),
        (Standing::Untrusted, _) => "UNTRUSTED: its manifest is not as this NEXO_SECRET wrote it".to_owned(),
        (Standing::Away, _) => format!("in {} alone", entry.places.join(", ")),
        (Standing::Failed, status) => {
            format!("FAILED: {}", status.failed.as_ref().map_or("", |failed| failed.why.as_str()))
        }
        (Standing::Verified, status) => status.verified.as_ref().map_or_else(String::new, |passed| {
            let depth = match passed.level {
                ::backup::Level::Hashes => "hashes",
                ::backup::Level::Archive => "read to its end",
                ::backup::Level::Restored => "restored and compared",
            };
            format!("verified {}: {depth}", passed.at.date())
        }),
    };
    let pinned = entry.status.pinned.as_ref().map(|why| format!(", pinned: {why}")).unwrap_or_default();
    let held = entry.manifest.as_ref().map_or_else(String::new, |manifest| {
        let (tables, rows) = (manifest.tables.len(), manifest.rows());
        let schema = manifest.schema_version.as_deref().unwrap_or("no schema");
        format!("{:>10} {tables:>4} tables {rows:>10} rows  {schema}  ", size(manifest.archive.bytes))
    });
    say::line(&format!("{:<44} {held}{state}{pinned}", entry.name.as_str()));
}
