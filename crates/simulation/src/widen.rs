//! Faults added to the model later: drawn apart from the rest, so that an existing seed's plan
//! changes in nothing else.

use std::sync::Arc;

use transferd_sim::world::{Chance, Span};

use super::plan::{Plan, Swarm};

/// Why transfers fail in half of the seeds; in the others, another try may always succeed.
const ERRORS: [&str; 5] = [
    "checksum mismatch",
    "Access Denied",
    "The specified key does not exist.",
    "connection reset by peer",
    "quota exceeded",
];

impl Plan {
    /// Draws the faults that were added later.
    pub(super) fn widen(&mut self) {
        let mut chance = Chance::from(self.seed ^ 0x7769_6465_7220_7965);
        let exclusive = self.daemons.iter().any(|daemon| daemon.set.agent.exclusive_user);
        let mut swarm = Swarm { chance: &mut chance };
        let hazards = &mut self.hazards;
        hazards.jobs_renamed = swarm.rate(0.6);
        hazards.jobs_redefined = swarm.rate(0.6);
        hazards.crash_amid_effects = swarm.rate(0.3);
        hazards.looks_lost = swarm.rate(0.02);
        hazards.lost_looks_answered = swarm.rate(1.0);
        hazards.total_wavers = swarm.rate(0.2);
        let variants = &mut self.world.variants;
        // With `exclusive_user` dates are not considered: the user is the only evidence.
        variants.no_user_id = !exclusive && chance.happens(0.08);
        variants.null_user_ids = !exclusive && !variants.no_user_id && chance.happens(0.08);
        variants.no_status = chance.happens(0.08);
        variants.no_date_header = chance.happens(0.08);
        if variants.no_date_header {
            // The protocol allows for a skew that it can't learn; a larger one nobody could detect.
            hazards.agent_clock_follows = 0.0;
        }
        let doubtful = variants.no_user_id || variants.null_user_ids;
        self.doubtful |= doubtful;
        variants.no_history = chance.happens(0.1);
        variants.history_own_ids = chance.happens(0.3);
        variants.history_late = chance.happens(0.1);
        if chance.happens(0.5) {
            self.world.errors = ERRORS.map(str::to_owned).to_vec();
        }
        for daemon in &mut self.daemons {
            // In the others a person has to sign in.
            Arc::make_mut(&mut daemon.set).agent.start = chance.happens(0.5);
        }
        let often = Span::millis(120_000, 3_600_000);
        self.hazards.repeat_every = Swarm { chance: &mut chance }.every(often);
        self.hazards.frames = Swarm { chance: &mut chance }.rate(0.3);
        self.hazards.batched = Swarm { chance: &mut chance }.rate(0.5);
        self.world.variants.total_counts_created = chance.happens(0.15);
    }
}
