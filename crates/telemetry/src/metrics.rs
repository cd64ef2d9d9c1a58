//! The door's numbers for Prometheus: by signal, table and reason, which the code lists; never a name, a value or an address.

use std::sync::Arc;

use privet_telemetry_store::Table;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, IntCounterVec, IntGauge, Opts, Registry};

use crate::counts::{Dropped, Lost};
use crate::forward::{Forwarding, Unsent};
use crate::intake::Intake;
use crate::journal::Journal;
use crate::message::Signal;
use crate::storing::Storing;

/// What is counted.
#[derive(Debug)]
pub struct DoorMetrics {
    intake: Arc<Intake>,
    journal: Journal,
    storing: Storing,
    forwarding: Option<Forwarding>,
    descriptions: Vec<Desc>,
}

impl DoorMetrics {
    /// A registry that shows the numbers of the moment when it is asked.
    ///
    /// # Errors
    /// A mistake of this program: a name that Prometheus does not take.
    pub fn registry(
        intake: Arc<Intake>,
        journal: Journal,
        storing: Storing,
        forwarding: Option<Forwarding>,
    ) -> Result<Registry, Error> {
        let mut metrics = Self {
            intake,
            journal,
            storing,
            forwarding,
            descriptions: Vec::new(),
        };
        let families = metrics.families()?;
        let descriptions = families.iter().map(|family| {
            let labels = family.get_metric().first().map(|metric| {
                let pairs = metric.get_label().iter();
                pairs.map(|pair| pair.name().to_owned()).collect()
            });
            let (name, help) = (family.name().to_owned(), family.help().to_owned());
            Desc::new(name, help, labels.unwrap_or_default(), [].into())
        });
        metrics.descriptions = descriptions.collect::<Result<_, _>>()?;
        let registry = Registry::new();
        registry.register(Box::new(metrics))?;
        Ok(registry)
    }

    fn families(&self) -> Result<Vec<MetricFamily>, Error> {
        let mut families = self.of_the_door()?;
        families.extend(self.of_the_journal()?);
        if let Some(forwarding) = &self.forwarding {
            families.extend(of_forwarding(forwarding)?);
        }
        Ok(families)
    }

    fn of_the_door(&self) -> Result<Vec<MetricFamily>, Error> {
        let accepted = counters(
            "privet_telemetry_accepted_total",
            "Log records, spans and points that passed",
            &["signal"],
        )?;
        let dropped = counters(
            "privet_telemetry_dropped_total",
            "Log records, spans and points that were dropped",
            &["signal", "reason"],
        )?;
        let lost = counters(
            "privet_telemetry_values_dropped_total",
            "Values that were dropped from what passed",
            &["signal", "reason"],
        )?;
        for signal in Signal::ALL {
            let (counts, signal) = (self.intake.counts(signal), signal.as_str());
            accepted
                .with_label_values(&[signal])
                .inc_by(counts.accepted);
            for why in Dropped::ALL {
                let reason = why.as_str().replace(' ', "_");
                let counter = dropped.with_label_values(&[signal, &reason]);
                counter.inc_by(counts.dropped(why));
            }
            for why in Lost::ALL {
                let counter = lost.with_label_values(&[signal, why.as_str()]);
                counter.inc_by(counts.lost(why));
            }
        }
        Ok([accepted.collect(), dropped.collect(), lost.collect()].concat())
    }

    fn of_the_journal(&self) -> Result<Vec<MetricFamily>, Error> {
        let stored = counters(
            "privet_telemetry_stored_rows_total",
            "Rows that the store took",
            &["table"],
        )?;
        for table in Table::ALL {
            let counter = stored.with_label_values(&[table.name()]);
            counter.inc_by(self.storing.stored(table));
        }
        let files = self.journal.waiting().len();
        Ok([
            stored.collect(),
            gauge(
                "privet_telemetry_journal_bytes",
                "Bytes that are acknowledged and not stored",
                self.journal.bytes(),
            )?,
            gauge(
                "privet_telemetry_journal_bytes_max",
                "Bytes beyond which nothing is taken",
                self.intake.limits().journal_bytes_max,
            )?,
            gauge(
                "privet_telemetry_journal_files",
                "Closed files that wait to be stored",
                u64::try_from(files).unwrap_or(u64::MAX),
            )?,
        ]
        .concat())
    }
}

impl Collector for DoorMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // The names were taken once.
        self.families().unwrap_or_default()
    }
}

fn of_forwarding(forwarding: &Forwarding) -> Result<Vec<MetricFamily>, Error> {
    let counts = forwarding.counts();
    let sent = counters(
        "privet_telemetry_forwarded_total",
        "Log records, spans and points that the collector took",
        &["signal"],
    )?;
    for signal in Signal::ALL {
        let counter = sent.with_label_values(&[signal.as_str()]);
        counter.inc_by(counts.sent(signal));
    }
    let unsent = counters(
        "privet_telemetry_forward_dropped_total",
        "Log records, spans and points that the collector did not get",
        &["reason"],
    )?;
    for why in Unsent::ALL {
        let counter = unsent.with_label_values(&[why.as_str()]);
        counter.inc_by(counts.unsent(why));
    }
    let since_ms = counts.failing_since_ms.unwrap_or_default();
    Ok([
        sent.collect(),
        unsent.collect(),
        gauge(
            "privet_telemetry_forward_waiting_bytes",
            "Bytes that are stored and not forwarded",
            counts.waiting_bytes,
        )?,
        gauge(
            "privet_telemetry_forward_failing_since_seconds",
            "Since when nothing goes out to the collector, in seconds since 1970; 0 if all is well",
            u64::try_from(since_ms / 1_000).unwrap_or_default(),
        )?,
    ]
    .concat())
}

/// Counters for one answer: what they show is counted elsewhere.
fn counters(name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
    IntCounterVec::new(Opts::new(name, help), labels)
}

fn gauge(name: &str, help: &str, value: u64) -> Result<Vec<MetricFamily>, Error> {
    let gauge = IntGauge::new(name, help)?;
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    Ok(gauge.collect())
}
