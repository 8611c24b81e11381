//! The desktop on the session's bus: accepts notifications and reports when they are closed or
//! clicked (Desktop Notifications Specification 1.2).
//!
//! Connects to the bus for the first notification, and again after the bus was away. Messages that
//! others on the bus send in the desktop's name are recognized by their sender.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use tokio::time::timeout;
use zbus::message::Type;
use zbus::{Connection, MatchRule, Message, MessageStream, Variant};

use super::limits::DELIVERY;
use super::notices::Notice;
use super::shown::Key;

/// The notification service and its interface.
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// Its object path.
const PATH: &str = "/org/freedesktop/Notifications";

/// A signal about a notification.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Its button, or the notification itself, was clicked.
    Pressed(Key),
    /// It is no longer on the screen.
    Closed(Key),
    /// The bus is gone.
    Gone,
}

/// The session's bus, while there is one.
#[derive(Debug, Default)]
pub(super) struct Desktop(Option<Bus>);

#[derive(Debug)]
struct Bus {
    connection: Connection,
    signals: MessageStream,
}

/// The desktop's capabilities, as it reports them.
#[derive(Clone, Copy, Debug)]
struct Abilities {
    buttons: bool,
    markup: bool,
}

impl Desktop {
    /// Shows a notification, with a button if its label is given; replaces the other one if that is
    /// named.
    ///
    /// # Errors
    /// A message: there is no bus, or no desktop that listens at it.
    pub(super) async fn show(
        &mut self,
        notice: &Notice,
        button: Option<&str>,
        instead_of: Option<&Key>,
    ) -> Result<Key, String> {
        let bus = self.bus().await?;
        let able = bus.abilities().await?;
        let number = instead_of.map_or(0, |key| key.number);
        let arguments = arguments(notice, button.filter(|_| able.buttons), number, able.markup);
        let answer = bus.call("Notify", &arguments).await?;
        let number = answer.body().deserialize::<u32>().map_err(|error| error.to_string())?;
        Ok(Key { owner: sender(&answer), number })
    }

    /// Connects to the session's bus.
    ///
    /// # Errors
    /// A message: there is none.
    pub(super) async fn reach(&mut self) -> Result<(), String> {
        self.bus().await.map(drop)
    }

    /// The next signal about a shown notification. Waits forever if none was shown.
    pub(super) async fn heard(&mut self) -> Heard {
        let Some(bus) = &mut self.0 else { return std::future::pending().await };
        loop {
            match bus.signals.next().await {
                Some(Ok(message)) => {
                    if let Some(heard) = meaning(&message) {
                        return heard;
                    }
                }
                Some(Err(_)) | None => {
                    self.0 = None;
                    return Heard::Gone;
                }
            }
        }
    }

    /// The bus, if there is one at the moment.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.0.as_ref().map(|bus| &bus.connection)
    }

    async fn bus(&mut self) -> Result<&Bus, String> {
        if self.0.as_ref().is_none_or(|bus| bus.connection.is_closed()) {
            let connecting = within(Bus::connect()).await;
            self.0 = Some(connecting.map_err(|words| format!("there is no session bus: {words}"))?);
        }
        self.0.as_ref().ok_or_else(|| "there is no session bus".to_owned())
    }
}

impl Bus {
    async fn connect() -> zbus::Result<Self> {
        let connection = Connection::session().await?;
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(NOTIFICATIONS)
            .interface(NOTIFICATIONS)
            .path(PATH)
            .build()?;
        let signals = MessageStream::for_match_rule(rule, &connection, None).await?;
        Ok(Self { connection, signals })
    }

    async fn call<B>(&self, name: &'static str, arguments: &B) -> Result<Message, String>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let (whose, interface) = (NOTIFICATIONS, NOTIFICATIONS);
        let method = Method { whose, path: PATH, interface, name };
        let answer = method.call(&self.connection, arguments).await;
        answer.map_err(|words| format!("the desktop takes no notification: {words}"))
    }

    async fn abilities(&self) -> Result<Abilities, String> {
        let answer = self.call("GetCapabilities", &()).await?;
        let words: Vec<String> = answer.body().deserialize().unwrap_or_default();
        let able = |word: &str| words.iter().any(|able| able == word);
        Ok(Abilities { buttons: able("actions"), markup: able("body-markup") })
    }
}

/// A method of a service at the bus.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    pub(super) whose: &'static str,
    pub(super) path: &'static str,
    pub(super) interface: &'static str,
    pub(super) name: &'static str,
}

impl Method {
    /// Calls it.
    ///
    /// # Errors
    /// A message.
    pub(super) async fn call<B>(self, bus: &Connection, arguments: &B) -> Result<Message, String>
    where
        B: serde::Serialize + zbus::DynamicType,
    {
        let Self { whose, path, interface, name } = self;
        within(bus.call_method(Some(whose), path, Some(interface), name, arguments)).await
    }
}

async fn within<T>(asked: impl Future<Output = zbus::Result<T>>) -> Result<T, String> {
    match timeout(DELIVERY, asked).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", DELIVERY.as_secs())),
    }
}

/// The meaning of the desktop's signal about a notification, ours or another program's.
fn meaning(message: &Message) -> Option<Heard> {
    let header = message.header();
    let key = |number| Key { owner: sender(message), number };
    match header.member()?.as_str() {
        "ActionInvoked" => {
            let (number, _button) = message.body().deserialize::<(u32, String)>().ok()?;
            Some(Heard::Pressed(key(number)))
        }
        "NotificationClosed" => {
            let (number, _reason) = message.body().deserialize::<(u32, u32)>().ok()?;
            Some(Heard::Closed(key(number)))
        }
        _ => None,
    }
}

fn sender(message: &Message) -> String {
    message.header().sender().map(ToString::to_string).unwrap_or_default()
}

/// Application, replaced notification, icon, title, body, buttons, hints, time to stay.
type Arguments<'a> = (
    &'static str,
    u32,
    &'static str,
    &'a str,
    String,
    Vec<&'a str>,
    HashMap<&'static str, Variant<'static>>,
    i32,
);

fn arguments<'a>(
    notice: &'a Notice,
    button: Option<&'a str>,
    instead_of: u32,
    markup: bool,
) -> Arguments<'a> {
    // Urgency: 1 is normal, 2 critical, which stays until it is closed.
    let (icon, urgency) =
        if notice.urgent { ("dialog-error", 2_u8) } else { ("dialog-warning", 1_u8) };
    let body = if markup { marked_up(&notice.body) } else { notice.body.clone() };
    // `default` is the notification itself, if it can be clicked.
    let buttons = button.map_or(Vec::new(), |words| vec!["default", words, "more", words]);
    let hints = HashMap::from([("urgency", Variant::from(urgency))]);
    ("transferd", instead_of, icon, &notice.title, body, buttons, hints, -1)
}

/// Desktops read a body as markup, and some open links in it: foreign text must be plain.
fn marked_up(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_others_are_no_markup() {
        let body = "<a href=\"http://evil\">R&D</a>";
        let notice = Notice::new("nightly failed", body, true);
        let shown = |markup| arguments(&notice, None, 0, markup).4;
        assert_eq!(shown(true), "&lt;a href=\"http://evil\"&gt;R&amp;D&lt;/a&gt;");
        assert_eq!(shown(false), body, "a desktop that shows words as they are");
    }
}
