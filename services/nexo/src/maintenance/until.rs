use std::str::FromStr;

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// End of the maintenance: a time or a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Moment(OffsetDateTime),
    After(Duration),
}

/// The text is neither a time nor a duration.
#[derive(Debug, thiserror::Error)]
#[error("must be a time such as 2026-11-30T22:30:00Z, or so long from now on: 30m, 2h")]
pub(super) struct NoTime;

/// Maximum time until the end of a maintenance.
const MAX_DURATION: Duration = Duration::days(7);

impl FromStr for Until {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self::Moment(moment));
        }
        let at = text.find(|letter: char| !letter.is_ascii_digit()).ok_or(NoTime)?;
        let (number, unit) = text.split_at(at);
        let number: i64 = number.parse().map_err(|_| NoTime)?;
        let seconds = match unit {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3600,
            "d" => 86400,
            _ => return Err(NoTime),
        };
        number.checked_mul(seconds).map(|seconds| Self::After(Duration::seconds(seconds))).ok_or(NoTime)
    }
}

impl Until {
    /// The end as a time; `now` is by the database's clock.
    pub(super) fn after(self, now: OffsetDateTime) -> anyhow::Result<OffsetDateTime> {
        let moment = match self {
            Self::Moment(moment) => moment,
            Self::After(time) => whole_second(now).saturating_add(time),
        };
        anyhow::ensure!(
            moment > now,
            "--until is over already: by the clock of the database it is {}",
            now.format(&Rfc3339)?
        );
        anyhow::ensure!(moment - now <= MAX_DURATION, "--until is more than seven days from now");
        Ok(moment)
    }
}

/// Truncates to whole seconds, for readability.
fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment - Duration::nanoseconds(i64::from(moment.nanosecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_moment_or_so_long_from_now_on() {
        let now = OffsetDateTime::parse("2026-11-30T22:00:00Z", &Rfc3339).unwrap();
        let until = |text: &str| text.parse::<Until>().ok()?.after(now).ok()?.format(&Rfc3339).ok();
        assert_eq!(until("30m").as_deref(), Some("2026-11-30T22:30:00Z"));
        assert_eq!(until("2h").as_deref(), Some("2026-12-01T00:00:00Z"));
        assert_eq!(until("2026-11-30T23:00:00+01:00"), None, "that is now");
        assert_eq!(until("2026-11-30T23:30:00+01:00").as_deref(), Some("2026-11-30T23:30:00+01:00"));
        for none in ["", "30", "m", "-5m", "tomorrow", "2026-11-30", "8d", "99999999999999999999h"] {
            assert_eq!(until(none), None, "{none}");
        }
    }
}
