//! Downloads as a D-Bus client sees them: their properties by the contract's names, and the object that is told.

use std::collections::BTreeMap;

use bgcopy_bus::{Download1Proxy, DownloadStatus, Downloads1Proxy, ErrorName, names};
use bgcopy_model::{DownloadKind, DownloadProperty, DownloadState, HResult};
use bgcopy_testkit::faulty::Resource;
use tokio::sync::mpsc;
use zbus::{Connection, ObjectPath, OwnedObjectPath, Variant, interface};

use super::{ALICE, Bench, raw, within};
use crate::places::Mode;

async fn create(client: &Connection, properties: &[(&str, Variant<'_>)]) -> OwnedObjectPath {
    let downloads = Downloads1Proxy::new(client).await.unwrap();
    let properties: BTreeMap<_, _> = properties.iter().cloned().collect();
    within(downloads.create_download(&properties))
        .await
        .unwrap()
}

async fn download<'a>(client: &Connection, path: &'a OwnedObjectPath) -> Download1Proxy<'a> {
    Download1Proxy::new(client, path).await.unwrap()
}

fn refused<T: std::fmt::Debug>(result: bgcopy_bus::Result<T>) -> (ErrorName, HResult) {
    let error = result.unwrap_err();
    (error.name().unwrap(), error.hresult())
}

/// A value that makes sense for a property.
fn sample(property: DownloadProperty) -> Variant<'static> {
    match (property, property.kind()) {
        (DownloadProperty::Uri, _) => Variant::from("http://h/x?a=b"),
        (DownloadProperty::LocalPath, _) => Variant::from("/tmp/x"),
        (DownloadProperty::HttpCustomHeaders | DownloadProperty::HttpCustomAuthHeaders, _) => {
            Variant::from("X-A: b\r\n")
        }
        (_, DownloadKind::Text) => Variant::from("text"),
        (_, DownloadKind::Number) => Variant::from(77_u32),
        (_, DownloadKind::Flag) => Variant::from(true),
        (_, DownloadKind::Size) => Variant::from(7_u64),
        (_, DownloadKind::Bytes) => Variant::from(vec![1_u8, 2]),
        (_, DownloadKind::Object) => Variant::from(ObjectPath::try_from("/object").unwrap()),
    }
}

#[tokio::test]
async fn a_property_reads_what_was_set_or_that_nothing_was() {
    let bench = Bench::new(Mode::System);
    let client = bench.client(ALICE).await;
    let path = create(&client, &[]).await;
    let download = download(&client, &path).await;
    let not_set = (ErrorName::PropertyNotSet, HResult(0x8007_0490));
    for property in DownloadProperty::ALL {
        let name = property.name();
        if *property != DownloadProperty::Id {
            assert_eq!(
                refused(within(download.property(name)).await),
                not_set,
                "{name}"
            );
        }
        let set = within(download.set_property(name, &sample(*property))).await;
        match property {
            DownloadProperty::Id => {
                let read_only = (ErrorName::ReadOnlyProperty, HResult(0x80D0_2012));
                assert_eq!(refused(set), read_only);
                let id = within(download.property(name)).await.unwrap();
                let id: bgcopy_model::JobId = String::try_from(id).unwrap().parse().unwrap();
                assert_eq!(names::download_path(id), path);
            }
            DownloadProperty::StreamInterface => {
                let read_only = (ErrorName::ReadOnlyProperty, HResult(0x80D0_2012));
                assert_eq!(refused(set), read_only);
                assert_eq!(refused(within(download.property(name)).await), not_set);
            }
            property if property.is_secret() => {
                set.unwrap();
                let write_only = (ErrorName::WriteOnlyProperty, HResult(0x80D0_2015));
                assert_eq!(refused(within(download.property(name)).await), write_only);
            }
            property => {
                set.unwrap_or_else(|error| panic!("{name}: {error}"));
                let read = within(download.property(name)).await.unwrap();
                assert_eq!(Variant::from(read), sample(*property), "{name}");
            }
        }
        let wrong = within(download.set_property(name, &Variant::from(1_i16))).await;
        assert!(wrong.is_err(), "{name} takes another type");
    }
    let unknown = (ErrorName::UnknownProperty, HResult(0x80D0_2011));
    assert_eq!(refused(within(download.property("uri")).await), unknown);
    let number = Variant::from(1_u32);
    let set = download.set_property("Stream", &number);
    assert_eq!(refused(within(set).await), unknown);
    // Those that were set with the download are there as well.
    let other = create(&client, &[("DisplayName", Variant::from("x"))]).await;
    let other = Download1Proxy::new(&client, &other).await.unwrap();
    let name = within(other.property("DisplayName")).await.unwrap();
    assert_eq!(String::try_from(name).unwrap(), "x");
}

