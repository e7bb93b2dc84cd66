//! Whoever guesses has to wait: counted before the password is looked at, so that fifty guesses at once count as fifty.

use aws_lc_rs::hmac;
use db::{LookUp, Reason, TenantTx};
use identity::Secret;
use kernel::UserId;
use uuid::Uuid;
use web::Result;

use crate::{App, AuthRefusal};

/// Makes the keys that attempts are counted under: of what was typed, so that unknown people are counted too.
#[derive(Clone)]
pub struct Throttle(hmac::Key);

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle")
    }
}

/// What is attempted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'o> {
    /// To show the password that goes with an e-mail.
    Login(&'o str),
    /// To have a letter sent to it.
    Mail(&'o str),
    /// To show what goes with a token.
    Token(&'o [u8]),
    /// To show a code of somebody's second factor.
    Code(UserId),
}

impl Of<'_> {
    fn bytes(self) -> Vec<u8> {
        let of = |kind: &str, email: &str| format!("{kind}{}", email.trim().to_lowercase()).into_bytes();
        match self {
            Self::Login(email) => of("", email),
            Self::Mail(email) => of("mail ", email),
            Self::Token(hash) => [b"token ", hash].concat(),
            Self::Code(user) => [b"code ".as_slice(), Uuid::from(user).as_bytes()].concat(),
        }
    }
}

/// What attempts of one identifier are counted under.
pub(crate) struct Counted(Vec<u8>);

const COUNT: LookUp = LookUp::new("select count_login from app.count_login($1)");
const FORGIVE: LookUp = LookUp::new("select from app.forgive_login($1)");

impl Throttle {
    /// With a key of its own, derived from the deployment's secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key_for("login attempts"))
    }

    /// Counts an attempt; refuses it if there were too many.
    pub(crate) async fn count(&self, app: &App, of: Of<'_>) -> Result<Counted> {
        let key = hmac::sign(&self.0, &of.bytes()).as_ref().to_vec();
        #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
        let mut tx = app.db.system(Reason::SignIn).await?;
        let wait: Option<(i32,)> = tx.ask(COUNT, |row| row.put(&key)).await?;
        tx.commit().await?;
        match wait {
            Some((seconds,)) if seconds > 0 => {
                Err(AuthRefusal::TooManyAttempts(u32::try_from(seconds).unwrap_or(u32::MAX)).into())
            }
            _ => Ok(Counted(key)),
        }
    }
}

impl Counted {
    /// It was really they: all attempts are forgotten.
    pub(crate) async fn forgive(self, tx: &mut TenantTx) -> Result<()> {
        tx.look_up::<()>(FORGIVE).bind(self.0).run().await?;
        Ok(())
    }
}
