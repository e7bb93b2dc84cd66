//! Shared kernel of NEXO: identifiers, amounts, texts of a format, time and settings. No I/O except for reading
//! settings and claiming the state folder.

mod amount;
mod clock;
mod id;
mod jitter;
mod settings;
mod state;
mod text;

pub use amount::{Amount, AmountError};
pub use clock::Clock;
pub use id::{Account, AccountId, Id, Session, SessionId, User, UserId};
pub use jitter::jittered;
pub use settings::{
    Env, KNOWN_SETTINGS, ListenAddress, ListenAddressError, SettingError, SettingsError, UnknownSetting,
};
pub use state::{StateError, claim_state, make_folder};
pub use text::{
    CurrencyCode, CurrencyCodeFormat, EmailAddress, EmailAddressFormat, LoginEmail, LoginEmailFormat,
    PhoneNumber, PhoneNumberFormat, Text, TextError, TextFormat, TextRule, WebUrl, WebUrlFormat,
};
