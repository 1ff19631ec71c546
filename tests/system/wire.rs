//! D-Bus messages as bytes (D-Bus specification, sections «Marshaling» and «Message format»), little endian.
//!
//! Owns what the tests need of it: any value can be sent, whatever a service answers can be read. It must never share
//! code with the service, whose messages it judges.

/// A value with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Byte(u8),
    Bool(bool),
    U32(u32),
    I32(i32),
    /// The number of a descriptor that comes with the message.
    Descriptor(u32),
    U64(u64),
    Text(String),
    Path(String),
    Signature(String),
    Variant(Box<Value>),
    /// The signature of the elements, and these.
    Array(String, Vec<Value>),
    Struct(Vec<Value>),
    Entry(Box<Value>, Box<Value>),
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    pub fn variant(self) -> Self {
        Self::Variant(Box::new(self))
    }

    /// A dictionary of options, `a{sv}`.
    pub fn options(options: &[(&str, Value)]) -> Self {
        let entry = |(name, value): &(&str, Self)| {
            Self::Entry(
                Box::new(Self::text(name)),
                Box::new(value.clone().variant()),
            )
        };
        Self::Array("{sv}".into(), options.iter().map(entry).collect())
    }

    /// Some value for each type of a signature.
    pub fn samples(mut signature: &str) -> Vec<Self> {
        let mut values = Vec::new();
        while !signature.is_empty() {
            let (first, rest) = split(signature);
            values.push(match first.as_bytes()[0] {
                b'b' => Self::Bool(false),
                b'u' => Self::U32(0),
                // A descriptor that did not come with the message.
                b'h' => Self::Descriptor(0),
                b't' => Self::U64(0),
                b's' => Self::text("x"),
                b'o' => Self::Path("/".into()),
                b'v' => Self::text("x").variant(),
                b'a' => Self::Array(first[1..].to_owned(), vec![]),
                _ => panic!("no sample of the type {first}"),
            });
            signature = rest;
        }
        values
    }

    /// The text of a string or a path, the number of a number.
    pub fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Path(text) => text,
            Self::Variant(inner) => inner.as_text(),
            other => panic!("{other:?} is no text"),
        }
    }

    pub fn as_u32(&self) -> u32 {
        match self {
            Self::U32(number) => *number,
            Self::Variant(inner) => inner.as_u32(),
            other => panic!("{other:?} is no number"),
        }
    }

    /// The elements of an array.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::Array(_, elements) => elements,
            other => panic!("{other:?} is no array"),
        }
    }

    pub fn signature(&self) -> String {
        let joined = |values: &[Self]| values.iter().map(Self::signature).collect::<String>();
        match self {
            Self::Byte(_) => "y".into(),
            Self::Bool(_) => "b".into(),
            Self::U32(_) => "u".into(),
            Self::Descriptor(_) => "h".into(),
            Self::I32(_) => "i".into(),
            Self::U64(_) => "t".into(),
            Self::Text(_) => "s".into(),
            Self::Path(_) => "o".into(),
            Self::Signature(_) => "g".into(),
            Self::Variant(_) => "v".into(),
            Self::Array(element, _) => format!("a{element}"),
            Self::Struct(fields) => format!("({})", joined(fields)),
            Self::Entry(key, value) => format!("{{{}{}}}", key.signature(), value.signature()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Byte(byte) => out.push(*byte),
            Self::Bool(is) => Self::U32(u32::from(*is)).write(out),
            Self::U32(number) | Self::Descriptor(number) => {
                pad(out, 4);
                out.extend(number.to_le_bytes());
            }
            Self::I32(number) => {
                pad(out, 4);
                out.extend(number.to_le_bytes());
            }
            Self::U64(number) => {
                pad(out, 8);
                out.extend(number.to_le_bytes());
            }
            Self::Text(text) | Self::Path(text) => {
                Self::U32(length(text.len())).write(out);
                out.extend(text.as_bytes());
                out.push(0);
            }
            Self::Signature(text) => {
                out.push(u8::try_from(text.len()).unwrap());
                out.extend(text.as_bytes());
                out.push(0);
            }
            Self::Variant(inner) => {
                Self::Signature(inner.signature()).write(out);
                inner.write(out);
            }
            Self::Array(element, values) => {
                pad(out, 4);
                let at = out.len();
                out.extend([0; 4]);
                pad(out, alignment(element));
                let start = out.len();
                for value in values {
                    value.write(out);
                }
                let bytes = length(out.len() - start).to_le_bytes();
                out[at..at + 4].copy_from_slice(&bytes);
            }
            Self::Struct(fields) => {
                pad(out, 8);
                for field in fields {
                    field.write(out);
                }
            }
            Self::Entry(key, value) => {
                pad(out, 8);
                key.write(out);
                value.write(out);
            }
        }
    }
}

