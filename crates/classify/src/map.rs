//! The data map: one TOML file per environment that says where personal data is.
//!
//! [`DataMap::parse`] reads the whole file, checks everything that can be checked without looking
//! at a database, and reports every problem with its line. A `DataMap` that exists is consistent:
//! every name in it resolves, every subject path ends.

mod check;
mod consent;
mod controller;
mod coverage;
mod fields;
mod model;
mod notices;
mod period;
mod problems;
mod purposes;
mod read;
mod rights;
mod sources;
mod subject;
mod telemetry;

use std::collections::BTreeMap;

pub use model::{
    Attribute, AttributeType, Basis, CONSENT_BITS, Column, ConsentRules, Controller, EraseRule,
    EraseWith, ExportRule, Field, Hop, KeptConsent, Lookup, MetricRule, NameRule, NoticeText,
    Purpose, Retain, RetainFrom, Root, ScopeRule, Source, SubjectChain, SubjectPath, Table,
    Telemetry, TelemetryDefault, TenantRule, Treatment,
};
pub use period::{Period, PeriodError, PeriodUnit};

use crate::error::MapErrors;
use crate::name::{FieldName, PurposeName, SourceName, TableName};
use notices::Texts;
use read::Document;

/// A data map that was read and checked. Iteration is by name. The examples of its parts read the map
/// `tests/maps/allowed/everything.toml` of this crate, which has every key once.
///
/// ```
/// use privet_classify::{Class, DataMap};
///
/// let map = DataMap::parse("[telemetry.attributes]\n\"user.id\" = \"UPI\"\n")?;
/// assert_eq!(map.telemetry().class("user.id"), Some(Class::Upi));
/// # Ok::<(), privet_classify::MapErrors>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMap {
    purposes: BTreeMap<PurposeName, Purpose>,
    fields: BTreeMap<FieldName, Field>,
    sources: BTreeMap<SourceName, Source>,
    consent: ConsentRules,
    texts: Texts,
    controller: Option<Controller>,
    telemetry: Telemetry,
}

impl DataMap {
    /// Reads and checks the text of a `datamap.toml` (reference: `docs/datamap.md`).
    ///
    /// ```
    /// # use privet_classify::DataMap;
    /// assert!(DataMap::parse("[purposes]\nsupport = { basis = \"contract\" }\n").is_ok());
    /// assert!(DataMap::parse("[purpose]\nsupport = { basis = \"contract\" }\n").is_err());
    /// ```
    ///
    /// # Errors
    /// Every problem in the text, each with its line and with what to do about it.
    pub fn parse(text: &str) -> Result<Self, MapErrors> {
        let (document, mut problems) = Document::parse(text);
        let mut root = document.root();
        let purposes = purposes::read(&mut root, &mut problems);
        let fields = fields::read(&mut root, &purposes, &mut problems);
        let sources = sources::read(&mut root, &fields, &mut problems);
        let consent = consent::read(&mut root, &mut problems);
        let plain = consent.language.as_ref();
        let texts = notices::read(&mut root, &purposes, plain, &mut problems);
        let controller = controller::read(&mut root, &mut problems);
        let telemetry = telemetry::read(&mut root, &purposes, &mut problems);
        root.finish(&mut problems);
        check::fields_in_tables(&fields, &sources, &mut problems);
        problems.into_result()?;
        Ok(Self {
            purposes: purposes.into_good(),
            fields: fields.into_good(),
            sources: sources.into_good(),
            consent,
            texts,
            controller,
            telemetry,
        })
    }

