//! `privet telemetry`: what a warehouse needs that takes the files elsewhere.

use std::path::PathBuf;

use anyhow::{Result, bail};
use privet_telemetry_store::views;

use super::classify::map_of;
use crate::arguments::{Telemetry, TelemetryCommand, Views};
use crate::output;

pub(crate) fn run(dir: Option<PathBuf>, telemetry: &Telemetry) -> Result<()> {
    match &telemetry.command {
        TelemetryCommand::Views(views) => print_views(dir, views),
    }
}

fn print_views(dir: Option<PathBuf>, wanted: &Views) -> Result<()> {
    let map = map_of(dir, wanted.map.as_deref())?;
    let purposes = map.purposes().filter_map(|purpose| {
        let bit = u32::from(purpose.bit?);
        Some((purpose.name.as_str(), bit))
    });
    let purposes: Vec<(&str, u32)> = purposes.collect();
    if purposes.is_empty() {
        bail!("no purpose of the data map rests on consent, so there is nobody to leave out");
    }
    let dialect = wanted.dialect.into();
    let views = views::views(dialect, &purposes, &map.notices());
    output::line(views::statements(dialect, &views).trim_end())
}
