//! What people see of an adoption: a bar while it runs, a table when it is over. The demo adopts in its own process,
//! `privet adopt` watches a job of the server; both look the same.

use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use privet_vault::{Finding, JobState, JobStatus};

use crate::output::{self, Progress, line, note};

/// How often a running job is asked where it stands.
const PERIOD: Duration = Duration::from_millis(150);

/// Follows a job to its end, with a bar on standard error.
///
/// # Errors
/// When the job cannot be asked any more.
pub(crate) async fn watch<Ask, Answer>(ask: Ask) -> Result<JobStatus>
where
    Ask: Fn() -> Answer,
    Answer: Future<Output = Result<JobStatus>>,
{
    let bar = Progress::of("values");
    let mut ticks = tokio::time::interval(PERIOD);
    let status = loop {
        ticks.tick().await;
        let status = ask().await?;
        show(&bar, &status);
        if status.state.is_over() {
            break status;
        }
    };
    bar.clear();
    Ok(status)
}

fn show(bar: &Progress, status: &JobStatus) {
    let doing = match status.state {
        JobState::Looking => "looking",
        JobState::Sealing => "sealing",
        JobState::Opening => "writing back",
        JobState::Finishing if status.undo => "removing what was added",
        JobState::Finishing => "removing old plaintext",
        JobState::Done => "done",
        JobState::Failed => "failed",
    };
    let sealing = matches!(status.state, JobState::Sealing | JobState::Opening);
    let left = status.seconds_left.filter(|_| sealing);
    // What a look counts is what there will be to do, so that nothing is done of it yet.
    let total = if status.state == JobState::Looking {
        0
    } else {
        status.total
    };
    bar.show(doing, status.done, total, left);
}

/// Why a job failed, as one error; `None` if it did not.
pub(crate) fn failure(status: &JobStatus) -> Option<Error> {
    (status.state == JobState::Failed).then(|| {
        let mut problems = status.problems.clone();
        problems.dedup();
        anyhow!(
            "source `{}` could not be {}:\n  {}",
            status.source,
            if status.undo { "taken back" } else { "adopted" },
            problems.join("\n  ")
        )
    })
}

/// Prints what a job did, or would do, table by table.
///
/// # Errors
/// When nothing can be printed.
pub(crate) fn report(status: &JobStatus) -> Result<()> {
    let last = if status.undo {
        "written back now"
    } else if status.dry_run {
        "would be sealed"
    } else {
        "sealed now"
    };
    let mut table = output::table(["table", "columns", "rows", "sealed before", last]);
    for one in &status.tables {
        let changed = if status.dry_run {
            one.to_seal
        } else {
            one.done
        };
        table.add_row([
            one.table.clone(),
            one.columns.join(", "),
            output::count(one.rows),
            output::count(one.sealed),
            output::count(changed),
        ]);
    }
    line(table)?;
    for table in &status.tables {
        for finding in &table.findings {
            line(format!("table `{}`: {}", table.table, found(finding)))?;
        }
    }
    status
        .notes
        .iter()
        .for_each(|text| note(format!("note: {text}")));
    line(conclusion(status))
}

fn conclusion(status: &JobStatus) -> String {
    let source = &status.source;
    if status.undo {
        return undone(status);
    }
    if status.state == JobState::Failed {
        // Why, and what to do, is the error that follows.
        if status.dry_run {
            "Nothing was changed.".to_owned()
        } else if status.done == 0 {
            "Nothing was sealed.".to_owned()
        } else {
            format!(
                "Source `{source}`: {} sealed before it stopped; start it again, it goes on from there.",
                values(status.done)
            )
        }
    } else if status.dry_run {
        format!(
            "Nothing was changed. `privet adopt {source}` seals {}.",
            values(status.total)
        )
    } else if status.left > 0 {
        format!(
            "Source `{source}`: {} sealed, {} left in plaintext for the reasons above.",
            values(status.done),
            output::count(status.left)
        )
    } else {
        format!(
            "Source `{source}`: {} sealed; no plaintext is left.",
            values(status.done)
        )
    }
}

fn undone(status: &JobStatus) -> String {
    let (source, done) = (&status.source, values(status.done));
    if status.state == JobState::Failed {
        format!(
            "Source `{source}`: {done} written back before it stopped; ask for it again, it goes on from there."
        )
    } else if status.left > 0 {
        format!(
            "Source `{source}`: {done} written back; {} stay sealed, because their keys are gone or are not those of the \
             person whose row they lie in.",
            output::count(status.left)
        )
    } else {
        format!("Source `{source}`: {done} written back; nothing is sealed any more.")
    }
}

fn values(count: u64) -> String {
    match count {
        1 => "1 value".to_owned(),
        count => format!("{} values", output::count(count)),
    }
}

fn found(finding: &Finding) -> String {
    let more = if finding.rows > finding.first.len() as u64 {
        ", …"
    } else {
        ""
    };
    format!(
        "{} ({} rows; row ids {}{more})",
        finding.what,
        output::count(finding.rows),
        finding.first.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concluded(state: &str, dry_run: bool, done: u64, left: u64) -> String {
        let status = serde_json::json!({
            "id": "6053f853-c4ae-4eda-99ec-b5700d22927b", "source": "shop", "dry_run": dry_run, "undo": false, "state": state,
            "tables": [], "done": done, "total": 9, "values_per_second": 0, "seconds_left": null, "left": left,
            "problems": [], "notes": []
        });
        conclusion(&serde_json::from_value(status).unwrap())
    }

    #[test]
    fn the_last_word_is_true() {
        for (state, dry_run, done, left, said) in [
            (
                "done",
                true,
                0,
                0,
                "Nothing was changed. `privet adopt shop` seals 9 values.",
            ),
            ("failed", true, 0, 2, "Nothing was changed."),
            ("failed", false, 0, 2, "Nothing was sealed."),
            (
                "failed",
                false,
                1,
                2,
                "Source `shop`: 1 value sealed before it stopped; start it again, it goes on from there.",
            ),
            (
                "done",
                false,
                9,
                0,
                "Source `shop`: 9 values sealed; no plaintext is left.",
            ),
            (
                "done",
                false,
                7,
                2,
                "Source `shop`: 7 values sealed, 2 left in plaintext for the reasons above.",
            ),
        ] {
            assert_eq!(concluded(state, dry_run, done, left), said);
        }
    }
}