/// A method call.
pub struct Call<'a> {
    pub serial: u32,
    /// Whom it is for; `None` on a connection without a bus.
    pub destination: Option<&'a str>,
    pub path: &'a str,
    pub interface: Option<&'a str>,
    pub member: &'a str,
    /// Of the message.
    pub flags: u8,
    pub arguments: &'a [Value],
}

/// The flag of a caller who is ready to be asked for a password.
pub const ALLOW_INTERACTIVE_AUTHORIZATION: u8 = 0x4;

impl Call<'_> {
    pub fn bytes(&self) -> Vec<u8> {
        let text = |text: &str| Value::text(text);
        let fields = [
            (1, Some(Value::Path(self.path.to_owned()))),
            (2, self.interface.map(text)),
            (3, Some(text(self.member))),
            (6, self.destination.map(text)),
        ];
        bytes(1, self.flags, self.serial, &fields, self.arguments)
    }
}

/// The answer to a call that came: these values, or an error of this name.
pub fn answer(serial: u32, call: &Message, body: Result<&[Value], &str>) -> Vec<u8> {
    let fields = [
        (4, body.err().map(Value::text)),
        (5, Some(Value::U32(call.serial))),
        (6, call.sender.as_deref().map(Value::text)),
    ];
    let kind = if body.is_ok() { 2 } else { 3 };
    bytes(kind, 0, serial, &fields, body.unwrap_or_default())
}

