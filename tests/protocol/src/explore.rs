//! Runs the checker and says what it saw.

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

/// What the checker found.
#[derive(Debug)]
pub struct Explored {
    /// States visited, each counted once.
    pub states: usize,
    /// Properties that do not hold, each with a way to the damage.
    pub broken: Vec<(&'static str, Vec<String>)>,
    /// What should be possible and never happened.
    pub never: Vec<&'static str>,
}

impl Explored {
    /// Whether everything holds that must, and everything happened that should be possible.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.broken.is_empty() && self.never.is_empty()
    }

    /// The way to the damage that a property forbids.
    #[must_use]
    pub fn way_to(&self, property: &str) -> Option<&[String]> {
        self.broken.iter().find(|(name, _)| *name == property).map(|(_, way)| way.as_slice())
    }
}

/// Visits every state of a model; `alike` gives one state for all that differ in names only.
pub fn explore<M>(name: &str, model: M, alike: fn(&M::State) -> M::State) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Send + Sync + Clone + PartialEq,
    M::Action: Debug + PartialEq + Clone,
{
    let properties = model.properties();
    told(name, &properties, &model.checker().symmetry_fn(alike).spawn_dfs().join())
}

/// Visits states, nearest first, until one breaks a property: the way there is a shortest one.
pub fn find<M>(name: &str, model: M) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Send + Sync + Clone + PartialEq,
    M::Action: Debug + PartialEq + Clone,
{
    let properties = model.properties();
    let checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    Explored { never: vec![], ..told(name, &properties, &checker) }
}

fn told<M: Model>(name: &str, properties: &[Property<M>], checker: &impl Checker<M>) -> Explored
where
    M::State: Debug + Hash + Clone + PartialEq,
    M::Action: Debug + PartialEq + Clone,
{
    let found = checker.discoveries();
    let possible = |p: &Property<M>| matches!(p.expectation, Expectation::Sometimes);
    let never = properties.iter().filter(|p| possible(p) && !found.contains_key(p.name)).map(|p| p.name);
    let broken = properties.iter().filter(|p| !possible(p)).filter_map(|p| {
        let path = found.get(p.name)?.clone();
        Some((p.name, path.into_actions().iter().map(|action| format!("{action:?}")).collect()))
    });
    let explored =
        Explored { states: checker.unique_state_count(), never: never.collect(), broken: broken.collect() };
    println!("{name}: {} states", explored.states);
    for (property, way) in &explored.broken {
        println!("  not true that {property}: {}", way.join(", "));
    }
    explored
}
