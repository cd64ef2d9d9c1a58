//! What the demo prints once it serves: what to try next, in order.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::{PEOPLE, Ready, Sample, moved};
use crate::folder::Folder;
use crate::output::{self, Style, bold, line, shell};
use crate::serve::{Server, this_program};
use crate::settings::Settings;

const TICKET: &str = "https://tickets.example.com/1";

/// Prints the welcome, for people or programs.
pub(super) fn welcome(
    folder: &Folder,
    settings: &Settings,
    ready: &Ready,
    took: Duration,
    style: Style,
) -> Result<()> {
    let Ready {
        doors,
        server,
        sample,
        login,
        new,
    } = ready;
    let path = std::path::absolute(folder.path())?;
    if style == Style::Programs {
        // Tokens stay in the file.
        return output::json(&json!({
            "ready": true,
            "facts": path.join("demo.json"),
            "api": server.api,
            "gateway": server.gateway,
        }));
    }
    let dir = shell(path.display());
    let what = if *new { "is ready" } else { "continues" };
    line(format!(
        "\n{} after {:.1} s, in environment `{}`. Ctrl-C stops it; the data stays in {dir}",
        bold(&format!("Privet {what}")),
        took.as_secs_f64(),
        settings.environment,
    ))?;
    moved(settings, doors)?;
    let program = shell(this_program()?.display());
    console(&program, &dir, sample)?;
    if found("psql") {
        psql(&dir, server, sample)?;
    }
    line(bold("\n2  Be a program: the HTTP API"))?;
    line(format!("   {}", curl(&dir, server, sample)))?;
    line(format!(
        "   What else it can do: {}/openapi.json",
        server.api
    ))?;
    line(bold(
        "\n3  Be the auditor: who looked, why, and is the record whole?",
    ))?;
    line(format!("   {}", login.address()))?;
    line(format!(
        "   Open that in a browser: it works once, within ten minutes. Another: {program} login-link --dir {dir}"
    ))?;
    line("   Or without a browser:")?;
    for command in [
        "session list",
        "session show ID",
        "summary",
        "audit tail",
        "audit verify",
    ] {
        line(format!("   {program} {command} --dir {dir}"))?;
    }
    people(&dir)
}

fn console(program: &str, dir: &str, sample: &Sample) -> Result<()> {
    line(bold("\n1  Be the engineer on call: the protected console"))?;
    line(format!("   {program} console --dir {dir}"))?;
    line("   It asks why you are there. Then, for example:")?;
    line("     SELECT customer_id, first_name, email, country FROM customer LIMIT 5;")?;
    line(format!(
        "     SELECT customer_id FROM customer WHERE email_px = '~eq:email:{}~';",
        sample.email
    ))?;
    line(format!(
        "     decrypt!   for {}, with the address of that person's consent, such as {TICKET}#yes",
        sample.alias
    ))
}

fn psql(dir: &str, server: &Server, sample: &Sample) -> Result<()> {
    let (host, port) = (server.gateway.ip(), server.gateway.port());
    line("   The same with psql:")?;
    line(format!(
        "     PGPASSFILE={dir}/pgpass psql 'host={host} port={port} user=on_call dbname={}'",
        super::SOURCE
    ))?;
    line(format!(
        "     CALL privet.justify('customer cannot sign in', '{TICKET}');"
    ))?;
    line(format!(
        "     CALL privet.decrypt(consent => '{TICKET}#yes', subject => '{}');",
        sample.alias
    ))
}

/// A line that reveals the sample's e-mail address; the token stays out of the command line.
fn curl(dir: &str, server: &Server, sample: &Sample) -> String {
    let body = json!({
        "subjects": [sample.oid.to_string()], "fields": ["email"], "purpose": "service"
    });
    format!(
        "curl -s -H @{dir}/tokens/job.header -H 'Content-Type: application/json' -d '{body}' {}/v1/reveal",
        server.api
    )
}

fn people(dir: &str) -> Result<()> {
    line(bold("\nThe people to be"))?;
    let mut table = output::table(["name", "who", "token"]);
    for (name, who) in PEOPLE {
        table.add_row([name, who, &format!("tokens/{name}")]);
    }
    line(table)?;
    line(format!("All of this for programs: {dir}/demo.json\n"))
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
