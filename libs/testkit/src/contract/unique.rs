//! Unique values of records.

use http::{Method, StatusCode};
use serde_json::Value;

use super::Contract;
use crate::TestUser;

/// Predicates of unique indexes on values, not ids.
const UNIQUE: &str = "select coalesce(pg_get_expr(i.indpred, i.indrelid), '') from pg_index i
    where i.indrelid = to_regclass($1) and i.indisunique and not i.indisprimary
      and not exists (select from pg_attribute a where a.attrelid = i.indrelid and a.attname = 'id' and a.attnum = any (i.indkey))";

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    /// Asserts that a unique value is free again once its record is in the trash.
    pub(super) async fn blocks_nothing_from_the_trash(&self) {
        let (owner, sample) = self.somebody().await;
        let many = self.many;
        let mut look = self.nexo.ground.database.look().await;
        let unique: Vec<(String,)> =
            sqlx::query_as(UNIQUE).bind(format!("app.{many}")).fetch_all(&mut look).await.unwrap();
        for (condition,) in &unique {
            assert!(condition.contains("deleted_at IS NULL"), "{many}: a unique index counts the trash");
        }
        if unique.is_empty() {
            return;
        }
        let first = self.made(&owner, &sample).await;
        let taken = owner.post(&format!("/{many}"), sample.clone()).await.expect(StatusCode::CONFLICT);
        assert!(taken["errors"][0]["pointer"].is_string(), "{many}: which value is taken is named");
        assert_eq!(owner.delete(&self.path(&first), &first).await.status, StatusCode::NO_CONTENT);
        let second = self.made(&owner, &sample).await;
        let restore = format!("{}/restore", self.path(&first));
        let blocked = owner.send(Method::POST, &restore, None, None).await.expect(StatusCode::CONFLICT);
        assert_eq!(blocked["code"], taken["code"], "{many}: it cannot come back while its value is taken");
        assert_eq!(owner.delete(&self.path(&second), &second).await.status, StatusCode::NO_CONTENT);
        owner.send(Method::POST, &restore, None, None).await.expect(StatusCode::OK);
    }
}
