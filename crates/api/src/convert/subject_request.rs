//! Requests of people.

use privet_vault::subject_request as vault;
use privet_wire as wire;

use super::oid_out;

pub(crate) fn request_id_out(id: privet_vault::SubjectRequestId) -> wire::SubjectRequestId {
    wire::SubjectRequestId::from_bytes(*id.as_bytes())
}

pub(crate) fn request_origin_in(body: wire::AskRequest) -> vault::RequestOrigin {
    vault::RequestOrigin {
        channel: body.channel.map(|channel| match channel {
            wire::RequestChannel::App => vault::RequestChannel::App,
            wire::RequestChannel::Mail => vault::RequestChannel::Mail,
            wire::RequestChannel::Phone => vault::RequestChannel::Phone,
            wire::RequestChannel::Letter => vault::RequestChannel::Letter,
            wire::RequestChannel::InPerson => vault::RequestChannel::InPerson,
            wire::RequestChannel::Agent => vault::RequestChannel::Agent,
        }),
        received_on: body.received_on,
        checked: body.checked.map(wire::Personal::into_inner),
    }
}

fn channel_out(channel: vault::RequestChannel) -> wire::RequestChannel {
    match channel {
        vault::RequestChannel::App => wire::RequestChannel::App,
        vault::RequestChannel::Mail => wire::RequestChannel::Mail,
        vault::RequestChannel::Phone => wire::RequestChannel::Phone,
        vault::RequestChannel::Letter => wire::RequestChannel::Letter,
        vault::RequestChannel::InPerson => wire::RequestChannel::InPerson,
        vault::RequestChannel::Agent => wire::RequestChannel::Agent,
    }
}

fn state_out(state: vault::SubjectRequestState) -> wire::SubjectRequestState {
    match state {
        vault::SubjectRequestState::Waiting => wire::SubjectRequestState::Waiting,
        vault::SubjectRequestState::Collecting => wire::SubjectRequestState::Collecting,
        vault::SubjectRequestState::Ready => wire::SubjectRequestState::Ready,
        vault::SubjectRequestState::Notified => wire::SubjectRequestState::Notified,
        vault::SubjectRequestState::Expired => wire::SubjectRequestState::Expired,
        vault::SubjectRequestState::Cooling => wire::SubjectRequestState::Cooling,
        vault::SubjectRequestState::Destroying => wire::SubjectRequestState::Destroying,
        vault::SubjectRequestState::Confirming => wire::SubjectRequestState::Confirming,
        vault::SubjectRequestState::Done => wire::SubjectRequestState::Done,
        vault::SubjectRequestState::Cancelled => wire::SubjectRequestState::Cancelled,
    }
}

pub(crate) fn subject_request_out(request: vault::RequestSummary) -> wire::SubjectRequest {
    wire::SubjectRequest {
        id: request_id_out(request.id),
        kind: match request.kind {
            vault::SubjectRequestKind::Access => wire::SubjectRequestKind::Access,
            vault::SubjectRequestKind::Erasure => wire::SubjectRequestKind::Erasure,
        },
        state: state_out(request.state),
        fields: request.fields,
        subject: request.oid.map(oid_out),
        received_at: request.received_at,
        asked_at: request.asked_at,
        due_on: request.due_on,
        urgency: request.urgency.map(|urgency| match urgency {
            vault::Urgency::InTime => wire::RequestUrgency::InTime,
            vault::Urgency::Soon => wire::RequestUrgency::Soon,
            vault::Urgency::Late => wire::RequestUrgency::Late,
        }),
        next_at: request.next_at,
        attempts: request.attempts,
        failure: request.failure,
        ended_at: request.ended_at,
    }
}

pub(crate) fn request_detail_out(detail: vault::RequestDetail) -> wire::SubjectRequestDetail {
    wire::SubjectRequestDetail {
        request: subject_request_out(detail.summary),
        by: detail.by.map(|name| name.to_string()),
        channel: detail.channel.map(channel_out),
        checked: detail.checked.map(wire::Personal::from),
    }
}

pub(crate) fn request_page_out(list: vault::RequestList) -> wire::SubjectRequestPage {
    let requests = list.requests.into_iter().map(subject_request_out);
    wire::SubjectRequestPage {
        requests: requests.collect(),
        next: list.next.map(request_id_out),
    }
}
