//! `privet summary`: a period of the protected console in numbers, to be sent round.

use anyhow::{Result, bail};
use privet_wire::{SummaryFormat, SummaryQuery};

use crate::arguments::{Format, Summary};
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style};

pub(crate) async fn run(folder: Folder, summary: Summary, style: Style) -> Result<()> {
    let client = Client::new(&folder, &summary.who, "auditor")?;
    let format = match (summary.format, style) {
        (Some(_), Style::Programs) => bail!("--json is a format of its own: leave --format out"),
        (Some(Format::Csv), Style::People) => SummaryFormat::Csv,
        (Some(Format::Markdown) | None, Style::People) => SummaryFormat::Markdown,
        (None, Style::Programs) => SummaryFormat::Json,
    };
    let query = SummaryQuery {
        from: summary.from,
        before: summary.before,
        format,
    };
    let text = client.text("/v1/summary", &query).await?;
    output::line(text.trim_end())
}
