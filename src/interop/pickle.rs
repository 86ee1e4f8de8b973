//! The pickles that `torch.save` writes of a dictionary of tensors, read as data (docs.python.org/3/library/pickletools.html). A pickle is a
//! program; here it may build dictionaries, tuples and tensors, and whatever else it calls for is refused by name.

use std::collections::HashMap;
use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};

use crate::input::{plain, quoted};

/// Most values of a pickle. A tensor takes about twenty, and a few bytes of a pickle make a value that takes many more.
const MOST_VALUES: usize = 1 << 22;

/// Most dimensions of a tensor: libtorch's own limit.
const MOST_DIMENSIONS: usize = 64;

/// Place of a value among all that a pickle made: Python's references.
pub type Reference = usize;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Bytes(Vec<u8>),
    /// Tuples, lists and sets.
    List(Vec<Reference>),
    Dict(Vec<(Reference, Reference)>),
    /// A name of the list below, not yet called.
    Global(Global),
    /// What the pickle points to outside itself.
    Storage(Rc<Storage>),
    Tensor(Rc<TensorView>),
    Mark,
}

/// What a pickle may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(tch::Kind),
}

/// The numbers of one or more tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    pub kind: tch::Kind,
    pub key: Rc<str>,
    pub elements: usize,
}

/// Which of a storage's numbers are a tensor's.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorView {
    pub storage: Rc<Storage>,
    pub offset: i64,
    pub size: Vec<i64>,
    pub stride: Vec<i64>,
}

impl Global {
    fn of(module: &str, name: &str) -> Result<Self> {
        use tch::Kind;
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", "FloatStorage") => Global::Storage(Kind::Float),
            ("torch", "DoubleStorage") => Global::Storage(Kind::Double),
            ("torch", "HalfStorage") => Global::Storage(Kind::Half),
            ("torch", "BFloat16Storage") => Global::Storage(Kind::BFloat16),
            ("torch", "LongStorage") => Global::Storage(Kind::Int64),
            ("torch", "IntStorage") => Global::Storage(Kind::Int),
            ("torch", "ShortStorage") => Global::Storage(Kind::Int16),
            ("torch", "CharStorage") => Global::Storage(Kind::Int8),
            ("torch", "ByteStorage") => Global::Storage(Kind::Uint8),
            ("torch", "BoolStorage") => Global::Storage(Kind::Bool),
            _ => bail!(
                "it asks for {}.{}, which is no part of a tensor and could run code; refused. Take the model as model.safetensors, or \
                 from somewhere you trust",
                plain(module),
                plain(name)
            ),
        })
    }
}

/// A pickle that was read: its values, and which of them is the result.
#[derive(Debug, Default)]
pub struct Pickle {
    values: Vec<Value>,
    stack: Vec<Reference>,
    memo: HashMap<u32, Reference>,
}

impl Pickle {
    /// Reads one pickle from the front of the bytes, and says where it ends.
    pub fn read(bytes: &[u8]) -> Result<(Pickle, Reference, usize)> {
        let mut pickle = Pickle::default();
        let mut reader = OpcodeReader { bytes, at: 0 };
        loop {
            let operation = reader.byte()?;
            if operation == b'.' {
                let result = pickle.pop()?;
                return Ok((pickle, result, reader.at));
            }
            pickle.run(operation, &mut reader)?;
            ensure!(
                pickle.values.len() <= MOST_VALUES,
                "it makes more than {MOST_VALUES} values, more than any model has; refused"
            );
        }
    }

    pub fn value(&self, reference: Reference) -> &Value {
        &self.values[reference]
    }

