//! Tests of references between records.

use http::StatusCode;
use resource::Resource;
use serde_json::{Value, json};

use super::Contract;
use crate::TestUser;

impl<S: AsyncFn(&TestUser) -> Value> Contract<'_, S> {
    /// Asserts that new references to the trash are refused, and existing ones may stay.
    pub(super) async fn refers_to_nothing_in_the_trash<R: Resource>(&self) {
        for related in R::RELATIONS {
            let (owner, sample) = self.somebody().await;
            let (many, column) = (self.many, related.column());
            let set = async |deleted: &str| {
                let rows = format!(
                    "update app.{} set deleted_at = {deleted} where account_id = '{}' and id = '{}'",
                    related.plural(),
                    owner.account,
                    sample[column].as_str().unwrap()
                );
                self.nexo.ground.database.run(&rows).await;
            };
            let made = self.made(&owner, &sample).await;
            set("now()").await;
            let same = json!({ column: sample[column] });
            let kept = owner.patch(&self.path(&made), &made, same).await.expect(StatusCode::OK);
            let mut other = sample.clone();
            other.as_object_mut().unwrap().extend(self.change.as_object().unwrap().clone());
            other[column] = sample[column].clone();
            let refused =
                owner.post(&format!("/{many}"), other).await.expect(StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(refused["errors"][0]["pointer"], format!("/{column}"), "{many}: {refused}");
            set("null").await;
            owner
                .patch(&self.path(&made), &kept, json!({ column: sample[column] }))
                .await
                .expect(StatusCode::OK);
        }
    }
}
