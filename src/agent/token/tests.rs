//! Sources of tokens, and the errors where there is no token.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rstest::rstest;

use super::*;

const FAR: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjQxMDI0NDQ4MDB9.c2ln"; // exp 4102444800

fn file_keeper(path: &Path) -> TokenKeeper {
    TokenKeeper::new(TokenSource::File(path.to_owned()), |_| None)
}

fn write(path: &Path, content: &[u8], mode: u32) {
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn current(keeper: &TokenKeeper) -> Result<String, String> {
    keeper
        .current()
        .map(|token| token.expose_secret().to_owned())
        .map_err(|problem| problem.to_string())
}

#[test]
fn a_changed_file_is_read_at_its_next_use() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write(&path, b" one\n", 0o600);
    let keeper = file_keeper(&path);
    assert!(!keeper.has_changed(), "never used");
    assert_eq!(current(&keeper).as_deref(), Ok("one"));
    assert!(!keeper.has_changed());
    // The same length within the same clock tick: only the content differs.
    write(&path, b" two\n", 0o600);
    assert!(keeper.has_changed());
    assert_eq!(current(&keeper).as_deref(), Ok("two"));
    assert!(!keeper.has_changed());
    std::fs::remove_file(&path).unwrap();
    assert!(keeper.has_changed());
    assert!(current(&keeper).unwrap_err().ends_with("does not exist"));
    assert!(!keeper.has_changed());
}

#[rstest]
#[case(b"", "is empty")]
#[case(b" \n\t", "is empty")]
#[case(b"\xff\xfe", "is not text")]
#[case(b"a\nb", "holds more than one line")]
#[case(b"a\0b", "is binary")]
#[case(b"a b", "is not one word")]
#[case(&[b'x'; 9000], "is longer than 8192 bytes")]
fn what_can_not_be_a_token_is_refused_in_words(#[case] content: &[u8], #[case] why: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write(&path, content, 0o600);
    let problem = current(&file_keeper(&path)).unwrap_err();
    assert!(problem.contains(why), "{problem}");
    assert!(problem.contains("token"), "{problem}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write(&path, "\u{feff}abc\r\n".as_bytes(), 0o600);
    assert_eq!(current(&file_keeper(&path)).as_deref(), Ok("abc"));
}

#[test]
fn a_folder_or_a_pipe_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let problem = current(&file_keeper(folder.path())).unwrap_err();
    assert!(problem.ends_with("is not a regular file"), "{problem}");
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let problem = current(&file_keeper(&pipe)).unwrap_err();
    assert!(problem.ends_with("is not a regular file"), "{problem}");
}

#[rstest]
#[case(0o600, false)]
#[case(0o400, false)]
#[case(0o640, false)]
#[case(0o644, true)]
#[case(0o604, true)]
fn a_file_that_others_can_read_is_warned_about(#[case] mode: u32, #[case] warned: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    write(&path, b"abc", mode);
    // A set-group-id folder may have given it another group than this process's.
    let group = Some(rustix::process::getegid());
    rustix::fs::chown(&path, None, group).unwrap();
    let keeper = file_keeper(&path);
    assert_eq!(keeper.warning().is_some(), warned);
    write(&path, b"abc", 0o600);
    assert_eq!(keeper.warning(), None);
}

#[test]
fn each_file_of_a_login_that_others_can_read_is_warned_about_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, mode| {
        let path = folder.path().join(name);
        write(&path, b"GEZDGNBVGY3TQOJQ", mode);
        path
    };
    let source = LoginSource {
        username: "a@b.c".to_owned(),
        password_file: file("password", 0o644),
        user_type: 32,
        totp_secret_file: Some(file("totp", 0o604)),
    };
    let keeper = TokenKeeper::new(TokenSource::Login(source), |_| None);
    let warning = keeper.warning().unwrap();
    assert!(warning.contains("password") && warning.contains("totp"), "{warning}");
    file("password", 0o600);
    let warning = keeper.warning().unwrap();
    assert!(!warning.contains("password") && warning.contains("totp"), "{warning}");
    std::fs::remove_file(folder.path().join("password")).unwrap();
    assert!(keeper.inspect().unwrap_err().to_string().contains("does not exist"));
}

