//! What people's own pages say, in one place. Another language is another value of [`Words`].

use privet_classify::{Basis, Class, Period, PeriodUnit};
use privet_vault::ConsentChannel;
use privet_vault::audit::EntryKind;

use super::super::text::counted;

/// The words of one language.
#[derive(Debug)]
pub(super) struct Words {
    /// The language, as HTML names it (BCP 47).
    pub(super) language: &'static str,
    pub(super) skip: &'static str,
    pub(super) pages: &'static str,
    pub(super) log_out: &'static str,
    pub(super) footer: &'static str,
    pub(super) your_data: &'static str,
    pub(super) consent: &'static str,
    pub(super) looks: &'static str,
    pub(super) telemetry_id: &'static str,
    pub(super) log_in: &'static str,
    pub(super) log_in_lead: &'static str,
    pub(super) log_in_help: &'static str,
    pub(super) logged_out: &'static str,
    pub(super) logged_out_there: &'static str,
    pub(super) log_out_there: &'static str,
    pub(super) held_lead: &'static str,
    pub(super) held_since: &'static str,
    pub(super) used_for: &'static str,
    pub(super) until: &'static str,
    pub(super) until_you_leave: &'static str,
    pub(super) correct: &'static str,
    pub(super) not_held: &'static str,
    pub(super) elsewhere: &'static str,
    pub(super) elsewhere_lead: &'static str,
    pub(super) unreadable: &'static str,
    pub(super) withheld: &'static str,
    pub(super) corrected: &'static str,
    pub(super) new_value: &'static str,
    pub(super) new_value_help: &'static str,
    pub(super) save: &'static str,
    pub(super) back: &'static str,
    pub(super) cannot_correct: &'static str,
    pub(super) consent_lead: &'static str,
    pub(super) consent_none: &'static str,
    pub(super) consent_lost: &'static str,
    pub(super) agreed: &'static str,
    pub(super) refused: &'static str,
    pub(super) never_asked: &'static str,
    pub(super) outdated: &'static str,
    pub(super) notice: &'static str,
    pub(super) since: &'static str,
    pub(super) say_yes: &'static str,
    pub(super) say_no: &'static str,
    pub(super) history: &'static str,
    pub(super) history_none: &'static str,
    pub(super) history_caption: &'static str,
    pub(super) when: &'static str,
    pub(super) said: &'static str,
    pub(super) how: &'static str,
    pub(super) receipt: &'static str,
    pub(super) yes_to: &'static str,
    pub(super) no_to: &'static str,
    pub(super) older: &'static str,
    pub(super) looks_lead: &'static str,
    pub(super) looks_none: &'static str,
    pub(super) looks_caption: &'static str,
    pub(super) looks_back_to: &'static str,
    pub(super) looks_delay: &'static str,
    pub(super) who: &'static str,
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    pub(super) fields: &'static str,
    pub(super) under_grant: &'static str,
    pub(super) look: &'static str,
    pub(super) proof: &'static str,
    pub(super) proof_lead: &'static str,
    pub(super) keep_entry: &'static str,
    pub(super) keep_leaf: &'static str,
    pub(super) not_right: &'static str,
    pub(super) not_right_lead: &'static str,
    pub(super) not_right_label: &'static str,
    pub(super) not_right_help: &'static str,
    pub(super) send: &'static str,
    pub(super) objected: &'static str,
    pub(super) asked: &'static str,
    pub(super) asked_lead: &'static str,
    pub(super) asked_none: &'static str,
    pub(super) asked_long: &'static str,
    pub(super) asked_at: &'static str,
    pub(super) asked_until: &'static str,
    pub(super) asked_back: &'static str,
    pub(super) telemetry_lead: &'static str,
    pub(super) telemetry_means: &'static str,
    pub(super) telemetry_first: &'static str,
    pub(super) telemetry_understood: &'static str,
    pub(super) telemetry_do: &'static str,
    pub(super) telemetry_tick: &'static str,
    pub(super) telemetry_done: &'static str,
    pub(super) request: &'static str,
}

