//! The macros that make a typed `a{sv}` of one list of fields, so that names and types are written once.
//!
//! [`properties!`] makes a whole set of properties, the set of those that changed, and a table for tests and for the
//! `Properties` interface. [`options!`] makes a dictionary of arguments, of which each may be absent and none may be
//! unknown.

use zbus::Signature;

/// Who may write a property, and when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Never changes.
    Const,
    /// Changes; only the service writes it.
    Read,
    /// A client may write it.
    ReadWrite,
}

/// A property, as the tables list them.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type on the wire.
    pub signature: &'static Signature,
    /// Who may write it.
    pub access: Access,
}

macro_rules! properties {
    ($(#[$doc:meta])* $all:ident, $(#[$changed_doc:meta])* $changed:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $name:tt, $access:ident;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, zbus::SerializeDict, zbus::DeserializeDict, zbus::Type)]
        #[zbus(signature = "a{sv}")]
        pub struct $all {
            $($(#[$field_doc])* #[zbus(rename = $name)] pub $field: $type,)*
        }

        $(#[$changed_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, zbus::SerializeDict, zbus::DeserializeDict, zbus::Type)]
        #[zbus(signature = "a{sv}")]
        pub struct $changed {
            $($(#[$field_doc])* #[zbus(rename = $name)] pub $field: Option<$type>,)*
        }

        impl $all {
            /// Every property, in the order of the documentation.
            pub const PROPERTIES: &'static [$crate::Property] = &[
                $($crate::Property {
                    name: $name,
                    signature: <$type as zbus::Type>::SIGNATURE,
                    access: $crate::Access::$access,
                },)*
            ];

            /// The value of the property of this name; `None` when there is none of this name.
            pub fn value(&self, name: &str) -> Option<zbus::Variant<'static>> {
                match name {
                    $($name => Some(zbus::Variant::from(self.$field.clone())),)*
                    _ => None,
                }
            }

            /// What is different from `before`, with the values of now.
            #[must_use]
            pub fn changes_since(&self, before: &Self) -> $changed {
                $changed {
                    $($field: (self.$field != before.$field).then(|| self.$field.clone()),)*
                }
            }

            /// Everything that can change, as if all of it had.
            #[must_use]
            pub fn all_changes(&self) -> $changed {
                let changes = |access| access != $crate::Access::Const;
                $changed {
                    $($field: changes($crate::Access::$access).then(|| self.$field.clone()),)*
                }
            }

            /// Takes over what changed.
            pub fn apply(&mut self, changes: $changed) {
                $(if let Some(value) = changes.$field {
                    self.$field = value;
                })*
            }
        }

        impl $changed {
            /// Whether nothing changed.
            pub fn is_empty(&self) -> bool {
                true $(&& self.$field.is_none())*
            }
        }
    };
}

macro_rules! options {
    ($(#[$doc:meta])* $all:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $name:tt;)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, zbus::SerializeDict, zbus::Type)]
        #[zbus(signature = "a{sv}")]
        pub struct $all {
            $($(#[$field_doc])* #[zbus(rename = $name)] pub $field: Option<$type>,)*
        }

        impl $all {
            /// The names and types of all options.
            pub const OPTIONS: &'static [(&'static str, &'static zbus::Signature)] =
                &[$(($name, <$type as zbus::Type>::SIGNATURE),)*];
        }

        impl<'de> serde::Deserialize<'de> for $all {
            /// Refuses what is unknown, twice there or of another type, each time with the option's name.
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::{Error, MapAccess, Visitor};

                struct Options;

                impl<'de> Visitor<'de> for Options {
                    type Value = $all;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a dictionary of options")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$all, A::Error> {
                        let mut options = $all::default();
                        while let Some(name) = map.next_key::<String>()? {
                            match name.as_str() {
                                $($name => {
                                    let value = map
                                        .next_value::<zbus::as_variant::Deserialize<'de, $type>>()
                                        .map_err(|error| A::Error::custom(format_args!(
                                            "option {name}: {error}"
                                        )))?;
                                    if options.$field.replace(value.0).is_some() {
                                        return Err(A::Error::custom(format_args!(
                                            "option {name} is there twice"
                                        )));
                                    }
                                })*
                                _ => return Err(A::Error::custom(format_args!(
                                    "there is no option {name:?}"
                                ))),
                            }
                        }
                        Ok(options)
                    }
                }

                deserializer.deserialize_map(Options)
            }
        }
    };
}

pub(crate) use {options, properties};
