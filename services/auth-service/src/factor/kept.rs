use db::{LookUp, TenantTx};
use sqlx::{FromRow, types::time::OffsetDateTime};
use web::Result;

/// The factor of a person, as it is kept.
#[derive(FromRow)]
pub(super) struct Kept {
    pub(super) secret: Vec<u8>,
    pub(super) confirmed_at: Option<OffsetDateTime>,
    pub(super) codes_left: i32,
}

const MINE: LookUp = LookUp::new("select secret, confirmed_at, codes_left from app.my_factor()");
const MISSING: LookUp = LookUp::new("select second_factor_missing from app.second_factor_missing()");

/// Of whoever the transaction was entered for; confirmed or not.
pub(super) async fn find(tx: &mut TenantTx) -> Result<Option<Kept>> {
    Ok(tx.look_up::<Kept>(MINE).optional().await?)
}

/// The one that counts.
pub(super) async fn confirmed(tx: &mut TenantTx) -> Result<Option<Kept>> {
    Ok(find(tx).await?.filter(|kept| kept.confirmed_at.is_some()))
}

/// Whether whoever the transaction was entered for has a second factor.
pub(crate) async fn is_on(tx: &mut TenantTx) -> Result<bool> {
    Ok(confirmed(tx).await?.is_some())
}

/// Whether the transaction's account asks for one that they do not have.
pub(crate) async fn missing(tx: &mut TenantTx) -> Result<bool> {
    Ok(tx.look_up::<(bool,)>(MISSING).optional().await? == Some((true,)))
}

/// Calls a function that says whether it has done what it is for.
pub(super) fn done(answer: Option<(bool,)>) -> bool {
    answer == Some((true,))
}
