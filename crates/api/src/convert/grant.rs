//! Grants and requests for them between the vault's words and the wire's.

use jiff::Timestamp;
use privet_vault as vault;
use privet_vault::port::GrantRow;
use privet_wire as wire;

pub(super) fn grant_out(view: vault::GrantView) -> wire::Grant {
    let GrantRow {
        id,
        subjects,
        emergency,
        starts_at,
        ends_at,
        ended_at,
        ..
    } = view.row;
    wire::Grant {
        id: wire::GrantId::from_bytes(*id.as_bytes()),
        subject: view.subject.map(wire::Personal::new),
        references: subjects.iter().map(ToString::to_string).collect(),
        policies: view.policies,
        entry: view.entry,
        fields: view.fields,
        evidence: view.evidence.map(wire::Personal::new),
        emergency,
        emergency_reason: view.emergency.map(wire::Personal::new),
        approved_by: view.approved_by,
        starts_at,
        ends_at,
        ended_at,
    }
}

pub(crate) fn grants_out(grants: Vec<vault::ListedGrant>) -> wire::GrantList {
    let grants = grants.into_iter().map(|listed| wire::ListedGrant {
        principal: listed.grant.row.principal.to_string(),
        session: wire::SessionId::from_bytes(*listed.grant.row.session.as_bytes()),
        source: listed.source.into(),
        live: listed.live,
        grant: grant_out(listed.grant),
    });
    wire::GrantList {
        grants: grants.collect(),
    }
}

pub(crate) fn requests_out(
    requests: Vec<vault::RequestView>,
    now: Timestamp,
) -> wire::GrantRequestList {
    let requests = requests.into_iter().map(|view| request_out(view, now));
    wire::GrantRequestList {
        requests: requests.collect(),
    }
}

fn request_out(view: vault::RequestView, now: Timestamp) -> wire::GrantRequest {
    let state = match view.state(now) {
        vault::RequestState::Waiting => wire::RequestState::Waiting,
        vault::RequestState::Approved => wire::RequestState::Approved,
        vault::RequestState::Rejected => wire::RequestState::Rejected,
        vault::RequestState::Used => wire::RequestState::Used,
        vault::RequestState::Expired => wire::RequestState::Expired,
    };
    let row = view.row;
    wire::GrantRequest {
        id: wire::GrantRequestId::from_bytes(*row.id.as_bytes()),
        state,
        principal: row.principal.into(),
        session: wire::SessionId::from_bytes(*row.session.as_bytes()),
        source: row.source.into(),
        subject: view.subject.map(wire::Personal::new),
        references: row.subjects.iter().map(ToString::to_string).collect(),
        fields: view.fields,
        minutes: row.minutes,
        evidence: view.evidence.map(wire::Personal::new),
        reason: view.reason.map(wire::Personal::new),
        link: view.link.map(wire::Personal::new),
        asked_at: row.asked_at,
        expires_at: row.expires_at,
        decided_by: row.decision.map(|decision| decision.by.into()),
    }
}
