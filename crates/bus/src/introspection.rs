//! The introspection data of the interfaces: the reference documentation of this contract.

use crate::names;

/// `org.bgcopy.Manager1`.
pub const MANAGER: &str = include_str!("../interfaces/org.bgcopy.Manager1.xml");
/// `org.bgcopy.Job1`.
pub const JOB: &str = include_str!("../interfaces/org.bgcopy.Job1.xml");
/// `org.bgcopy.File1`.
pub const FILE: &str = include_str!("../interfaces/org.bgcopy.File1.xml");
/// `org.bgcopy.Error1`.
pub const ERROR: &str = include_str!("../interfaces/org.bgcopy.Error1.xml");
/// `org.bgcopy.Callback1`, which a client's process has and not the service.
pub const CALLBACK: &str = include_str!("../interfaces/org.bgcopy.Callback1.xml");
/// `org.bgcopy.Downloads1`.
pub const DOWNLOADS: &str = include_str!("../interfaces/org.bgcopy.Downloads1.xml");
/// `org.bgcopy.Download1`.
pub const DOWNLOAD: &str = include_str!("../interfaces/org.bgcopy.Download1.xml");
/// `org.bgcopy.DownloadCallback1`, which a client's process has and not the service.
pub const DOWNLOAD_CALLBACK: &str = include_str!("../interfaces/org.bgcopy.DownloadCallback1.xml");
/// The standard interfaces that every object has: Introspectable, Peer and Properties.
pub const STANDARD: &str = include_str!("../interfaces/standard.xml");
/// `org.freedesktop.DBus.ObjectManager`, which the manager and each job have.
pub const OBJECT_MANAGER: &str = include_str!("../interfaces/object-manager.xml");

/// What stands before the first interface.
pub const HEAD: &str = "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n \
    \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n\
    <node xmlns:doc=\"http://www.freedesktop.org/dbus/1.0/doc.dtd\">\n";
/// What stands after the last child.
pub const TAIL: &str = "</node>\n";

/// The interface elements of a file in `interfaces/`, which is a whole document by itself.
pub fn body(document: &'static str) -> &'static str {
    let start = document.find("<interface").unwrap_or(0);
    let end = document.rfind("</node>").unwrap_or(document.len());
    document[start..end].trim_end()
}

/// The document of an object: its interfaces, the standard ones and its children's names.
pub fn document<C>(object: names::Object, children: C) -> String
where
    C: IntoIterator,
    C::Item: AsRef<str>,
{
    use names::Object;
    let interfaces: &[&'static str] = match object {
        Object::Above | Object::Jobs | Object::Files(_) | Object::Downloads => &[STANDARD],
        Object::Manager => &[MANAGER, DOWNLOADS, OBJECT_MANAGER, STANDARD],
        Object::Job(_) => &[JOB, OBJECT_MANAGER, STANDARD],
        Object::File(_) => &[FILE, STANDARD],
        Object::Error(_) => &[ERROR, STANDARD],
        Object::Download(_) => &[DOWNLOAD, STANDARD],
    };
    let mut text = String::from(HEAD);
    for interface in interfaces {
        text.push_str("  ");
        text.push_str(body(interface));
        text.push('\n');
    }
    for child in children {
        // Names of children are digits and fixed words: nothing to escape.
        text.push_str("  <node name=\"");
        text.push_str(child.as_ref());
        text.push_str("\"/>\n");
    }
    text.push_str(TAIL);
    text
}
