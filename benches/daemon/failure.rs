//! Why a figure could not be taken.

/// Why a figure could not be taken: it is said in the table in its place.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A failure in words.
pub(crate) fn failed<T>(words: impl Into<String>) -> Result<T, Failure> {
    Err(words.into().into())
}
