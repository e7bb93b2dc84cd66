use db::{FromRow, LookupFunction, TenantTx};
use time::OffsetDateTime;
use web::Result;

/// A user's second factor, as stored.
#[derive(FromRow)]
pub(super) struct FactorRow {
    pub(super) secret: Vec<u8>,
    pub(super) confirmed_at: Option<OffsetDateTime>,
    pub(super) codes_left: i32,
}

const MINE: LookupFunction =
    LookupFunction::new("select secret, confirmed_at, codes_left from app.my_factor()");

/// The second factor of the transaction's user, confirmed or not.
pub(super) async fn find(tx: &mut TenantTx) -> Result<Option<FactorRow>> {
    Ok(tx.look_up::<FactorRow>(MINE).optional().await?)
}

/// The confirmed second factor of the transaction's user.
pub(super) async fn confirmed(tx: &mut TenantTx) -> Result<Option<FactorRow>> {
    Ok(find(tx).await?.filter(|kept| kept.confirmed_at.is_some()))
}

/// True if the transaction's user has a confirmed second factor.
pub(crate) async fn is_on(tx: &mut TenantTx) -> Result<bool> {
    Ok(confirmed(tx).await?.is_some())
}

/// True if the SQL function returned true.
pub(super) fn returned_true(answer: Option<(bool,)>) -> bool {
    answer == Some((true,))
}
