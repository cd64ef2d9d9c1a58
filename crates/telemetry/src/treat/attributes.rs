//! Attributes by the class that the data map gives them.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use privet_classify::AttributeType;
use privet_vault::Oid;
use rustc_hash::FxHashMap;

use super::Treating;
use super::about::{About, is_for_the_door};
use crate::counts::Lost;
use crate::record::{Attribute, Value};
use crate::rules::{Level, NamedRule, Rules, Treatment};

/// The largest whole number up to which doubles are exact.
const EXACT_MAX: u64 = 1 << 53;

/// The resource and the scope that records come from.
pub(crate) struct Source<'r> {
    pub(crate) resource: &'r [KeyValue],
    pub(crate) scope: &'r [KeyValue],
    pub(crate) named: Option<NamedRule>,
    pub(crate) about: About,
    /// Whether object ids are among the attributes.
    pub(crate) has_objects: bool,
    /// The places of the origins that were made of it, by whom they are for.
    pub(crate) origins: FxHashMap<Option<Oid>, Option<u32>>,
}

impl<'r> Source<'r> {
    pub(crate) fn new(
        resource: Option<&'r Resource>,
        scope: Option<&'r InstrumentationScope>,
        rules: &Rules,
    ) -> Self {
        let named = scope.and_then(|scope| rules.scope(&scope.name)).copied();
        let resource = resource.map_or(&[][..], |resource| &resource.attributes);
        let scope = scope.map_or(&[][..], |scope| &scope.attributes);
        let is_object = |attribute: &KeyValue| {
            let rule = rules.attribute(&attribute.key);
            rule.is_some_and(|rule| matches!(rule.treatment, Treatment::Object))
        };
        Self {
            resource,
            scope,
            named,
            about: About::of(scope, rules).within(&About::of_resource(resource, rules)),
            has_objects: resource.iter().chain(scope).any(is_object),
            origins: FxHashMap::default(),
        }
    }

    /// Whether it has so many attributes that nothing of it passes.
    pub(crate) fn is_too_large(&self, attributes_max: usize) -> bool {
        self.resource.len() > attributes_max || self.scope.len() > attributes_max
    }
}

impl Treating<'_> {
    /// Adds what passes of `attributes` to `to`.
    pub(crate) fn attributes(
        &mut self,
        attributes: &[KeyValue],
        level: Level,
        whose: Option<Oid>,
        to: &mut Vec<Attribute>,
    ) {
        for attribute in attributes {
            match self.attribute(attribute, level, whose) {
                Ok(Some(passed)) => to.push(passed),
                Ok(None) => {}
                Err(why) => self.counts.lose(why),
            }
        }
    }

    fn attribute(
        &mut self,
        attribute: &KeyValue,
        level: Level,
        whose: Option<Oid>,
    ) -> Result<Option<Attribute>, Lost> {
        let rules = self.with.rules;
        if *attribute.key == *rules.subject {
            return self.subject_passed(attribute);
        }
        let Some(rule) = rules.attribute(&attribute.key) else {
            return match is_for_the_door(&attribute.key) {
                true => Ok(None),
                false => Err(Lost::Unknown),
            };
        };
        let value = attribute.value.as_ref();
        let value = value.and_then(|value| value.value.as_ref());
        let value = match &rule.treatment {
            Treatment::Drop => Err(Lost::Class),
            Treatment::Object => self.object(value, whose),
            Treatment::Listed(values) => listed(value, |text| values.contains(text)),
            Treatment::Pass(of) => passed(value, *of, self.with.limits.value_bytes_max),
        }?;
        let [record, resource, scope] = rule.columns;
        let column = match level {
            Level::Record => record,
            Level::Resource => resource,
            Level::Scope => scope,
        };
        Ok(Some(Attribute {
            column: self.name(column),
            value: Some(value),
        }))
    }

    /// The attribute that names the person never passes; it counts as lost where it names nobody.
    fn subject_passed(&mut self, attribute: &KeyValue) -> Result<Option<Attribute>, Lost> {
        let oid = super::subject_of(std::slice::from_ref(attribute), self.with.rules);
        match oid.and_then(|oid| self.with.people.stamp(&oid)) {
            Some(_) => Ok(None),
            None => Err(Lost::Nobody),
        }
    }

    fn object(&self, value: Option<&Any>, whose: Option<Oid>) -> Result<Value, Lost> {
        let number;
        let bytes = match value {
            Some(Any::StringValue(text)) if text.len() > self.with.limits.value_bytes_max => {
                return Err(Lost::TooLarge);
            }
            Some(Any::StringValue(text)) => text.as_bytes(),
            // A number and its digits are the same id, whatever language it comes from.
            Some(Any::IntValue(id)) => {
                number = id.to_string();
                number.as_bytes()
            }
            _ => return Err(Lost::Type),
        };
        let object = self.with.people.object(whose.as_ref(), bytes);
        Ok(Value::String(object))
    }
}

fn listed(value: Option<&Any>, is_listed: impl Fn(&str) -> bool) -> Result<Value, Lost> {
    match value {
        Some(Any::StringValue(text)) if is_listed(text) => Ok(Value::String(text.clone())),
        Some(Any::StringValue(_)) => Err(Lost::Unlisted),
        _ => Err(Lost::Type),
    }
}

fn passed(value: Option<&Any>, of: AttributeType, bytes_max: usize) -> Result<Value, Lost> {
    match (of, value) {
        (AttributeType::Text, Some(Any::StringValue(text))) if text.len() > bytes_max => {
            Err(Lost::TooLarge)
        }
        (AttributeType::Text, Some(Any::StringValue(text))) => Ok(Value::String(text.clone())),
        (AttributeType::Int, Some(Any::IntValue(number))) => Ok(Value::Int(*number)),
        (AttributeType::Double, Some(Any::DoubleValue(number))) => Ok(Value::Double(*number)),
        (AttributeType::Bool, Some(Any::BoolValue(flag))) => Ok(Value::Bool(*flag)),
        // JavaScript has one type of number, and sends those without a fraction as whole ones.
        (AttributeType::Double, Some(Any::IntValue(number)))
            if number.unsigned_abs() <= EXACT_MAX =>
        {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
            Ok(Value::Double(*number as f64))
        }
        _ => Err(Lost::Type),
    }
}
