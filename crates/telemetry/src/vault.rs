//! The vault as the door's monitor: it decides who may send, and lends the handle that knows people by their ids for telemetry.

use std::sync::Arc;

use async_trait::async_trait;
use privet_vault::{Error, Objects, Oid, Pseudonymizer, Vault};
use rustc_hash::FxHashMap;

use crate::monitor::Monitor;
use crate::people::{People, Stamp};

/// Asks a vault.
#[derive(Debug)]
pub struct VaultMonitor {
    vault: Vault,
    ids: Pseudonymizer,
    notice: Arc<str>,
}

impl VaultMonitor {
    /// Asks `vault`.
    pub fn new(vault: Vault) -> Self {
        let ids = vault.pseudonymizer();
        Self {
            notice: ids.notice().into(),
            vault,
            ids,
        }
    }
}

#[async_trait]
impl Monitor for VaultMonitor {
    async fn admit(&self, bearer: &str, address: &str) -> Result<(), Error> {
        let caller = self.vault.authenticate(bearer, address).await?;
        self.vault.may_send_telemetry(&caller).await
    }

    async fn people(&self, oids: Vec<Oid>) -> Result<Box<dyn People + Send>, Error> {
        // The objects' salt first: what people agree to is then as new as can be.
        let objects = self.ids.objects().await?;
        let stamps = self.ids.stamps(&oids).await?;
        let known = oids.into_iter().zip(stamps);
        Ok(Box::new(Known {
            people: known
                .filter_map(|(oid, stamp)| Some((oid, stamp?)))
                .collect(),
            objects,
            notice: Arc::clone(&self.notice),
        }))
    }

    fn now_ms(&self) -> i64 {
        self.vault.time().as_millisecond()
    }
}

/// The people of one request.
struct Known {
    people: FxHashMap<Oid, privet_vault::Stamp>,
    objects: Objects,
    notice: Arc<str>,
}

impl People for Known {
    fn stamp(&self, oid: &Oid) -> Option<Stamp> {
        self.people.get(oid).map(|stamp| Stamp {
            tyid: *stamp.tyid.as_bytes(),
            bits: stamp.bits,
            number: stamp.number,
        })
    }

    fn object(&self, of: Option<&Oid>, value: &[u8]) -> String {
        let whose = of.and_then(|oid| self.people.get(oid));
        self.objects.id(whose, value).to_text()
    }

    fn notice(&self) -> &str {
        &self.notice
    }
}
