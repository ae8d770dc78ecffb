//! In force: what holds when all layers lie over each other, and where each value comes from.
//!
//! Defaults of the program, then the file, then variables, then flags. What a section of an app leaves out comes from
//! `[defaults]`, whichever layers that has it from.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::keys;
use super::layer::{Layer, Origin};
use super::mistake::Mistake;
use super::path::{Path, Section};
use super::place::Place;
use super::settings::Settings;
use super::size::Size;
use crate::listen;

/// What is in force, and where each value comes from.
#[derive(Clone, Debug)]
pub(crate) struct InForce {
    pub(crate) settings: Settings,
    pub(crate) origins: BTreeMap<Path, Origin>,
}

impl InForce {
    /// Lays layers over the defaults, each over those before it.
    pub(crate) fn of(layers: impl IntoIterator<Item = Layer>) -> Self {
        let mut values: BTreeMap<Path, (Value, Origin)> = BTreeMap::new();
        for section in keys::sections().iter().filter(|section| section.name != Section::APP) {
            for key in &section.keys {
                let path = Path { section: Section::Named(&section.name), key: key.name.clone() };
                values.insert(path, (key.default.clone(), Origin::Default));
            }
        }
        let mut apps = BTreeSet::new();
        for layer in layers {
            apps.extend(layer.apps);
            values.extend(layer.leaves.into_iter().map(|leaf| (leaf.path, (leaf.value, leaf.origin))));
        }
        let of_defaults = values.iter().filter(|(path, _)| path.section == Section::DEFAULTS);
        let defaults: Vec<(String, Value)> =
            of_defaults.map(|(path, (value, _))| (path.key.clone(), value.clone())).collect();
        for app in apps {
            for (key, value) in &defaults {
                let path = Path { section: Section::App(app.clone()), key: key.clone() };
                values.entry(path).or_insert_with(|| (value.clone(), Origin::Inherited));
            }
        }
        let mut table = Table::new();
        let mut origins = BTreeMap::new();
        for (path, (value, origin)) in values {
            origins.insert(path.clone(), origin);
            path.put(value, &mut table);
        }
        let settings = table.try_into().expect("each value was taken alone");
        let mut in_force = Self { settings, origins };
        in_force.bound_defaults();
        in_force
    }

    /// Who has set the tape alone has not asked for a lag that it cannot hold.
    fn bound_defaults(&mut self) {
        let Settings { server: _, timers: _, defaults, app } = &mut self.settings;
        let apps = app.iter_mut().map(|(app, settings)| (Section::App(app.clone()), settings));
        // Those of apps first: whether they inherit what somebody set is seen in what the defaults are.
        for (section, app) in apps.chain([(Section::DEFAULTS, defaults)]) {
            if app.lag.duration() > app.tape_time.duration() && !is_set(&self.origins, &section, "lag") {
                app.lag = app.tape_time;
                let path = Path { section: section.clone(), key: "lag".to_owned() };
                self.origins.insert(path, Origin::Bounded("tape_time"));
            }
            if app.lag_bytes.bytes() > app.tape_bytes.bytes() && !is_set(&self.origins, &section, "lag_bytes")
            {
                app.lag_bytes = Size::of(app.tape_bytes.bytes());
                let path = Path { section, key: "lag_bytes".to_owned() };
                self.origins.insert(path, Origin::Bounded("tape_bytes"));
            }
        }
    }

