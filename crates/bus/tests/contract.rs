//! The introspection documents, the proxies and the typed dictionaries say the same, name by name and type by type.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use bgcopy_bus::{
    Access, Callback, Download1Proxy, DownloadProperties, Downloads1Proxy, ErrorProperties,
    File1Proxy, FileArgs, FileOptions, FileProperties, FileStatistics, Job1Proxy, JobOptions,
    JobProperties, Manager1Proxy, ManagerProperties, Property, Variables, introspection, names,
};
use bgcopy_model::{FileId, JobId};
use futures_util::StreamExt;
use roxmltree::{Document, Node, ParsingOptions};
use zbus::{
    Connection, Guid, Message, MessageStream, ObjectPath, OwnedObjectPath, Variant, connection,
    fdo, message::Type,
};

/// The methods of an interface: name → (signature of the arguments, of the answer).
type Methods = BTreeMap<String, (String, String)>;

fn parse(document: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(document, options).unwrap()
}

fn members<'a>(
    document: &'a Document<'a>,
    kind: &'static str,
) -> impl Iterator<Item = Node<'a, 'a>> {
    document
        .descendants()
        .filter(move |node| node.has_tag_name(kind))
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().to_owned()
}

fn methods(document: &str) -> Methods {
    let document = parse(document);
    members(&document, "method")
        .map(|method| {
            let signature = |direction| {
                method
                    .children()
                    .filter(|node| node.attribute("direction") == Some(direction))
                    .map(|node| attribute(node, "type"))
                    .collect::<String>()
            };
            (
                attribute(method, "name"),
                (signature("in"), signature("out")),
            )
        })
        .collect()
}

#[test]
fn every_interface_and_member_is_documented() {
    for text in [
        introspection::MANAGER,
        introspection::JOB,
        introspection::FILE,
        introspection::ERROR,
        introspection::CALLBACK,
        introspection::DOWNLOADS,
        introspection::DOWNLOAD,
        introspection::DOWNLOAD_CALLBACK,
    ] {
        let document = parse(text);
        for node in ["interface", "method", "signal", "property", "arg"]
            .into_iter()
            .flat_map(|kind| members(&document, kind))
        {
            let words = node
                .children()
                .find(|child| child.tag_name().name() == "doc")
                .map_or_else(String::new, |doc| {
                    doc.descendants().filter_map(|n| n.text()).collect()
                });
            assert!(
                words.trim().len() > 6,
                "{} {:?} is not documented",
                node.tag_name().name(),
                node.attribute("name")
            );
        }
    }
}

#[test]
fn the_tables_of_properties_are_those_of_the_documents() {
    let tables: [(&str, &str, &[Property]); 6] = [
        (
            names::MANAGER,
            introspection::MANAGER,
            ManagerProperties::PROPERTIES,
        ),
        (names::JOB, introspection::JOB, JobProperties::PROPERTIES),
        (names::FILE, introspection::FILE, FileProperties::PROPERTIES),
        (
            names::ERROR,
            introspection::ERROR,
            ErrorProperties::PROPERTIES,
        ),
        (names::DOWNLOADS, introspection::DOWNLOADS, &[]),
        (
            names::DOWNLOAD,
            introspection::DOWNLOAD,
            DownloadProperties::PROPERTIES,
        ),
    ];
    for (interface, text, table) in tables {
        let document = parse(text);
        let name = members(&document, "interface").map(|node| attribute(node, "name"));
        assert_eq!(name.collect::<Vec<_>>(), [interface]);

        let documented: Vec<_> = members(&document, "property")
            .map(|node| {
                let emits = node
                    .children()
                    .find(|child| {
                        child.attribute("name")
                            == Some("org.freedesktop.DBus.Property.EmitsChangedSignal")
                    })
                    .map(|child| attribute(child, "value"))
                    .unwrap_or_default();
                let access = match (attribute(node, "access").as_str(), emits.as_str()) {
                    ("read", "const") => Access::Const,
                    ("read", "false") => Access::Read,
                    ("readwrite", "false") => Access::ReadWrite,
                    other => panic!("{interface}: {other:?}"),
                };
                (attribute(node, "name"), attribute(node, "type"), access)
            })
            .collect();
        let typed: Vec<_> = table
            .iter()
            .map(|p| (p.name.to_owned(), p.signature.to_string(), p.access))
            .collect();
        assert_eq!(documented, typed, "{interface}");
    }
}

#[test]
fn the_options_are_named_with_their_types_in_the_documents() {
    for (text, options) in [
        (introspection::MANAGER, JobOptions::OPTIONS),
        (introspection::JOB, FileOptions::OPTIONS),
    ] {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (name, signature) in options {
            let named = [")", ",", ":"]
                .iter()
                .any(|end| words.contains(&format!("{name} ({signature}{end}")));
            assert!(named, "option {name} ({signature}) is not documented");
        }
    }
}

