use db::Outbox;
use kernel::{AccountId, Env};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use crate::site::{Site, nothing};

fn outbox(site: &Site) -> Outbox {
    Outbox::read(&mut Env::from_values(site.settings(true))).unwrap()
}

#[tokio::test]
async fn a_claimed_account_is_not_claimed_again_until_its_events_are_published() {
    let site = Site::new(None).await;
    let (mut one, mut other) = (outbox(&site), outbox(&site));
    let (ana, ben, record) = (AccountId::new(), AccountId::new(), Uuid::now_v7());
    for account in [ana, ana, ben] {
        site.change(account, record, nothing()).await.unwrap();
    }
    let mut due = one.due(Uuid::nil().into(), 10).await.unwrap();
    due.sort_by_key(|account| Uuid::from(*account));
    let mut both = vec![ana, ben];
    both.sort_by_key(|account| Uuid::from(*account));
    assert_eq!(due, both);
    let first = one.claim(&[ana], 1).await.unwrap();
    assert_eq!(first.events.len(), 1, "no more than was asked for");
    let second = other.claim(&[ana, ben], 10).await.unwrap();
    assert_eq!((second.events.len(), second.missed), (1, 1), "only the account that is free");
    assert_eq!(second.events[0].account_id, ben);
    drop(second);
    let out = [(ana, first.events[0].id)];
    first.finish(&out).await.unwrap();
    let rest = other.claim(&[ana, ben], 10).await.unwrap();
    assert_eq!(rest.events.len(), 2, "what was not finished is there again, and what is out is gone");
}

/// Ids come from several machines with different clocks.
#[tokio::test]
async fn a_later_version_whose_identity_is_earlier_waits_for_the_versions_before() {
    let site = Site::new(None).await;
    let (account, record) = (AccountId::new(), Uuid::now_v7());
    for version in 1..=4 {
        let id = Uuid::from_u128(100 - version);
        site.database
            .run(&format!(
                "insert into app.outbox (account_id, id, topic, resource, record_id, version, payload, request_id, created_by)
                 values ('{account}', '{id}', 't.counted.changed', 'counted', '{record}', {version}, '{{}}', '{id}', '{id}')"
            ))
            .await;
    }
    let mut outbox = outbox(&site);
    let claim = outbox.claim(&[account], 1).await.unwrap();
    let versions: Vec<_> = claim.events.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2, 3, 4], "the fourth has the least identity");
}

#[tokio::test]
async fn the_relay_sees_which_accounts_have_events_and_no_other_table() {
    let site = Site::new(None).await;
    site.change(AccountId::new(), Uuid::now_v7(), nothing()).await.unwrap();
    let mut conn = PgConnection::connect_with(&site.database.role("nexo_relay")).await.unwrap();
    let mut ask = async |text: &'static str| sqlx::query(text).fetch_all(&mut conn).await;
    assert_eq!(
        ask("select account_id from app.accounts_with_events('00000000-0000-0000-0000-000000000000', 10)")
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(ask("select * from app.outbox").await.unwrap().is_empty(), "it is inside no account");
    for table in ["clients", "audit_log", "memberships", "consumed_events", "users"] {
        let refused = ask(format!("select * from app.{table}").leak()).await.unwrap_err();
        assert!(refused.to_string().contains("permission denied"), "{table}: {refused}");
    }
    let insert = "insert into app.outbox (account_id, id, topic, resource, record_id, version, payload, request_id, created_by)
        select account_id, account_id, '', '', account_id, 1, '{}', account_id, account_id
        from app.accounts_with_events('00000000-0000-0000-0000-000000000000', 1)";
    assert!(
        ask(insert).await.unwrap_err().to_string().contains("permission denied"),
        "it takes events away, and adds none"
    );
}
