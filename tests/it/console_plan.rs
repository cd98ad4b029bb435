//! The plan of a change of the rules on a page: what it tells of a draft, to whom, and that it tells
//! nothing but the draft and what everyone sees.

use reqwest::StatusCode;
use sekisho::demo::COUNCIL;

use crate::console::{Answer, Browser};
use crate::harness::{TestHub, both, sample, without_cases};
use crate::plan::with_version_2;

const PATH: &str = "/console/rules/plan";

/// The demo's S1 from 2027 on: sharing with others ends at one level, another is kept longer, and
/// what it may serve is another thing.
fn draft() -> String {
    with_version_2("S1", "2027-04-01", |text| {
        let text = text.replacen(
            "audience.other_ceptoars = { depth = \"members_ntk\", form = \"anonymised\" }",
            "audience.other_ceptoars = { depth = \"none\", form = \"none\" }",
            1,
        );
        let text = text.replacen("retention_max_days = 90", "retention_max_days = 365", 1);
        text.replacen(
            "purposes_allowed = [\"defence\"]",
            "purposes_allowed = [\"improve\"]",
            1,
        )
    })
}

/// Of a whole file, one version of a scheme by itself.
fn alone(whole: &str, scheme: &str, version: u32) -> String {
    let head = format!("[[schemes]]\nid = \"{scheme}\"\nversion = {version}\n");
    let rest = &whole[whole.find(&head).unwrap()..];
    let ends = ["\n[[schemes]]\n", "\n# "].map(|mark| rest.find(mark).unwrap_or(rest.len()));
    rest[..*ends.iter().min().unwrap()].to_owned()
}

async fn planned(hub: &TestHub, who: &str, text: &str) -> Answer {
    let base = hub.serve().await;
    let mut browser = Browser::signed_in(hub, &base, who).await;
    // A charter's cases take their time, and are none of a plan's.
    let whole = text.contains("[council]");
    let text = if whole {
        without_cases(text)
    } else {
        text.to_owned()
    };
    browser.send_form(PATH, &[("text", &text)]).await
}

/// The page without the token of its session.
fn blanked(page: &Answer) -> String {
    page.text.replace(&page.token(), "TOKEN")
}

/// The row of a dimension in the first table after a mark.
fn row<'a>(page: &'a str, mark: &str, dimension: &str) -> &'a str {
    let (_, rest) = page
        .split_once(mark)
        .unwrap_or_else(|| panic!("no `{mark}` in {page}"));
    let head = format!("<th scope=\"row\">{dimension}</th>");
    let (_, rest) = rest
        .split_once(&head)
        .unwrap_or_else(|| panic!("no `{head}` in {rest}"));
    rest.split("</tr>").next().unwrap()
}

/// The row of a dimension where a level meets another.
fn meeting<'a>(page: &'a str, with: &str, dimension: &str) -> Option<&'a str> {
    let head =
        format!("<th scope=\"row\">{with}</th><td data-label=\"Dimension\">{dimension}</td>");
    page.split_once(&head)?.1.split("</tr>").next()
}

