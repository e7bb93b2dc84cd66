//! Whoever guesses has to wait: counted before the password is looked at, so that fifty guesses at once count as fifty.

mod login;

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::hmac;
use db::{LookUp, Reason, SystemTx, TenantTx};
use identity::Secret;
use kernel::{AccountId, UserId};
use sqlx::types::time::OffsetDateTime;
use uuid::Uuid;
use web::{ClientAddress, Result};

use crate::{App, AuthRefusal, signup::Nothing};
pub(crate) use login::CountedLogin;

/// Makes the keys that attempts are counted under: of what was typed, so that unknown people are counted too.
#[derive(Clone)]
pub struct Throttle(hmac::Key);

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle")
    }
}

/// What is attempted, or who takes a place among the passwords that wait to be hashed.
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
    /// To let somebody with this e-mail log in again.
    Lift(&'o str),
    /// To log in, from one address.
    From(ClientAddress),
    /// To have letters sent, from one address.
    LettersFrom(ClientAddress),
    /// An e-mail and an address together.
    Pair(&'o str, ClientAddress),
    /// Somebody inside an account.
    Account(AccountId),
}

/// How many attempts cost nothing.
const FREE: i32 = 5;
/// How many failed ones cost nothing that come from one address: many people may sit behind it.
const FREE_FROM_ADDRESS: i32 = 50;

impl Of<'_> {
    /// `None`: there is nothing to count under.
    fn bytes(self) -> Option<Vec<u8>> {
        let of = |kind: &str, email: &str| format!("{kind}{}", email.trim().to_lowercase()).into_bytes();
        let from = |kind: &str, ClientAddress(address): ClientAddress| {
            Some(format!("{kind}{}", network(address?)).into_bytes())
        };
        Some(match self {
            Self::Login(email) => of("", email),
            Self::Mail(email) => of("mail ", email),
            Self::Lift(email) => of("lift ", email),
            Self::Token(hash) => [b"token ", hash].concat(),
            Self::Code(user) => [b"code ".as_slice(), Uuid::from(user).as_bytes()].concat(),
            Self::Account(account) => [b"account ".as_slice(), Uuid::from(account).as_bytes()].concat(),
            Self::From(address) => from("from ", address)?,
            Self::LettersFrom(address) => from("letters from ", address)?,
            Self::Pair(email, address) => [from("pair ", address)?, of(" ", email)].concat(),
        })
    }

    fn free(self) -> i32 {
        if matches!(self, Self::From(_) | Self::LettersFrom(_)) { FREE_FROM_ADDRESS } else { FREE }
    }
}

/// What one customer of a provider has, as an operator is shown it: an IPv4 address, or 64 bits of IPv6 (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// What attempts are counted under; the first is what they are about.
pub(crate) struct Counted(Vec<Vec<u8>>);

const COUNT: LookUp = LookUp::new("select count_attempts from app.count_attempts($1, $2)");
const FORGIVE: LookUp = LookUp::new("select from app.forgive_attempts($1)");
const BLOCKED: LookUp = LookUp::new("select attempts_blocked_until from app.attempts_blocked_until($1)");

impl Throttle {
    /// With a key of its own, derived from the deployment's secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key_for("login attempts"))
    }

    /// Counts an attempt under each of these; refuses it if there were too many of one.
    pub(crate) async fn count(&self, app: &App, of: &[Of<'_>]) -> Result<Counted> {
        let (keys, free): (Vec<_>, Vec<_>) =
            of.iter().filter_map(|of| Some((self.sealed(*of)?, of.free()))).unzip();
        #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
        let mut tx = app.db.system(Reason::SignIn).await?;
        let wait: Option<(i32,)> = tx
            .ask(COUNT, |row| {
                row.put(&keys);
                row.put(free);
            })
            .await?;
        tx.commit().await?;
        waits(wait.map_or(0, |(seconds,)| seconds))?;
        Ok(Counted(keys))
    }

    /// The same within a transaction, whose rollback undoes it.
    pub(crate) async fn count_within(&self, tx: &mut TenantTx, of: Of<'_>) -> Result<()> {
        let Some(key) = self.sealed(of) else { return Ok(()) };
        let wait: Option<(i32,)> = tx.look_up(COUNT).bind(vec![key]).bind(vec![of.free()]).optional().await?;
        Ok(waits(wait.map_or(0, |(seconds,)| seconds))?)
    }

    /// What attempts of one kind are counted under, without counting.
    pub(crate) fn key(&self, of: Of<'_>) -> Counted {
        Counted(self.sealed(of).into_iter().collect())
    }

    /// Under what attempts to log in with an e-mail are counted, for an operator who lifts its wait.
    #[must_use]
    pub fn key_of_email(&self, email: &str) -> Vec<u8> {
        self.sealed(Of::Login(email)).unwrap_or_default()
    }

    /// Who takes a place among the passwords that wait to be hashed: each has a share of them.
    pub(crate) fn holders(&self, of: &[Of<'_>]) -> Vec<Vec<u8>> {
        of.iter().filter_map(|of| self.sealed(*of)).collect()
    }

    fn sealed(&self, of: Of<'_>) -> Option<Vec<u8>> {
        Some(hmac::sign(&self.0, &of.bytes()?).as_ref().to_vec())
    }
}

fn waits(seconds: i32) -> Result<(), AuthRefusal> {
    if seconds > 0 { Err(AuthRefusal::TooManyAttempts(seconds.unsigned_abs())) } else { Ok(()) }
}

impl Counted {
    /// It was really they: what it was about is forgotten, and this attempt from that address.
    pub(crate) async fn forgive(self, tx: &mut TenantTx) -> Result<()> {
        tx.look_up::<()>(FORGIVE).bind(self.0).run().await?;
        Ok(())
    }

    /// The same, before anybody is inside an account.
    pub(crate) async fn forgive_outside(self, tx: &mut SystemTx) -> Result<()> {
        tx.ask::<Nothing>(FORGIVE, |row| row.put(self.0)).await?;
        Ok(())
    }

    /// Until when one has to wait.
    pub(crate) async fn blocked_until(self, tx: &mut TenantTx) -> Result<Option<OffsetDateTime>> {
        let blocked: Option<(Option<OffsetDateTime>,)> =
            tx.look_up(BLOCKED).bind(self.0.first()).optional().await?;
        Ok(blocked.and_then(|(until,)| until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_whichever_address_they_take() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
