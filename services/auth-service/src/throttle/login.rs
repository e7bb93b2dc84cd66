//! Attempts to log in: counted under their address and their e-mail. Who has logged in from an address within 30 days is not held
//! back by what others do there.

use db::{LookUp, Reason, TenantTx};
use web::{ClientAddress, Result};

use super::{Of, Throttle, network, waits};
use crate::App;

/// An attempt to log in that was counted.
pub(crate) struct CountedLogin {
    email: Vec<u8>,
    /// None: it was not counted there, for it passed the address's wait.
    address: Option<Vec<u8>>,
    pair: Option<Vec<u8>>,
}

const COUNT: LookUp =
    LookUp::new("select count_login_attempt from app.count_login_attempt($1, $2, $3, $4, $5)");
const FORGIVE: LookUp = LookUp::new("select from app.forgive_login_attempt($1, $2, $3)");
/// The address waits, and the attempt passed.
const PASSED: i32 = -1;

impl Throttle {
    /// Counts an attempt to log in; refuses it if there were too many.
    pub(crate) async fn count_login(
        &self,
        app: &App,
        email: &str,
        from: ClientAddress,
    ) -> Result<CountedLogin> {
        let (about, of_address) = (Of::Login(email), Of::From(from));
        let (Some(address), Some(pair), Some(client)) =
            (self.sealed(of_address), self.sealed(Of::Pair(email, from)), from.0)
        else {
            self.count(app, &[about]).await?;
            return Ok(CountedLogin { email: self.key_of_email(email), address: None, pair: None });
        };
        let key = self.key_of_email(email);
        #[expect(clippy::disallowed_methods, reason = "nobody knows yet who this is")]
        let mut tx = app.db.system(Reason::SignIn).await?;
        let answer: Option<(i32,)> = tx
            .ask(COUNT, |row| {
                row.put(&key);
                row.put(&address);
                row.put(&pair);
                row.put(vec![about.free(), of_address.free()]);
                row.put(network(client));
            })
            .await?;
        tx.commit().await?;
        let answer = answer.map_or(0, |(answer,)| answer);
        waits(answer)?;
        let address = (answer != PASSED).then_some(address);
        Ok(CountedLogin { email: key, address, pair: Some(pair) })
    }
}

impl Throttle {
    /// Somebody has come in with their e-mail for the first time, from there.
    pub(crate) async fn remember(&self, tx: &mut TenantTx, email: &str, from: ClientAddress) -> Result<()> {
        let pair = self.sealed(Of::Pair(email, from));
        CountedLogin { email: self.key_of_email(email), address: None, pair }.forgive(tx).await
    }
}

impl CountedLogin {
    /// It was really they: the e-mail's count is forgotten, this attempt is of the address's, and that they came in from there is
    /// remembered.
    pub(crate) async fn forgive(self, tx: &mut TenantTx) -> Result<()> {
        let statement = tx.look_up::<()>(FORGIVE).bind(self.email);
        statement.bind(self.address).bind(self.pair).run().await?;
        Ok(())
    }
}