    /// Keys that were set, and sections that they stand in.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let set = self.origins.iter().filter(|(_, origin)| matches!(origin, Origin::Set(_)));
        let paths: Vec<&Path> = set.map(|(path, _)| path).collect();
        let sections: BTreeSet<&Section> = paths.iter().map(|path| &path.section).collect();
        (sections.len(), paths.len())
    }

    /// How many variables hold.
    pub(crate) fn variables(&self) -> usize {
        let is_variable = |origin: &&Origin| matches!(origin, Origin::Set(Place::Variable(_)));
        self.origins.values().filter(is_variable).count()
    }

    /// Values that are good alone and not together.
    pub(crate) fn contradictions(&self) -> Vec<Mistake> {
        let Settings { server, timers, defaults, app } = &self.settings;
        let mut mistakes = Vec::new();
        if let Some(twice) = listen::twice(&server.rtmp) {
            let path = Path::of("server", "rtmp");
            if let Origin::Set(place) = &self.origins[&path] {
                let what = format!("{path} has {twice} twice");
                mistakes.push(Mistake::at(place.clone(), what, "expected each address once"));
            }
        }
        let target = server.drain_target.tc_url().unwrap_or_default();
        if server.drain.duration().is_zero() && !target.is_empty() {
            let told = [("drain_target", target.to_owned()), ("drain", server.drain.into())];
            let expected = "expected a drain of more than 0s: nobody is sent anywhere without";
            mistakes.extend(self.contradiction(&Section::Named("server"), told, expected));
        }
        if timers.ping.duration() * 3 > timers.silence.duration() {
            let told = [("ping", timers.ping.into()), ("silence", timers.silence.into())];
            let expected = "expected a ping of at most a third of silence";
            mistakes.extend(self.contradiction(&Section::Named("timers"), told, expected));
        }
        let apps = app.iter().map(|(app, settings)| (Section::App(app.clone()), settings));
        for (section, app) in [(Section::DEFAULTS, defaults)].into_iter().chain(apps) {
            if app.lag.duration() > app.tape_time.duration() {
                let told = [("lag", app.lag.into()), ("tape_time", app.tape_time.into())];
                let expected = "expected a lag of at most tape_time: nothing older is kept";
                mistakes.extend(self.contradiction(&section, told, expected));
            }
            if app.lag_bytes.bytes() > app.tape_bytes.bytes() {
                let told =
                    [("lag_bytes", app.lag_bytes.to_string()), ("tape_bytes", app.tape_bytes.to_string())];
                let expected = "expected lag_bytes of at most tape_bytes: no more is kept";
                mistakes.extend(self.contradiction(&section, told, expected));
            }
        }
        mistakes
    }

    /// Two values of a section that do not go together. Where it has set neither, that is told where they come from.
    fn contradiction(
        &self,
        section: &Section,
        values: [(&str, String); 2],
        expected: &str,
    ) -> Option<Mistake> {
        let [one, other] = values.map(|(key, value)| {
            let path = Path { section: section.clone(), key: key.to_owned() };
            let origin = &self.origins[&path];
            (format!("{path} is {value:?}"), origin)
        });
        let (place, blamed, (other, origin)) = match (one.1, other.1) {
            (Origin::Set(place), _) => (place, one.0, other),
            (_, Origin::Set(place)) => (place, other.0, one),
            (Origin::Default | Origin::Bounded(_) | Origin::Inherited, _) => return None,
        };
        Some(Mistake::at(place.clone(), format!("{blamed}, and {other} ({origin})"), expected))
    }
}

