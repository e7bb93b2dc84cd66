//! What every part of NEXO speaks of: identities, amounts, time and settings. No I/O beyond reading settings, and
//! taking the folder that they name.

mod amount;
mod clock;
mod id;
mod jitter;
mod settings;
mod state;

pub use amount::{Amount, AmountError};
pub use clock::Clock;
pub use id::{Account, AccountId, Id, Session, SessionId, User, UserId};
pub use jitter::jittered;
pub use settings::{
    Env, KNOWN_SETTINGS, ListenAddress, ListenAddressError, SettingError, SettingsError, UnknownSetting,
};
pub use state::{StateError, claim_state, make_folder};
