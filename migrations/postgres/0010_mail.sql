-- Addresses that mail goes to: each is the say of who reads it, for one principal.
CREATE TABLE mail_address (
    principal    TEXT COLLATE "C" NOT NULL,
    address      TEXT COLLATE "C" NOT NULL,            -- its domain in lower case
    code         BIGINT NOT NULL,          -- which code counts, counted from 1
    asked_at     BIGINT NOT NULL,          -- when that code was asked for
    tries        BIGINT NOT NULL,          -- wrong answers to it
    confirmed_at BIGINT,
    day          BIGINT NOT NULL,          -- the day, counted from 1970, of the last confirmation mail
    mails        BIGINT NOT NULL,          -- confirmation mails asked for on that day
    PRIMARY KEY (principal, address)
);
CREATE INDEX mail_address_day ON mail_address (address, day);
