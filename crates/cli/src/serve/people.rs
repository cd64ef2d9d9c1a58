//! People's own pages: their settings, and the identity provider that they log in with.

use std::fs;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::SignedDuration;
use privet_login::{ClientSecret, Provider};
use privet_vault::{Clock, OwnPages};

use crate::folder::{Folder, read_secret_line};
use crate::settings::{People, Settings};

/// The longest that looks are kept back: their side records die after 180 days.
const LOOKS_AFTER_DAYS_MAX: u16 = 90;

/// The pages, where there are any. Nothing is asked of the provider yet.
///
/// # Errors
/// What is not right in `[people]`.
pub(super) fn own_pages(
    folder: &Folder,
    settings: &Settings,
    clock: Arc<dyn Clock>,
) -> Result<Option<OwnPages>> {
    let Some(people) = &settings.people else {
        return Ok(None);
    };
    let made = made(folder, people, clock);
    made.map(Some)
        .context("[people] of `privet.toml` is not right")
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

#[cfg(test)]
mod tests {
    use privet_vault::SystemClock;

    use super::*;

    const PEOPLE: &str = r#"
        address = "https://me.shop.example"
        looks_after_days = 2
        [login]
        name = "Shop"
        issuer = "https://login.shop.example"
        client_id = "privet"
        subject = "shop/customer:{sub}"
    "#;

    /// What is said of these settings; nothing where they are right.
    fn check(change: impl Fn(&str) -> String) -> String {
        // As `main` does first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let people: People = toml::from_str(&change(PEOPLE)).unwrap();
        let folder = Folder::new("no-such-folder");
        match made(&folder, &people, Arc::new(SystemClock::start())) {
            Ok(pages) => format!("{}", pages.looks_after),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn settings_are_checked_at_the_start() {
        assert_eq!(check(str::to_owned), "PT48H");
        for (from, to, expected) in [
            (
                "_days = 2",
                "_days = 91",
                "`looks_after_days` is at most 90",
            ),
            ("\"Shop\"", "\" \"", "`name` and `client_id`"),
            ("https://me.", "http://me.", "`address` is not an address"),
            (
                "https://login.",
                "http://login.",
                "`issuer` is not an address",
            ),
            ("{sub}", "{email}", "claim `email` can change hands"),
            ("{sub}", "sub", "`subject` says which claim"),
            (
                "client_id",
                "client_secret_env = \"PRIVET_TEST_NO_SUCH_VARIABLE\"\nclient_id",
                "`PRIVET_TEST_NO_SUCH_VARIABLE`: set it",
            ),
            (
                "client_id",
                "client_secret_env = \"A\"\nclient_secret_file = \"b\"\nclient_id",
                "not both",
            ),
        ] {
            let said = check(|text| text.replace(from, to));
            assert!(said.contains(expected), "{to}: {said}");
        }
    }
}
