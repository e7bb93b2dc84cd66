//! The setting `NEXO_BACKUP_RETENTION`.

use std::str::FromStr;

/// Numbers of backups to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Number of newest backups.
    pub last: usize,
    /// Number of days whose newest backup is kept.
    pub daily: usize,
    /// Number of weeks whose newest backup is kept.
    pub weekly: usize,
    /// Number of months whose newest backup is kept.
    pub monthly: usize,
    /// Minimum number of backups to keep.
    pub minimum: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { last: 3, daily: 7, weekly: 4, monthly: 12, minimum: 2 }
    }
}

impl FromStr for Retention {
    type Err = String;

    /// Parses `last=3 daily=7 weekly=4 monthly=12 minimum=2`. Missing rules are 0; the minimum is at least 1.
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
