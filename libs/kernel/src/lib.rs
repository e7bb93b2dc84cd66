//! What every part of NEXO speaks of: identities, amounts, time and settings. No I/O beyond reading settings.

mod amount;
mod clock;
mod id;
mod jitter;
mod settings;

pub use amount::{Amount, AmountError};
pub use clock::Clock;
pub use id::{Account, AccountId, Id, Session, SessionId, User, UserId};
pub use jitter::jittered;
pub use settings::{Env, SettingError, SettingsError};
