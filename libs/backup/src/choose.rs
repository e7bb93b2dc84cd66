//! Which backup is meant by a name, or by `latest`.

use crate::{Config, Entry, Error, Name, Origin, Standing};

/// The word for the newest backup.
pub const LATEST: &str = "latest";

/// A backup that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// Which. It is here.
    pub name: Name,
    /// Newer ones that `latest` does not mean, and why, a line each.
    pub passed_over: Vec<String>,
}

impl Config {
    /// The backup of this name. `latest`: the newest that stands and was not taken by another command. A restore that
    /// was killed has taken one of the present state; `latest` must mean the same as before.
    ///
    /// One that is in another store alone is brought here.
    pub async fn choose(&self, wanted: &str) -> Result<Chosen, Error> {
        let entries = self.backups_everywhere().await?;
        if wanted != LATEST {
            let name = self.fetched(&named(&entries, wanted)?).await?;
            return Ok(Chosen { name, passed_over: Vec::new() });
        }
        if entries.is_empty() {
            return Err(Error::None);
        }
        let mut passed_over = Vec::new();
        for entry in &entries {
            let why = match unfit(entry) {
                Some(why) => why,
                None => match self.brought(entry).await? {
                    None => return Ok(Chosen { name: entry.name.clone(), passed_over }),
                    Some(failure) => failure,
                },
            };
            passed_over.push(format!("{}: {why}", entry.name));
        }
        Err(Error::NoLatest(passed_over))
    }

    /// [`choose`](Self::choose), without the reasons.
    pub async fn bring(&self, wanted: &str) -> Result<Name, Error> {
        Ok(self.choose(wanted).await?.name)
    }

    /// The backup to verify. `latest`: the newest that was not taken by another command, also one that failed: it may
    /// have come back.
    pub async fn bring_to_verify(&self, wanted: &str) -> Result<Name, Error> {
        let entries = self.backups_everywhere().await?;
        let found = if wanted == LATEST {
            let meant = entries.iter().find(|entry| entry.origin != Origin::Command);
            meant.or(entries.first()).ok_or(Error::None)?.clone()
        } else {
            named(&entries, wanted)?
        };
        self.fetched(&found).await
    }

    /// The one of this name here; `latest` as [`choose`](Self::choose) has it.
    pub fn find(&self, wanted: &str) -> Result<Name, Error> {
        let entries = self.backups()?;
        if wanted != LATEST {
            return Ok(named(&entries, wanted)?.name);
        }
        let found = entries.iter().find(|entry| unfit(entry).is_none());
        found.map(|entry| entry.name.clone()).ok_or_else(|| none(&entries))
    }

    /// Brings one here that is away; why it failed on the way, if it did.
    async fn brought(&self, entry: &Entry) -> Result<Option<String>, Error> {
        self.fetched(entry).await?;
        Ok(if entry.standing == Standing::Away { self.entry(entry.name.clone()).failure } else { None })
    }

    async fn fetched(&self, entry: &Entry) -> Result<Name, Error> {
        if entry.standing == Standing::Away {
            for remote in &self.remotes {
                if remote.names().await?.contains(&entry.name) {
                    Box::pin(remote.fetch(&self.local, &entry.name)).await?;
                    break;
                }
            }
        }
        Ok(entry.name.clone())
    }
}

fn named(entries: &[Entry], wanted: &str) -> Result<Entry, Error> {
    let wanted: Name = wanted.parse()?;
    let found = entries.iter().find(|entry| entry.name == wanted);
    found.cloned().ok_or_else(|| Error::NoSuch(wanted.to_string()))
}

fn none(entries: &[Entry]) -> Error {
    if entries.is_empty() {
        return Error::None;
    }
    let why = |entry: &Entry| Some(format!("{}: {}", entry.name, unfit(entry)?));
    Error::NoLatest(entries.iter().filter_map(why).collect())
}

/// Why `latest` does not mean it.
fn unfit(entry: &Entry) -> Option<String> {
    match (&entry.failure, entry.origin) {
        (Some(failure), _) => Some(format!("it failed: {failure}")),
        (None, Origin::Command) => {
            Some("another command took it, of the state before or after it".to_owned())
        }
        _ => None,
    }
}
