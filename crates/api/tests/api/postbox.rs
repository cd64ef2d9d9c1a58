//! Where mail to people ends up, for whoever logs in by it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use privet_vault::port::{MailError, MailNotice, MailToPeople, PersonMail};

use crate::bed::Bed;

/// Where mail ends up: whom it was for, and what its link carries.
#[derive(Default)]
pub(crate) struct Postbox(Mutex<Vec<(String, String)>>);

#[async_trait]
impl MailToPeople for Postbox {
    async fn send(&self, mail: &PersonMail<'_>) -> Result<(), MailError> {
        let MailNotice::LoginLink { link, .. } = mail.notice else {
            panic!("{:?}", mail.notice);
        };
        let mail = (mail.to.to_string(), link.0.to_string());
        self.0.lock().unwrap().push(mail);
        Ok(())
    }
}

impl Postbox {
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The mail of this number, from 0, once it is there.
    pub(crate) async fn mail(&self, number: usize) -> (String, String) {
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let mail = self.0.lock().unwrap().get(number).cloned();
            if let Some(mail) = mail {
                return mail;
            }
            assert!(Instant::now() < patience, "no mail of number {number}");
            tokio::task::yield_now().await;
        }
    }
}

/// Lets people log in by mail, which ends up there.
pub(crate) fn with_mail(bed: &Bed) -> Arc<Postbox> {
    let postbox = Arc::<Postbox>::default();
    bed.vault.write_to_people(postbox.clone());
    bed.vault.open_mail_login();
    postbox
}