fn bytes(
    kind: u8,
    flags: u8,
    serial: u32,
    fields: &[(u8, Option<Value>)],
    arguments: &[Value],
) -> Vec<u8> {
    let mut body = Vec::new();
    let mut signature = String::new();
    for argument in arguments {
        argument.write(&mut body);
        signature += &argument.signature();
    }
    let signature = [(8, Some(Value::Signature(signature)))];
    let fields = fields.iter().chain(&signature).filter_map(|(code, value)| {
        let value = value.clone()?.variant();
        Some(Value::Struct(vec![Value::Byte(*code), value]))
    });
    let mut out = vec![b'l', kind, flags, 1];
    Value::U32(length(body.len())).write(&mut out);
    Value::U32(serial).write(&mut out);
    Value::Array("(yv)".into(), fields.collect()).write(&mut out);
    pad(&mut out, 8);
    out.extend(body);
    out
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Call,
    Return,
    Error,
    Signal,
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Message {
    pub kind: Kind,
    pub serial: u32,
    pub reply_to: Option<u32>,
    pub member: String,
    pub error: String,
    pub destination: Option<String>,
    pub sender: Option<String>,
    pub body: Vec<Value>,
    /// As it came, to look for what must be nowhere in it.
    pub bytes: Vec<u8>,
}

/// The bytes that have to be there before a message's length is known.
pub const PREFIX: usize = 16;

/// The whole length of the message that begins so.
pub fn message_length(prefix: &[u8]) -> usize {
    let mut reader = Reader {
        bytes: prefix,
        at: 4,
    };
    let (body, _serial, fields) = (reader.number(), reader.number(), reader.number());
    (PREFIX + fields).next_multiple_of(8) + body
}

impl Message {
    pub fn read(bytes: Vec<u8>) -> Self {
        assert_eq!(bytes[0], b'l', "a message of another byte order");
        let kind = match bytes[1] {
            1 => Kind::Call,
            2 => Kind::Return,
            3 => Kind::Error,
            4 => Kind::Signal,
            other => panic!("a message of the unknown type {other}"),
        };
        let mut reader = Reader {
            bytes: &bytes,
            at: 12,
        };
        let fields = reader.value("a(yv)");
        let field = |wanted: u8| {
            fields.elements().iter().find_map(|field| match field {
                Value::Struct(pair) if pair[0] == Value::Byte(wanted) => Some(pair[1].clone()),
                _ => None,
            })
        };
        let text = |code| field(code).map(|value| value.as_text().to_owned());
        let signature = match field(8) {
            Some(Value::Variant(inner)) => match *inner {
                Value::Signature(text) => text,
                other => panic!("the signature is {other:?}"),
            },
            _ => String::new(),
        };
        reader.align(8);
        let mut body = Reader {
            bytes: &bytes[reader.at..],
            at: 0,
        };
        let serial = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
        Self {
            kind,
            serial,
            reply_to: field(5).map(|value| value.as_u32()),
            member: text(3).unwrap_or_default(),
            error: text(4).unwrap_or_default(),
            destination: text(6),
            sender: text(7),
            body: body.values(&signature),
            bytes,
        }
    }

    /// Whether this text is anywhere in it.
    pub fn mentions(&self, text: &str) -> bool {
        let mut windows = self.bytes.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn align(&mut self, to: usize) {
        self.at = self.at.next_multiple_of(to);
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.align(N);
        self.at += N;
        self.bytes[self.at - N..self.at].try_into().unwrap()
    }

    fn number(&mut self) -> usize {
        u32::from_le_bytes(self.take()) as usize
    }

    fn text(&mut self, length: usize) -> String {
        let text = &self.bytes[self.at..self.at + length];
        self.at += length + 1;
        String::from_utf8(text.to_vec()).unwrap()
    }

    fn values(&mut self, mut signature: &str) -> Vec<Value> {
        let mut values = Vec::new();
        while !signature.is_empty() {
            let (first, rest) = split(signature);
            values.push(self.value(first));
            signature = rest;
        }
        values
    }

    fn value(&mut self, signature: &str) -> Value {
        match signature.as_bytes()[0] {
            b'y' => Value::Byte(self.take::<1>()[0]),
            b'b' => Value::Bool(self.number() == 1),
            b'u' => Value::U32(u32::from_le_bytes(self.take())),
            b'i' => Value::I32(i32::from_le_bytes(self.take())),
            b't' => Value::U64(u64::from_le_bytes(self.take())),
            kind @ (b's' | b'o') => {
                let length = self.number();
                let text = self.text(length);
                if kind == b's' {
                    Value::Text(text)
                } else {
                    Value::Path(text)
                }
            }
            b'g' => {
                let length = self.take::<1>()[0].into();
                Value::Signature(self.text(length))
            }
            b'v' => match self.value("g") {
                Value::Signature(inner) => self.value(&inner).variant(),
                other => panic!("a variant of {other:?}"),
            },
            b'a' => {
                let element = &signature[1..];
                let bytes = self.number();
                self.align(alignment(element));
                let end = self.at + bytes;
                let mut values = Vec::new();
                while self.at < end {
                    values.push(self.value(element));
                }
                Value::Array(element.to_owned(), values)
            }
            b'(' | b'{' => {
                self.align(8);
                let mut values = self.values(&signature[1..signature.len() - 1]);
                if signature.starts_with('(') {
                    return Value::Struct(values);
                }
                let (value, key) = (values.pop().unwrap(), values.pop().unwrap());
                Value::Entry(Box::new(key), Box::new(value))
            }
            _ => panic!("the type {signature} is not among those that the tests know"),
        }
    }
}

/// The first complete type of a signature, and what follows it.
fn split(signature: &str) -> (&str, &str) {
    let prefix = signature.len() - signature.trim_start_matches('a').len();
    let mut depth = 0;
    let end = signature[prefix..].find(|c| {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth -= 1,
            _ => {}
        }
        depth == 0
    });
    signature.split_at(prefix + end.expect("a signature that ends in the middle") + 1)
}

fn alignment(signature: &str) -> usize {
    match signature.as_bytes()[0] {
        b'y' | b'g' | b'v' => 1,
        b't' | b'(' | b'{' => 8,
        _ => 4,
    }
}

fn pad(out: &mut Vec<u8>, to: usize) {
    out.resize(out.len().next_multiple_of(to), 0);
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap()
}
