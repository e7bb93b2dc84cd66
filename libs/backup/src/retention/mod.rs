//! Retention: decides which backups are removed.
//!
//! Only backups that were read completely count, unless they are kept for another reason: an unread backup must
//! not displace another. The newest verified backup always stays.

use std::collections::BTreeSet;

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use crate::{BackupState, Config, Error, ListedBackup, Name, Origin, Retention};

/// Retention period of a command's backup or kept database.
pub(crate) const WAY_BACK: Duration = Duration::days(7);

/// Whether a backup is kept or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The backup is kept by a rule.
    Keep,
    /// The backup is to be removed.
    Remove,
}

/// Decision of retention about one backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionDecision {
    /// Name of the backup it is about.
    pub name: Name,
    /// Whether it is kept or removed.
    pub decision: Decision,
    /// Reason for the decision, as text.
    pub why: String,
}

impl Config {
    /// Decides for each backup whether it is kept.
    pub fn fates(&self) -> Result<Vec<RetentionDecision>, Error> {
        Ok(decide(&self.backups()?, &self.keep))
    }

    /// Removes the backups that the decisions name, and logs each removal.
    pub async fn remove(&self, fates: &[RetentionDecision]) -> Result<(), Error> {
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

    /// Time from which ages are computed: that of the newest backup, not the clock, so that a wrong clock removes
    /// nothing. `None` if there is no backup.
    pub fn newest_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(newest_at(&self.backups()?))
    }
}

fn newest_at(entries: &[ListedBackup]) -> Option<OffsetDateTime> {
    entries.iter().filter(|entry| entry.stands()).find_map(ListedBackup::at)
}

/// Day, week or month of a time.
type Period = fn(OffsetDateTime) -> (i32, u16);

/// Decides about `entries`, which are sorted newest first.
pub(crate) fn decide(entries: &[ListedBackup], keep: &Retention) -> Vec<RetentionDecision> {
    let counted: Vec<&ListedBackup> =
        entries.iter().filter(|entry| entry.was_read() && is_counted(entry)).collect();
    let rules = Rules {
        kept: counted_out(&counted, keep),
        newest_read: counted.first().map(|entry| entry.name.clone()),
        newest_verified: newest(entries, |entry| entry.standing == BackupState::Verified),
        now: newest_at(entries),
    };
    entries.iter().map(|entry| rules.fate(entry)).collect()
}

fn newest(entries: &[ListedBackup], is: impl Fn(&ListedBackup) -> bool) -> Option<Name> {
    entries.iter().find(|entry| is(entry)).map(|entry| entry.name.clone())
}

/// Whether the rules count this backup. Others are kept for reasons of their own and use up no slot.
fn is_counted(entry: &ListedBackup) -> bool {
    match entry.origin {
        Origin::Manual | Origin::Scheduled => true,
        Origin::Named => entry.status.released,
        Origin::Command => false,
    }
}

/// Backups among `counted` that a rule keeps, with the reason: the last ones, or the newest of a period.
fn counted_out(counted: &[&ListedBackup], keep: &Retention) -> Vec<(Name, String)> {
    let mut kept: Vec<(Name, String)> = Vec::new();
    let mut stay = |entry: &ListedBackup, why: String| kept.push((entry.name.clone(), why));
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
    fn fate(&self, entry: &ListedBackup) -> RetentionDecision {
        let (decision, why) = match self.reason_to_stay(entry) {
            Some(why) => (Decision::Keep, why),
            None => (Decision::Remove, reason_to_go(entry).to_owned()),
        };
        RetentionDecision { name: entry.name.clone(), decision, why }
    }

    fn reason_to_stay(&self, entry: &ListedBackup) -> Option<String> {
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
        let unread = matches!(entry.standing, BackupState::Stored | BackupState::Failed);
        (unread && entry.name > *read).then(|| "newer than the newest that was read to its end".to_owned())
    }

    /// Whether a command took or needed it within a week of the newest backup.
    fn is_way_back(&self, entry: &ListedBackup) -> bool {
        let needed = entry.status.needed_at.max(entry.at());
        self.now.zip(needed).is_none_or(|(now, needed)| now - needed < WAY_BACK)
    }
}

fn reason_to_go(entry: &ListedBackup) -> &'static str {
    match (entry.standing, entry.origin) {
        (BackupState::Failed, _) => "it failed, and a newer one was read to its end",
        (_, Origin::Command) => "a way back of more than a week ago",
        (BackupState::Stored, _) => "never read to its end, and a newer one was",
        _ => "retention has enough others",
    }
}

#[cfg(test)]
mod tests;
