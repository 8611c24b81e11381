//! Why a transfer failed: the agent's transfer history, read once, newest first
//! (docs/click-api.md, "Transfer history").
//!
//! Any failure here only means that nothing is learned: the route may be missing, the rows another
//! user's, the answer late.

use secrecy::SecretString;
use tokio::time::timeout;

use super::client::{AgentClient, unreadable};
use super::endpoint::Endpoint;
use super::failure::AskError;
use super::limits::{HISTORY_PAGE_SIZE, HISTORY_PAGES_MAX, HISTORY_PATIENCE, HISTORY_ROWS_MAX};
use super::wire;
use super::words::fit;
use crate::core::cause::{CauseQuery, HistoryRow, OurRow};

impl AgentClient {
    /// The row of a transfer that failed, wholly or in part; absent if it was not found in time.
    pub async fn cause(&self, query: &CauseQuery) -> Option<OurRow> {
        let mut rows = Vec::new();
        match timeout(HISTORY_PATIENCE, self.read_history(query, &mut rows)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!("the agent's transfer history can't be read: {error}")
            }
            Err(_) => tracing::debug!("the agent's transfer history was not read in time"),
        }
        // The pages read before one failed may hold it anyway.
        query.pick(&rows)
    }

    /// The newest rows of the history, whatever the outcome of their transfers; for `doctor`.
    pub async fn history_rows(&self) -> Result<Vec<HistoryRow>, AskError> {
        let mut rows = Vec::new();
        let mut each = |row| {
            if rows.len() < HISTORY_ROWS_MAX {
                rows.push(row);
            }
        };
        self.history_page(1, 0, &mut each).await?;
        Ok(rows)
    }

    async fn read_history(
        &self,
        query: &CauseQuery,
        rows: &mut Vec<HistoryRow>,
    ) -> Result<(), AskError> {
        for page in 1..=HISTORY_PAGES_MAX {
            let mut named = false;
            let mut each = |row: HistoryRow| {
                named |= query.names(&row);
                if query.wants(&row) && rows.len() < HISTORY_ROWS_MAX {
                    rows.push(row);
                }
            };
            // 4 Completed, 16 Error: transfers that failed in part, or wholly.
            let count = self.history_page(page, 20, &mut each).await?;
            if named || count < HISTORY_PAGE_SIZE {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn history_page(
        &self,
        page: usize,
        status: u32,
        each: &mut (dyn FnMut(HistoryRow) + Send),
    ) -> Result<usize, AskError> {
        let query = [
            ("page", &*page.to_string()),
            ("pagesize", &*HISTORY_PAGE_SIZE.to_string()),
            ("sortfield", "StartDate"),
            ("descending", "true"),
            ("origin", "0"),
            ("status", &*status.to_string()),
            ("direction", "0"),
        ];
        let body = self.ask(Endpoint::History, &query).await?;
        let mut each = |mut row: HistoryRow| {
            row.message = row.message.map(|words| fit(&words, None::<&SecretString>));
            each(row);
        };
        wire::history(&body, &mut each).map_err(|error| unreadable(Endpoint::History, &error))
    }
}
