//! Shared kernel: identifiers, amounts, texts of a format, time and settings. A value of one of these types has been
//! validated, and ids of different kinds cannot be confused. No I/O except for reading settings and claiming the state
//! folder.
//!
//! * [`Id`] is the UUID of one kind of thing: an [`AccountId`] cannot be passed as a [`UserId`].
//! * [`Text`] is validated by its [`TextFormat`], such as that of an [`EmailAddress`].
//! * [`Env`] reads the settings of a process, and reports all errors at once.
//!
//! ```
//! use kernel::{AccountId, Amount, EmailAddress, Env};
//!
//! assert_ne!(AccountId::new(), AccountId::new());
//! assert!(EmailAddress::try_from("ana at nexo.test".to_owned()).is_err());
//! assert!("12,50".parse::<Amount>().is_err());
//!
//! let mut env = Env::from_values([("NEXO_HASHING_QUEUE".to_owned(), "many".to_owned())]);
//! assert_eq!(env.parsed("NEXO_HASHING_QUEUE", 100), 100);
//! assert!(env.finish().is_err());
//! ```

mod amount;
mod clock;
mod id;
mod jitter;
mod settings;
mod state;
mod text;
mod time_zone;
mod unique;

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
pub use time_zone::time_zone;
pub use unique::unique_id;
