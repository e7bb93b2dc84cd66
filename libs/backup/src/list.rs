use serde::Serialize;

use crate::{
    Config, Error, Manifest, Name, Status,
    make::purpose,
    manifest::FORMAT,
    store::{MANIFEST, STATUS},
};

/// One backup.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// What it is called.
    pub name: Name,
    /// How it stands.
    pub standing: Standing,
    /// What it holds; `None`: its manifest cannot be trusted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// What became of it.
    pub status: Status,
    /// Where it is.
    pub places: Vec<String>,
}

/// How a backup stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is whole, and nobody has tried it.
    Stored,
    /// It was tried, and passed.
    Verified,
    /// It was tried, and did not pass.
    Failed,
    /// Its manifest is not as we wrote it.
    Untrusted,
    /// It is in another store alone; restoring or verifying it brings it here.
    Away,
}

impl Config {
    /// All backups, newest first.
    pub fn backups(&self) -> Result<Vec<Entry>, Error> {
        let names = self.local.names()?;
        Ok(names.into_iter().rev().map(|name| self.entry(name)).collect())
    }

    fn entry(&self, name: Name) -> Entry {
        let manifest = self.manifest(&name).ok();
        let status = self.status(&name);
        let standing = match (&manifest, &status) {
            (None, _) => Standing::Untrusted,
            (_, Status { failed: Some(_), .. }) => Standing::Failed,
            (_, Status { verified: Some(_), .. }) => Standing::Verified,
            _ => Standing::Stored,
        };
        let places = vec![self.local.path().join(name.as_str()).display().to_string()];
        Entry { name, standing, manifest, status, places }
    }

    /// The same, and those that are far away alone.
    pub async fn backups_everywhere(&self) -> Result<Vec<Entry>, Error> {
        let mut entries = self.backups()?;
        for remote in &self.remotes {
            for name in remote.names().await? {
                let place = format!("{remote}/{name}");
                if let Some(entry) = entries.iter_mut().find(|entry| entry.name == name) {
                    entry.places.push(place);
                } else {
                    let (standing, status) = (Standing::Away, Status::default());
                    entries.push(Entry { name, standing, manifest: None, status, places: vec![place] });
                }
            }
        }
        entries.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(entries)
    }

    /// The one of this name, or the newest for `latest`; one that is far away alone is brought here.
    pub async fn bring(&self, wanted: &str) -> Result<Name, Error> {
        let everywhere = self.backups_everywhere().await?;
        let found = if wanted == "latest" {
            everywhere.first().ok_or(Error::None)?
        } else {
            let wanted: Name = wanted.parse()?;
            let found = everywhere.iter().find(|entry| entry.name == wanted);
            found.ok_or_else(|| Error::NoSuch(wanted.to_string()))?
        };
        if found.standing == Standing::Away {
            for remote in &self.remotes {
                if remote.names().await?.contains(&found.name) {
                    Box::pin(remote.fetch(&self.local, &found.name)).await?;
                    break;
                }
            }
        }
        Ok(found.name.clone())
    }

    /// The one of this name here, or the newest for `latest`.
    pub fn find(&self, wanted: &str) -> Result<Name, Error> {
        let names = self.local.names()?;
        if wanted == "latest" {
            return names.last().cloned().ok_or(Error::None);
        }
        let wanted: Name = wanted.parse()?;
        names.into_iter().find(|name| *name == wanted).ok_or_else(|| Error::NoSuch(wanted.to_string()))
    }

    /// What a backup holds, if its manifest is as we wrote it.
    pub fn manifest(&self, name: &Name) -> Result<Manifest, Error> {
        let bytes = self.local.read(name, MANIFEST)?;
        let manifest: Option<Manifest> = self.signer.open(&purpose(MANIFEST, name), &bytes);
        let manifest = manifest.filter(|manifest| manifest.name == *name).ok_or_else(|| Error::Damaged {
            name: name.clone(),
            what: "its manifest was not written with this NEXO_SECRET, or was changed".to_owned(),
        })?;
        if manifest.format > FORMAT { Err(Error::Later(name.clone())) } else { Ok(manifest) }
    }

    /// What became of it; nothing, if that cannot be trusted.
    pub(crate) fn status(&self, name: &Name) -> Status {
        let bytes = self.local.read(name, STATUS).unwrap_or_default();
        self.signer.open(&purpose(STATUS, name), &bytes).unwrap_or_default()
    }

    pub(crate) async fn note(&self, name: &Name, change: impl FnOnce(&mut Status)) -> Result<(), Error> {
        let bytes = {
            let _held = self.local.hold(name)?;
            let mut status = self.status(name);
            change(&mut status);
            let bytes = self.signer.sign(&purpose(STATUS, name), &status)?;
            self.local.replace(name, STATUS, &bytes)?;
            bytes
        };
        for remote in &self.remotes {
            if let Err(failed) = Box::pin(remote.send_one(name, STATUS, bytes.clone())).await {
                tracing::warn!(error = %failed, backup = %name, "what became of it is noted here alone");
            }
        }
        self.tell_monitors();
        Ok(())
    }

    /// Says that a backup is never to be removed, and why; `None`: that it may be.
    pub async fn pin(&self, name: &Name, because: Option<String>) -> Result<(), Error> {
        self.note(name, |status| status.pinned = because).await
    }
}
