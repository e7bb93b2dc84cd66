use db::{Change, Db, Reason};
use kernel::{AccountId, UserId};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::sessions::device::Device;

/// How many may wait to be noted. Beyond it they are only counted by the throttle.
const QUEUE: usize = 1_000;

/// Notes logins that failed in the account that they were for, beside the requests: the time of an answer must not tell
/// whether there was anything to note.
#[derive(Clone)]
pub struct FailedLogins(mpsc::Sender<Failed>);

struct Failed {
    account: AccountId,
    user: UserId,
    request: Uuid,
    device: Device,
}

impl FailedLogins {
    /// Starts noting into `db`.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (sender, mut waiting) = mpsc::channel::<Failed>(QUEUE);
        tokio::spawn(async move {
            while let Some(failed) = waiting.recv().await {
                if let Err(error) = failed.note(&db).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "a failed login cannot be noted"
                    );
                }
            }
        });
        Self(sender)
    }

    /// Somebody did not come in to `account` as `user`.
    pub(crate) fn note(&self, account: AccountId, user: UserId, request: Uuid, device: Device) {
        if self.0.try_send(Failed { account, user, request, device }).is_err() {
            tracing::warn!(account.id = %account, "too many failed logins to note them all");
        }
    }
}

impl Failed {
    async fn note(self, db: &Db) -> db::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "nobody came in: it is noted where they wanted to")]
        let tx = db.system(Reason::SignIn).await?;
        let mut tx = tx.enter(self.account, self.user, self.request).await?;
        let failed = Change::new("auth.login.failed", "login", self.user.into(), "failed");
        tx.note(failed.with(self.device.told()));
        tx.commit().await
    }
}
