//! Limits guessing. Attempts are counted before the password is verified, so that fifty concurrent guesses count as
//! fifty.

mod login;

use std::net::{IpAddr, Ipv6Addr};

use aws_lc_rs::hmac;
use db::{Db, LookupFunction, Reason, SystemTx, TenantTx};
use identity::Secret;
use kernel::{AccountId, UserId};
use time::OffsetDateTime;
use uuid::Uuid;
use web::{ClientAddress, Result};

use crate::AuthRefusal;
pub(crate) use login::CountedLogin;

/// Derives the keys that attempts are counted under: from what was typed, so that unknown users are counted too.
#[derive(Clone)]
pub struct Throttle(hmac::Key);

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Throttle")
    }
}

/// Kind of attempt, or a holder of a share of the hashing queue.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AttemptKey<'o> {
    /// Verifying the password of an e-mail.
    Login(&'o str),
    /// Sending an e-mail to this address.
    Mail(&'o str),
    /// Using a token from an e-mail.
    Token(&'o [u8]),
    /// Using a second-factor code of this user.
    Code(UserId),
    /// Lifting the wait of this e-mail.
    Lift(&'o str),
    /// Logging in from a client address.
    From(ClientAddress),
    /// Requesting e-mails from a client address.
    LettersFrom(ClientAddress),
    /// An e-mail and a client address together.
    Pair(&'o str, ClientAddress),
    /// Any user of this account.
    Account(AccountId),
}

/// Number of failed attempts without a wait.
const FREE: i32 = 5;
/// Number of failed attempts from one address without a wait: many users may share it.
const FREE_FROM_ADDRESS: i32 = 50;

impl AttemptKey<'_> {
    /// Canonical bytes of the key; `None` if there is nothing to count under.
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

/// The network of one customer, as shown to operators: an IPv4 address, or an IPv6 /64 (RFC 6177).
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

/// Keys that an attempt was counted under; the first is its subject.
pub(crate) struct CountedAttempts(Vec<Vec<u8>>);

const COUNT: LookupFunction = LookupFunction::new("select count_attempts from app.count_attempts($1, $2)");
const FORGIVE: LookupFunction = LookupFunction::new("select from app.forgive_attempts($1)");
const BLOCKED: LookupFunction =
    LookupFunction::new("select attempts_blocked_until from app.attempts_blocked_until($1)");

impl Throttle {
    /// Derives a separate key from the deployment's secret.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(secret.key_for("login attempts"))
    }

    /// Counts an attempt under each of the keys; rejects it if one of them has too many.
    pub(crate) async fn count(&self, db: &Db, of: &[AttemptKey<'_>]) -> Result<CountedAttempts> {
        let (keys, free): (Vec<_>, Vec<_>) =
            of.iter().filter_map(|of| Some((self.sealed(*of)?, of.free()))).unzip();
        #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
        let tx = db.begin_unscoped(Reason::SignIn).await?;
        let wait: Option<(i32,)> = tx
            .ask_and_commit(COUNT, |row| {
                row.bind(&keys);
                row.bind(free);
            })
            .await?;
        waits(wait.map_or(0, |(seconds,)| seconds))?;
        Ok(CountedAttempts(keys))
    }

    /// Counts an attempt within a transaction, whose rollback undoes it.
    pub(crate) async fn count_within(&self, tx: &mut TenantTx, of: AttemptKey<'_>) -> Result<()> {
        let Some(key) = self.sealed(of) else { return Ok(()) };
        let wait: Option<(i32,)> = tx.look_up(COUNT).bind(vec![key]).bind(vec![of.free()]).optional().await?;
        Ok(waits(wait.map_or(0, |(seconds,)| seconds))?)
    }

    /// Keys of one kind of attempt, without counting.
    pub(crate) fn key(&self, of: AttemptKey<'_>) -> CountedAttempts {
        CountedAttempts(self.sealed(of).into_iter().collect())
    }

    /// Key for login attempts with an e-mail, for an operator who lifts its wait.
    #[must_use]
    pub fn key_of_email(&self, email: &str) -> Vec<u8> {
        self.sealed(AttemptKey::Login(email)).unwrap_or_default()
    }

    /// Holders of shares of the hashing queue, which limits each holder to its share.
    pub(crate) fn holders(&self, of: &[AttemptKey<'_>]) -> Vec<Vec<u8>> {
        of.iter().filter_map(|of| self.sealed(*of)).collect()
    }

    fn sealed(&self, of: AttemptKey<'_>) -> Option<Vec<u8>> {
        Some(hmac::sign(&self.0, &of.bytes()?).as_ref().to_vec())
    }
}

fn waits(seconds: i32) -> Result<(), AuthRefusal> {
    if seconds > 0 { Err(AuthRefusal::TooManyAttempts(seconds.unsigned_abs())) } else { Ok(()) }
}

impl CountedAttempts {
    /// Resets the counters after success: clears the first key, and subtracts this attempt from the others.
    pub(crate) async fn reset(self, tx: &mut TenantTx) -> Result<()> {
        tx.look_up::<()>(FORGIVE).bind(self.0).run().await?;
        Ok(())
    }

    /// Resets the counters in a transaction outside any account.
    pub(crate) async fn forgive_outside(self, tx: &mut SystemTx) -> Result<()> {
        tx.ask::<()>(FORGIVE, |row| row.bind(self.0)).await?;
        Ok(())
    }

    /// Time until which attempts are rejected.
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
