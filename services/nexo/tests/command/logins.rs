//! `nexo logins` while NEXO is running.

use serde_json::Value;

use crate::process::{Nexo, home};

/// Throttled attempts of an address, an IPv6 network and an e-mail.
const WAITING: &str = "insert into app.login_attempts (key, attempts, blocked_until, address) values
    ('\\x01', 52, now() + interval '15 minutes', '203.0.113.9'),
    ('\\x02', 50, now() + interval '5 minutes', '2001:db8:1:2::/64'),
    ('\\x03', 50, now() - interval '1 minute', '198.51.100.7'),
    ('\\x04', 6, now() + interval '1 minute', null)";

#[tokio::test]
async fn an_operator_sees_which_addresses_wait_and_lifts_them() {
    let home = home();
    let nexo = Nexo::up(&home, &[]).await;
    nexo.register("ana@acme.test").await;
    let (code, said) = Nexo::command(&home, &["logins", "waits"]);
    assert!(code == 0 && said.contains("no address has to wait"), "{said}");
    nexo.sql(WAITING).await;
    let waits = || {
        let (code, said) = Nexo::command(&home, &["logins", "waits", "--json"]);
        assert_eq!(code, 0, "{said}");
        let told: Value = serde_json::from_str(&said[said.find('{').unwrap()..]).unwrap();
        let addresses = told["addresses"].as_array().unwrap();
        addresses.iter().map(|one| one["address"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(waits(), ["203.0.113.9", "2001:db8:1:2::/64"]);
    let (_, said) = Nexo::command(&home, &["logins", "waits"]);
    assert!(said.contains("203.0.113.9") && said.contains("1 e-mails"), "{said}");

    let (code, said) = Nexo::command(&home, &["logins", "lift", "203.0.113.9"]);
    assert!(code == 0 && said.contains("203.0.113.9 has to wait no more"), "{said}");
    assert_eq!(waits(), ["2001:db8:1:2::/64"]);
    let (code, said) = Nexo::command(&home, &["logins", "lift", "2001:db8:1:2:3::4"]);
    assert!(code == 0 && said.contains("2001:db8:1:2::/64 has to wait no more"), "{said}");
    assert_eq!(waits(), [""; 0]);
    let (code, said) = Nexo::command(&home, &["logins", "lift", "192.0.2.1"]);
    assert!(code == 0 && said.contains("nothing was to be lifted"), "{said}");
    let (code, said) = Nexo::command(&home, &["logins", "lift", "nonsense"]);
    assert!(code == 2 && said.contains("neither an address nor an e-mail"), "{said}");
    nexo.sql(
        "do $$ begin if (select count(*) from ops.operator_log where operation = 'lift the wait of 203.0.113.9' and outcome = 'done') <> 1
         then raise 'it was not noted'; end if; end $$",
    )
    .await;
    nexo.stop().await;
}