#[test]
fn a_credential_is_guarded_by_its_folder_whatever_its_mode_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("token"), b"from-systemd", 0o444);
    let directory = folder.path().as_os_str().to_owned();
    let keeper = TokenKeeper::new(TokenSource::Credential, move |_| Some(directory.clone()));
    assert_eq!(current(&keeper).as_deref(), Ok("from-systemd"));
    assert_eq!(keeper.warning(), None);
}

#[test]
fn a_variable_and_a_credential_are_sources() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("token"), b"from-systemd\n", 0o400);
    let directory = folder.path().as_os_str().to_owned();
    let environment = move |name: &str| match name {
        "AMOVE_TOKEN" => Some(" from-env ".into()),
        "EMPTY" => Some("".into()),
        "CREDENTIALS_DIRECTORY" => Some(directory.clone()),
        _ => None,
    };
    let keeper = |source| TokenKeeper::new(source, environment.clone());
    let variable = |name: &str| TokenSource::Environment(name.to_owned());
    assert_eq!(current(&keeper(variable("AMOVE_TOKEN"))).as_deref(), Ok("from-env"));
    assert!(current(&keeper(variable("EMPTY"))).unwrap_err().contains("is empty"));
    assert!(current(&keeper(variable("OTHER"))).unwrap_err().contains("`OTHER`"));
    assert_eq!(current(&keeper(TokenSource::Credential)).as_deref(), Ok("from-systemd"));
    let none = TokenKeeper::new(TokenSource::Credential, |_| None);
    assert!(current(&none).unwrap_err().contains("names no token"));
}

#[test]
fn the_end_of_a_jwt_is_told_and_no_other_token_has_one() {
    let end: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(expiry(FAR), Some(end));
    for none in ["", "abc", "a.b", "a.b.c", "a.e30.c", "a.eyJleHAiOiJ4In0.c", &format!("{FAR}.x")] {
        assert_eq!(expiry(none), None, "{none}");
    }
}

#[test]
fn a_totp_code_is_that_of_rfc_6238() {
    // The RFC's SHA-1 secret `12345678901234567890`; its codes have eight digits, ours six.
    let secret = SecretString::from("gezd gnbv-gy3tqojq GEZDGNBVGY3TQOJQ");
    let code = |seconds| {
        let at = Timestamp::from_second(seconds).unwrap();
        totp_code(&secret, at).unwrap().expose_secret().to_owned()
    };
    assert_eq!(code(59), "287082");
    assert_eq!(code(1_111_111_109), "081804");
    assert_eq!(code(20_000_000_000), "353130");
    let bad = totp_code(&SecretString::from("not base32!"), Timestamp::UNIX_EPOCH);
    assert!(bad.unwrap_err().to_string().contains("base32"));
}

#[test]
fn a_keeper_shows_no_token() {
    let keeper = TokenKeeper::new(TokenSource::Environment("T".into()), |_| Some(FAR.into()));
    assert!(keeper.current().is_ok());
    assert!(!format!("{keeper:?}").contains("eyJ"));
}

fn login_keeper(folder: &Path) -> TokenKeeper {
    write(&folder.join("pw"), b"secret", 0o600);
    let source = LoginSource {
        username: "a@b.c".to_owned(),
        password_file: folder.join("pw"),
        user_type: 32,
        totp_secret_file: None,
    };
    TokenKeeper::new(TokenSource::Login(source), |_| None)
}

#[test]
fn a_login_is_kept_until_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = login_keeper(folder.path());
    assert!(matches!(keeper.next(), Ok(Next::LogIn { instead_of: None, .. })));
    keeper.logged_in(SecretString::from(FAR));
    assert_eq!(current(&keeper).as_deref(), Ok(FAR));
    assert!(keeper.known_end().is_some());
    keeper.refused(&SecretString::from("another"));
    assert!(matches!(keeper.next(), Ok(Next::Use(_))));
    keeper.refused(&SecretString::from(FAR));
    assert!(matches!(keeper.next(), Ok(Next::LogIn { .. })));
}

#[test]
fn a_refused_login_is_not_repeated_until_the_password_changes() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = login_keeper(folder.path());
    let problem = TokenProblem::Refused("login failed: AUTH".to_owned());
    keeper.login_refused(problem.clone(), SecretString::from("secret"));
    assert_eq!(keeper.next().err(), Some(problem));
    assert!(!keeper.has_changed());
    write(&folder.path().join("pw"), b"better", 0o600);
    assert!(keeper.has_changed());
    assert!(matches!(keeper.next(), Ok(Next::LogIn { .. })));
}