#[test]
fn the_document_of_an_object_is_well_formed_and_names_its_children() {
    let text = introspection::document(names::Object::Manager, ["jobs"]);
    let document = parse(&text);
    let interfaces: Vec<_> = members(&document, "interface")
        .map(|node| attribute(node, "name"))
        .collect();
    assert_eq!(
        interfaces,
        [
            names::MANAGER,
            names::DOWNLOADS,
            "org.freedesktop.DBus.ObjectManager",
            "org.freedesktop.DBus.Introspectable",
            "org.freedesktop.DBus.Peer",
            "org.freedesktop.DBus.Properties",
        ]
    );
    let children: Vec<_> = document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("node"))
        .map(|node| attribute(node, "name"))
        .collect();
    assert_eq!(children, ["jobs"]);
}

/// A peer that answers every call with an empty value of the type that the documents give, and notes what was
/// called with which type. `Properties.Set` is noted as `Set:<name>`, with the type of the value.
async fn answer(connection: Connection, heard: Arc<Mutex<BTreeMap<String, String>>>) {
    let documented: BTreeMap<_, _> = [
        (names::MANAGER, methods(introspection::MANAGER)),
        (names::JOB, methods(introspection::JOB)),
        (names::FILE, methods(introspection::FILE)),
        (names::DOWNLOADS, methods(introspection::DOWNLOADS)),
        (names::DOWNLOAD, methods(introspection::DOWNLOAD)),
    ]
    .into();
    let mut calls = MessageStream::from(&connection);
    while let Some(Ok(call)) = calls.next().await {
        if call.message_type() != Type::MethodCall {
            continue;
        }
        let header = call.header();
        let interface = header.interface().unwrap().as_str();
        let member = header.member().unwrap().as_str();
        let signature = call.body().signature().to_string_no_parens();
        if interface == "org.freedesktop.DBus.Properties" {
            let body = call.body();
            let (_, name, value): (String, String, Variant<'_>) = body.deserialize().unwrap();
            let noted = (
                format!("Set:{name}"),
                value.value_signature().to_string_no_parens(),
            );
            heard.lock().unwrap().extend([noted]);
            connection.reply(&header, &()).await.unwrap();
            continue;
        }
        heard
            .lock()
            .unwrap()
            .insert(format!("{interface}.{member}"), signature);
        let (_, answer) = &documented[interface][member];
        let path = || OwnedObjectPath::try_from("/").unwrap();
        let reply = Message::method_return(&header);
        let reply = match answer.as_str() {
            "" => reply.build(&()),
            "s" => reply.build(&""),
            "u" => reply.build(&0_u32),
            "o" => reply.build(&path()),
            "sasas" => reply.build(&("", Vec::<String>::new(), Vec::<String>::new())),
            "so" => reply.build(&("", path())),
            "v" => reply.build(&Variant::from("")),
            "ttiuu" => reply.build(&(0_u64, 0_u64, 0_i32, 0_u32, 0_u32)),
            "ao" => reply.build(&vec![path()]),
            "a(tt)" => reply.build(&Vec::<(u64, u64)>::new()),
            "a{sv}" => reply.build(&FileStatistics::default()),
            "a(oa{sv})" => {
                reply.build(&Vec::<(OwnedObjectPath, BTreeMap<String, Variant<'_>>)>::new())
            }
            other => panic!("no empty value of type {other}"),
        };
        connection.send(&reply.unwrap()).await.unwrap();
    }
}

async fn connections() -> (Connection, Connection) {
    let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
    let (ours, theirs) = (ours.into_std().unwrap(), theirs.into_std().unwrap());
    let guid = Guid::generate();
    let server = connection::Builder::unix_stream(theirs)
        .server(guid)
        .p2p()
        .build();
    let client = connection::Builder::unix_stream(ours).p2p().build();
    tokio::try_join!(client, server).unwrap()
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list: a line a call")]
async fn the_proxies_call_what_is_documented_and_understand_the_answers() {
    let (client, server) = connections().await;
    let heard = Arc::new(Mutex::new(BTreeMap::new()));
    let peer = tokio::spawn(answer(server, heard.clone()));

    let path = |path| ObjectPath::try_from(path).unwrap();
    let calls = async {
        let manager = Manager1Proxy::new(&client).await?;
        let (options, files) = (JobOptions::default(), Vec::<FileArgs>::new());
        manager.create_job("do", "n", &options).await?;
        manager
            .submit_job("do", "n", &options, &files, true)
            .await?;
        manager.get_job("").await?;
        manager.enum_jobs(false).await?;
        manager.list_jobs(false).await?;
        manager.get_error_description(0).await?;
        manager.subscribe().await?;
        manager.unsubscribe().await?;
        manager.shutdown().await?;

        let job = Job1Proxy::new(&client, "/").await?;
        job.add_file("", "", &FileOptions::default()).await?;
        job.add_files(&files).await?;
        job.enum_files().await?;
        job.list_files().await?;
        job.list_files_from(0, 1).await?;
        job.replace_remote_prefix("", "").await?;
        job.take_ownership().await?;
        job.resume().await?;
        job.suspend().await?;
        job.cancel().await?;
        job.complete().await?;
        job.get_error().await?;
        job.subscribe().await?;
        job.unsubscribe().await?;
        job.set_notify_interface(&path("/")).await?;
        job.notify_interface().await?;
        job.set_credentials("", "", "", "").await?;
        job.remove_credentials("", "").await?;
        job.set_proxy_settings("", &[], &[]).await?;
        job.proxy_settings().await?;
        job.set_custom_headers(&Variables::default()).await?;
        job.response_headers(0).await?;
        job.set_security_flags(0).await?;
        job.set_name("").await?;
        job.set_description("").await?;
        job.set_priority(0).await?;
        job.set_auto_complete(true).await?;
        job.set_notify_flags(0).await?;
        job.set_notify_command(&[]).await?;
        job.set_activation_name("").await?;
        job.set_minimum_retry_delay(0).await?;
        job.set_no_progress_timeout(0).await?;
        job.set_maximum_download_time(0).await?;
        job.set_transfer_policy(0).await?;
        job.set_peer_caching_flags(0).await?;

        let file = File1Proxy::new(&client, "/").await?;
        file.set_remote_name("").await?;
        file.ranges().await?;
        file.statistics().await?;
        file.set_validation_state(true).await?;

        let downloads = Downloads1Proxy::new(&client).await?;
        downloads.create_download(&BTreeMap::new()).await?;
        let none = Variant::from("");
        downloads.enum_downloads("", &none, false).await?;
        let download = Download1Proxy::new(&client, "/").await?;
        download.start(&[]).await?;
        download.pause().await?;
        download.finalize().await?;
        download.abort().await?;
        download.status().await?;
        download.property("").await?;
        download.set_property("", &none).await?;
        let (_, stream) = std::io::pipe().unwrap();
        download.set_stream(&zbus::Fd::from(&stream)).await?;
        download.set_status_interface(&path("/")).await
    };
    tokio::time::timeout(Duration::from_mins(1), calls)
        .await
        .expect("the peer answers")
        .unwrap();
    peer.abort();

    let heard = std::mem::take(&mut *heard.lock().unwrap());
    let mut documented: BTreeMap<String, String> = BTreeMap::new();
    for (interface, text) in [
        (names::MANAGER, introspection::MANAGER),
        (names::JOB, introspection::JOB),
        (names::FILE, introspection::FILE),
        (names::DOWNLOADS, introspection::DOWNLOADS),
        (names::DOWNLOAD, introspection::DOWNLOAD),
    ] {
        let methods = methods(text).into_iter();
        documented.extend(
            methods.map(|(name, (arguments, _))| (format!("{interface}.{name}"), arguments)),
        );
    }
    let properties = JobProperties::PROPERTIES.iter();
    let settable = properties
        .chain(FileProperties::PROPERTIES)
        .filter(|property| property.access == Access::ReadWrite)
        .map(|property| {
            (
                format!("Set:{}", property.name),
                property.signature.to_string(),
            )
        });
    documented.extend(settable);
    assert_eq!(heard, documented);

    let error = methods(introspection::ERROR);
    assert_eq!(error, Methods::new(), "no proxy has methods for it");
}

#[test]
fn the_signals_are_those_of_the_proxies() {
    let signals = |text: &str| -> BTreeSet<String> {
        let document = parse(text);
        members(&document, "signal")
            .map(|signal| {
                let arguments: String = signal
                    .children()
                    .filter(|node| node.has_tag_name("arg"))
                    .map(|node| attribute(node, "type"))
                    .collect();
                format!("{}({arguments})", attribute(signal, "name"))
            })
            .collect()
    };
    // Both are read back by the types that the proxies generate.
    let added = Message::signal("/", names::MANAGER, "JobAdded")
        .build(&OwnedObjectPath::default())
        .unwrap();
    let removed = Message::signal("/", names::MANAGER, "JobRemoved")
        .build(&OwnedObjectPath::default())
        .unwrap();
    let added = bgcopy_bus::proxies::JobAdded::from_message(added).unwrap();
    let removed = bgcopy_bus::proxies::JobRemoved::from_message(removed).unwrap();
    assert_eq!(added.args().unwrap().job.as_str(), "/");
    assert_eq!(removed.args().unwrap().job.as_str(), "/");

    let expected = ["JobAdded(o)", "JobRemoved(o)"].map(str::to_owned).into();
    assert_eq!(signals(introspection::MANAGER), expected);
    for text in [
        introspection::JOB,
        introspection::FILE,
        introspection::ERROR,
    ] {
        assert_eq!(signals(text), BTreeSet::new());
    }
}

#[tokio::test]
async fn the_calls_to_a_client_are_those_of_the_document_and_read_back() {
    let job = JobId::from_u128(7);
    let file = FileId { job, index: 3 };
    let calls = [
        Callback::FileTransferred(file),
        Callback::JobError(job),
        Callback::JobModification(job),
        Callback::JobTransferred(job),
    ];
    let (service, client) = connections().await;
    let peer = tokio::spawn(async move {
        let mut stream = MessageStream::from(&client);
        let mut heard = Vec::new();
        while heard.len() < calls.len() {
            let call = stream.next().await.unwrap().unwrap();
            let header = call.header();
            assert_eq!(header.interface().unwrap().as_str(), names::CALLBACK);
            assert_eq!(header.path().unwrap().as_str(), "/app");
            let signature = call.body().signature().to_string_no_parens();
            heard.push((header.member().unwrap().to_string(), signature));
            assert!(calls.contains(&Callback::read(&call).unwrap()));
            client.reply(&header, &()).await.unwrap();
        }
        heard
    });
    let path = ObjectPath::try_from("/app").unwrap();
    for call in calls {
        let answer = call.call(&service, None, &path);
        tokio::time::timeout(Duration::from_mins(1), answer)
            .await
            .expect("the client answers")
            .unwrap();
    }
    let documented: Vec<_> = methods(introspection::CALLBACK)
        .into_iter()
        .map(|(name, (arguments, answer))| {
            assert_eq!(answer, "", "{name} gives nothing back");
            (name, arguments)
        })
        .collect();
    assert_eq!(peer.await.unwrap(), documented);
}

#[test]
fn a_call_that_no_callback_object_has_is_answered_with_what_is_wrong() {
    let call = |member, body: &(&str, u32)| {
        let call = Message::method_call("/app", member);
        Callback::read(&call.build(body).unwrap()).unwrap_err()
    };
    assert!(matches!(
        call("JobDone", &("", 0)),
        fdo::Error::UnknownMethod(_)
    ));
    assert!(matches!(
        call("JobTransferred", &("", 0)),
        fdo::Error::InvalidArgs(_)
    ));
    let elsewhere = ObjectPath::try_from("/org/bgcopy").unwrap();
    let call = Message::method_call("/app", "JobTransferred").build(&elsewhere);
    let error = Callback::read(&call.unwrap()).unwrap_err();
    assert!(matches!(error, fdo::Error::InvalidArgs(_)), "{error}");
}

#[test]
fn every_key_of_the_statistics_is_documented_with_its_type() {
    let words = introspection::FILE.split_whitespace();
    let words = words.collect::<Vec<_>>().join(" ");
    let bytes = zbus::wire::to_bytes(
        zbus::wire::serialized::Context::new(zbus::wire::LE, 0),
        &FileStatistics::default(),
    );
    let bytes = bytes.unwrap();
    let (keys, _): (BTreeMap<String, Variant<'_>>, _) = bytes.deserialize().unwrap();
    assert_eq!(keys.len(), 20);
    for (key, value) in keys {
        let signature = value.value_signature().to_string_no_parens();
        let own = [")", ":"]
            .iter()
            .any(|end| words.contains(&format!("{key} ({signature}{end}")));
        let zero = signature == "t" && words.contains(&format!("{key}, "))
            || words.contains(&format!("{key}. "));
        assert!(own || zero, "{key} ({signature}) is not documented");
    }
}

#[test]
fn every_property_of_a_download_is_documented_with_its_type() {
    let words = introspection::DOWNLOAD.split_whitespace();
    let words = words.collect::<Vec<_>>().join(" ");
    for property in bgcopy_model::DownloadProperty::ALL {
        let name = property.name();
        let signature = bgcopy_bus::download::signature(*property);
        let documented = words.contains(&format!("{name} ({signature}): "));
        assert!(documented, "{name} ({signature}) is not documented");
    }
    let documented: Vec<_> = methods(introspection::DOWNLOAD_CALLBACK)
        .into_iter()
        .collect();
    let status = ("o(ttiuu)".to_owned(), String::new());
    assert_eq!(documented, [("OnStatusChange".to_owned(), status)]);
}
