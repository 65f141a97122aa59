//! Takes keys out of a TOML table one by one and collects what is wrong, so that one run tells all.

use std::fmt::Display;

use serde::de::DeserializeOwned;

/// One table; what is left in it at the end is unknown.
pub struct Taker {
    name: String,
    table: toml::Table,
    known: Vec<String>,
    mistakes: Vec<String>,
}

impl Taker {
    pub fn new(name: &str, table: toml::Table) -> Self {
        Self { name: name.to_owned(), table, known: Vec::new(), mistakes: Vec::new() }
    }

    /// Any type that serde reads; `expected` finishes the sentence "expected ...".
    pub fn take<T: DeserializeOwned>(&mut self, key: &str, default: T, expected: &str) -> T {
        let Some(value) = self.remove(key) else { return default };
        let found = value.to_string();
        value.try_into().unwrap_or_else(|_| {
            self.mistake(key, &format!("found {found}, expected {expected}"));
            default
        })
    }

    /// A number with bounds.
    pub fn take_between<T>(&mut self, key: &str, default: T, low: T, high: T) -> T
    where
        T: DeserializeOwned + PartialOrd + Display + Copy,
    {
        let Some(value) = self.remove(key) else { return default };
        let found = value.to_string();
        match value.try_into::<T>() {
            Ok(number) if (low..=high).contains(&number) => number,
            _ => {
                self.mistake(key, &format!("found {found}, expected a number from {low} to {high}"));
                default
            }
        }
    }

    /// A number with a fraction; `1` is taken as `1.0`.
    pub fn take_float(&mut self, key: &str, default: f64) -> f64 {
        let Some(value) = self.remove(key) else { return default };
        value.as_float().or_else(|| Some(value.as_integer()? as f64)).unwrap_or_else(|| {
            self.mistake(key, &format!("found {value}, expected a number"));
            default
        })
    }

    /// A text that `read` understands or says what would be right.
    pub fn take_text<T>(&mut self, key: &str, default: &str, read: impl Fn(&str) -> Result<T, String>) -> T {
        let text: String = self.take(key, default.to_owned(), "a text in quotes");
        read(&text).unwrap_or_else(|expected| {
            self.mistake(key, &format!("found {text:?}, expected {expected}"));
            read(default)
                .unwrap_or_else(|_| unreachable!("defaults are readable: a test parses an empty file"))
        })
    }

    /// A list of texts. What was found is not repeated: it may be a secret in the wrong place.
    pub fn take_texts<T>(
        &mut self,
        key: &str,
        default: Vec<String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let texts: Vec<String> = match self.remove(key).map(toml::Value::try_into) {
            None => default,
            Some(Ok(texts)) => texts,
            Some(Err(_)) => {
                self.mistake(key, "expected a list of texts in quotes");
                default
            }
        };
        let mut values = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            match read(text) {
                Ok(value) => values.push(value),
                Err(expected) => self.mistake(key, &format!("entry {}: expected {expected}", at + 1)),
            }
        }
        values
    }

    pub fn section(&mut self, key: &str) -> Self {
        let table = match self.remove(key) {
            None => toml::Table::new(),
            Some(toml::Value::Table(table)) => table,
            Some(other) => {
                self.mistake(key, &format!("found {other}, expected a section [{key}]"));
                toml::Table::new()
            }
        };
        Self::new(key, table)
    }

    /// Takes over what a section found.
    pub fn close(&mut self, section: Self) {
        self.mistakes.extend(section.finish());
    }

    pub fn mistake(&mut self, key: &str, text: &str) {
        let place = self.place(key);
        self.mistakes.push(format!("{place}: {text}"));
    }

    /// A sentence that already starts with its key.
    pub fn mistake_of(&mut self, sentence: &str) {
        self.mistakes.push(self.place(sentence));
    }

    /// All mistakes, those about keys that nobody took included.
    pub fn finish(mut self) -> Vec<String> {
        let unknown: Vec<String> = self.table.keys().cloned().collect();
        for key in unknown {
            let text = match self.known.iter().find(|known| is_near(known, &key)) {
                Some(known) => format!("unknown, did you mean {known}?"),
                None => format!("unknown, the keys here are {}", self.known.join(", ")),
            };
            self.mistake(&key, &text);
        }
        self.mistakes
    }

    fn remove(&mut self, key: &str) -> Option<toml::Value> {
        self.known.push(key.to_owned());
        self.table.remove(key)
    }

    fn place(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// Whether at most two letters were added, left out or changed.
fn is_near(known: &str, typed: &str) -> bool {
    let typed: Vec<char> = typed.chars().collect();
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (i, letter) in known.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in typed.iter().enumerate() {
            let cost = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[typed.len()] <= 2
}
