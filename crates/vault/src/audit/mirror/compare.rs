//! What a start does before anything is opened: the log is compared with its mirror, and so is every other log in it.

use std::sync::Arc;

use jiff::Timestamp;
use privet_tlog::note::{SigningKey, VerifierKey};
use privet_tlog::{Checkpoint, Origin};

use super::{MirrorFault, Missing, Standing};
use crate::audit::check::CheckError;
use crate::audit::entry::Entry;
use crate::audit::offline::continues_in_store;
use crate::audit::start::{self, StartError, open_checkpoint, right_edge};
use crate::port::{LogMirror, LogState, LogStore, MirrorCheckpoint};

/// Compares this server's log with the mirror, and brings back what it lacks. Says of every other log in the mirror what the
/// store lacks of it: nobody writes a log but its own server, but what the mirror knows of erasures binds everybody.
///
/// # Errors
/// [`MirrorFault`]: nothing may be opened.
pub(crate) async fn compare(
    store: &dyn LogStore,
    mirror: &Arc<dyn LogMirror>,
    origin: &str,
    signer: &SigningKey,
    now: Timestamp,
) -> Result<Standing, MirrorFault> {
    // The mirror first: a server that runs beside this one writes its log before the mirror, so that what is missing in the
    // log afterwards has been there.
    let mirrored = mirror.checkpoint(origin).await?;
    let mut standing = own(store, mirror, mirrored, origin, signer, now).await?;
    for other in mirror.origins().await? {
        if other == origin {
            continue;
        }
        // Without a checkpoint it is one whose first copy was cut short.
        if let Some(mirrored) = mirror.checkpoint(&other).await? {
            let missing = of_another(store, mirror, mirrored, &other).await?;
            standing.others.extend(missing);
        }
    }
    Ok(standing)
}

async fn own(
    store: &dyn LogStore,
    mirror: &Arc<dyn LogMirror>,
    mirrored: Option<MirrorCheckpoint>,
    origin: &str,
    signer: &SigningKey,
    now: Timestamp,
) -> Result<Standing, MirrorFault> {
    let opened = start::open(store, origin.to_owned(), signer, now).await?;
    let key = signer.verifier();
    let Some(mirrored) = mirrored else {
        return Ok(Standing {
            is_first: opened.state.is_some(),
            ..Standing::default()
        });
    };
    let theirs = verified(&mirrored, &opened.origin, &key)?;
    let mut standing = Standing {
        size: theirs.size,
        version: Some(mirrored.version),
        ..Standing::default()
    };
    if theirs.size <= opened.tree.size() {
        continued(store, &theirs, opened.state.as_ref(), &key).await?;
        return Ok(standing);
    }
    let missing = Missing::verify(mirror, theirs, mirrored.note, &opened.tree).await?;
    tracing::warn!(
        entries = missing.count(),
        "the log was put back; what it lacks is brought back from its mirror"
    );
    standing.fetched = missing.count();
    missing.bring_back(store, signer, opened.tree).await?;
    Ok(standing)
}

/// What the store lacks of another server's log, if anything.
async fn of_another(
    store: &dyn LogStore,
    mirror: &Arc<dyn LogMirror>,
    mirrored: MirrorCheckpoint,
    origin: &str,
) -> Result<Option<Missing>, MirrorFault> {
    let unknown = || MirrorFault::Unknown(origin.to_owned());
    let state = store.state(origin).await?.ok_or_else(unknown)?;
    let name = Origin::new(origin).map_err(|_| unknown())?;
    let key = stated_key(store, origin).await?;
    let ours = open_checkpoint(&state, &name, std::slice::from_ref(&key))?;
    let theirs = verified(&mirrored, &name, &key)?;
    if theirs.size <= ours.size {
        continued(store, &theirs, Some(&state), &key).await?;
        return Ok(None);
    }
    let tree = right_edge(store, &ours).await?;
    if tree.root() != ours.root {
        let what = format!("the tiles at the end of `{origin}` lead to another root");
        return Err(StartError::Damaged(what).into());
    }
    let missing = Missing::verify(mirror, theirs, mirrored.note, &tree).await?;
    tracing::warn!(
        origin,
        entries = missing.count(),
        "the log of another server was put back; its erasures are read from its mirror until its server has started"
    );
    Ok(Some(missing))
}

/// The key that a log states in its first entry. The store's word is what others' logs are believed on, too.
async fn stated_key(store: &dyn LogStore, origin: &str) -> Result<VerifierKey, MirrorFault> {
    let wrong = || StartError::Damaged(format!("the first entry of `{origin}` states no key"));
    let first = store.entries(origin, 0, 1).await?.pop().ok_or_else(wrong)?;
    let entry = Entry::parse(&first).map_err(|_| wrong())?;
    let key = entry.facts.get("key").and_then(serde_json::Value::as_str);
    let key = key.and_then(|key| key.parse().ok());
    Ok(key.ok_or_else(wrong)?)
}

/// The mirror's checkpoint, if it is one of this log.
fn verified(
    mirrored: &MirrorCheckpoint,
    origin: &Origin,
    key: &VerifierKey,
) -> Result<Checkpoint, MirrorFault> {
    let foreign = || MirrorFault::Foreign(origin.to_string());
    let opened = Checkpoint::open(&mirrored.note, std::slice::from_ref(key));
    let checkpoint = opened.map_err(|_| foreign())?;
    match checkpoint.origin == *origin && checkpoint.size > 0 {
        true => Ok(checkpoint),
        false => Err(foreign()),
    }
}

/// Fails unless the log in the store goes on from what the mirror holds.
async fn continued(
    store: &dyn LogStore,
    theirs: &Checkpoint,
    state: Option<&LogState>,
    key: &VerifierKey,
) -> Result<(), MirrorFault> {
    let differs = || MirrorFault::Differs {
        origin: theirs.origin.to_string(),
        size: theirs.size,
    };
    let state = state.ok_or_else(differs)?;
    let ours = open_checkpoint(state, &theirs.origin, std::slice::from_ref(key))?;
    match continues_in_store(store, theirs, &ours).await {
        Ok(()) => Ok(()),
        Err(CheckError::Store(error)) => Err(error.into()),
        Err(CheckError::Rewritten(_)) => Err(differs()),
        Err(error) => Err(StartError::Damaged(error.to_string()).into()),
    }
}
