//! Asks a person questions: without echo where the answer is a secret, and as plain lines of
//! standard input where there is no terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read as _, Write};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use secrecy::SecretString;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 8 * 1024;

/// The place where questions are asked.
pub enum Prompt {
    /// The terminal, whatever standard input and output are.
    Terminal(BufReader<File>),
    /// Lines of standard input, one for each question, without prompting.
    Lines(BufReader<io::Stdin>),
}

impl Prompt {
    /// The terminal if standard input is one, else standard input.
    pub fn open() -> Self {
        let terminal = File::options().read(true).write(true).open("/dev/tty");
        match terminal {
            Ok(terminal) if io::stdin().is_terminal() => Self::Terminal(BufReader::new(terminal)),
            Ok(_) | Err(_) => Self::Lines(BufReader::new(io::stdin())),
        }
    }

    /// Whether there is a terminal.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Terminal(_) => true,
            Self::Lines(_) => false,
        }
    }

    /// Shows a text to the person, if there is a terminal.
    ///
    /// # Errors
    ///
    /// The terminal is gone.
    pub fn tell(&mut self, words: &str) -> io::Result<()> {
        match self {
            Self::Terminal(terminal) => writeln!(terminal.get_mut(), "{words}"),
            Self::Lines(_) => Ok(()),
        }
    }

    /// Asks for a line that is shown while typed.
    ///
    /// # Errors
    ///
    /// No answer, or an unreadable one.
    pub fn line(&mut self, question: &str) -> io::Result<String> {
        match self {
            Self::Terminal(terminal) => {
                write!(terminal.get_mut(), "{question}: ")?;
                read_line(terminal, question)
            }
            Self::Lines(lines) => read_line(lines, question),
        }
    }

    /// Asks for a secret, and does not show the typed text.
    ///
    /// # Errors
    ///
    /// No answer, or an unreadable one.
    pub fn secret(&mut self, question: &str) -> io::Result<SecretString> {
        match self {
            Self::Terminal(terminal) => {
                // Before the question: a very quick answer must not be shown either.
                let hidden = Hidden::new(terminal.get_ref().try_clone()?)?;
                write!(terminal.get_mut(), "{question}: ")?;
                let answer = read_keys(terminal, question);
                drop(hidden);
                writeln!(terminal.get_mut())?;
                answer.map(SecretString::from)
            }
            Self::Lines(lines) => read_line(lines, question).map(SecretString::from),
        }
    }
}

/// The error for an answer that does not come any more.
fn ended(question: &str) -> io::Error {
    let words = format!("no {} given: standard input ended", question.to_lowercase());
    io::Error::new(io::ErrorKind::UnexpectedEof, words)
}

/// The error for an answer that is not text.
fn not_text() -> io::Error {
    io::Error::other("the answer is not UTF-8")
}

fn read_line(from: &mut impl BufRead, question: &str) -> io::Result<String> {
    let mut line = String::new();
    match from.take(ANSWER_MAX).read_line(&mut line) {
        Ok(0) => return Err(ended(question)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(not_text()),
        Err(error) => return Err(error),
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Reads keys up to Enter. The terminal edits nothing here, so that an interrupt comes as a key,
/// and the terminal can be restored before we end.
fn read_keys(from: &mut impl BufRead, question: &str) -> io::Result<String> {
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const ERASE_ALL: u8 = 21;
    let mut line: Vec<u8> = Vec::new();
    for key in from.bytes() {
        match key? {
            b'\r' | b'\n' => {
                let text = String::from_utf8(line);
                return text.map_err(|_| not_text());
            }
            INTERRUPT => return Err(io::Error::from(io::ErrorKind::Interrupted)),
            END if line.is_empty() => break,
            ERASE_ALL => line.clear(),
            8 | 127 => {
                // One character, however many bytes it has.
                while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
            }
            _ if line.len() as u64 >= ANSWER_MAX => {
                return Err(io::Error::other("the answer is too long"));
            }
            key => line.push(key),
        }
    }
    Err(ended(question))
}

/// A terminal that shows no typed text, until this is dropped.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG | LocalModes::ICANON);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_without_their_ends_and_an_end_of_input_is_no_answer() {
        let mut input = io::Cursor::new(b"name\r\n pass word \n".to_vec());
        let mut read = |question: &str| read_line(&mut input, question);
        assert_eq!(read("User name").unwrap(), "name");
        assert_eq!(read("Password").unwrap(), " pass word ");
        let end = read("Code").unwrap_err();
        assert_eq!(end.to_string(), "no code given: standard input ended");
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
        let bytes = read_line(&mut &b"\xff\n"[..], "User name").unwrap_err();
        assert_eq!(bytes.to_string(), "the answer is not UTF-8");
    }

    #[test]
    fn hidden_keys_can_be_erased_and_interrupted() {
        let read = |keys: &str| read_keys(&mut keys.as_bytes(), "Password");
        assert_eq!(read("pä\u{7f}\u{8}ass\r").unwrap(), "ass");
        assert_eq!(read("wrong\u{15}right\n").unwrap(), "right");
        assert_eq!(read("ab\u{3}").unwrap_err().kind(), io::ErrorKind::Interrupted);
        assert_eq!(read("\u{4}").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