/// English.
pub(super) const ENGLISH: Words = Words {
    language: "en",
    skip: "Skip to the content",
    pages: "Pages",
    log_out: "Log out",
    footer: "All times are in UTC. That you looked at these pages is on record as well, without your name.",
    your_data: "Your data",
    consent: "Consent",
    looks: "Who looked",
    telemetry_id: "Telemetry id",
    log_in: "Log in",
    log_in_lead: "Here you see what is held of you, what you agreed to, and who looked at it.",
    log_in_help: "You log in where you always do. Only that it is you is learned from there, and nothing else. A login ends after \
                  30 idle minutes, and after 8 hours.",
    logged_out: "You are logged out here.",
    logged_out_there: "You may still be logged in at",
    log_out_there: "Log out there, too",
    held_lead: "This is what is held of you. Values are behind a mask here, in case somebody looks over your shoulder.",
    held_since: "Since",
    used_for: "Used for",
    until: "Kept",
    until_you_leave: "until you leave",
    correct: "Correct",
    not_held: "Nothing is held of",
    elsewhere: "What applications keep",
    elsewhere_lead: "Applications keep data of you in databases of their own:",
    unreadable: "A value that can no longer be read.",
    withheld: "There is a value, which is not shown here.",
    corrected: "It is corrected.",
    new_value: "The right value",
    new_value_help: "It takes the place of what is held here. Applications that keep a copy of their own are told by whoever runs them.",
    save: "Save",
    back: "Back",
    cannot_correct: "This can only be corrected where it came from. Write to whoever runs the service.",
    consent_lead: "Each of these needs your consent. You can say yes or no at any time; it holds at once, and nothing else \
                   depends on it.",
    consent_none: "Nothing here rests on your consent.",
    consent_lost: "Answers of yours were lost. Until you answer again, everything counts as a no.",
    agreed: "You said yes",
    refused: "You said no",
    never_asked: "You have not answered: that counts as a no",
    outdated: "You said yes to an earlier text. The text has changed, so that counts as a no until you answer again",
    notice: "Text of version",
    since: "since",
    say_yes: "Say yes",
    say_no: "Say no",
    history: "What you answered",
    history_none: "You have not answered anything yet.",
    history_caption: "Your answers, the newest first",
    when: "When (UTC)",
    said: "You said",
    how: "How",
    receipt: "Receipt",
    yes_to: "Yes to",
    no_to: "No to",
    older: "Older ones",
    looks_lead: "Every look at your data stands in a log that nobody can change unnoticed. Of each you can keep the proof.",
    looks_none: "Nobody looked at your data in what was gone through.",
    looks_caption: "Looks at your data, the newest first",
    looks_back_to: "Gone through back to",
    looks_delay: "A look is shown here this long after it took place:",
    who: "Who",
    what: "What was done",
    why: "What for",
    fields: "Which data",
    under_grant: "for a short while, on evidence that you agreed",
    look: "A look at your data",
    proof: "The proof",
    proof_lead: "The first file is the log’s entry with the proof that the log holds it; the second ties that entry to you and to \
                 nobody else. With the log’s public key anybody can check the first one on any machine:",
    keep_entry: "Keep the entry and its proof",
    keep_leaf: "Keep your part of it",
    not_right: "This was not right",
    not_right_lead: "If you think that nobody should have looked, say so. People who watch over this, and not those who looked, \
                     read it.",
    not_right_label: "What was not right?",
    not_right_help: "At most 2,000 characters. It is kept sealed beside the log.",
    send: "Send",
    objected: "It is sent. Whoever watches over looks will find it.",
    asked: "Asked of you",
    asked_lead: "Somebody who helps you may need to look at your data. They see exactly what they ask for here, for as long as \
                 they say, and only if you say yes. Everything they do then is on record.",
    asked_none: "Nobody asks you for anything.",
    asked_long: "For how long",
    asked_at: "Asked (UTC)",
    asked_until: "Your answer counts until (UTC)",
    asked_back: "Take it back",
    telemetry_lead: "Programs report how they are used. What they report about you bears an id that only this place can tie to you.",
    telemetry_means: "You can get another id. What was recorded under the former one then belongs to nobody: it cannot be shown to \
                      you, handed out to you, or deleted as yours any more. That cannot be taken back.",
    telemetry_first: "If you want a copy of what was recorded, ask for your data first.",
    telemetry_understood: "I understand that what was recorded so far can no longer be tied to me",
    telemetry_do: "Give me another id",
    telemetry_tick: "Say first that you understand what it means.",
    telemetry_done: "You have another id from now on. Nothing leads to the former one any more.",
    request: "Request",
};