/// Whether somebody set a key, in the section or for all apps.
fn is_set(origins: &BTreeMap<Path, Origin>, section: &Section, key: &str) -> bool {
    let origin = |section: &Section| &origins[&Path { section: section.clone(), key: key.to_owned() }];
    match origin(section) {
        Origin::Set(_) => true,
        Origin::Inherited => matches!(origin(&Section::DEFAULTS), Origin::Set(_)),
        Origin::Default | Origin::Bounded(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use super::super::environment;
    use super::super::file::Source;
    use super::super::layer::Leaf;
    use super::*;

    #[test]
    fn a_flag_holds_over_a_variable_that_over_the_file_and_that_over_the_default() {
        let file = "[defaults]\ngrace = \"1s\"\nlag = \"2s\"\ngap = \"3s\"\n";
        let variables = [("SOL__defaults__lag", "4s"), ("SOL__defaults__gap", "5s")];
        let flags = Layer::of(vec![Leaf::of_flag("--gap", "defaults", "gap", "6s")]);
        let in_force = laid(file, &variables, flags);
        let told = ["waiting", "grace", "lag", "gap"].map(|key| told(&in_force, Section::DEFAULTS, key));
        assert_eq!(
            told,
            [
                "waiting = \"10s\" default",
                "grace = \"1s\" sol.toml:2",
                "lag = \"4s\" SOL__defaults__lag",
                "gap = \"6s\" --gap"
            ]
        );
    }

    #[test]
    fn an_app_takes_what_it_leaves_out_from_the_defaults_of_all_layers() {
        let file = "[app.\"live\"]\ngrace = \"1s\"\n\n[app.\"event/*\"]\n";
        let variables = [("SOL__defaults__grace", "4s"), ("SOL__app__live__lag", "3s")];
        let in_force = laid(file, &variables, Layer::default());
        let live = || Section::App("live".parse().unwrap());
        let told_of_live = ["grace", "lag", "gap"].map(|key| told(&in_force, live(), key));
        assert_eq!(
            told_of_live,
            ["grace = \"1s\" sol.toml:2", "lag = \"3s\" SOL__app__live__lag", "gap = \"8s\" [defaults]"]
        );
        assert_eq!(in_force.variables(), 2);
        // An empty section is one too.
        let event = Section::App("event/*".parse().unwrap());
        assert_eq!(told(&in_force, event, "grace"), "grace = \"4s\" [defaults]");
    }

    #[test]
    fn a_lag_that_nobody_asked_for_is_no_more_than_each_tape_holds() {
        let file =
            "[defaults]\ntape_time = \"2s\"\n\n[app.\"live\"]\ntape_time = \"3s\"\ntape_bytes = \"1MiB\"\n";
        let in_force = laid(file, &[], Layer::default());
        assert_eq!(told(&in_force, Section::DEFAULTS, "lag"), "lag = \"2s\" tape_time");
        let live = || Section::App("live".parse().unwrap());
        assert_eq!(told(&in_force, live(), "lag"), "lag = \"3s\" tape_time");
        assert_eq!(told(&in_force, live(), "lag_bytes"), "lag_bytes = \"1MiB\" tape_bytes");
        assert!(in_force.contradictions().is_empty());
    }

    #[test]
    fn variables_are_toml_or_text_and_lists_may_have_commas() {
        let rtmp =
            |value: &str| laid("", &[("SOL__server__rtmp", value)], Layer::default()).settings.server.rtmp;
        let expected = ["1935", "[::1]:7"].map(|text| text.parse().unwrap());
        for value in [
            "1935,[::1]:7",
            "1935, [::1]:7",
            "[1935, \"[::1]:7\"]",
            "\"1935\",\"[::1]:7\"",
            "'1935','[::1]:7'",
            "1935, '[::1]:7',",
            ":1935,'[::1]:7'",
        ] {
            assert_eq!(rtmp(value), expected, "{value}");
        }
        assert_eq!(rtmp("1935"), expected[..1]);
        let server =
            laid("", &[("SOL__server__strict", "true"), ("SOL__server__log", "json")], Layer::default());
        assert!(server.settings.server.strict);
        assert_eq!(told(&server, Section::Named("server"), "log"), "log = \"json\" SOL__server__log");
    }

    #[test]
    fn variables_of_other_programs_are_left_alone() {
        laid("", &[("PATH", "/bin"), ("SOL_BIN", "sol"), ("SOL", "x"), ("sol__x", "y")], Layer::default());
    }

    fn laid(file: &str, variables: &[(&str, &str)], flags: Layer) -> InForce {
        let source = Source::of(FilePath::new("sol.toml"), file.into()).unwrap();
        let (from_file, mistakes) = source.layer();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let (from_variables, mistakes) =
            environment::layer(variables.iter().map(|&(name, value)| (name.into(), value.into())));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        InForce::of([from_file, from_variables, flags])
    }

    /// The value of a key, and where it comes from.
    fn told(in_force: &InForce, section: Section, key: &str) -> String {
        let settings = Table::try_from(&in_force.settings).unwrap();
        let outer = match &section {
            Section::Named(name) => &settings[*name],
            Section::App(app) => &settings[Section::APP][app.as_str()],
        };
        let table = outer.as_table().unwrap();
        let path = Path { section, key: key.to_owned() };
        format!("{key} = {} {}", table[key], in_force.origins[&path])
    }
}