#[tokio::test]
async fn what_a_download_begins_with_is_checked_as_what_is_set_later() {
    let bench = Bench::new(Mode::System);
    let client = bench.client(ALICE).await;
    let downloads = Downloads1Proxy::new(&client).await.unwrap();
    for (name, value, expected) in [
        ("Id", Variant::from("x"), ErrorName::ReadOnlyProperty),
        (
            "Url",
            Variant::from("http://h/x"),
            ErrorName::UnknownProperty,
        ),
        (
            "Uri",
            Variant::from("ftp://h/x"),
            ErrorName::SchemeUnsupported,
        ),
        ("Uri", Variant::from(1_u32), ErrorName::InvalidArgument),
        (
            "NoProgressTimeoutSeconds",
            Variant::from(59_u32),
            ErrorName::InvalidArgument,
        ),
    ] {
        let properties = BTreeMap::from([(name, value)]);
        let made = within(downloads.create_download(&properties)).await;
        assert_eq!(refused(made).0, expected, "{name}");
    }
    let none = Variant::from("");
    let all = within(downloads.enum_downloads("", &none, false)).await;
    assert!(all.unwrap().is_empty());
}

/// An object that is told.
struct Object(mpsc::UnboundedSender<(OwnedObjectPath, DownloadStatus)>);

#[interface(name = "org.bgcopy.DownloadCallback1")]
impl Object {
    fn on_status_change(&self, download: OwnedObjectPath, status: DownloadStatus) {
        // A test that is over hears nothing.
        let _ = self.0.send((download, status));
    }
}

#[tokio::test]
async fn another_clients_object_takes_the_place_of_one_that_died() {
    let bench = Bench::new(Mode::System);
    let url = bench
        .origin
        .serve("/file", Resource::new(b"content".to_vec()));
    let (first, second) = (bench.client(ALICE).await, bench.client(ALICE).await);
    let local = bench.folder.path().join("file");
    let path = create(
        &first,
        &[
            ("Uri", Variant::from(url)),
            (
                "LocalPath",
                Variant::from(local.to_str().unwrap().to_owned()),
            ),
            (
                "CallbackInterface",
                Variant::from(ObjectPath::try_from("/first").unwrap()),
            ),
        ],
    )
    .await;
    let (heard, mut told) = mpsc::unbounded_channel();
    second
        .object_server()
        .at("/second", Object(heard))
        .await
        .unwrap();
    let download = download(&second, &path).await;
    let registered = within(download.property("CallbackInterface"))
        .await
        .unwrap();
    assert_eq!(
        OwnedObjectPath::try_from(registered).unwrap().as_str(),
        "/first"
    );
    first.close().await.unwrap();
    within(async {
        while download.property("CallbackInterface").await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let object = ObjectPath::try_from("/second").unwrap();
    within(download.set_status_interface(&object))
        .await
        .unwrap();
    within(download.start(&[])).await.unwrap();
    let mut seen = DownloadState::Created;
    while seen != DownloadState::Transferred {
        let (whose, status) = within(told.recv()).await.unwrap();
        assert_eq!(whose, path);
        seen = status.state().unwrap();
    }
    within(download.finalize()).await.unwrap();
    let (_, last) = within(told.recv()).await.unwrap();
    assert_eq!(last.state(), Some(DownloadState::Finalized));
    let late = within(download.set_status_interface(&object)).await;
    assert_eq!(refused(late).0, ErrorName::InvalidState);
    let bare = raw(&second, path.as_str(), names::JOB, "Resume", &()).await;
    assert!(bare.unwrap_err().0.ends_with("UnknownInterface"));
}
