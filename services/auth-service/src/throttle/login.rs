//! Counts login attempts by client address and by e-mail. A user who logged in from an address within 30 days is not
//! held back by others' attempts there.

use db::{Db, LookupFunction, Reason, TenantTx};
use tokio::sync::Semaphore;
use web::{ClientAddress, Result};

use super::{AttemptKey, Throttle, network, waits};

/// A login attempt that was counted.
pub(crate) struct CountedLogin {
    email: Vec<u8>,
    /// `None` if the attempt bypassed the address's wait, and was not counted there.
    address: Option<Vec<u8>>,
    pair: Option<Vec<u8>>,
    /// Whether the user has logged in from this address within 30 days.
    pub(crate) is_known: bool,
}

const COUNT: LookupFunction =
    LookupFunction::new("select count_login_attempt from app.count_login_attempt($1, $2, $3, $4, $5)");
const FORGIVE: LookupFunction = LookupFunction::new("select from app.forgive_login_attempt($1, $2, $3)");
const IS_KNOWN: LookupFunction = LookupFunction::new("select is_known_login from app.is_known_login($1)");
/// Result for an attempt that bypassed the address's wait, which is of a known user as well.
const PASSED: i32 = -1;
/// Result for an attempt of a known user.
const KNOWN: i32 = -2;

/// Limits the lookups of [`Throttle::is_known`].
static LOOKUPS: Semaphore = Semaphore::const_new(2);

impl Throttle {
    /// Counts a login attempt; rejects it if there were too many.
    pub(crate) async fn count_login(
        &self,
        db: &Db,
        email: &str,
        from: ClientAddress,
    ) -> Result<CountedLogin> {
        let (about, of_address) = (AttemptKey::Login(email), AttemptKey::From(from));
        let (Some(address), Some(pair), Some(client)) =
            (self.sealed(of_address), self.sealed(AttemptKey::Pair(email, from)), from.0)
        else {
            self.count(db, &[about]).await?;
            return Ok(CountedLogin {
                email: self.key_of_email(email),
                address: None,
                pair: None,
                is_known: false,
            });
        };
        let key = self.key_of_email(email);
        #[expect(clippy::disallowed_methods, reason = "the caller is not identified yet")]
        let tx = db.begin_unscoped(Reason::SignIn).await?;
        let answer: Option<(i32,)> = tx
            .ask_and_commit(COUNT, |row| {
                row.bind(&key);
                row.bind(&address);
                row.bind(&pair);
                row.bind(vec![about.free(), of_address.free()]);
                row.bind(network(client));
            })
            .await?;
        let answer = answer.map_or(0, |(answer,)| answer);
        waits(answer)?;
        let address = (answer != PASSED).then_some(address);
        Ok(CountedLogin { email: key, address, pair: Some(pair), is_known: matches!(answer, PASSED | KNOWN) })
    }

    /// Whether a user with this e-mail has logged in from this address within 30 days. Counts nothing. Answers no while
    /// others are looked up, or if the database does not answer: a flood of strangers costs no more than two lookups at once.
    pub(crate) async fn is_known(&self, db: &Db, email: &str, from: ClientAddress) -> bool {
        let (Some(pair), Ok(_one)) = (self.sealed(AttemptKey::Pair(email, from)), LOOKUPS.try_acquire())
        else {
            return false;
        };
        #[expect(clippy::disallowed_methods, reason = "the caller is not identified yet")]
        let Ok(tx) = db.begin_unscoped(Reason::SignIn).await else { return false };
        matches!(tx.ask_and_commit::<(bool,)>(IS_KNOWN, |row| row.bind(pair)).await, Ok(Some((true,))))
    }
}

impl Throttle {
    /// Remembers the address for a user who logs in for the first time.
    pub(crate) async fn remember(&self, tx: &mut TenantTx, email: &str, from: ClientAddress) -> Result<()> {
        let pair = self.sealed(AttemptKey::Pair(email, from));
        CountedLogin { email: self.key_of_email(email), address: None, pair, is_known: true }.reset(tx).await
    }
}

impl CountedLogin {
    /// Resets the counters after a successful login. The e-mail's count is cleared, this attempt is subtracted from the
    /// address, and the pair is remembered.
    pub(crate) async fn reset(self, tx: &mut TenantTx) -> Result<()> {
        let statement = tx.look_up::<()>(FORGIVE).bind(self.email);
        statement.bind(self.address).bind(self.pair).run().await?;
        Ok(())
    }
}
