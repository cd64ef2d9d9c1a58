//! What a database server must be and do before a store is kept on it.

use privet_vault::port::StoreError;

use super::database::{Client, Failure};

/// The oldest server that the stores are tested with.
const VERSION_MIN: i32 = 130_000;

/// A server as it describes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Server {
    /// The cluster's own number, made with it and shared by its replicas and copies alone.
    pub(super) cluster: i64,
}

/// Asks a server who it is.
///
/// # Errors
/// When it would lose what it says is written, or is too old.
pub(super) async fn ask(client: &mut Client, store: &'static str) -> Result<Server, Failure> {
    let row = client
        .query_one(
            "SELECT (SELECT system_identifier FROM pg_control_system()),
                    current_setting('server_version_num')::integer,
                    current_setting('fsync')::boolean,
                    current_setting('full_page_writes')::boolean",
            &[],
        )
        .await?;
    let refused = |what: &str| {
        let text = format!("the database of the {store} {what}");
        Failure::Store(StoreError::Unavailable(text))
    };
    if row.try_get::<_, i32>(1)? < VERSION_MIN {
        return Err(refused("is older than PostgreSQL 13: use a newer server"));
    }
    // A reveal waits until its entry is on the disk; such a server only says so.
    for (column, name) in [(2, "fsync"), (3, "full_page_writes")] {
        if !row.try_get::<_, bool>(column)? {
            let what = format!(
                "runs with `{name} = off`, so that it would lose audit entries in a crash: switch it on"
            );
            return Err(refused(&what));
        }
    }
    Ok(Server {
        cluster: row.try_get(0)?,
    })
}

/// Refuses two stores in one cluster, whatever the names they are reached by.
///
/// # Errors
/// Which stores, and what to do.
pub(super) fn all_apart(stores: &[(&'static str, Server)]) -> Result<(), StoreError> {
    match shared(stores).as_slice() {
        [] => Ok(()),
        pairs => {
            let cluster = pairs.first().map_or(0, |(.., cluster)| *cluster);
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(one, other, _)| format!("the {one} and the {other}"))
                .collect();
            Err(StoreError::Unavailable(format!(
                "{} lie in one cluster (system identifier {cluster}), so that one restore would roll both back: give \
                 each store a cluster of its own; only with `development = true` may they share one",
                pairs.join(", and ")
            )))
        }
    }
}

/// The stores that share a cluster.
pub(super) fn shared(stores: &[(&'static str, Server)]) -> Vec<(&'static str, &'static str, i64)> {
    let mut pairs = Vec::new();
    for (index, (one, server)) in stores.iter().enumerate() {
        let others = stores.iter().skip(index + 1);
        let same = others.filter(|(_, other)| other.cluster == server.cluster);
        pairs.extend(same.map(|(other, _)| (*one, *other, server.cluster)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(clusters: [i64; 3]) -> String {
        let names = ["data store", "key store", "log store"];
        let stores: Vec<_> = names
            .into_iter()
            .zip(clusters.map(|cluster| Server { cluster }))
            .collect();
        all_apart(&stores)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn stores_in_one_cluster_are_named() {
        assert_eq!(check([1, 2, 3]), "");
        let said = check([7, 8, 7]);
        assert!(
            said.starts_with(
                "the data store and the log store lie in one cluster (system identifier 7)"
            ),
            "{said}"
        );
        let said = check([7, 7, 7]);
        for pair in [
            "data store and the key",
            "data store and the log",
            "key store and the log",
        ] {
            assert!(said.contains(pair), "{said}");
        }
    }
}
