//! German.

use privet_classify::{Basis, Class};

use super::Words;

pub(super) static WORDS: Words = Words {
    title: "Ihre persönlichen Daten",
    lead: "Das hat {company} über Sie gespeichert, Stand {date}. Sie haben es mit der Anfrage {request} verlangt.",
    keep_safe: "Diese Datei lässt sich ohne Internet öffnen, führt keine Programme aus und meldet niemandem, dass Sie sie lesen. \
                Wer sie hat, kann sie lesen: Bewahren Sie sie sicher auf.",
    contents: "Inhalt",
    skip: "Zum Inhalt springen",
    nothing_at_all: "Über Sie ist nichts gespeichert.",
    nothing: "Hier ist nichts über Sie gespeichert.",
    one_entry: "1 Eintrag",
    entries: "{count} Einträge",
    thousands: '.',
    why: "Was es ist und warum es gespeichert ist",
    data: "Angabe",
    nature: "Art",
    purpose: "Wofür",
    until: "Bis wann",
    unknown: "nicht angegeben",
    first_rows: "Die ersten {shown} von {rows} Einträgen.",
    read_all: "Alle auf Seiten lesen",
    left_out: "Die Seiten zeigen die ersten {shown} Einträge. In den Dateien stehen alle {rows}.",
    page: "Seite {page} von {pages}",
    previous: "Vorige Seite",
    next: "Nächste Seite",
    overview: "Übersicht",
    files: "Dateien",
    csv: "Tabelle (CSV)",
    json_lines: "Für Programme (JSON Lines)",
    schema: "Beschreibung (JSON Schema)",
    receipts: "Belege",
    receipts_what: "Signierte Belege über das, wozu Sie eingewilligt und was Sie widerrufen haben.",
    rights: "Ihre Rechte",
    rights_what: &[
        "Sie können diese Daten berichtigen oder löschen lassen, ihre Verwendung einschränken lassen, ihr widersprechen und die \
         Daten anderswohin mitnehmen.",
        "Eine Einwilligung können Sie jederzeit widerrufen; was vorher geschah, bleibt rechtmäßig.",
        "Sie können sich bei einer Datenschutzbehörde beschweren: wo Sie wohnen, wo Sie arbeiten oder wo Ihrer Meinung nach das \
         Recht verletzt wurde.",
    ],
    ask: "Wen Sie fragen können",
    ask_what: "{company} ist für diese Daten verantwortlich: {contact}. Nennen Sie die Anfrage {request}, wenn Sie schreiben.",
    about_files: "Zu den Dateien",
    about_files_what: &[
        (
            "data/….csv",
            "Für Tabellenprogramme. Damit nichts darin als Formel ausgeführt wird, steht vor Zellen, die mit =, +, -, @, einem \
             Tabulator oder Zeilenumbruch beginnen, ein Apostroph ('); ebenso vor solchem Text hinter einem Semikolon, Tabulator \
             oder Zeilenumbruch in einer Zelle. Steuerzeichen sind ersetzt. Tabellenprogramme runden lange Zahlen mitunter.",
        ),
        (
            "data/….jsonl",
            "Für Programme: ein Eintrag je Zeile, jeder Wert genau wie gespeichert, Bytes als base64.",
        ),
        (
            "schema/….schema.json",
            "Wie die Zeilen einer JSON-Lines-Datei aussehen (JSON Schema 2020-12).",
        ),
        (
            "datapackage.json",
            "Beschreibt alle diese Dateien für Programme (Frictionless Data Package).",
        ),
        (
            "manifest-sha256.txt",
            "SHA-256 jeder Datei, damit sich zeigt, dass nichts verloren ging oder verändert wurde. Der Ordner ist eine \
             BagIt-Tasche (RFC 8493).",
        ),
    ],
    none: "–",
    yes: "ja",
    no: "nein",
    bytes: "{count} Bytes, in den Dateien",
    more: "… {count} weitere Zeichen in den Dateien",
    class: |class| match class {
        Class::Uii => "sagt, wer Sie sind",
        Class::Upi => "steht für Sie, wie eine Nummer",
        Class::Udi => "beschreibt Sie",
        Class::Cc => "stammt von Ihnen",
        Class::Oi => "betrifft eine Organisation",
        Class::Sys => "ist technisch",
    },
    basis: |basis| match basis {
        Basis::Consent => "Sie haben eingewilligt",
        Basis::Contract => "ein Vertrag mit Ihnen",
        Basis::LegalObligation => "das Gesetz verlangt es",
        Basis::VitalInterest => "es schützt jemandes Leben",
        Basis::PublicTask => "eine Aufgabe im öffentlichen Interesse",
        Basis::LegitimateInterest => "ein berechtigtes Interesse; Sie können widersprechen",
    },
};
