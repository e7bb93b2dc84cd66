//! Which backups may go.
//!
//! Counted are those that were read to their end and that nobody needs for another reason: a backup that nobody has read is
//! no reason to remove another. The newest that was restored and compared stays whatever is counted.

use std::{collections::BTreeSet, str::FromStr};

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::{Config, Entry, Error, Name, Origin, Standing};

/// How long the way back of a command is kept, as a backup or as a database.
pub(crate) const WAY_BACK: Duration = Duration::days(7);

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
    /// Decides about every backup.
    pub fn fates(&self) -> Result<Vec<Fate>, Error> {
        Ok(decide(&self.backups()?, &self.keep))
    }

    /// Removes the backups that go. Each one is in the log.
    pub async fn remove(&self, fates: &[Fate]) -> Result<(), Error> {
        for fate in fates.iter().filter(|fate| fate.decision == Decision::Remove) {
            for remote in &self.remotes {
                remote.remove(&fate.name).await?;
            }
            self.local.remove(&fate.name)?;
            tracing::info!(backup = %fate.name, reason = fate.why, "removed a backup");
        }
        self.tell_monitors();
        Ok(())
    }

    /// The moment from which ages are counted: that of the newest backup, not of the clock. A clock that jumps removes
    /// nothing. `None`: there is none.
    pub fn newest_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(newest_at(&self.backups()?))
    }
}

fn newest_at(entries: &[Entry]) -> Option<OffsetDateTime> {
    entries.iter().filter(|entry| entry.stands()).find_map(Entry::at)
}

/// Which day, week or month a moment is of.
type Period = fn(OffsetDateTime) -> (i32, u16);

/// `entries` are the newest first.
pub(crate) fn decide(entries: &[Entry], keep: &Keep) -> Vec<Fate> {
    let counted: Vec<&Entry> = entries.iter().filter(|entry| entry.was_read() && is_counted(entry)).collect();
    let rules = Rules {
        kept: counted_out(&counted, keep),
        newest_read: counted.first().map(|entry| entry.name.clone()),
        newest_verified: newest(entries, |entry| entry.standing == Standing::Verified),
        now: newest_at(entries),
    };
    entries.iter().map(|entry| rules.fate(entry)).collect()
}

fn newest(entries: &[Entry], is: impl Fn(&Entry) -> bool) -> Option<Name> {
    entries.iter().find(|entry| is(entry)).map(|entry| entry.name.clone())
}

/// Others have a reason of their own to stay, and take no place of these.
fn is_counted(entry: &Entry) -> bool {
    match entry.origin {
        Origin::Manual | Origin::Scheduled => true,
        Origin::Named => entry.status.released,
        Origin::Command => false,
    }
}

/// Those of `counted` that are among the last, or the newest of a period.
fn counted_out(counted: &[&Entry], keep: &Keep) -> Vec<(Name, String)> {
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
        for entry in counted {
            let Some(at) = entry.at() else { continue };
            if seen.len() < count && seen.insert(of(at)) {
                stay(entry, format!("the newest of its {period}"));
            }
        }
    }
    kept
}

struct Rules {
    kept: Vec<(Name, String)>,
    newest_read: Option<Name>,
    newest_verified: Option<Name>,
    now: Option<OffsetDateTime>,
}

impl Rules {
    fn fate(&self, entry: &Entry) -> Fate {
        let (decision, why) = match self.reason_to_stay(entry) {
            Some(why) => (Decision::Keep, why),
            None => (Decision::Remove, reason_to_go(entry).to_owned()),
        };
        Fate { name: entry.name.clone(), decision, why }
    }

    fn reason_to_stay(&self, entry: &Entry) -> Option<String> {
        if let Some(reason) = &entry.status.pinned {
            return Some(format!("pinned: {reason}"));
        }
        if entry.manifest.is_none() {
            return Some("its manifest is not ours, or is gone: look at it by hand".to_owned());
        }
        if entry.origin == Origin::Named && !entry.status.released {
            return Some("a person named it (`nexo db pin NAME --off` lets it go)".to_owned());
        }
        if entry.origin == Origin::Command && self.is_way_back(entry) {
            return Some("a way back, kept for a week".to_owned());
        }
        if let Some((_, why)) = self.kept.iter().find(|(name, _)| *name == entry.name) {
            return Some(why.clone());
        }
        let Some(verified) = &self.newest_verified else {
            return Some("no backup is verified yet: nothing is removed".to_owned());
        };
        if *verified == entry.name {
            return Some("the newest verified".to_owned());
        }
        let Some(read) = &self.newest_read else {
            return Some("no other backup was read to its end".to_owned());
        };
        let unread = matches!(entry.standing, Standing::Stored | Standing::Failed);
        (unread && entry.name > *read).then(|| "newer than the newest that was read to its end".to_owned())
    }

    /// Whether it was taken or needed within a week of the newest backup.
    fn is_way_back(&self, entry: &Entry) -> bool {
        let needed = entry.status.needed_at.max(entry.at());
        self.now.zip(needed).is_none_or(|(now, needed)| now - needed < WAY_BACK)
    }
}

fn reason_to_go(entry: &Entry) -> &'static str {
    match (entry.standing, entry.origin) {
        (Standing::Failed, _) => "it failed, and a newer one was read to its end",
        (_, Origin::Command) => "a way back of more than a week ago",
        (Standing::Stored, _) => "never read to its end, and a newer one was",
        _ => "retention has enough others",
    }
}

#[cfg(test)]
mod tests;