    /// The fields, by name.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let names: Vec<&str> = map.fields().map(|field| field.name.as_str()).collect();
    /// assert_eq!(names, ["billing_address", "birthday", "contract", "email", "message"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &Field> {
        self.fields.values()
    }

    /// The field of that name.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.field("email").map(|field| field.number), Some(1));
    /// assert_eq!(map.field("shoe_size"), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name)
    }

    /// The field of that number, as the header of a sealed value holds it.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let field = map.field_by_number(1);
    /// assert_eq!(field.map(|field| field.name.as_str()), Some("email"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn field_by_number(&self, number: u16) -> Option<&Field> {
        self.fields.values().find(|field| field.number == number)
    }

    /// The field that holds the address at which people are written to about their data, if the map states one.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.contact().map(|field| field.name.as_str()), Some("email"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn contact(&self) -> Option<&Field> {
        self.fields.values().find(|field| field.contact)
    }

    /// The purposes, by name.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.purposes().filter(|purpose| purpose.bit.is_some()).count(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn purposes(&self) -> impl ExactSizeIterator<Item = &Purpose> {
        self.purposes.values()
    }

    /// The purpose of that name.
    ///
    /// ```
    /// # use privet_classify::Basis;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let basis = map.purpose("marketing").map(|purpose| purpose.basis);
    /// assert_eq!(basis, Some(Basis::Consent));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn purpose(&self, name: &str) -> Option<&Purpose> {
        self.purposes.get(name)
    }

    /// Which notices are in force for the purposes that rest on consent, in one word, as telemetry is stamped with them: the
    /// version where all have the same one, else `bit:version` for each, with blanks between; empty where there are none.
    ///
    /// ```
    /// use privet_classify::DataMap;
    ///
    /// let purpose = |name, bit, notice| format!("{name} = {{ basis = \"consent\", bit = {bit}, notice = \"{notice}\" }}\n");
    /// let one = format!("[purposes]\n{}{}", purpose("improvement", 0, "2026-11"), purpose("marketing", 2, "2026-11"));
    /// assert_eq!(DataMap::parse(&one)?.notices(), "2026-11");
    /// let two = one.replace("bit = 2, notice = \"2026-11\"", "bit = 2, notice = \"2026-12\"");
    /// assert_eq!(DataMap::parse(&two)?.notices(), "0:2026-11 2:2026-12");
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn notices(&self) -> String {
        let on_consent = self.purposes().filter_map(|purpose| {
            let notice = purpose.notice.as_deref()?;
            Some((purpose.bit?, notice))
        });
        let mut notices: Vec<(u8, &str)> = on_consent.collect();
        notices.sort_unstable();
        match notices.split_first() {
            None => String::new(),
            Some(((_, first), rest)) if rest.iter().all(|(_, notice)| notice == first) => {
                (*first).to_owned()
            }
            Some(_) => {
                let each = notices
                    .iter()
                    .map(|(bit, notice)| format!("{bit}:{notice}"));
                each.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// The texts of notices, of those in force and of former ones, by version, purpose and language.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let first = map.notice_texts().next().ok_or("no text")?;
    /// assert_eq!((first.version.as_str(), first.purpose.as_str()), ("2025-01", "marketing"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn notice_texts(&self) -> impl ExactSizeIterator<Item = &NoticeText> {
        self.texts.values()
    }

    /// The purposes that rest on consent and whose notice in force has no text: what people are shown when they are asked for
    /// them is known elsewhere alone.
    ///
    /// ```
    /// use privet_classify::DataMap;
    ///
    /// let map = "[purposes]\nmarketing = { basis = \"consent\", bit = 0, notice = \"2026-11\" }\n";
    /// assert_eq!(DataMap::parse(map)?.purposes_without_text().count(), 1);
    /// let text = "[notices.\"2026-11\"]\nmarketing = { en = \"We write to you about new things.\" }\n";
    /// assert_eq!(DataMap::parse(&[map, text].concat())?.purposes_without_text().count(), 0);
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    pub fn purposes_without_text(&self) -> impl Iterator<Item = &Purpose> {
        let is_shown = |purpose: &Purpose| {
            self.notice_texts().any(|text| {
                text.purpose == purpose.name && Some(&text.version) == purpose.notice.as_ref()
            })
        };
        let on_consent = self.purposes().filter(|one| one.basis == Basis::Consent);
        on_consent.filter(move |purpose| !is_shown(purpose))
    }

    /// The sources, by name.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let names: Vec<&str> = map.sources().map(|source| source.name.as_str()).collect();
    /// assert_eq!(names, ["crm", "shop"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sources(&self) -> impl ExactSizeIterator<Item = &Source> {
        self.sources.values()
    }

    /// The source of that name.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.source("shop").map(|shop| shop.tables.len()), Some(5));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn source(&self, name: &str) -> Option<&Source> {
        self.sources.get(name)
    }

    /// What holds for all consent.
    ///
    /// ```
    /// # use privet_classify::DataMap;
    /// assert_eq!(DataMap::parse("")?.consent().keep, None);
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn consent(&self) -> &ConsentRules {
        &self.consent
    }

    /// In whose name people are asked; needed for receipts of consent.
    ///
    /// ```
    /// # use privet_classify::DataMap;
    /// let map = DataMap::parse("[controller]\nname = \"Shop Ltd\"\ncontact = \"privacy@shop.example\"\n")?;
    /// assert_eq!(map.controller().map(|one| one.name.as_str()), Some("Shop Ltd"));
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn controller(&self) -> Option<&Controller> {
        self.controller.as_ref()
    }

    /// What happens to telemetry.
    ///
    /// ```
    /// # use privet_classify::Class;
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// assert_eq!(map.telemetry().class("user.id"), Some(Class::Upi));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// How to get from a row of `table` to the row that names its subject: the foreign keys to
    /// follow, none for a root. `None` if the map has no such table or the table states no subject.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let chain = map.subject_chain(&"shop".parse()?, &"orders".parse()?).ok_or("no subject")?;
    /// assert_eq!(chain.hops.len(), 1);
    /// assert_eq!(chain.root.table.as_str(), "customer");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn subject_chain(&self, source: &SourceName, table: &TableName) -> Option<SubjectChain> {
        subject::chain(self.sources.get(source)?, table)
    }

    /// How to get from a row of `table` to the others who may see it: a chain for each of its shared paths, in the map's
    /// order, then those of the rows that it hangs below, for who sees a letter sees what was enclosed. A shared path leads to
    /// whom the row there belongs, and not on to those who may see that one.
    ///
    /// ```
    /// # let map = privet_classify::DataMap::parse(&std::fs::read_to_string("tests/maps/allowed/everything.toml")?)?;
    /// let chains = map.shared_chains(&"crm".parse()?, &"letter".parse()?);
    /// let columns: Vec<&str> = chains.iter().map(|chain| chain.hops[0].columns[0].as_str()).collect();
    /// assert_eq!(columns, ["to", "answers_to"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn shared_chains(&self, source: &SourceName, table: &TableName) -> Vec<SubjectChain> {
        let Some(source) = self.sources.get(source) else {
            return Vec::new();
        };
        subject::shared_chains(source, table)
    }

    /// What the map leaves open of people's rights: personal columns that no person is reachable from, or without a rule
    /// for what is left of them when the person leaves. One sentence each, with the table's and the columns' names and what to
    /// write. A map with gaps is read all the same, and nothing is done to the rows in question.
    ///
    /// ```
    /// use privet_classify::DataMap;
    ///
    /// let table = "[sources.shop]\ntenant = \"acme\"\n[sources.shop.tables.customer]\nsubject = \"id\"\n";
    /// let columns = "columns = { id = { class = \"UPI\" }, country = { class = \"UDI\", clear = true } }\n";
    /// let open = DataMap::parse(&format!("{table}{columns}"))?;
    /// assert!(open.gaps()[0].contains("`country`"));
    /// let whole = DataMap::parse(&format!("{table}erase = \"row\"\n{columns}"))?;
    /// assert!(whole.gaps().is_empty());
    /// # Ok::<(), privet_classify::MapErrors>(())
    /// ```
    #[must_use]
    pub fn gaps(&self) -> Vec<String> {
        self.sources.values().flat_map(coverage::gaps).collect()
    }
}
