//! `privet check`: settings, data map, policies and databases, without a server and without keys.

mod code;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Result, anyhow};
use privet_classify::DataMap;
use privet_vault::check::{check_notices, check_source};
use privet_vault::policy::Policy;
use privet_vault::{SourceName, SystemClock};
use serde::Serialize;

use crate::arguments::Check;
use crate::folder::{Folder, SETTINGS, read_secret};
use crate::mail;
use crate::mirror;
use crate::output::{self, Style, line};
use crate::serve::{data_map, disagreements, own_pages, policy, texts_missing};
use crate::settings::Settings;
use crate::sources;
use crate::stores;
use crate::telemetry;

/// What was looked at and what was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    ok: bool,
    problems: Vec<String>,
    notes: Vec<String>,
    /// Where values leave their classes; only where code was looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reveals: Vec<privet_code::Finding>,
}

pub(crate) async fn run(dir: Option<PathBuf>, check: Check, style: Style) -> Result<ExitCode> {
    let mut report = Report::default();
    if let Some(map) = &check.map {
        let map = super::classify::map_of(None, Some(map))?;
        report.code(&map, &check)?;
    } else {
        report.folder(&Folder::find(dir)?, &check).await?;
    }
    report.ok = report.problems.is_empty();
    match style {
        Style::Programs => output::json(&report)?,
        Style::People => report.print()?,
    }
    Ok(if report.ok {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Report {
    /// Everything that a folder says, and what else was asked for.
    async fn folder(&mut self, folder: &Folder, check: &Check) -> Result<()> {
        let settings = Settings::read(folder)?;
        self.settings(folder, &settings);
        self.problems
            .extend(stores::problems(folder, &settings).await);
        self.kept(own_pages(folder, &settings, Arc::new(SystemClock::start())));
        let found = mirror::check(folder, &settings).await;
        self.problems.extend(found.problems);
        self.notes.extend(found.notes);
        let map = self.kept(data_map(folder, &settings));
        let policy = self.kept(policy(folder, &settings));
        if let (Some(map), Some(policy)) = (&map, &policy) {
            self.agreement(&settings, map, policy);
        }
        if let Some(map) = &map {
            self.notices(folder, &settings, map).await;
            if let Some(agents) = &settings.drp {
                self.kept(agents.read(folder, map));
            }
        }
        if let Some(stated) = &settings.telemetry {
            let found = telemetry::check(folder, stated, map.as_ref()).await;
            self.problems.extend(found.problems);
            self.notes.extend(found.notes);
        }
        if let Some(map) = &map {
            self.problems.extend(map.gaps());
            self.kept(mail::is_login(&settings, map));
            self.mail(folder, &settings, map, check.mail.as_deref())
                .await;
            for name in &check.sources {
                self.source(folder, &settings, map, name).await?;
            }
            if !check.code.is_empty() {
                self.code(map, check)?;
            }
        }
        Ok(())
    }

    /// Settings and texts of mail, and whether it arrives where somebody is to be written to.
    async fn mail(
        &mut self,
        folder: &Folder,
        settings: &Settings,
        map: &DataMap,
        to: Option<&str>,
    ) {
        let Some(stated) = &settings.mail else {
            if to.is_some() {
                self.problems.push(format!(
                    "`{SETTINGS}` does not say how mail is sent: add [mail]"
                ));
            }
            return;
        };
        let mailer = self.kept(mail::mailer(folder, stated, map));
        self.notes.extend(mail::missing(settings, map));
        if let (Some(field), Some(_)) = (map.contact(), &settings.people) {
            self.notes.push(format!(
                "people are written to at the address that the vault holds as `{}`; who has none gets no mail",
                field.name
            ));
        }
        if let (Some(mailer), Some(to)) = (mailer, to)
            && self.kept(mail::send_test(&mailer, map, to).await).is_some()
        {
            self.notes
                .push("the mail server took a mail: look whether it arrives".to_owned());
        }
    }

    /// What the code says beside the map.
    fn code(&mut self, map: &DataMap, check: &Check) -> Result<()> {
        let found = code::check(map, &check.code)?;
        for finding in found.problems {
            let place = match finding.line {
                0 => String::new(),
                line => format!("{}:{line}: ", finding.file),
            };
            self.problems.push(format!("{place}{}", finding.what));
        }
        self.notes.extend(found.reveals.iter().map(|reveal| {
            let (file, line) = (&reveal.file, reveal.line);
            format!("{file}:{line}: a value leaves its class: {}", reveal.what)
        }));
        self.reveals = found.reveals;
        Ok(())
    }

    fn kept<T>(&mut self, read: Result<T>) -> Option<T> {
        read.map_err(|error| self.problems.push(format!("{error:#}")))
            .ok()
    }

    fn settings(&mut self, folder: &Folder, settings: &Settings) {
        let receipts = settings.receipts.iter().map(|receipts| &receipts.key);
        for secret in [&settings.root.file, &settings.log.key]
            .into_iter()
            .chain(receipts)
        {
            self.kept(read_secret(&folder.join(secret)));
        }
        self.notes.push(format!(
            "an erasure can be undone from a backup of the key store for {} days (`key_backup_days`)",
            settings.key_backup_days
        ));
    }

    /// What the files say about each other.
    fn agreement(&mut self, settings: &Settings, map: &DataMap, policy: &Policy) {
        for source in map.sources() {
            let name = source.name.as_str();
            if !settings.sources.keys().any(|known| known.as_str() == name) {
                self.problems.push(format!(
                    "source `{name}` is in the data map, but `{SETTINGS}` does not say where it is: add [sources.{name}]"
                ));
            }
        }
        self.problems.extend(disagreements(settings, map, policy));
    }

    /// What people are shown, and whether it is what they were shown.
    async fn notices(&mut self, folder: &Folder, settings: &Settings, map: &DataMap) {
        self.problems.extend(texts_missing(map));
        if map.notice_texts().len() == 0 {
            return;
        }
        let changed = match stores::read_data(folder, settings).await {
            // Nobody has been shown anything.
            Ok(None) => return,
            Ok(Some(data)) => check_notices(map, &*data).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        match changed {
            Ok(changed) => self.problems.extend(changed),
            Err(error) => self.notes.push(format!(
                "texts of notices were not compared with those that people were shown: {error:#}"
            )),
        }
    }

    async fn source(
        &mut self,
        folder: &Folder,
        settings: &Settings,
        map: &DataMap,
        name: &SourceName,
    ) -> Result<()> {
        let sources = sources::open(folder, settings, map)?;
        let source = sources.get(name).ok_or_else(|| {
            anyhow!("`{SETTINGS}` does not name a source `{name}`: add [sources.{name}]")
        })?;
        let found = check_source(map, &**source).await?;
        let said = |text: String| format!("source `{name}`: {text}");
        self.problems.extend(found.problems.into_iter().map(said));
        self.notes.extend(found.notes.into_iter().map(said));
        self.notes.push(said(format!(
            "{} sealed values",
            output::count(found.sealed)
        )));
        Ok(())
    }

    fn print(&self) -> Result<()> {
        for note in &self.notes {
            line(format!("note: {note}"))?;
        }
        for problem in &self.problems {
            line(format!("problem: {problem}"))?;
        }
        match self.problems.len() {
            0 => line("No problems."),
            1 => line("1 problem."),
            count => line(format!("{count} problems.")),
        }
    }
}
