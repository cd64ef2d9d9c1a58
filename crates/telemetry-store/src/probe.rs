//! Whether a store does what this program relies on.

use object_store::path::Path;
use object_store::{Error as ObjectError, ObjectStoreExt, PutMode, PutPayload};

use crate::error::cannot;
use crate::log::OVERWRITES;
use crate::surroundings::new_id;
use crate::{Error, Store, Why};

/// Where an object is put for a moment.
const PROBES: &str = "_probe";
const CONTENT: &[u8] = b"privet\n";

impl Store {
    /// Lists, writes, reads and deletes as this program will, and asks whether of two who create one object only one succeeds:
    /// without that, two servers would take each other's records away. What it writes is deleted again.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] says what the store does not do; otherwise as [`Store::snapshot`].
    pub async fn probe(&self) -> Result<(), Error> {
        self.writable()?;
        self.snapshot().await?;
        let id = new_id(self.surroundings.as_ref());
        let path = Path::from(format!("{PROBES}/{id}"));
        let create = || {
            let content = PutPayload::from_static(CONTENT);
            self.objects
                .put_opts(&path, content, PutMode::Create.into())
        };
        create().await.map_err(cannot("take a file"))?;
        let again = create().await;
        let read = match self.objects.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        // Also after what went wrong: nothing is to stay.
        let deleted = self.objects.delete(&path).await;
        match again {
            Err(ObjectError::AlreadyExists { .. } | ObjectError::Precondition { .. }) => {}
            Err(error) => return Err(cannot("refuse to create a file a second time")(error)),
            Ok(_) => {
                return Err(Error::Unavailable {
                    doing: OVERWRITES,
                    why: Why::Unsupported,
                });
            }
        }
        match read {
            Ok(bytes) if *bytes == *CONTENT => {}
            Ok(_) => {
                let name = path.to_string();
                return Err(Error::Damaged { name });
            }
            Err(error) => return Err(cannot("show a file")(error)),
        }
        deleted.map_err(cannot("delete a file"))
    }
}
