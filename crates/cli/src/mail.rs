//! The mailer, put together from `[mail]` and its files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use privet_classify::DataMap;
use privet_mail::{
    Encryption, Login, Mail as Message, Mailer, MessageId, Notice, Outcome, PeopleMailer, Server,
    Templates,
};
use privet_seal::{Entropy as _, KeyId};
use privet_vault::{Clock as _, SystemClock, ThreadEntropy};
use zeroize::Zeroizing;

use crate::folder::{Folder, SETTINGS, read_secret_line, read_text};
use crate::settings::{Mail, MailEncryption, Settings};

/// Longest template, in bytes: mail is short.
const TEMPLATE_SIZE_BYTES_MAX: u64 = 256 << 10;
/// Most files in the folder of templates.
const TEMPLATES_MAX: usize = 1_000;
/// Longest time that one mail may take.
const SECONDS_MAX: u16 = 600;

/// Mail to people, where it is sent and leads to their own pages.
///
/// # Errors
/// What is not right in `[mail]`, and what to do about it.
pub(crate) fn to_people(
    folder: &Folder,
    settings: &Settings,
    map: &DataMap,
) -> Result<Option<PeopleMailer>> {
    let Some(stated) = &settings.mail else {
        return Ok(None);
    };
    let mailer = mailer(folder, stated, map)?;
    let Some((controller, people)) = map.controller().zip(settings.people.as_ref()) else {
        return Ok(None);
    };
    let (company, contact) = (&controller.name, &controller.contact);
    let mailer = PeopleMailer::new(mailer, company, contact, &people.address);
    Ok(Some(mailer))
}

/// Whether people may log in by a link that they get by mail.
///
/// # Errors
/// The operator wants it, and something is missing.
pub(crate) fn is_login(settings: &Settings, map: &DataMap) -> Result<bool> {
    if !settings
        .people
        .as_ref()
        .is_some_and(|people| people.mail_login)
    {
        return Ok(false);
    }
    let missing = match map.contact() {
        _ if settings.mail.is_none() => format!("mail is sent: add [mail] to `{SETTINGS}`"),
        None => "the data map says where people's address is: add `contact = true` to the field that holds it".to_owned(),
        Some(field) if field.lookup.is_none() => format!(
            "people are found by their address: add `lookup = {{ unique = true }}` to `{}` in the data map",
            field.name
        ),
        Some(_) => return Ok(true),
    };
    bail!("`mail_login` in [people] of `{SETTINGS}` needs that {missing}")
}

/// What is missing for mail to people where it can be sent.
pub(crate) fn missing(settings: &Settings, map: &DataMap) -> Vec<String> {
    let mut missing = Vec::new();
    if settings.mail.is_some() && settings.people.is_none() {
        missing.push(format!(
            "`{SETTINGS}` says how mail is sent, but nobody is written to: mail leads people to their own pages; add [people]"
        ));
    }
    if settings.mail.is_some() && map.contact().is_none() {
        missing.push(
            "nobody is written to, because the data map does not say where people's address is: add `contact = true` to the field \
             that holds it"
                .to_owned(),
        );
    }
    missing
}

/// The mailer that the settings describe. Connects to nothing.
///
/// # Errors
/// What is not right, and what to do about it.
pub(crate) fn mailer(folder: &Folder, settings: &Mail, map: &DataMap) -> Result<Mailer> {
    mailer_of(folder, settings, map).with_context(|| format!("[mail] in `{SETTINGS}` is not right"))
}

fn mailer_of(folder: &Folder, settings: &Mail, map: &DataMap) -> Result<Mailer> {
    let controller = map.controller().ok_or_else(|| {
        anyhow!("mail says whose it is: add [controller] to the data map, with name and contact")
    })?;
    if !(1..=SECONDS_MAX).contains(&settings.seconds_max) {
        bail!("`seconds_max` must be 1 to {SECONDS_MAX}");
    }
    let templates = match &settings.templates {
        None => Vec::new(),
        Some(templates) => templates_in(&folder.join(templates))?,
    };
    let authorities = settings.authorities.as_ref().map(|path| {
        let path = folder.join(path);
        fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))
    });
    let from_name = settings.from_name.as_ref().unwrap_or(&controller.name);
    let server = Server {
        host: settings.server.clone(),
        port: settings.port,
        encryption: match settings.encryption {
            MailEncryption::StartTls => Encryption::StartTls,
            MailEncryption::Tls => Encryption::Tls,
            MailEncryption::None => Encryption::None,
        },
        login: login(folder, settings)?,
        authorities: authorities.transpose()?,
        from: settings.from.parse().context("`from`")?,
        from_name: from_name.clone(),
        timeout: Duration::from_secs(settings.seconds_max.into()),
    };
    Ok(Mailer::new(server, Templates::read(templates)?)?)
}

/// Name and password; both or none.
fn login(folder: &Folder, settings: &Mail) -> Result<Option<Login>> {
    let Some(user) = settings.user.clone() else {
        if settings.password_file.is_some() || settings.password_env.is_some() {
            bail!("there is a password but no `user`");
        }
        return Ok(None);
    };
    let password = match (&settings.password_file, &settings.password_env) {
        (Some(file), None) => read_secret_line(&folder.join(file))?,
        (None, Some(name)) => Zeroizing::new(
            std::env::var(name)
                .map_err(|_| anyhow!("the environment has no text in `{name}` (`password_env`)"))?,
        ),
        _ => bail!("`user` needs a password: keep one of `password_file` and `password_env`"),
    };
    Ok(Some(Login { user, password }))
}

/// The files of a folder by name. Folders and hidden files are none of ours.
fn templates_in(folder: &Path) -> Result<Vec<(String, String)>> {
    let cannot_read = || format!("cannot read `{}`", folder.display());
    let mut templates = Vec::new();
    for entry in fs::read_dir(folder).with_context(cannot_read)? {
        let entry = entry.with_context(cannot_read)?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy().into_owned();
        // An editor's lock is hidden, and may lead nowhere.
        if name.starts_with('.') {
            continue;
        }
        let metadata = fs::metadata(&path).with_context(cannot_read)?;
        if metadata.is_dir() {
            continue;
        }
        if metadata.len() > TEMPLATE_SIZE_BYTES_MAX || templates.len() == TEMPLATES_MAX {
            bail!(
                "`{}` has too many files, or one that is too long for a mail",
                folder.display()
            );
        }
        templates.push((name, read_text(&path)?));
    }
    templates.sort();
    Ok(templates)
}

/// Sends a mail in which nothing happened, to see whether mail arrives; says what became of it.
///
/// # Errors
/// The address is none, or the mail was not sent.
pub(crate) async fn send_test(mailer: &Mailer, map: &DataMap, to: &str) -> Result<()> {
    let controller = map.controller().context("no [controller]")?;
    let mut number = [0; 16];
    ThreadEntropy.fill(&mut number);
    let id = MessageId::new(&format!("test-{}", KeyId(number)), "privet.invalid")?;
    let message = Message {
        id: &id,
        date: SystemClock::start().now(),
        to: &to.parse()?,
        language: "en",
        notice: &Notice::Test,
        company: &controller.name,
        contact: &controller.contact,
        request: "test",
    };
    match mailer.send(&message).await {
        Outcome::Sent => Ok(()),
        Outcome::Deferred(failure) => Err(anyhow!("{failure}: it may work later")),
        Outcome::Refused(failure) => Err(anyhow!("{failure}")),
    }
}
