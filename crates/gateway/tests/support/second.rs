//! A second pair of eyes and emergencies, through either door to SQL.

use privet_vault::{Caller, GrantQuery, Vault};
use tokio_postgres::SimpleQueryMessage;

use super::driver::{Client, told};

const DECRYPT: &str =
    "CALL privet.decrypt('https://t.example.com/1#yes', 'customer:1', 'first_name,email', 1)";
const EMAIL: &str = "SELECT email FROM customer WHERE id = 1";

/// The first row's cells, as text.
async fn row(client: &Client, sql: &str) -> Vec<String> {
    let messages = client.simple_query(sql).await.unwrap();
    let rows = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = rows.unwrap();
    let cells = (0..row.len()).map(|at| row.get(at).unwrap_or("NULL").to_owned());
    cells.collect()
}

async fn code(client: &Client, sql: &str) -> String {
    let error = client.batch_execute(sql).await.unwrap_err();
    told(&error).0
}

/// Zoe asks, bob approves without a reason of his own, and an auditor ends it.
pub(crate) async fn waits(vault: &Vault, mut zoe: Client, bob: Client, auditor: Caller) {
    zoe.justify().await;
    let error = zoe.batch_execute(DECRYPT).await.unwrap_err();
    let (sqlstate, message, _) = told(&error);
    assert_eq!(sqlstate, "42501");
    assert!(message.starts_with("nothing is decrypted"), "{message}");
    zoe.told_mode("protected").await;
    assert!(row(&zoe, EMAIL).await[0].starts_with("pv1_"));

    let seen = row(&bob, "CALL privet.requests()").await;
    let (id, rest) = seen.split_first().unwrap();
    assert!(message.contains(id.as_str()), "{message}");
    assert_eq!(rest[..4], ["waiting", "zoe", "shop", "customer:1"]);
    assert_eq!(rest[6], "https://t.example.com/1#yes");
    let call = |what: &str| format!("CALL privet.{what}('{id}')");
    assert_eq!(code(&zoe, &call("approve")).await, "42501", "her own");
    assert_eq!(code(&zoe, &call("join")).await, "42501", "it waits");
    bob.batch_execute(&call("approve")).await.unwrap();
    assert_eq!(code(&bob, &call("approve")).await, "55000", "once");
    assert!(row(&zoe, EMAIL).await[0].starts_with("pv1_"));

    zoe.batch_execute(&call("join")).await.unwrap();
    assert!(
        zoe.noticed().contains("`bob` approved it"),
        "{}",
        zoe.noticed()
    );
    assert_eq!(row(&zoe, EMAIL).await, ["ada@example.com"]);
    // Saying it again uses what is there.
    zoe.batch_execute(DECRYPT).await.unwrap();
    assert!(
        zoe.noticed()
            .contains("a live grant for customer:1 covers this")
    );
    let query = GrantQuery {
        live: true,
        count_max: 0,
    };
    let live = vault.grants(&auditor, query).await.unwrap();
    assert_eq!(live[0].grant.approved_by.as_deref(), Some("bob"));
    let grant = live[0].grant.row.id;
    vault.revoke_grant(&auditor, grant, "enough").await.unwrap();
    assert!(row(&zoe, EMAIL).await[0].starts_with("pv1_"));
    assert_eq!(code(&zoe, &call("join")).await, "55000", "used");
}

/// Zoe breaks the glass, which nobody else may.
pub(crate) async fn breaks_glass(mut zoe: Client, bob: Client) {
    const CALL: &str = "CALL privet.decrypt(subject => 'customer:1', fields => 'email', \
                        emergency => 'somebody empties their account right now')";
    bob.justify().await;
    assert_eq!(code(&bob, CALL).await, "42501");
    zoe.justify().await;
    zoe.batch_execute(CALL).await.unwrap();
    zoe.told_mode("decrypted EMERGENCY customer:1 until").await;
    assert!(zoe.noticed().contains("EMERGENCY"));
    assert_eq!(row(&zoe, EMAIL).await, ["ada@example.com"]);
    let status = row(&zoe, "CALL privet.status()").await;
    assert!(status.iter().any(|cell| cell == "decrypted (emergency)"));
    let write = "UPDATE customer SET visits = 3 WHERE id = 1";
    zoe.batch_execute(write).await.unwrap_err();
}
