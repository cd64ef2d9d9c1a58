//! Who looked at the data of people, as each is shown it on their own page: the logs of all servers are gone through once.

use std::sync::Arc;

use jiff::Timestamp;
use privet_archive::{Row, Value};

use super::batch::Batch;
use super::shape::Shape;
use super::spooling::Dealt;
use crate::me::{Look, Looker, Opened, Walk, is_look, look_of};
use crate::{Form, Result, Vault};

/// Looks that are kept in memory.
const LOOKS: usize = 500;

impl Vault {
    /// Every look before the request was made, the newest first. What came later is not in it, so that the same request twice is
    /// the same file.
    pub(crate) async fn gather_looks(&self, batch: &mut Batch) -> Result<()> {
        let shape = Arc::new(Shape::of_looks(batch.words));
        let mut spooling = batch.spooling(&self.inner.entropy);
        let after = self.inner.own.pages().map(|pages| pages.looks_after);
        let ends: Vec<Timestamp> = batch
            .members
            .iter()
            .map(|member| {
                let asked = member.row.asked_at;
                after
                    .map_or(Ok(asked), |after| asked.checked_sub(after))
                    .unwrap_or(Timestamp::MIN)
            })
            .collect();
        let mut walk = Walk::start(self, None).await?;
        let mut opened = Opened::new(self);
        let mut dealt = Vec::new();
        while let Some((origin, index, entry)) = walk.next().await? {
            if !is_look(&entry) {
                continue;
            }
            let Some(side) = opened.side(&entry).await? else {
                continue;
            };
            for used in &side.subjects {
                let place = batch.place(used.reference);
                let place =
                    place.filter(|place| ends.get(*place).is_some_and(|end| entry.ts < *end));
                if let Some(place) = place {
                    let look = look_of(self, &origin, index, &entry, used);
                    dealt.push(Dealt {
                        to: vec![place],
                        row: row(&look),
                    });
                }
            }
            if dealt.len() >= LOOKS {
                spooling = spooling.add(&shape, std::mem::take(&mut dealt)).await?;
            }
        }
        spooling = spooling.add(&shape, dealt).await?;
        batch.take(spooling.finish().await?);
        Ok(())
    }
}

fn row(look: &Look) -> Row {
    let who = match &look.who {
        Looker::Job(name) => name.clone(),
        Looker::Staff(groups) => groups.join(", "),
    };
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::text);
    Row::new(vec![
        Value::text(look.at.to_string()),
        Value::text(who),
        text(look.what.map(|what| what.as_str())),
        text(look.purpose.as_deref()),
        text(look.reason.as_deref()),
        text(look.form.map(Form::as_str)),
        Value::text(look.fields.join(", ")),
        Value::Boolean(look.under_grant),
        Value::text(look.log.as_str()),
        i64::try_from(look.index).map_or(Value::Null, Value::Integer),
    ])
}
