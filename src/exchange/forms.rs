//! The other form of an item, for its own desk: what readers get who are told no source. Whoever sits
//! at the desk reads the item as submitted, so the form made from it tells them nothing new.

use serde_json::Value;

use super::Exchange;
use super::gate::View;
use super::read::version_at_desk;
use super::refusal::Refusal;
use super::remake::UNCONFIRMED;
use crate::handling::Form;

impl Exchange {
    /// The anonymised form of a report, as a report; `None` where none was made, and for whoever does
    /// not read the report at its source's desk.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn anonymised_form(&self, view: &View, id: &str) -> Result<Option<Value>, Refusal> {
        let mut tx = self.db().read().await?;
        let Some(key) = version_at_desk(&mut tx, view, id).await? else {
            return Ok(None);
        };
        let objects = tx.objects_of(key).await?;
        // One that was made anew waits for a word on it, and is what is asked about. A form with parts
        // cut out is somebody's; this is the whole.
        let unconfirmed = format!("{UNCONFIRMED}{}", Form::Anonymised.word());
        for form in [unconfirmed.as_str(), Form::Anonymised.word()] {
            let mut of_form = objects.iter().filter(|(_, object)| object.form == form);
            if let Some(report) = of_form.find_map(|(_, object)| object.report.as_deref()) {
                return Ok(Some(serde_json::from_str(report)?));
            }
        }
        Ok(None)
    }
}
