//! Mail addresses and whether who reads them has agreed. The codes themselves are not stored: they
//! follow from the hub's secret.

use super::db::{StoreError, Tx, on};

pub(super) const QUERIES: &[&str] = &[
    ONE,
    PUT,
    TRIED,
    CONFIRMED,
    REFUSED,
    OF_PRINCIPAL,
    OF_DAY,
    NOT_WANTED,
    FORGET,
];

const ONE: &str = "SELECT code, asked_at, tries, confirmed_at, day, mails FROM mail_address \
     WHERE principal = $1 AND address = $2";
const PUT: &str = "INSERT INTO mail_address (principal, address, code, asked_at, tries, confirmed_at, \
     day, mails) VALUES ($1, $2, $3, $4, 0, NULL, $5, $6) ON CONFLICT (principal, address) DO UPDATE \
     SET code = excluded.code, asked_at = excluded.asked_at, tries = 0, day = excluded.day, \
     mails = excluded.mails";
const TRIED: &str =
    "UPDATE mail_address SET tries = tries + 1 WHERE principal = $1 AND address = $2";
const CONFIRMED: &str =
    "UPDATE mail_address SET confirmed_at = $3 WHERE principal = $1 AND address = $2";
// The code that may be on its way counts no more either. That it refused is known until it agrees.
const REFUSED: &str = "UPDATE mail_address SET confirmed_at = 0, code = code + 1, asked_at = 0, \
     mails = CASE WHEN day = $3 THEN mails ELSE 0 END, day = $3 WHERE principal = $1 AND address = $2";
const NOT_WANTED: &str =
    "SELECT address, day FROM mail_address WHERE principal = $1 AND confirmed_at = 0";
const OF_PRINCIPAL: &str = "SELECT CAST(COALESCE(SUM(mails), 0) AS BIGINT) FROM mail_address \
     WHERE principal = $1 AND day = $2";
const OF_DAY: &str = "SELECT address, mails FROM mail_address WHERE day = $1";
// Whoever said no is remembered.
const FORGET: &str = "DELETE FROM mail_address WHERE day < $1 \
     AND (confirmed_at IS NULL OR confirmed_at > 0) \
     AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.principal = mail_address.principal)";

/// What is known of an address, for one principal.
#[derive(Clone, Copy, Debug)]
pub struct MailAddress {
    /// Which code counts, counted from 1.
    pub code: i64,
    /// When that code was asked for, in microseconds.
    pub asked_at: i64,
    /// Wrong answers to it.
    pub tries: i64,
    /// When who reads it agreed, in microseconds; 0 where it refused since.
    pub confirmed_at: Option<i64>,
    /// The day of the last confirmation mail, counted from 1970.
    pub day: i64,
    /// Confirmation mails asked for on that day.
    pub mails: i64,
}

impl Tx {
    /// An address as one principal has it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_address(
        &mut self,
        principal: &str,
        address: &str,
    ) -> Result<Option<MailAddress>, StoreError> {
        let row: Option<(i64, i64, i64, Option<i64>, i64, i64)> = on!(self, conn =>
            sqlx::query_as(ONE).bind(principal).bind(address).fetch_optional(conn).await?);
        let address = |(code, asked_at, tries, confirmed_at, day, mails)| MailAddress {
            code,
            asked_at,
            tries,
            confirmed_at,
            day,
            mails,
        };
        Ok(row.map(address))
    }

    /// Notes that an address is asked with another code; what it said before stays said.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn ask_mail_address(
        &mut self,
        principal: &str,
        address: &str,
        asked: &MailAddress,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(PUT).bind(principal).bind(address).bind(asked.code)
            .bind(asked.asked_at).bind(asked.day).bind(asked.mails).execute(conn).await?; });
        Ok(())
    }

    /// Counts a wrong answer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn wrong_mail_code(
        &mut self,
        principal: &str,
        address: &str,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(TRIED).bind(principal).bind(address).execute(conn).await?; });
        Ok(())
    }

    /// Who reads an address agrees, at an instant in microseconds.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirm_mail_address(
        &mut self,
        principal: &str,
        address: &str,
        at: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(CONFIRMED).bind(principal).bind(address).bind(at)
            .execute(conn).await?; });
        Ok(())
    }

    /// Who reads an address wants no more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refuse_mail_address(
        &mut self,
        principal: &str,
        address: &str,
        day: i64,
    ) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(REFUSED).bind(principal).bind(address).bind(day)
            .execute(conn).await?; });
        Ok(())
    }

    /// The addresses that refused a principal, each with the day when it last did or was asked again.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn refused_addresses(
        &mut self,
        principal: &str,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(
            on!(self, conn => sqlx::query_as(NOT_WANTED).bind(principal).fetch_all(conn)
            .await?),
        )
    }

    /// How many confirmation mails a principal asked for on a day.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn confirmation_mails(
        &mut self,
        principal: &str,
        day: i64,
    ) -> Result<i64, StoreError> {
        let (asked,): (i64,) = on!(self, conn => sqlx::query_as(OF_PRINCIPAL).bind(principal)
            .bind(day).fetch_one(conn).await?);
        Ok(asked)
    }

    /// Every address that was asked on a day, whoever asked, and how often.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mail_addresses_of(&mut self, day: i64) -> Result<Vec<(String, i64)>, StoreError> {
        Ok(on!(self, conn => sqlx::query_as(OF_DAY).bind(day).fetch_all(conn).await?))
    }

    /// Forgets addresses not asked since a day, of principals that subscribe to nothing any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_mail_addresses(&mut self, before: i64) -> Result<(), StoreError> {
        on!(self, conn => { sqlx::query(FORGET).bind(before).execute(conn).await?; });
        Ok(())
    }
}
