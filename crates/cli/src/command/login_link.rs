//! `privet login-link`: a link that opens the pages once, for whoever's token it is made with.

use anyhow::Result;
use privet_wire::LoginLink;
use reqwest::Method;
use serde_json::json;

use crate::arguments::Login;
use crate::client::Client;
use crate::folder::Folder;
use crate::output::{self, Style};

pub(crate) async fn run(folder: Folder, login: Login, style: Style) -> Result<()> {
    let client = Client::new(&folder, &login.who, "auditor")?;
    let link: LoginLink = client.send(Method::POST, "/v1/login-links", &()).await?;
    let address = format!("{}{}", client.server().api, link.path.as_str());
    if style == Style::Programs {
        return output::json(&json!({ "address": address, "expires_at": link.expires_at }));
    }
    output::note(format!(
        "open this in a browser before {}; it works once, for whoever opens it:",
        output::moment(link.expires_at)
    ));
    output::line(address)
}
