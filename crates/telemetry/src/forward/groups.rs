//! Records by where they come from, as OTLP nests them: resource, scope, records.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

/// A resource and a scope, with what tells them from others.
#[derive(Debug, Clone)]
pub(super) struct Source {
    resource: (Arc<[u8]>, Resource),
    scope: (Arc<[u8]>, InstrumentationScope),
}

impl Source {
    pub(super) fn new(resource: Resource, scope: InstrumentationScope) -> Self {
        Self {
            resource: (resource.encode_to_vec().into(), resource),
            scope: (scope.encode_to_vec().into(), scope),
        }
    }
}

type Scopes<T> = BTreeMap<Arc<[u8]>, (InstrumentationScope, Vec<T>)>;

/// Records while they are collected.
#[derive(Debug)]
pub(super) struct Groups<T>(BTreeMap<Arc<[u8]>, (Resource, Scopes<T>)>);

impl<T> Default for Groups<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Groups<T> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a record; answers by how many bytes its source makes the request longer.
    pub(super) fn add(&mut self, source: &Source, record: T) -> usize {
        let (key, resource) = &source.resource;
        let of_resource = self.0.entry(Arc::clone(key));
        let (_, scopes) = of_resource.or_insert_with(|| (resource.clone(), BTreeMap::new()));
        let mut bytes = if scopes.is_empty() { key.len() } else { 0 };
        let (key, scope) = &source.scope;
        let of_scope = scopes.entry(Arc::clone(key));
        let (_, records) = of_scope.or_insert_with(|| (scope.clone(), Vec::new()));
        if records.is_empty() {
            bytes += key.len();
        }
        records.push(record);
        bytes
    }

    /// Takes them all out, each resource with its scopes.
    pub(super) fn take(
        &mut self,
    ) -> impl Iterator<
        Item = (
            Resource,
            impl Iterator<Item = (InstrumentationScope, Vec<T>)>,
        ),
    > {
        let taken = std::mem::take(&mut self.0);
        taken
            .into_values()
            .map(|(resource, scopes)| (resource, scopes.into_values()))
    }
}
