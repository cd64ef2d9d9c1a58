//! `privet consent notice`: what people are shown when they are asked.

use anyhow::Result;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use privet_wire::Notice;

use crate::client::Client;
use crate::output::{self, Style, line};

pub(super) async fn show(client: &Client, version: &str, style: Style) -> Result<()> {
    let version = utf8_percent_encode(version, NON_ALPHANUMERIC);
    let notice: Notice = client.get(&format!("/v1/notices/{version}")).await?;
    if style == Style::Programs {
        return output::json(&notice);
    }
    for (place, text) in notice.texts.iter().enumerate() {
        if place > 0 {
            line("")?;
        }
        let (purpose, language) = (&text.purpose, &text.language);
        let heading = format!(
            "{purpose}, in {language}, kept since {} UTC",
            output::cell(text.since)
        );
        line(output::bold(&heading))?;
        line(format!("SHA-256 {}", text.sha256))?;
        line(&text.text)?;
    }
    Ok(())
}