both! {
    a_draft_is_told_level_by_level_and_where_levels_meet => |hub| {
        let version = hub.exchange.directory().version();
        for text in [draft(), alone(&draft(), "S1", 2)] {
            let page = planned(&hub, "secretariat", &text).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
            let text = &page.text;
            assert!(text.contains("S1 version 2 <span class=\"tag\">new</span></h2>"), "{text}");
            assert!(text.contains("2027-04-01 · compared with version 1"), "{text}");
            for other in ["S2 version", "S3 version", "S1 version 1"] {
                assert!(!text.contains(other), "{other}: {text}");
            }
            let gone = row(text, "連携セプター可 <span", "who gets it: other CEPTOARs");
            assert!(gone.contains("members who need to know · anonymised") && gone.contains(">none</td>"), "{gone}");
            assert!(gone.contains(">stricter<"), "{gone}");
            let longer = row(text, "特定宛先限 <span", "keep at most (days)");
            assert!(longer.contains(">90<") && longer.contains(">365<") && longer.contains(">looser<"), "{longer}");
            assert!(row(text, "特定宛先限 <span", "allowed purposes").contains(">neither<"));
            // Where it meets another CEPTOAR's level, that CEPTOAR gets nothing any more.
            let met = text.split_once("連携セプター可 <span").unwrap().1;
            let meets = meeting(met, "S2 第2種", "who gets it: ceptoar:S2").unwrap();
            assert!(meets.contains(">none</td>") && meets.contains(">stricter<"), "{meets}");
            // Beside a level with a time of its own, the longer one goes no further than that.
            let longer = text.split_once("特定宛先限 <span").unwrap().1;
            let (longer, _) = longer.split_once("連携セプター可 <span").unwrap();
            let days = meeting(longer, "S3 乙", "keep at most (days)").unwrap();
            assert!(days.contains(">90<") && days.contains(">180<"), "{days}");
            assert!(meeting(longer, "S5 TLP:RED", "keep at most (days)").is_none(), "{longer}");
            // What the longest and the shortest time could not both have, they can.
            let ends = meeting(longer, "S4 機密性3", "Conflict").unwrap();
            assert!(ends.contains("RETENTION_CONFLICT") && ends.contains("works from then on"), "{ends}");
        }
        assert_eq!(hub.exchange.refresh().await.unwrap().version(), version);
        let same = planned(&hub, "power-poc", COUNCIL).await;
        assert!(same.text.contains("The schemes stay as they are"), "{}", same.text);
        let gone = draft().replace(&alone(&draft(), "S1", 1), "");
        let gone = gone.replace("version = 2\neffective = \"2027-04-01\"", "version = 2\neffective = \"2026-01-01\"");
        let gone = planned(&hub, "power-poc", &gone).await;
        assert!(gone.text.contains("S1 version 1 <span class=\"tag\">gone</span>"), "{}", gone.text);
        assert!(gone.text.contains("S1 version 2 <span class=\"tag\">new</span> <span class=\"tag\">in force at once</span>"), "{}", gone.text);
    }

    who_does_not_draft_finds_no_such_page => |hub| {
        let base = hub.serve().await;
        for (who, drafts) in [("secretariat", true), ("power-poc", true), ("power-analyst", false), ("ict-desk", false), ("admin", false), ("nco-advisor", false)] {
            let mut browser = Browser::signed_in(&hub, &base, who).await;
            let rules = browser.get("/console/rules").await;
            assert_eq!(rules.text.contains(PATH), drafts, "{who}");
            let wanted = if drafts { StatusCode::OK } else { StatusCode::NOT_FOUND };
            for text in [draft().as_str(), "broken"] {
                let asked = browser.send_form(PATH, &[("text", text)]).await;
                if drafts {
                    continue;
                }
                let nowhere = browser.send_form("/console/nowhere", &[("text", text)]).await;
                assert_eq!((asked.status, nowhere.status), (wanted, wanted), "{who}");
                assert_eq!(asked.text.replace(PATH, "/console/nowhere"), nowhere.text, "{who}");
            }
            let asked = browser.get(PATH).await;
            assert_eq!(asked.status, wanted, "{who}");
        }
        // A page of another session, or of none, plans nothing.
        let mut browser = Browser::signed_in(&hub, &base, "secretariat").await;
        let answer = browser.post(PATH, &[("token", "another"), ("text", "x")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }

    law_4_a_plan_tells_nothing_that_the_rules_page_does_not => |hub| {
        let secret = [7; 32];
        let (with, without) = (hub.fresh_with_secret(&secret).await, hub.fresh_with_secret(&secret).await);
        // A version to come, an operator and an item are what the one hub has and the other has not.
        let council = draft().replacen("id = \"finance-op5\"", "id = \"finance-op9\"", 1);
        let council = council.replace("\"finance-op5\"", "\"finance-op9\"");
        with.exchange.apply_council(&without_cases(&council)).await.unwrap();
        with.publish("finance-publisher", &sample("FIN-02")).await.unwrap();
        without.advance(chrono::TimeDelta::seconds(1));
        let part = alone(&draft(), "S1", 2);
        let named = |operator: &str| part.replacen("\"S1.poc\" = \"explicit\"", &format!("\"{operator}.poc\" = \"explicit\""), 1);
        let (theirs, nobodys) = (named("finance-op9"), named("finance-op8"));
        let twice = draft().replace("2027-04-01", "2028-04-01").replace("retention_max_days = 365", "retention_max_days = 366");
        for text in [COUNCIL.to_owned(), draft(), part.clone(), twice, theirs.clone(), "[[schemes]]".to_owned()] {
            let one = planned(&with, "power-poc", &text).await;
            let other = planned(&without, "power-poc", &text).await;
            assert_eq!(one.status, other.status);
            assert_eq!(blanked(&one), blanked(&other));
        }
        let one = planned(&with, "power-poc", &theirs).await;
        let other = planned(&with, "power-poc", &nobodys).await;
        assert_eq!(one.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", one.text);
        assert_eq!(blanked(&one).replace("finance-op9", "finance-op8"), blanked(&other));
        // Its own CEPTOAR knows it, and is told no such thing.
        let own = planned(&with, "finance-poc", &theirs).await;
        assert_eq!(own.status, StatusCode::OK, "{}", own.text);
    }

    law_4_a_charter_to_come_is_no_part_of_a_plan => |hub| {
        let secret = [7; 32];
        let (with, without) = (hub.fresh_with_secret(&secret).await, hub.fresh_with_secret(&secret).await);
        let charter = |more: &str| {
            let (before, after) = COUNCIL.split_once("[charter]\n").unwrap();
            let after = after.replacen("effective = \"2025-04-01\"", &format!("effective = \"2027-01-01\"{more}"), 1);
            without_cases(&format!("{before}[charter]\n{after}"))
        };
        with.exchange.apply_council(&charter("\nk = 50\nretention_max_days = 3")).await.unwrap();
        without.exchange.apply_council(&charter("")).await.unwrap();
        let text = alone(&draft(), "S1", 2);
        let one = planned(&with, "power-poc", &text).await;
        let other = planned(&without, "power-poc", &text).await;
        assert_eq!(one.status, StatusCode::OK, "{}", one.text);
        assert_eq!(blanked(&one), blanked(&other));
        // What it will be is a draft's too, and none of a charter is run.
        let policies = charter("").replacen("forbid (principal", "forbid (nobody", 1);
        let page = planned(&with, "power-poc", &policies).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    }

    a_faulty_or_hostile_draft_is_told_at_its_place_and_never_run => |hub| {
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "secretariat").await;
        let part = alone(&draft(), "S1", 2);
        let deep = format!("schemes = {}", "[".repeat(100_000));
        let beyond = part.replacen("tlp = \"AMBER\"", "tlp = \"RED\"", 1);
        let below = "[[schemes]]\nid = \"X\"\n\n\nversion = 1\nversion = 2\n";
        for (text, place) in [
            (below, "line 6"), ("\n\n{\"schemes\": []}", "line 3"), ("{\"council\": 1}", "line 1"), ("", "line 1"), (deep.as_str(), "line 1"),
            ("bodies = []", "line 1"), (&beyond, "schemes[0].levels["), ("[council]\nname = {}", "line"),
        ] {
            let page = browser.send_form(PATH, &[("text", &text.replace('\n', "\r\n"))]).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{place}: {}", page.text);
            assert!(page.text.contains(&format!("<code>{place}")), "{place}: {}", &page.text[..page.text.len().min(4000)]);
            assert!(page.text.contains("Nothing was stored"), "{}", page.text);
        }
        // What was pasted is there to be corrected, its lines as they were.
        let page = browser.send_form(PATH, &[("text", "\n\n broken")]).await;
        assert!(page.text.contains(">\n\n\n broken</textarea>"), "{}", page.text);
        let attack = "</textarea><script>alert(1)</script><img src=x>";
        let named = part.replace("会員限", attack).replacen("2027-04-01", "2026-01-01", 1);
        let broken = format!("x = \"{attack}\"\n[{attack}");
        let gone = named.replacen("default_level = \"", "default_level = \"<img src=y>", 1);
        for (text, status) in [(&named, StatusCode::OK), (&broken, StatusCode::UNPROCESSABLE_ENTITY), (&gone, StatusCode::UNPROCESSABLE_ENTITY)] {
            let page = browser.send_form(PATH, &[("text", text)]).await;
            assert_eq!(page.status, status, "{}", page.text);
            assert!(page.text.contains("script") && !page.text.contains("<script>") && !page.text.contains("<img"), "{}", page.text);
            assert_eq!(page.text.matches("</textarea>").count(), 1);
        }
        // Many faults are told in part, many levels met in part.
        let many = "[[schemes]]\nid = \"\"\nversion = 1\neffective = \"2026-01-01\"\ndefault_level = \"x\"\nunmarked = \"hold\"\nlevels = []\n".repeat(200);
        let page = browser.send_form(PATH, &[("text", &many)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.matches("<li><code>schemes[").count() == 50 && page.text.contains("And more of them: "), "{}", page.text);
        let level = part.split_once("  [[schemes.levels]]").unwrap().1.split("  [[schemes.levels]]").next().unwrap();
        let levels = (0..60).map(|at| format!("  [[schemes.levels]]{}", level.replacen("特定宛先限", &format!("L{at}"), 1)));
        let wide = format!("{}\n{}", part, levels.collect::<String>());
        let page = browser.send_form(PATH, &[("text", &wide)]).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(page.text.contains("not looked at: "), "{}", page.text);
        let other = |at: usize| part.replace("S1", &format!("T{at}"));
        let schemes: String = (0..301).map(|_| "[[schemes]]\nid = \"\"\nversion = 1\neffective = \"2026-01-01\"\ndefault_level = \"x\"\nunmarked = \"hold\"\nlevels = []\n").collect();
        let page = browser.send_form(PATH, &[("text", &schemes)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains("has more than 300 versions"), "{}", page.text);
        let several = format!("{part}\n{}", (0..20).map(other).collect::<Vec<_>>().join("\n"));
        let page = browser.send_form(PATH, &[("text", &several)]).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(page.text.contains("not looked at: "), "{}", page.text);
        // What is too long is told so, by the page and in front of it.
        for length in [512 * 1024 + 1, 3 * 1024 * 1024] {
            let page = browser.send_form(PATH, &[("text", &"#".repeat(length))]).await;
            assert_eq!(page.status, StatusCode::PAYLOAD_TOO_LARGE, "{length}");
            assert!(page.text.contains("too long") || page.text.contains("too large"), "{}", page.text);
        }
    }
}
