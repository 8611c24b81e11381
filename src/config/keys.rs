//! Declares the maps of the job file: one list of keys gives the type, its reading, its merging
//! with defaults, and its JSON Schema, so that none of them can drift from the others.

/// Declares a map: `pub(crate) struct Name in Scope::X { /// description key: Type, … }`, then
/// the keys that it must have.
macro_rules! keys {
    (
        $(#[doc = $about:literal])*
        pub(crate) struct $name:ident in $scope:expr, called $title:literal,
        requires [$($required:literal),*] {
            $( $(#[doc = $doc:literal])* $field:ident : $ty:ty, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $( $(#[doc = $doc])* pub(crate) $field: Option<$crate::config::reader::Found<$ty>>, )*
        }

        impl $name {
            /// Every key, for "did you mean".
            pub(crate) const KEYS: &[&str] = &[$(stringify!($field)),*];

            /// Reads the map; `required` keys must be there, `refused` ones are not allowed here.
            fn read_in(
                node: &$crate::config::node::Node,
                reader: &mut $crate::config::reader::Reader<'_>,
                scope: $crate::config::names::Scope,
                required: &[&str],
                refused: &[&str],
            ) -> Option<Self> {
                let what = concat!("a map of ", $title);
                let Some(entries) = reader.entries(node, what, scope.describe()) else {
                    reader.hint_last($crate::config::names::as_map(scope, node));
                    return None;
                };
                let mut map = Self::default();
                for name in required {
                    if !entries.iter().any(|entry| entry.stands_for(name, scope, Self::KEYS)) {
                        reader.missing_key(scope, name);
                    }
                }
                let strays = reader.strays(&entries, |above, entry| match above.name {
                    _ if Self::KEYS.contains(&entry.name) => false,
                    $( stringify!($field) => {
                        <$ty as $crate::config::reader::Read>::takes(entry)
                    } )*
                    _ => false,
                });
                for (index, entry) in entries.iter().enumerate() {
                    if strays.contains(&index) {
                        continue;
                    }
                    match entry.name {
                        name if refused.contains(&name) => reader.unknown_key(scope, entry),
                        $( stringify!($field) => {
                            let needed = required.contains(&stringify!($field));
                            let found = reader.field_that(needed, entry);
                            if !entry.void {
                                map.$field = found;
                            }
                        } )*
                        _ if entry.void => {}
                        _ => reader.unknown_key(scope, entry),
                    }
                }
                Some(map)
            }
        }

        impl $crate::config::reader::Read for $name {
            fn read(
                node: &$crate::config::node::Node,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                Self::read_in(node, reader, $scope, &[$($required),*], &[])
            }

            fn takes(entry: &$crate::config::reader::Entry<'_>) -> bool {
                Self::KEYS.contains(&entry.name)
            }

            fn looks_like(node: &$crate::config::node::Node) -> bool {
                $crate::config::node::has_key_of(node, Self::KEYS)
            }

            fn fill_from(&mut self, defaults: &Self) {
                $(
                    match (&mut self.$field, &defaults.$field) {
                        (None, Some(theirs)) => self.$field = Some(theirs.clone()),
                        (Some(own), Some(theirs)) => {
                            $crate::config::reader::Read::fill_from(&mut own.value, &theirs.value);
                        }
                        (_, None) => {}
                    }
                )*
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).trim_start_matches("Raw").into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut properties = serde_json::Map::new();
                $(
                    properties.insert(
                        stringify!($field).to_owned(),
                        $crate::config::schema::described(
                            generator.subschema_for::<$ty>(),
                            concat!($($doc, "\n"),*),
                        ),
                    );
                )*
                let required: &[&str] = &[$($required),*];
                $crate::config::schema::object(
                    concat!($($about, "\n"),*),
                    properties,
                    required,
                )
            }
        }
    };
}

/// Declares the words of a key: a type around the meaning, its reading and its schema.
macro_rules! words {
    (
        $(#[doc = $about:literal])*
        pub(crate) struct $name:ident of $target:ty, called $title:literal, {
            $( $(#[doc = $doc:literal])* $word:literal => $value:expr, )*
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(pub(crate) $target);

        impl $crate::config::reader::Read for $name {
            fn read(
                node: &$crate::config::node::Node,
                reader: &mut $crate::config::reader::Reader<'_>,
            ) -> Option<Self> {
                const WORDS: &[&str] = &[$($word),*];
                match $crate::config::values::word(node, reader, $title, WORDS)? {
                    $( $word => Some(Self($value)), )*
                    _ => None,
                }
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                $crate::config::schema::one_of(&[
                    $( ($word, concat!($($doc, "\n"),*)), )*
                ])
            }
        }
    };
}

pub(crate) use {keys, words};
