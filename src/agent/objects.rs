//! Objects in a bucket, as far as `doctor` examines them: no run depends on them
//! (docs/click-api.md, "Cloud accounts").

use super::client::{AgentClient, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::wire::{self, ObjectForms};
use crate::core::ids::AccountId;

impl AgentClient {
    /// The first bucket in an account's list.
    pub(super) async fn first_bucket(
        &self,
        account: AccountId,
    ) -> Result<Option<String>, AskError> {
        let body = self.list_buckets(account, None).await?;
        wire::first_bucket(&body).map_err(|error| unreadable(Endpoint::Buckets, &error))
    }

    /// The forms of the objects on the first page of a bucket; no further page is requested.
    pub(super) async fn object_forms(
        &self,
        account: AccountId,
        bucket: &str,
    ) -> Result<ObjectForms, AskError> {
        let whole = self.ask(Endpoint::Account, &[("id", &account.to_string())]).await?;
        let body = wire::objects_request(&whole, bucket);
        let body = body.map_err(|error| unreadable(Endpoint::Account, &error))?;
        let answer = self.ask_with(Endpoint::Objects, &[], Some(body)).await?;
        wire::object_forms(&answer).map_err(|error| unreadable(Endpoint::Objects, &error))
    }
}
