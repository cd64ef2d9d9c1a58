//! People's own pages: their settings, and the identity provider that they log in with.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::SignedDuration;
use privet_login::{ClientSecret, Provider};
use privet_vault::{Clock, OwnPages};

use crate::folder::{Folder, SETTINGS, read_secret_line};
use crate::settings::{People, Settings};

/// The longest that looks are kept back: their side records die after 180 days.
const LOOKS_AFTER_DAYS_MAX: u16 = 90;

/// The pages, where there are any. Nothing is asked of the provider yet.
///
/// # Errors
/// What is not right in `[people]`.
pub(crate) fn own_pages(
    folder: &Folder,
    settings: &Settings,
    clock: Arc<dyn Clock>,
) -> Result<Option<OwnPages>> {
    let Some(people) = &settings.people else {
        return Ok(None);
    };
    let made = made(folder, people, clock);
    made.map(Some)
        .with_context(|| format!("[people] in `{SETTINGS}` is not right"))
}

fn made(folder: &Folder, people: &People, clock: Arc<dyn Clock>) -> Result<OwnPages> {
    if people.looks_after_days > LOOKS_AFTER_DAYS_MAX {
        bail!(
            "`looks_after_days` is at most {LOOKS_AFTER_DAYS_MAX}: whoever is looked at has a right to know it"
        );
    }
    let login = &people.login;
    if login.name.trim().is_empty() || login.client_id.is_empty() {
        bail!("`name` and `client_id` under [people.login] must not be empty");
    }
    let authorities = login.authorities.as_ref().map(|path| {
        let path = folder.join(path);
        fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    });
    let provider = privet_login::Settings {
        name: login.name.trim().to_owned(),
        issuer: login.issuer.clone(),
        client_id: login.client_id.clone(),
        client_secret: client_secret(folder, people)?,
        subject: login.subject.parse()?,
        pages: people.address.clone(),
        authorities: authorities.transpose()?,
    };
    Ok(OwnPages {
        provider: Arc::new(Provider::new(provider, clock)?),
        looks_after: SignedDuration::from_hours(24 * i64::from(people.looks_after_days)),
    })
}

fn client_secret(folder: &Folder, people: &People) -> Result<Option<ClientSecret>> {
    let login = &people.login;
    let text = match (&login.client_secret_file, &login.client_secret_env) {
        (Some(_), Some(_)) => {
            bail!(
                "name the client's secret as `client_secret_file` or as `client_secret_env`, not both"
            )
        }
        (Some(path), None) => read_secret_line(&folder.join(path))?.to_string(),
        (None, Some(name)) => std::env::var(name).map_err(|_| {
            anyhow!("`client_secret_env` says that the client's secret is in `{name}`: set it")
        })?,
        (None, None) => return Ok(None),
    };
    Ok(Some(ClientSecret::new(text)))
}
