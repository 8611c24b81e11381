//! A session's bus with a desktop at it: takes notifications, and presses their buttons.

use std::collections::HashMap;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};

use futures_util::StreamExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zbus::connection::Builder;
use zbus::message::Message;
use zbus::{Connection, Guid, MessageStream, OwnedVariant};

use crate::stage::{PATIENCE, until};

/// The desktop's name on the bus.
const DESKTOP: &str = ":1.7";

const PATH: &str = "/org/freedesktop/Notifications";
const INTERFACE: &str = "org.freedesktop.Notifications";

/// The arguments of `Notify`.
type Arguments =
    (String, u32, String, String, String, Vec<String>, HashMap<String, OwnedVariant>, i32);

/// What was asked of the desktop.
#[derive(Debug)]
pub(crate) enum Asked {
    Notify(Notification),
    /// An address is to be opened.
    Open(String),
}

/// A notification, as it came.
#[derive(Debug)]
pub(crate) struct Notification {
    pub(crate) number: u32,
    pub(crate) replaces: u32,
    pub(crate) icon: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) buttons: Vec<String>,
    pub(crate) urgency: u8,
}

/// A signal that the desktop is to send.
#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) from: &'static str,
    pub(crate) number: u32,
}

/// The bus. It ends with the test's process.
pub(crate) struct Bus {
    pub(crate) path: PathBuf,
    asked: Receiver<Asked>,
    send: UnboundedSender<Signal>,
}

impl Bus {
    /// A bus at a socket in this folder, whose desktop can do so much, with or without a portal.
    pub(crate) fn start(folder: &Path, able: &'static [&'static str], portal: bool) -> Self {
        let path = folder.join("bus");
        let (tell, asked) = channel();
        let (send, signals) = unbounded_channel();
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let (stream, _) = listener.accept().unwrap();
            runtime.unwrap().block_on(serve(stream, able, portal, tell, signals));
        });
        Self { path, asked, send }
    }

    /// What is asked next.
    pub(crate) fn next(&self) -> Asked {
        self.asked.recv_timeout(PATIENCE).expect("the desktop is asked for something")
    }

    /// The next notification.
    pub(crate) fn notification(&self) -> Notification {
        match self.next() {
            Asked::Notify(notification) => notification,
            Asked::Open(url) => panic!("{url} was opened"),
        }
    }

    /// Somebody presses a button, or says so in the desktop's name.
    pub(crate) fn press(&self, from: &'static str, number: u32) {
        self.send.send(Signal { from, number }).unwrap();
    }

    /// Presses a button of the desktop's own.
    pub(crate) fn press_button(&self, number: u32) {
        self.press(DESKTOP, number);
    }

    /// Whether nothing else was asked until now.
    pub(crate) fn is_quiet(&self) -> bool {
        self.asked.try_recv().is_err()
    }
}

/// Waits until a file holds something.
pub(crate) fn written(path: &Path) -> String {
    until("a file is written", PATIENCE, || {
        std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))
    })
}

async fn serve(
    stream: UnixStream,
    able: &[&str],
    portal: bool,
    tell: Sender<Asked>,
    mut signals: UnboundedReceiver<Signal>,
) {
    let builder = Builder::unix_stream(stream).server(Guid::generate()).p2p();
    let mut messages: MessageStream = builder.build_message_stream().await.unwrap();
    let bus = Connection::from(&messages);
    let mut numbers = 0;
    loop {
        tokio::select! {
            Some(message) = messages.next() => {
                let Ok(message) = message else { return };
                answer(&bus, &message, able, portal, &mut numbers, &tell).await;
            }
            Some(Signal { from, number }) = signals.recv() => {
                let signal = Message::signal(PATH, INTERFACE, "ActionInvoked");
                let signal = signal.sender(from).build(&(number, "default")).unwrap();
                bus.send(&signal).await.unwrap();
            }
            else => return,
        }
    }
}

async fn answer(
    bus: &Connection,
    message: &Message,
    able: &[&str],
    portal: bool,
    numbers: &mut u32,
    tell: &Sender<Asked>,
) {
    let header = message.header();
    let member = header.member().map(|member| member.to_string()).unwrap_or_default();
    let back = || Message::method_return(&header).sender(DESKTOP);
    let answer = match member.as_str() {
        "Hello" => back().build(&":1.1"),
        "GetCapabilities" => back().build(&able),
        "Notify" => {
            let arguments: Arguments = message.body().deserialize().unwrap();
            let (_, replaces, icon, title, body, buttons, hints, _) = arguments;
            *numbers += 1;
            let number = if replaces == 0 { *numbers } else { replaces };
            let urgency = u8::try_from(&*hints["urgency"]).unwrap();
            let notification =
                Notification { number, replaces, icon, title, body, buttons, urgency };
            // The test may be over.
            let _ = tell.send(Asked::Notify(notification));
            back().build(&number)
        }
        "OpenURI" if portal => {
            let (_, url, _): (String, String, HashMap<String, OwnedVariant>) =
                message.body().deserialize().unwrap();
            let _ = tell.send(Asked::Open(url));
            back().build(&"/request/1")
        }
        "OpenURI" => {
            let unknown = "org.freedesktop.DBus.Error.ServiceUnknown";
            Message::error(&header, unknown).build(&"there is no portal")
        }
        // `AddMatch`: here everybody hears everything.
        _ => back().build(&()),
    };
    bus.send(&answer.unwrap()).await.unwrap();
}