impl Words {
    /// A name of the data map, as people read it.
    pub(super) fn name(name: &str) -> String {
        name.replace(['_', '-'], " ")
    }

    /// A legal basis of Art. 6(1) GDPR.
    pub(super) fn basis(&self, basis: Basis) -> &'static str {
        match basis {
            Basis::Consent => "with your consent",
            Basis::Contract => "to fulfil the contract with you",
            Basis::LegalObligation => "because a law demands it",
            Basis::VitalInterest => "to protect somebody’s life",
            Basis::PublicTask => "for a task in the public interest",
            Basis::LegitimateInterest => "for a legitimate interest, to which you can object",
        }
    }

    /// How personal a field is.
    pub(super) fn class(&self, class: Class) -> &'static str {
        match class {
            Class::Uii => "identifies you",
            Class::Upi => "an id that stands for you",
            Class::Udi => "describes you",
            Class::Cc => "what you wrote or made",
            Class::Oi => "about an organisation",
            Class::Sys => "technical",
        }
    }

    /// How long something is kept.
    pub(super) fn period(&self, period: Period) -> String {
        let unit = match period.unit() {
            PeriodUnit::Days => "day",
            PeriodUnit::Weeks => "week",
            PeriodUnit::Months => "month",
            PeriodUnit::Years => "year",
        };
        counted(period.count().into(), unit)
    }

    /// How an answer came.
    pub(super) fn channel(&self, channel: ConsentChannel) -> &'static str {
        match channel {
            ConsentChannel::Web => "on a web page",
            ConsentChannel::App => "in an app",
            ConsentChannel::Support => "to the staff",
            ConsentChannel::Import => "taken over from elsewhere",
            ConsentChannel::Gpc => "by your browser (Global Privacy Control)",
        }
    }

    /// What was done with a person's data.
    pub(super) fn done(&self, what: Option<EntryKind>) -> &'static str {
        match what {
            Some(EntryKind::SubjectCreated) => "made your record",
            Some(EntryKind::SubjectUpdated) => "wrote your data",
            Some(EntryKind::SubjectDescribed) => "looked which data there is, not what it says",
            Some(EntryKind::Reveal) => "looked at your data",
            Some(EntryKind::Lookup) => "found you by a value",
            Some(EntryKind::Seal) => "encrypted your data",
            Some(EntryKind::Open) => "opened your data",
            Some(EntryKind::ConsentGranted) => "recorded a yes of yours",
            Some(EntryKind::ConsentWithdrawn) => "recorded a no of yours",
            Some(EntryKind::ConsentImported) => "took over answers of yours from elsewhere",
            Some(EntryKind::ConsentRead) => "looked what you agreed to",
            Some(EntryKind::TelemetryIdRotated) => "gave you another telemetry id",
            Some(EntryKind::GrantRequested) => "asked for leave to look at your data",
            Some(EntryKind::GrantIssued) => "got leave to look at your data",
            Some(EntryKind::GrantDenied) => "asked for leave to look at your data, and got none",
            Some(EntryKind::StatementOpened) => "was about to see your data",
            Some(EntryKind::StatementShown) => "saw your data",
            Some(EntryKind::UndoOpened) => "opened your data, to write it back unencrypted",
            _ => "did something else with your data",
        }
    }
}
