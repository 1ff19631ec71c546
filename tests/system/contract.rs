//! The methods and properties of the contract, read from its introspection data, so that a test that goes through
//! them cannot forget one.

/// An interface.
#[derive(Debug)]
pub struct Interface {
    pub name: &'static str,
    pub methods: Vec<Method>,
    pub properties: Vec<Property>,
}

#[derive(Debug)]
pub struct Method {
    pub name: String,
    /// The signature of its arguments.
    pub arguments: String,
}

#[derive(Debug)]
pub struct Property {
    pub name: String,
    pub signature: String,
    pub writable: bool,
}

macro_rules! interface {
    ($name:literal) => {
        Interface::read(
            $name,
            include_str!(concat!("../../crates/bus/interfaces/", $name, ".xml")),
        )
    };
}

pub fn manager() -> Interface {
    interface!("org.bgcopy.Manager1")
}

pub fn job() -> Interface {
    interface!("org.bgcopy.Job1")
}

pub fn file() -> Interface {
    interface!("org.bgcopy.File1")
}

pub fn error() -> Interface {
    interface!("org.bgcopy.Error1")
}

pub fn downloads() -> Interface {
    interface!("org.bgcopy.Downloads1")
}

pub fn download() -> Interface {
    interface!("org.bgcopy.Download1")
}

impl Interface {
    fn read(name: &'static str, xml: &str) -> Self {
        let (mut methods, mut properties) = (Vec::<Method>::new(), Vec::new());
        for tag in xml.split('<').skip(1) {
            let tag = tag.split_once('>').expect("a tag ends").0;
            let attribute = |name: &str| {
                let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
                Some(tag[start..].split_once('"')?.0.to_owned())
            };
            match tag.split_whitespace().next() {
                Some("interface") => assert_eq!(attribute("name").as_deref(), Some(name)),
                Some("method") => methods.push(Method {
                    name: attribute("name").unwrap(),
                    arguments: String::new(),
                }),
                // Arguments of signals have no direction.
                Some("arg") if attribute("direction").as_deref() == Some("in") => {
                    let method = methods.last_mut().unwrap();
                    method.arguments += &attribute("type").unwrap();
                }
                Some("property") => properties.push(Property {
                    name: attribute("name").unwrap(),
                    signature: attribute("type").unwrap(),
                    writable: attribute("access").unwrap().contains("write"),
                }),
                _ => {}
            }
        }
        Self {
            name,
            methods,
            properties,
        }
    }
}

#[test]
fn every_method_and_property_is_read_from_the_introspection_data() {
    let job = job();
    let add = job.methods.iter().find(|method| method.name == "AddFile");
    assert_eq!(add.unwrap().arguments, "ssa{sv}");
    let name = job.properties.iter().find(|known| known.name == "Name");
    assert!(name.unwrap().writable && name.unwrap().signature == "s");
    let id = job.properties.iter().find(|known| known.name == "Id");
    assert!(!id.unwrap().writable);
    for (interface, methods, properties) in [
        (manager(), true, true),
        (job, true, true),
        (file(), true, true),
        (error(), false, true),
        (downloads(), true, false),
        (download(), true, true),
    ] {
        assert_eq!(!interface.methods.is_empty(), methods, "{interface:?}");
        assert_eq!(
            !interface.properties.is_empty(),
            properties,
            "{interface:?}"
        );
    }
}
