//! The texts of a copy that the vault knows: names of what it holds itself. Those of pages are the archive's.

use privet_archive::Language;

/// Every text of one language.
pub(crate) struct Words {
    pub(crate) account: &'static str,
    pub(crate) account_what: &'static str,
    pub(crate) since: &'static str,
    pub(crate) oid: &'static str,
    pub(crate) consents: &'static str,
    pub(crate) consents_what: &'static str,
    pub(crate) receipt: &'static str,
    pub(crate) number: &'static str,
    pub(crate) time: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) agreed: &'static str,
    pub(crate) notice: &'static str,
    pub(crate) channel: &'static str,
    pub(crate) language: &'static str,
    pub(crate) evidence: &'static str,
    pub(crate) looks: &'static str,
    pub(crate) looks_what: &'static str,
    pub(crate) who: &'static str,
    pub(crate) what: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) form: &'static str,
    pub(crate) fields: &'static str,
    pub(crate) you_agreed: &'static str,
    pub(crate) log: &'static str,
    pub(crate) entry: &'static str,
    pub(crate) fact_what: &'static str,
    pub(crate) telemetry: &'static str,
    pub(crate) telemetry_what: &'static str,
}

const ENGLISH: Words = Words {
    account: "Account",
    account_what: "What is held of you in one place, apart from the applications that you use.",
    since: "held since",
    oid: "the id under which applications know you",
    consents: "What you agreed to",
    consents_what: "Every answer that you gave when you were asked for your consent, the newest first. Receipts of them are beside this.",
    receipt: "Receipt of answer",
    number: "number",
    time: "time",
    purpose: "purpose",
    agreed: "agreed",
    notice: "version of the text",
    channel: "how the answer came",
    language: "language of the text",
    evidence: "evidence",
    looks: "Who looked",
    looks_what: "Who looked at your data, or changed it, before you asked for this copy, the newest first. Of people who work here it says what they do.",
    who: "who",
    what: "what was done",
    reason: "why",
    form: "in which form",
    fields: "which data",
    you_agreed: "after you agreed",
    log: "log",
    entry: "entry of the log",
    fact_what: "That you made a change, and when; not what it was.",
    telemetry: "Use",
    telemetry_what: "What applications recorded of how you use them.",
};

const GERMAN: Words = Words {
    account: "Konto",
    account_what: "Was an einer Stelle über Sie gespeichert ist, abgesehen von den Anwendungen, die Sie benutzen.",
    since: "gespeichert seit",
    oid: "die Kennung, unter der Anwendungen Sie kennen",
    consents: "Worin Sie eingewilligt haben",
    consents_what: "Jede Antwort auf die Frage nach Ihrer Einwilligung, die neueste zuerst. Belege liegen bei.",
    receipt: "Beleg der Antwort",
    number: "Nummer",
    time: "Zeit",
    purpose: "Zweck",
    agreed: "eingewilligt",
    notice: "Fassung des Textes",
    channel: "wie die Antwort kam",
    language: "Sprache des Textes",
    evidence: "Nachweis",
    looks: "Wer hingesehen hat",
    looks_what: "Wer Ihre Daten gesehen oder geändert hat, bevor Sie um diese Kopie baten, das Neueste zuerst. Von Menschen, die hier arbeiten, steht da, was sie tun.",
    who: "wer",
    what: "was geschah",
    reason: "warum",
    form: "in welcher Form",
    fields: "welche Daten",
    you_agreed: "mit Ihrer Einwilligung",
    log: "Protokoll",
    entry: "Eintrag im Protokoll",
    fact_what: "Dass Sie etwas geändert haben, und wann; nicht, was es war.",
    telemetry: "Nutzung",
    telemetry_what: "Was Anwendungen darüber aufgezeichnet haben, wie Sie sie benutzen.",
};

impl Words {
    /// Those of a language; English for one that has none.
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::German => &GERMAN,
            _ => &ENGLISH,
        }
    }
}