    fn run(&mut self, operation: u8, reader: &mut OpcodeReader) -> Result<()> {
        match operation {
            0x80 => drop(reader.take(1)?),
            // A frame only says how much follows.
            0x95 => drop(reader.take(8)?),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' => {
                let number = reader.byte()?;
                self.push(Value::Int(number.into()));
            }
            b'M' => {
                let number = u16::from_le_bytes(reader.array()?);
                self.push(Value::Int(number.into()));
            }
            b'J' => {
                let number = i32::from_le_bytes(reader.array()?);
                self.push(Value::Int(number.into()));
            }
            0x8a => {
                let length = reader.byte()?.into();
                self.push(long(reader.take(length)?));
            }
            b'G' => {
                let number = f64::from_be_bytes(reader.array()?);
                self.push(Value::Float(number));
            }
            b'X' => {
                let length = u32::from_le_bytes(reader.array()?) as usize;
                self.text(reader.take(length)?)?;
            }
            0x8c => {
                let length = reader.byte()?.into();
                self.text(reader.take(length)?)?;
            }
            b'U' | b'C' => {
                let length = reader.byte()?.into();
                let bytes = reader.take(length)?.to_vec();
                self.push(Value::Bytes(bytes));
            }
            b'B' => {
                let length = u32::from_le_bytes(reader.array()?) as usize;
                let bytes = reader.take(length)?.to_vec();
                self.push(Value::Bytes(bytes));
            }
            b'(' => self.push(Value::Mark),
            b')' | b']' | 0x8f => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            0x85..=0x87 => {
                let count = usize::from(operation - 0x84);
                let parts = self.pop_last(count)?;
                self.push(Value::List(parts));
            }
            b't' | b'l' => {
                let parts = self.pop_marked()?;
                self.push(Value::List(parts));
            }
            b'a' => {
                let part = self.pop()?;
                self.extend(vec![part])?;
            }
            b'e' | 0x90 => {
                let parts = self.pop_marked()?;
                self.extend(parts)?;
            }
            b's' => {
                let parts = self.pop_last(2)?;
                self.set(parts)?;
            }
            b'u' => {
                let parts = self.pop_marked()?;
                self.set(parts)?;
            }
            b'0' => drop(self.pop()?),
            b'q' => {
                let place = reader.byte()?.into();
                self.remember(place)?;
            }
            b'r' => {
                let place = u32::from_le_bytes(reader.array()?);
                self.remember(place)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => {
                let place = reader.byte()?.into();
                self.recall(place)?;
            }
            b'j' => {
                let place = u32::from_le_bytes(reader.array()?);
                self.recall(place)?;
            }
            b'c' => {
                let (module, name) = (reader.line()?, reader.line()?);
                self.push(Value::Global(Global::of(module, name)?));
            }
            0x93 => {
                let parts = self.pop_last(2)?;
                let (Value::Text(module), Value::Text(name)) = (self.value(parts[0]), self.value(parts[1])) else {
                    bail!("it asks for a name that is no text");
                };
                let global = Global::of(module, name)?;
                self.push(Value::Global(global));
            }
            b'R' => self.call()?,
            // State of an object: only what `torch.save` hangs on a dictionary, which is not needed.
            b'b' => {
                let parts = self.pop_last(2)?;
                ensure!(matches!(self.value(parts[0]), Value::Dict(_)), "it sets the state of something that is no dictionary");
                self.stack.push(parts[0]);
            }
            b'Q' => self.outside()?,
            other => bail!("it has the operation 0x{other:02x}, which no dictionary of tensors needs; refused"),
        }
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Reference> {
        self.stack.pop().context("it is broken: nothing on its stack")
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Reference>> {
        let start = self.stack.len().checked_sub(count).context("it is broken: too little on its stack")?;
        Ok(self.stack.split_off(start))
    }

    fn pop_marked(&mut self) -> Result<Vec<Reference>> {
        let mark = self.stack.iter().rposition(|&reference| self.values[reference] == Value::Mark);
        let parts = self.stack.split_off(mark.context("it is broken: no mark on its stack")?);
        Ok(parts[1..].to_vec())
    }

    fn text(&mut self, bytes: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(bytes).context("it is broken: a text is no UTF-8")?;
        self.push(Value::Text(text.into()));
        Ok(())
    }

    fn extend(&mut self, parts: Vec<Reference>) -> Result<()> {
        let list = *self.stack.last().context("it is broken: nothing on its stack")?;
        let Value::List(members) = &mut self.values[list] else { bail!("it appends to something that is no list") };
        members.extend(parts);
        Ok(())
    }

    fn set(&mut self, parts: Vec<Reference>) -> Result<()> {
        let dictionary = *self.stack.last().context("it is broken: nothing on its stack")?;
        let Value::Dict(entries) = &mut self.values[dictionary] else {
            bail!("it sets an entry of something that is no dictionary")
        };
        entries.extend(parts.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Result<()> {
        let last = *self.stack.last().context("it is broken: nothing on its stack")?;
        self.memo.insert(place, last);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<()> {
        self.stack.push(*self.memo.get(&place).context("it is broken: it recalls what it never kept")?);
        Ok(())
    }

    fn list(&self, reference: Reference) -> Result<&[Reference]> {
        if let Value::List(parts) = self.value(reference) { Ok(parts) } else { bail!("expected a tuple") }
    }

    fn integers(&self, reference: Reference) -> Result<Vec<i64>> {
        let list = self.list(reference)?;
        ensure!(list.len() <= MOST_DIMENSIONS, "a tensor has {} dimensions, expected {MOST_DIMENSIONS} at most", list.len());
        list.iter().map(|&part| self.integer(part)).collect()
    }

    fn integer(&self, reference: Reference) -> Result<i64> {
        if let Value::Int(number) = self.value(reference) { Ok(*number) } else { bail!("expected a whole number") }
    }

    /// The operation REDUCE: calls what the list of globals allows.
    fn call(&mut self) -> Result<()> {
        let parts = self.pop_last(2)?;
        let Value::Global(global) = self.value(parts[0]) else { bail!("it calls something that is no function") };
        let arguments = self.list(parts[1])?;
        // A tuple may be recalled for many calls: none of them copies a long one.
        ensure!(arguments.len() <= MOST_DIMENSIONS, "it calls something with {} arguments", arguments.len());
        let arguments = arguments.to_vec();
        let value = match global {
            Global::OrderedDict => {
                ensure!(arguments.is_empty(), "it makes an ordered dictionary of something else than nothing");
                Value::Dict(Vec::new())
            }
            Global::RebuildTensor => {
                ensure!(arguments.len() >= 4, "it rebuilds a tensor from {} parts, expected 4 or more", arguments.len());
                let Value::Storage(storage) = self.value(arguments[0]) else { bail!("it rebuilds a tensor without a storage") };
                Value::Tensor(Rc::new(TensorView {
                    storage: storage.clone(),
                    offset: self.integer(arguments[1])?,
                    size: self.integers(arguments[2])?,
                    stride: self.integers(arguments[3])?,
                }))
            }
            Global::RebuildParameter => {
                let first = arguments.first().map(|&tensor| self.value(tensor).clone());
                let Some(value @ Value::Tensor(_)) = first else { bail!("it rebuilds a parameter without a tensor") };
                value
            }
            Global::Storage(_) => bail!("it makes a storage of its own"),
        };
        self.push(value);
        Ok(())
    }

    /// The operation BINPERSID: ("storage", type, key, place, number of elements).
    fn outside(&mut self) -> Result<()> {
        let parts = self.pop()?;
        let parts = self.list(parts)?;
        ensure!((5..=6).contains(&parts.len()), "it points outside itself with {} parts, expected 5 or 6", parts.len());
        let (Value::Text(word), Value::Global(Global::Storage(kind)), Value::Text(key)) =
            (self.value(parts[0]), self.value(parts[1]), self.value(parts[2]))
        else {
            bail!("it points outside itself to something that is no storage");
        };
        ensure!(&**word == "storage", "it points outside itself to a {}, expected a storage", quoted(word));
        ensure!(
            parts.get(5).is_none_or(|&view| *self.value(view) == Value::None),
            "a storage is a view of another, which is not supported"
        );
        let elements = usize::try_from(self.integer(parts[4])?).context("a storage has a negative size")?;
        let storage = Storage { kind: *kind, key: key.clone(), elements };
        self.push(Value::Storage(Rc::new(storage)));
        Ok(())
    }
}

/// A little-endian number of any length; what does not fit is only ever a magic number.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Bytes(bytes.to_vec());
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut padded = [if negative { 0xff } else { 0 }; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(padded))
}

struct OpcodeReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> OpcodeReader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len()).context("it is cut off")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into()?)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').context("it is cut off")?;
        let line = std::str::from_utf8(self.take(length)?).context("it is broken: a name is no UTF-8")?;
        self.at += 1;
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_tensor_is_refused_by_name() {
        let refusal = |bytes: &[u8]| format!("{:#}", Pickle::read(bytes).unwrap_err());
        assert!(refusal(b"\x80\x02cposix\nsystem\nX\x02\x00\x00\x00ls\x85R.").contains("asks for posix.system"));
        assert!(refusal(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.").contains("asks for builtins.eval"));
        // The old ways to call something.
        assert!(refusal(b"(S'ls'\nios\nsystem\n.").contains("operation 0x53"));
        assert!(refusal(b"(iposix\nsystem\n.").contains("operation 0x69"));
        assert!(refusal(b"(o.").contains("operation 0x6f"));
        assert!(refusal(b"))\x81.").contains("operation 0x81"));
        // What is allowed cannot be turned into something else.
        assert!(refusal(b"ccollections\nOrderedDict\n)\x85R.").contains("ordered dictionary of something else"));
        assert!(refusal(b"ctorch\nFloatStorage\n)R.").contains("storage of its own"));
        assert!(refusal(b"))b.").contains("no dictionary"));
        assert!(refusal(b"\x80\x02X\xff\xff\xff\xffabc").contains("cut off"));
    }

    #[test]
    fn plain_values_are_read() {
        let (pickle, result, end) = Pickle::read(b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x05X\x01\x00\x00\x00bh\x00u.rest").unwrap();
        assert_eq!(end, 24);
        let Value::Dict(entries) = pickle.value(result) else { panic!() };
        assert_eq!(pickle.value(entries[0].0), &Value::Text("a".into()));
        assert_eq!(pickle.value(entries[0].1), &Value::Int(5));
        // A dictionary that holds itself.
        assert_eq!(entries[1].1, result);
        assert_eq!(long(&[0xff, 0xff]), Value::Int(-1));
        assert_eq!(long(&[]), Value::Int(0));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Pickle::read(&bytes);
        }
    }
}
