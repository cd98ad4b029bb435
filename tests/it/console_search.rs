//! The console's search, similar and statistics pages: what they show of what the exchange finds, and
//! that nothing of it is run.

use reqwest::StatusCode;
use serde_json::json;

use crate::console::{Browser, after, encoded};
use crate::harness::{both, sample};

const HITS: &str = "<ol class=\"hits\">";

both! {
    the_banks_name_is_found_on_the_page_by_those_alone_who_read_it => |hub| {
        let published = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        assert_eq!(hub.approve(&published.id).await, "released");
        let base = hub.serve().await;
        for (who, identified) in [("finance-publisher", true), ("power-analyst", false)] {
            let mut browser = Browser::signed_in(&hub, &base, who).await;
            for (query, finds) in [("DDoS 段階的遮断", true), ("あかつき中央銀行", identified), ("アカツキ", identified)] {
                let page = browser.get(&format!("/console/search?q={}", encoded(query))).await;
                assert_eq!(page.status, StatusCode::OK);
                assert_eq!(page.text.contains(HITS), finds, "{who} {query}");
                assert_eq!(page.text.contains("<mark>"), finds, "{who} {query}");
                assert!(page.text.contains(&format!("type=\"search\" autocomplete=\"off\" value=\"{query}\"")), "{}", page.text);
            }
            let all = browser.get("/console/search").await.text;
            assert!(all.contains(HITS));
            let case = after(after_mark(&all, HITS), "<a href=\"/console/cases/").to_owned();
            for path in ["/console/search", "/console/statistics", &format!("/console/cases/{case}/similar")] {
                let page = browser.get(path).await;
                assert_eq!(page.status, StatusCode::OK, "{path}");
                assert!(!page.text.contains("あかつき") || identified, "{path}");
            }
        }
    }

    a_filter_is_a_link_and_a_bad_query_is_told_at_its_character => |hub| {
        hub.publish("ict-publisher", &sample("ICT-02")).await.unwrap();
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let all = browser.get("/console/search").await.text;
        assert!(all.contains("href=\"/console/search?sector=ict\""), "{all}");
        let with = browser.get("/console/search?sector=ict").await.text;
        assert!(with.contains(HITS) && with.contains("Sector: ") && with.contains("href=\"/console/search\""));
        let without = browser.get("/console/search?sector=gas").await.text;
        assert!(!without.contains(HITS) && without.contains("Remove all"));
        for (query, place) in [("a \"b", "character 3:"), ("OR", "character 1:"), ("a -", "character 3:")] {
            let page = browser.get(&format!("/console/search?q={}", encoded(query))).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
            assert!(page.text.contains(place), "{query}: {}", page.text);
        }
        for path in ["/console/search?colour=red", "/console/search?sort=size", "/console/search?facets=kind", "/console/statistics?cursor=a", "/console/search?from=today"] {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
            let name = path.split(['?', '=']).nth(1).unwrap();
            assert!(page.text.contains(name), "{path}: {}", page.text);
        }
        let forged = browser.get("/console/search?cursor=forged").await;
        assert!(forged.status.is_client_error());
    }

    pages_follow_each_other_and_come_to_an_end => |hub| {
        for number in 0..23 {
            let mut report = sample("ICT-02");
            report["reference"] = json!(format!("ICT-{number}"));
            report["title"] = json!({ "ja": format!("通番{number}の件") });
            hub.publish("ict-publisher", &report).await.unwrap();
        }
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        for start in ["/console/search", "/console/search?q=%E9%80%9A%E7%95%AA"] {
            let one = browser.get(start).await.text;
            let next = after(&one, "class=\"pages\"> <a href=\"").replace("&#38;", "&").replace("&amp;", "&");
            let two = browser.get(&next).await.text;
            let count = |page: &str| page.split(HITS).nth(1).unwrap().matches("<article>").count();
            assert_eq!((count(&one), count(&two)), (20, 3), "{start}");
            assert!(!two.contains("rel=\"next\"") && two.contains("Back to the first page"), "{start}");
        }
    }

    what_is_typed_or_found_is_never_run => |hub| {
        let attack = "<script>alert(1)</script>\"'";
        let mut report = sample("ICT-02");
        report["title"] = json!({ "en": format!("switch {attack}") });
        hub.publish("ict-publisher", &report).await.unwrap();
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        for query in [encoded("switch"), encoded("alert"), encoded("<script>alert"), encoded(attack), encoded("\"><img src=x")] {
            let page = browser.get(&format!("/console/search?q={query}&sector=ict")).await.text;
            assert!(!page.contains("<script>") && !page.contains("<img"), "{query}: {page}");
        }
        let page = browser.get("/console/search?sector=%22%3E%3Cimg%20src%3Dx").await.text;
        assert!(page.contains("&#60;img") && !page.contains("<img"), "{page}");
    }

    statistics_carry_their_rule_and_hide_small_counts => |hub| {
        let base = hub.serve().await;
        let mut browser = Browser::signed_in(&hub, &base, "power-analyst").await;
        let none = browser.get("/console/statistics").await.text;
        assert!(none.contains("There is nothing to count"), "{none}");
        for reference in ["ICT-02", "FIN-01"] {
            let who = if reference == "ICT-02" { "ict-publisher" } else { "finance-publisher" };
            let published = hub.publish(who, &sample(reference)).await.unwrap();
            if reference == "FIN-01" {
                hub.approve(&published.id).await;
            }
        }
        let page = browser.get("/console/statistics").await.text;
        assert!(page.contains("<span class=\"tlp tlp-") && page.contains("Use it only for"), "{page}");
        assert!(page.contains("not told") && page.contains("a count that is not told"), "{page}");
        assert!(page.contains("<caption") || page.contains("aria-labelledby=\"t-kinds\""));
        let csv = browser.get("/console/statistics/csv").await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert!(csv.text.starts_with("table,first,second,third,cases,tlp,k,complete\r\n"));
        // The same bytes as the API's.
        let key = hub.key("power-analyst").await;
        let api = reqwest::Client::new().get(format!("{base}/v1/stats?format=csv")).bearer_auth(key).send().await.unwrap();
        assert_eq!(api.text().await.unwrap(), csv.text);
    }
}

/// What of `text` comes behind `mark`.
fn after_mark<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).unwrap().1
}
