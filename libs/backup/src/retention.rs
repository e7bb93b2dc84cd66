//! Which backups may go. Only backups that were verified count: one that nobody has read is no reason to remove another.

use std::{collections::BTreeSet, str::FromStr};

use serde::Serialize;
use time::OffsetDateTime;

use crate::{Config, Entry, Error, Name, Standing};

/// How many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// The newest.
    pub last: usize,
    /// The newest of so many days that have one.
    pub daily: usize,
    /// The same of weeks.
    pub weekly: usize,
    /// The same of months.
    pub monthly: usize,
    /// Never fewer than so many.
    pub minimum: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { last: 3, daily: 7, weekly: 4, monthly: 12, minimum: 2 }
    }
}

impl FromStr for Keep {
    type Err = String;

    /// `last=3 daily=7 weekly=4 monthly=12 minimum=2`; what is not named is 0, the minimum at least 1.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut keep = Self { last: 0, daily: 0, weekly: 0, monthly: 0, minimum: 1 };
        for part in text.split([' ', ',']).filter(|part| !part.is_empty()) {
            let wrong = || format!("`{part}` is none of last=, daily=, weekly=, monthly=, minimum=");
            let (name, count) = part.split_once('=').ok_or_else(wrong)?;
            let count: usize = count.parse().map_err(|_| wrong())?;
            match name {
                "last" => keep.last = count,
                "daily" => keep.daily = count,
                "weekly" => keep.weekly = count,
                "monthly" => keep.monthly = count,
                "minimum" => keep.minimum = count.max(1),
                _ => return Err(wrong()),
            }
        }
        Ok(keep)
    }
}

/// Whether one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It stays.
    Keep,
    /// It goes.
    Remove,
}

/// What becomes of one backup, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// Which.
    pub name: Name,
    /// Whether it stays.
    pub decision: Decision,
    /// Why.
    pub why: String,
}

impl Config {
    /// Decides about every backup, and removes what may go unless `dry`.
    pub async fn prune(&self, dry: bool) -> Result<Vec<Fate>, Error> {
        let fates = decide(&self.backups()?, &self.keep);
        for fate in fates.iter().filter(|fate| !dry && fate.decision == Decision::Remove) {
            for remote in &self.remotes {
                remote.remove(&fate.name).await?;
            }
            self.local.remove(&fate.name)?;
        }
        Ok(fates)
    }
}

/// Which day, week or month a moment is of.
type Period = fn(OffsetDateTime) -> (i32, u16);

/// `entries` are the newest first. Days are those of the backups, not of the clock: a clock that jumps removes nothing.
pub(crate) fn decide(entries: &[Entry], keep: &Keep) -> Vec<Fate> {
    let counted: Vec<&Entry> = entries.iter().filter(|entry| entry.standing == Standing::Verified).collect();
    let newest = counted.first().map(|entry| entry.name.clone());
    let mut kept: Vec<(Name, String)> = Vec::new();
    let mut stay = |entry: &Entry, why: String| kept.push((entry.name.clone(), why));
    for (at, entry) in counted.iter().enumerate() {
        if at < keep.last {
            stay(entry, format!("one of the last {}", keep.last));
        } else if at < keep.minimum {
            stay(entry, format!("one of at least {}", keep.minimum));
        }
    }
    let periods: [(&str, usize, Period); 3] = [
        ("day", keep.daily, |at| (at.year(), at.ordinal())),
        ("week", keep.weekly, |at| {
            let (year, week, _) = at.to_iso_week_date();
            (year, week.into())
        }),
        ("month", keep.monthly, |at| (at.year(), u8::from(at.month()).into())),
    ];
    for (period, count, of) in periods {
        let mut seen = BTreeSet::new();
        for entry in &counted {
            let Some(manifest) = &entry.manifest else { continue };
            if seen.len() < count && seen.insert(of(manifest.made.at)) {
                stay(entry, format!("the newest of its {period}"));
            }
        }
    }
    entries.iter().map(|entry| fate(entry, newest.as_ref(), &kept)).collect()
}

fn fate(entry: &Entry, newest: Option<&Name>, kept: &[(Name, String)]) -> Fate {
    let keep = |why: String| Fate { name: entry.name.clone(), decision: Decision::Keep, why };
    if let Some(because) = &entry.status.pinned {
        return keep(format!("pinned: {because}"));
    }
    if let Some((_, why)) = kept.iter().find(|(name, _)| *name == entry.name) {
        return keep(why.clone());
    }
    let Some(newest) = newest else {
        return keep("no backup is verified yet: nothing is removed".to_owned());
    };
    if *newest == entry.name {
        return keep("the newest verified".to_owned());
    }
    let why = match entry.standing {
        _ if entry.name > *newest => return keep("newer than the newest verified".to_owned()),
        Standing::Verified => "retention has enough others",
        Standing::Stored => "never verified, and a newer one is",
        Standing::Failed => "failed verification, and a newer one passed",
        Standing::Away | Standing::Untrusted => {
            return keep("its manifest is not ours: look at it by hand".to_owned());
        }
    };
    Fate { name: entry.name.clone(), decision: Decision::Remove, why: why.to_owned() }
}
