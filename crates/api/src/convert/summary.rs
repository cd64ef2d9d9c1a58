//! Summaries between the vault's words and the wire's.

use privet_vault as vault;
use privet_wire as wire;

use super::session::listed_out;

pub(crate) fn summary_out(summary: vault::Summary) -> wire::Summary {
    let sources = summary.sources.into_iter();
    let reviewers = summary.reviewers.into_iter();
    let reasons = summary.reasons.into_iter();
    wire::Summary {
        from: summary.from,
        before: summary.before,
        step_seconds: u64::try_from(summary.step.as_secs()).unwrap_or_default(),
        total: counts_out(&summary.total),
        former: counts_out(&summary.former),
        sources: sources
            .map(|source| wire::SourceSummary {
                source: source.source.into(),
                counts: counts_out(&source.counts),
                steps: source.steps.iter().map(counts_out).collect(),
            })
            .collect(),
        reviewers: reviewers
            .map(|counts| wire::ReviewerSummary {
                reviewer: counts.reviewer.into(),
                approved: counts.approved,
                flagged: counts.flagged,
            })
            .collect(),
        reasons: reasons.map(reason_out).collect(),
        decrypted: summary.decrypted.into_iter().map(listed_out).collect(),
        decrypted_cut: summary.decrypted_cut,
        emergencies: summary.emergencies.into_iter().map(listed_out).collect(),
        emergencies_cut: summary.emergencies_cut,
        pending: summary.pending.into_iter().map(listed_out).collect(),
        pending_cut: summary.pending_cut,
    }
}

pub(crate) fn findings_out(findings: vault::SessionFindings) -> wire::SessionFindings {
    wire::SessionFindings {
        overdue: findings.overdue.into_iter().map(listed_out).collect(),
        expired: findings.expired.into_iter().map(listed_out).collect(),
        reasons: findings.reasons.into_iter().map(reason_out).collect(),
        decrypted: findings.decrypted,
        decrypted_before: findings.decrypted_before,
        cut: findings.cut,
    }
}

fn reason_out(counts: vault::ReasonCounts) -> wire::ReasonSummary {
    wire::ReasonSummary {
        reason: counts.reason.map(wire::Personal::new),
        now: counts.now,
        former: counts.former,
    }
}

fn counts_out(counts: &vault::Counts) -> wire::SessionCounts {
    wire::SessionCounts {
        sessions: counts.sessions,
        decrypted: counts.decrypted,
        pending: counts.pending,
        approved: counts.approved,
        flagged: counts.flagged,
        statements: counts.statements,
        opened: counts.opened,
    }
}
