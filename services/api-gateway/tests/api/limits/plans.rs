//! Accounts have the limits of their plan.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use kernel::{AccountId, SessionId};
use testkit::TestUser;
use tokio::time::sleep;

use super::{PLAN_TTL, ask, gateway, gateway_with_brief_plans, left};
use crate::{keys::Behind, send};

#[tokio::test]
async fn another_plan_takes_effect_within_seconds_and_begins_with_all_that_it_gives() {
    let nexo = gateway("reads_per_minute = 6, reads_burst = 2", &[]).await;
    let (ana, ben) = (nexo.person("").await, nexo.person("").await);
    assert_eq!(ask(&ana, Method::GET, 3).await, (2, 1));
    let change =
        format!("update app.account_directory set plan = 'pro' where account_id = '{}'", ana.account);
    nexo.ground.database.run(&change).await;
    let start = Instant::now();
    loop {
        let answer = send(&ana, Method::GET, "/api/v1/clients", &[]).await;
        if answer.status == StatusCode::OK {
            assert_eq!(left(&answer)[..2], [Some(3000), Some(2999)]);
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "it takes too long");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(
        left(&send(&ben, Method::GET, "/api/v1/clients", &[]).await)[0],
        Some(2),
        "others keep theirs"
    );
}

#[tokio::test]
async fn without_a_database_known_plans_hold_and_new_accounts_have_the_free_plan() {
    let nexo = gateway_with_brief_plans("reads_burst = 7").await;
    let (known, new) = (nexo.person("").await, nexo.person("").await);
    assert_eq!(left(&send(&known, Method::GET, "/api/v1/clients", &[]).await)[0], Some(7));
    nexo.ground.database.run("revoke execute on function app.limits_of(uuid) from nexo_app").await;
    sleep(2 * PLAN_TTL).await; // the next request asks the database again
    for _ in 0..3 {
        let answer = send(&known, Method::GET, "/api/v1/clients", &[]).await;
        assert_eq!((answer.status, left(&answer)[0]), (StatusCode::OK, Some(7)));
        sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(left(&send(&new, Method::GET, "/api/v1/clients", &[]).await)[0], Some(600));
}

#[tokio::test]
async fn a_key_has_half_of_what_its_account_has_and_eats_up_no_more() {
    let nexo = Behind::default().gateway().await;
    let account = AccountId::new();
    let rows = format!(
        "update app.plan_limits set reads_per_minute = 6, reads_burst = 8 where plan = 'free';
         insert into app.account_directory (account_id, slug) values ('{account}', 'a')"
    );
    nexo.ground.database.run(&rows).await;
    let key = |id| TestUser {
        token: identity::ApiKey::generate(account, id).text,
        ..TestUser::nobody(&nexo.router)
    };
    let (first, second, third) = (key(SessionId::new()), key(SessionId::new()), key(SessionId::new()));
    assert_eq!(ask(&first, Method::GET, 6).await, (4, 2));
    assert_eq!(ask(&second, Method::GET, 3).await, (3, 0));
    assert_eq!(ask(&third, Method::GET, 3).await, (1, 2), "together they have what the account has");
}
