//! The agent's JSON, parsed tolerantly: names in any case, unknown fields, fields that are missing,
//! null or of another type than promised, several forms of dates.
//!
//! Values that can't be read are absent; nothing here knows HTTP. Records are handed on one by one,
//! so that a page costs no more memory than its text.

mod answers;
mod date;
mod faults;
mod frame;
mod history;
mod object;
mod objects;
mod page;
mod scalar;
mod transfer;

#[cfg(test)]
mod tests;

pub use answers::{ApiToken, CloudAccount, UserProfile};
pub(super) use answers::{LoginReply, login_reply, minted_token, user, versions};
pub(super) use answers::{accounts, agent_state, api_tokens, buckets, first_bucket};
pub(super) use frame::{FailedFrame, ReadFrame, frame};
pub(super) use history::history;
pub(super) use object::read_object;
pub(super) use objects::{ObjectForms, object_forms, objects_request};
pub(super) use page::read_page;
pub(super) use transfer::ReadRecord;
