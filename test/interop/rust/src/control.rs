//! JSON, one object a line: commands in, answers and events out.

use std::{
    io::{self, Write},
    process,
};

use libp2p::{Multiaddr, PeerId, StreamProtocol};
use serde_json::{Value, json};

use crate::{Result, commands, program::Program};

pub struct Command(Value);

impl Command {
    pub fn name(&self) -> Result<&str> {
        self.text("do")
    }

    pub fn has(&self, parameter: &str) -> bool {
        self.0.get(parameter).is_some()
    }

    pub fn flag(&self, parameter: &str) -> bool {
        self.0[parameter].as_bool().unwrap_or(false)
    }

    pub fn text(&self, parameter: &str) -> Result<&str> {
        self.get(parameter, Value::as_str)
    }

    pub fn number(&self, parameter: &str) -> Result<u64> {
        self.get(parameter, Value::as_u64)
    }

    pub fn peer(&self) -> Result<PeerId> {
        Ok(self.text("peer")?.parse()?)
    }

    pub fn address(&self) -> Result<Multiaddr> {
        Ok(self.text("address")?.parse()?)
    }

    pub fn protocol(&self) -> Result<StreamProtocol> {
        Ok(StreamProtocol::try_from_owned(
            self.text("protocol")?.into(),
        )?)
    }

    pub fn protocols(&self) -> Result<Vec<StreamProtocol>> {
        let names = self.get("protocols", Value::as_array)?.iter().map(|name| {
            let name = name.as_str().ok_or("A protocol is not a text.")?;
            Ok(StreamProtocol::try_from_owned(name.into())?)
        });
        names.collect()
    }

    fn get<'a, T>(&'a self, parameter: &str, read: fn(&'a Value) -> Option<T>) -> Result<T> {
        let value = self.0.get(parameter).and_then(read);
        value.ok_or_else(|| format!("The parameter {parameter} is missing or wrong.").into())
    }
}

pub async fn answer(program: Program, line: String) {
    let command = match serde_json::from_str(&line) {
        Ok(command) => Command(command),
        Err(error) => return eprintln!("{error}: {line}"),
    };
    let id = &command.0["id"];
    match commands::run(&program, &command).await {
        Ok(result) => print(&json!({ "id": id, "ok": result })),
        Err(error) => {
            let error = error.to_string().replace('\n', " ");
            print(&json!({ "id": id, "error": error }));
        }
    }
    if command.name().is_ok_and(|name| name == "stop") {
        process::exit(0);
    }
}

pub fn print_event(event: &str, mut fields: Value) {
    fields["event"] = event.into();
    print(&fields);
}

/// Nobody is left to be told when stdout is gone: stdin ends, too.
fn print(value: &Value) {
    let _ = writeln!(io::stdout(), "{value}");
}
