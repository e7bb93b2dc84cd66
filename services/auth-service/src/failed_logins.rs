use db::{Change, Db, Reason};
use kernel::{AccountId, UserId};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::device::Device;

/// Maximum number of failed logins waiting to be recorded. Beyond it, only the throttle counts them.
const QUEUE: usize = 1_000;

/// Records failed logins in the audit log of their account. It does so asynchronously, so that response times do not
/// reveal whether the account exists.
#[derive(Clone)]
pub struct FailedLogins(mpsc::Sender<FailedLogin>);

struct FailedLogin {
    account: AccountId,
    user: UserId,
    request: Uuid,
    device: Device,
}

impl FailedLogins {
    /// Starts the task that writes to `db`.
    #[must_use]
    pub fn start(db: Db) -> Self {
        let (sender, mut waiting) = mpsc::channel::<FailedLogin>(QUEUE);
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

    /// Queues a failed login of `user` to `account`.
    pub(crate) fn note(&self, account: AccountId, user: UserId, request: Uuid, device: Device) {
        if self.0.try_send(FailedLogin { account, user, request, device }).is_err() {
            tracing::warn!(account.id = %account, "too many failed logins to note them all");
        }
    }
}

impl FailedLogin {
    async fn note(self, db: &Db) -> db::Result<()> {
        #[expect(clippy::disallowed_methods, reason = "nobody came in: it is noted where they wanted to")]
        let tx = db.begin_unscoped(Reason::SignIn).await?;
        let mut tx = tx.enter(self.account, self.user, self.request);
        let failed = Change::new("auth.login.failed", "login", self.user.into(), "failed");
        tx.audit(failed.with(self.device.told()));
        tx.commit().await
    }
}
