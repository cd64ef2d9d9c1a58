//! The end of a connection: what it granted is given back, what it did is on record.

use std::sync::Arc;

use super::grant::LiveGrant;
use super::justification::LiveSession;
use super::showing::Showing;
use super::statements::Recorder;
use crate::audit::{EntryKind, Record};
use crate::{Caller, Result, Vault};

/// The end of a connection, on record.
pub(super) struct Ending {
    pub(super) vault: Vault,
    pub(super) caller: Caller,
    pub(super) session: Arc<LiveSession>,
    pub(super) recorder: Recorder,
    pub(super) grant: Option<Arc<LiveGrant>>,
    pub(super) showing: Option<Showing>,
}

impl Ending {
    pub(super) async fn run(self) -> Result<()> {
        let Self {
            vault,
            caller,
            session,
            recorder,
            grant,
            showing,
        } = self;
        let ended = match grant {
            None => Ok(()),
            Some(grant) => {
                let shown = match showing {
                    None => Ok(()),
                    Some(showing) => recorder.shown(&grant, &showing, None).await,
                };
                let record =
                    Record::by(EntryKind::GrantEnded, &caller).fact("why", "the connection ended");
                vault.end_grant(&session, &grant, record).await.and(shown)
            }
        };
        recorder.flush().await?;
        vault.inner.data.put_session(session.row()).await?;
        ended
    }
}
