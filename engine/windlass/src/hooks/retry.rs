//! Running again what failed, because a person says so.

use windlass_core::{config::App, hooks::Log};

use crate::{engine::Engine, stop::Stop};

impl Engine {
    /// Has an App's failed hooks run again, though git says what it said when they failed. False: none failed.
    ///
    /// # Errors
    /// When it can't be told or written down.
    pub async fn retry_hooks(&self, app: &App) -> Result<bool, Stop> {
        let _alone = self.alone(app).await;
        let (target, _) = self.target(app).await?;
        let key = self.key(app, target.as_ref());
        let mut inventory = self.inventory(&key).await?;
        let any = inventory.hooks.as_mut().is_some_and(Log::retry);
        if any {
            self.store(&key, inventory).await?;
        }
        Ok(any)
    }
}
