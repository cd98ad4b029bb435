//! Search, similar cases and statistics: what is found, and by whom alone, on both databases.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sekisho::exchange::narrow::Narrower;
use sekisho::exchange::publish::Submission;
use sekisho::exchange::search::{Filters, Found, Search, Sort, Stats};
use sekisho::exchange::withdraw::Withdrawal;
use sekisho::handling::Channel;
use sekisho::search::Query;
use sekisho::store::{Db, Due};
use serde_json::{Value, json};

use crate::harness::{TestHub, both, sample, without_cases};

/// A search for words, by relevance.
fn words(text: &str) -> Search {
    Search {
        query: Query::parse(text).unwrap(),
        sort: Sort::Relevance,
        limit: 100,
        ..Search::default()
    }
}

async fn view(hub: &TestHub, who: &str) -> sekisho::exchange::View {
    let caller = hub.caller(who).await;
    hub.exchange
        .view(Some(&caller), Channel::Rest)
        .await
        .unwrap()
}

async fn find(hub: &TestHub, who: &str, search: &Search) -> Found {
    let view = view(hub, who).await;
    hub.exchange.search(&view, search, None).await.unwrap()
}

/// The titles of what somebody finds.
async fn found(hub: &TestHub, who: &str, text: &str) -> Vec<String> {
    titles(&find(hub, who, &words(text)).await)
}

fn titles(found: &Found) -> Vec<String> {
    let title = |text: &str| {
        let report: Value = serde_json::from_str(text).unwrap();
        report["title"]["ja"].as_str().unwrap().to_owned()
    };
    let hits = found.items.iter();
    hits.map(|hit| title(hit.report.report.get())).collect()
}

/// A report that every CEPTOAR gets, with words of its own.
fn report(title: &str, summary: &str) -> Value {
    let mut report = sample("ICT-02");
    for member in [
        "narrative",
        "lesson",
        "timeline",
        "root_cause",
        "countermeasures",
        "best_practices",
        "contributing_factors",
        "must_anonymise",
        "indicators",
        "related",
    ] {
        report.as_object_mut().unwrap().remove(member);
    }
    report["title"] = json!({"ja": title});
    report["summary"] = json!({"ja": summary});
    report["impact"] = json!({"duration_minutes": 45, "ripple_to": ["credit"]});
    report
}

async fn publish(hub: &TestHub, report: &Value) -> String {
    let published = hub.publish("ict-publisher", report).await.unwrap();
    assert_eq!(published.state, "released");
    published.id
}

async fn revise(hub: &TestHub, id: &str, report: &Value) {
    hub.advance(TimeDelta::seconds(1));
    let publisher = hub.caller("ict-publisher").await;
    let submission = Submission {
        bytes: report.to_string().into_bytes(),
        replaces: Some(id.to_owned()),
        ..Submission::default()
    };
    hub.exchange.publish(&publisher, submission).await.unwrap();
}

async fn stats(hub: &TestHub, who: &str, search: &Search) -> Stats {
    let view = view(hub, who).await;
    hub.exchange.stats(&view, search).await.unwrap()
}

/// The counts of one table, by their values.
fn counts(stats: &Stats, table: &str) -> BTreeMap<String, Option<u64>> {
    let table = stats.tables.iter().find(|one| one.name == table).unwrap();
    let rows = table.rows.iter();
    rows.map(|row| (row.values.join(" "), row.cases)).collect()
}

/// How many rows the index has, of texts and of tokens.
async fn kept(hub: &TestHub) -> (i64, i64) {
    let texts = count(hub, "SELECT COUNT(*) FROM search_text").await;
    (texts, count(hub, "SELECT COUNT(*) FROM search_gram").await)
}

async fn without_facts(hub: &TestHub) -> i64 {
    let without = "SELECT COUNT(*) FROM search_text WHERE facts IS NULL OR letters IS NULL";
    count(hub, without).await
}

async fn count(hub: &TestHub, rows: &'static str) -> i64 {
    match Db::open(&hub.address).await.unwrap() {
        Db::Sqlite { read, .. } => sqlx::query_scalar(rows).fetch_one(&read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(rows).fetch_one(&pool).await.unwrap(),
    }
}

/// Empties the index, as on a database from before there was one.
async fn forget_the_index(hub: &TestHub) {
    forget(hub, "DELETE FROM search_text; DELETE FROM search_gram;").await;
}

/// Runs what leaves the index as a hub of before had it, and has it entered anew.
async fn forget(hub: &TestHub, empty: &'static str) {
    let db = Db::open(&hub.address).await.unwrap();
    match &db {
        Db::Sqlite { write, .. } => drop(sqlx::raw_sql(empty).execute(write).await.unwrap()),
        Db::Postgres(pool) => drop(sqlx::raw_sql(empty).execute(pool).await.unwrap()),
    }
    let mut tx = db.write().await.unwrap();
    let due = Due {
        at: 0,
        item_version: 0,
        event: "index".to_owned(),
        subject: String::new(),
    };
    tx.add_due(&due).await.unwrap();
    tx.commit().await.unwrap();
}

both! {
    the_name_in_the_identified_text_is_found_by_those_alone_who_read_it => |hub| {
        let report = sample("FIN-01");
        let published = hub.publish("finance-publisher", &report).await.unwrap();
        assert_eq!(hub.approve(&published.id).await, "released");
        for (who, identified) in [("finance-publisher", true), ("finance-analyst", false), ("power-analyst", false)] {
            assert_eq!(found(&hub, who, "DDoS 段階的遮断").await.len(), 1, "{who}");
            assert_eq!(found(&hub, who, "あかつき中央銀行").await.len(), usize::from(identified), "{who}");
            assert_eq!(found(&hub, who, "アカツキ").await.len(), usize::from(identified), "{who}");
            assert_eq!(found(&hub, who, "direct.akatsuki-bank.example").await.len(), usize::from(identified), "{who}");
        }
        assert!(found(&hub, "meti-analyst", "DDoS").await.is_empty());
        // Nor is it shown, nor by what is around.
        let anonymised = find(&hub, "power-analyst", &words("DDoS")).await;
        assert!(!serde_json::to_string(&anonymised).unwrap().contains("あかつき"));
    }

    words_are_found_as_people_type_them => |hub| {
        publish(&hub, &report("サーバー室の停電", "電力の供給が止まり、CVE-2026-1234 の更新が遅れた。通信先は 198[.]51[.]100[.]7。")).await;
        publish(&hub, &report("京都の事業者への不審な電話", "ﾊﾞｯｸｱｯﾌﾟは無事だった。FortiGate の設定。")).await;
        publish(&hub, &report("東京都内の訓練", "停電を想定した。")).await;
        for (query, titles) in [
            ("停電", &["サーバー室の停電", "東京都内の訓練"][..]),
            ("停電 -訓練", &["サーバー室の停電"]),
            ("サーバ室", &["サーバー室の停電"]),
            ("電力供給", &["サーバー室の停電"]),
            ("「電力供給」", &[]),
            ("cve-2026-1234", &["サーバー室の停電"]),
            ("CVE-2026-123", &[]),
            ("198.51.100.7", &["サーバー室の停電"]),
            ("198.51.100.70", &[]),
            ("バックアップ", &["京都の事業者への不審な電話"]),
            ("forti", &["京都の事業者への不審な電話"]),
            ("gate", &[]),
            ("京都", &["京都の事業者への不審な電話", "東京都内の訓練"]),
            ("訓練 OR 電話", &["東京都内の訓練", "京都の事業者への不審な電話"]),
            ("室", &["サーバー室の停電"]),
            ("停電 電話", &[]),
            ("-停電", &["京都の事業者への不審な電話"]),
        ] {
            assert_eq!(found(&hub, "power-analyst", query).await, titles, "{query}");
        }
        // Names of what a report is marked with, as the council and the forms have them.
        assert_eq!(found(&hub, "power-analyst", "情報通信 停電").await.len(), 2);
        assert_eq!(found(&hub, "power-analyst", "電力分野").await.len(), 0);
        let highlight = find(&hub, "power-analyst", &words("サーバ室")).await.items.remove(0).highlight;
        let shown: Vec<(&str, bool)> = highlight[0].segments.iter().map(|s| (s.text.as_str(), s.matched)).collect();
        assert_eq!((highlight[0].at.as_str(), shown), ("/title/ja", vec![("サーバー室", true), ("の停電", false)]));
    }

    what_is_hidden_changes_no_byte_of_what_is_found_counted_or_alike => |hub| {
        let other = hub.fresh_with_secret(b"the same secret of both hubs ...").await;
        let hub = hub.fresh_with_secret(b"the same secret of both hubs ...").await;
        let shared = [report("停電の第一報", "DDoS攻撃による障害"), report("停電の続報", "DDoS攻撃による障害の復旧")];
        let mut own = Vec::new();
        for (at, one) in shared.iter().enumerate() {
            own.push(publish(&hub, one).await);
            assert_eq!(publish(&other, one).await, own[at]);
            // Held, and so nobody's but its desk's; on the other hub nothing happens at that time.
            hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
            other.advance(TimeDelta::seconds(1));
        }
        assert_eq!(found(&hub, "finance-publisher", "DDoS").await.len(), 2, "its own");
        let facets = ["kind", "sector", "tlp", "form", "cause_type", "event_type"].map(str::to_owned).to_vec();
        let mine = find(&hub, "power-analyst", &words("停電")).await.items.remove(0).id;
        let mut answers = Vec::new();
        for one in [&hub, &other] {
            let mut text = String::new();
            for query in ["DDoS", "障害", "あかつき", "停電 -復旧", ""] {
                for sort in [Sort::Date, Sort::Relevance] {
                    let search = Search { facets: facets.clone(), limit: 1, sort, ..words(query) };
                    text += &serde_json::to_string(&find(one, "power-analyst", &search).await).unwrap();
                }
            }
            let view = view(one, "power-analyst").await;
            text += &serde_json::to_string(&one.exchange.similar(&view, &mine, 5).await.unwrap()).unwrap();
            text += &serde_json::to_string(&stats(one, "power-analyst", &Search::default()).await).unwrap();
            answers.push(text);
        }
        assert_eq!(answers[0], answers[1]);
    }

    what_is_taken_back_narrowed_replaced_or_erased_is_found_no_more => |hub| {
        let publisher = hub.caller("ict-publisher").await;
        let nothing = kept(&hub).await;
        let withdrawn = publish(&hub, &report("撤回する件", "停電")).await;
        let narrowed = publish(&hub, &report("狭める件", "停電")).await;
        let revised = publish(&hub, &report("直す件", "停電")).await;
        assert_eq!(found(&hub, "power-analyst", "停電").await.len(), 3);
        hub.exchange.withdraw(&publisher, &withdrawn, Withdrawal::default()).await.unwrap();
        assert_eq!(found(&hub, "power-analyst", "停電").await, ["直す件", "狭める件"]);
        let named = Narrower { named: Some(["gas-analyst".into()].into()), ..Narrower::default() };
        hub.exchange.narrow_item(&publisher, &narrowed, named).await.unwrap();
        assert_eq!(found(&hub, "power-analyst", "停電").await, ["直す件"]);
        assert_eq!(found(&hub, "gas-analyst", "停電").await, ["直す件", "狭める件"]);
        revise(&hub, &revised, &report("直した件", "断水")).await;
        for who in ["power-analyst", "gas-analyst", "ict-publisher"] {
            assert!(!found(&hub, who, "停電").await.contains(&"直す件".to_owned()), "{who}");
            assert_eq!(found(&hub, who, "断水").await, ["直した件"], "{who}");
        }
        hub.advance(TimeDelta::days(1096));
        hub.exchange.act_on_time().await.unwrap();
        for who in ["power-analyst", "gas-analyst", "ict-publisher"] {
            assert!(found(&hub, who, "断水 OR 停電").await.is_empty(), "{who}");
        }
        assert_eq!(kept(&hub).await, nothing, "nothing is kept of what nobody reads");
    }

    a_part_is_found_by_those_alone_who_see_it => |hub| {
        let mut report = report("経路の障害", "停電");
        report["lesson"] = json!({"ja": "教訓その一"});
        report["handling"]["portions"] = json!([{"fields": ["/lesson"], "level": "第3種"}]);
        let published = hub.publish("ict-publisher", &report).await.unwrap();
        hub.approve(&published.id).await;
        let mut seen = 0;
        for who in ["ict-analyst", "nco-analyst", "power-analyst", "gas-op1-member", "mic-analyst"] {
            let reads = hub.reports(Some(who)).await.iter().any(|one| one.report.get().contains("教訓その一"));
            assert_eq!(found(&hub, who, "教訓その一").await.len(), usize::from(reads), "{who}");
            assert_eq!(found(&hub, who, "停電").await.len(), 1, "{who}");
            seen += usize::from(reads);
        }
        assert!((1..5).contains(&seen), "{seen} of five see the part");
    }

    who_comes_late_finds_what_was_there_before => |hub| {
        publish(&hub, &report("以前の停電", "停電")).await;
        assert!(found(&hub, "gas-desk", "停電").await.is_empty());
        let mut file: toml::Value = toml::from_str(&without_cases(sekisho::demo::COUNCIL)).unwrap();
        let principals = file["principals"].as_array_mut().unwrap();
        let desk = principals.iter_mut().find(|one| one["id"].as_str() == Some("gas-desk")).unwrap();
        let roles = ["publisher", "analyst"].map(toml::Value::from).to_vec();
        desk.as_table_mut().unwrap().insert("roles".to_owned(), toml::Value::Array(roles));
        hub.advance(TimeDelta::seconds(1));
        hub.exchange.apply_council(&toml::to_string(&file).unwrap()).await.unwrap();
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(found(&hub, "gas-desk", "停電").await, ["以前の停電"]);
    }

    pages_filters_and_counts => |hub| {
        for at in 0..7 {
            let mut one = report(&format!("停電{at}"), if at % 2 == 0 { "停電、停電、停電" } else { "長い説明のあとの停電" });
            one["impact"]["duration_minutes"] = json!(at * 60);
            one["severity"] = json!({"continuity": at % 3, "safety": 0, "trust": 0, "level": at % 3});
            publish(&hub, &one).await;
        }
        let view = view(&hub, "power-analyst").await;
        for sort in [Sort::Date, Sort::Relevance] {
            let search = Search { sort, limit: 2, ..words("停電") };
            let (mut all, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = hub.exchange.search(&view, &search, cursor.as_deref()).await.unwrap();
                assert_eq!(page.matches.is_some(), sort == Sort::Relevance);
                all.extend(titles(&page));
                cursor = page.next;
                if cursor.is_none() { break; }
            }
            let scores: Vec<u64> = find(&hub, "power-analyst", &Search { limit: 100, ..search.clone() }).await.items.iter().map(|hit| hit.score).collect();
            assert!(sort == Sort::Date || scores.windows(2).all(|pair| pair[0] >= pair[1]));
            assert_eq!(all, titles(&find(&hub, "power-analyst", &Search { limit: 100, ..search }).await));
            assert_eq!(all.len(), 7);
        }
        let date = Search { sort: Sort::Date, limit: 2, ..words("停電") };
        let cursor = hub.exchange.search(&view, &date, None).await.unwrap().next.unwrap();
        let other = Search { sort: Sort::Relevance, ..date };
        assert!(hub.exchange.search(&view, &other, Some(&cursor)).await.is_err(), "a cursor of another order");

        let by = |filters: Filters| Search { filters, sort: Sort::Date, limit: 100, ..Search::default() };
        let marks = |name: &str, value: &str| Filters { marks: [(name.to_owned(), vec![value.to_owned()])].into(), ..Filters::default() };
        for (filters, count) in [
            (marks("sector", "ict"), 7), (marks("sector", "power"), 0), (marks("severity", "1"), 2),
            (marks("ripple", "true"), 7), (marks("ripple_to", "credit"), 7), (marks("ripple_to", "gas"), 0),
            (Filters { minutes_min: Some(120), minutes_max: Some(240), ..Filters::default() }, 3),
            (Filters { tlp: vec!["TLP:GREEN".to_owned()], ..Filters::default() }, 7),
            (Filters { tlp: vec!["TLP:RED".to_owned()], ..Filters::default() }, 0),
            (Filters { form: vec!["anonymised".to_owned()], ..Filters::default() }, 7),
            (Filters { form: vec!["identified".to_owned()], ..Filters::default() }, 0),
            (Filters { from: Some(hub.clock.now_micros()), ..Filters::default() }, 1),
            (Filters { until: Some(hub.clock.now_micros()), ..Filters::default() }, 6),
            (Filters { drill: true, ..Filters::default() }, 0),
        ] {
            assert_eq!(find(&hub, "power-analyst", &by(filters.clone())).await.items.len(), count, "{filters:?}");
        }
        let counted = Search { facets: vec!["severity".to_owned(), "tlp".to_owned()], limit: 1, ..words("停電") };
        let found = find(&hub, "power-analyst", &counted).await;
        assert_eq!(serde_json::to_value(&found.facets).unwrap(), json!({"severity": {"0": 3, "1": 2, "2": 2}, "tlp": {"TLP:GREEN": 7}}));
        let matches = found.matches.unwrap();
        assert_eq!((matches.counted, matches.complete), (7, true));
    }

    /// More than a walk looks at in its first step.
    many_are_found_whole_and_in_order => |hub| {
        const MANY: usize = 230;
        for at in 0..MANY {
            let words = if at == 0 { "断水だけの件" } else if at % 2 == 0 { "停電" } else { "障害" };
            publish(&hub, &report(&format!("第{at}報"), words)).await;
        }
        let view = view(&hub, "power-analyst").await;
        let newest_first: Vec<String> = (0..MANY).rev().map(|at| format!("第{at}報")).collect();
        for (query, wanted) in [
            ("", newest_first.clone()),
            ("報", newest_first.clone()),
            ("停電", (1..MANY / 2).rev().map(|at| format!("第{}報", at * 2)).collect()),
            ("断水", vec!["第0報".to_owned()]),
        ] {
            let search = Search { sort: Sort::Date, facets: vec!["kind".to_owned()], limit: 90, ..words(query) };
            let (mut all, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = hub.exchange.search(&view, &search, cursor.as_deref()).await.unwrap();
                let matches = page.matches.clone().unwrap();
                assert_eq!((matches.counted, matches.complete), (wanted.len(), true), "{query}");
                assert_eq!(page.facets["kind"]["incident_cause"], wanted.len());
                all.extend(titles(&page));
                cursor = page.next;
                if cursor.is_none() { break; }
            }
            assert_eq!(all, wanted, "{query}");
        }
    }

    what_was_there_before_the_index_is_entered_in_it => |hub| {
        let mut ids = Vec::new();
        for at in 0..3 {
            ids.push(publish(&hub, &report(&format!("停電{at}"), "停電")).await);
        }
        let full = kept(&hub).await;
        forget_the_index(&hub).await;
        assert!(found(&hub, "power-analyst", "停電").await.is_empty());
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(found(&hub, "power-analyst", "停電").await.len(), 3);
        assert_eq!(kept(&hub).await, full);
        // And what was there before there were facts: found by its report until it has them.
        forget(&hub, "UPDATE search_text SET facts = NULL, letters = NULL").await;
        assert_eq!(found(&hub, "power-analyst", "停電").await.len(), 3);
        assert_eq!(without_facts(&hub).await, full.0);
        hub.exchange.act_on_time().await.unwrap();
        assert_eq!(without_facts(&hub).await, 0);
        assert_eq!(found(&hub, "power-analyst", "停電").await.len(), 3);
    }

    similar_cases_say_why_and_are_the_readers_own => |hub| {
        let mut one = report("遠隔保守VPNの停止", "遠隔保守のVPNが停止した");
        one["indicators"] = json!([{"type": "ipv4", "value": "198.51.100.7"}]);
        one["cause_types"] = json!(["insider"]);
        let mut alike = report("遠隔保守VPNへの侵入", "遠隔保守のVPNから侵入された");
        alike["indicators"] = json!([{"type": "ipv4", "value": "198[.]51[.]100[.]7"}]);
        alike["cause_types"] = json!(["insider"]);
        let mut other = report("倉庫の空調", "空調が止まった");
        other["event_types"] = json!(["info_leak"]);
        other["cause_types"] = json!(["disaster_disease"]);
        other["sub_cause"] = json!("weather");
        for report in [&one, &alike, &other] {
            publish(&hub, report).await;
        }
        let hidden = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap().id;
        let view = view(&hub, "power-analyst").await;
        let id = find(&hub, "power-analyst", &words("遠隔保守 停止")).await.items.remove(0).id;
        let similar = hub.exchange.similar(&view, &id, 10).await.unwrap().unwrap();
        assert_eq!(similar.items.len(), 1, "what shares nothing that tells is not alike");
        let reasons: Vec<(&str, &str)> = similar.items[0].reasons.iter().map(|r| (r.shared.as_str(), r.value.as_str())).collect();
        for reason in [("cause_type", "insider"), ("indicator", "198 51 100 7"), ("sector", "ict")] {
            assert!(reasons.contains(&reason), "{reasons:?}");
        }
        assert!(hub.exchange.similar(&view, &hidden, 10).await.unwrap().is_none());
        assert!(hub.exchange.similar(&view, "00000000-0000-4000-8000-000000000000", 10).await.unwrap().is_none());
    }

    statistics_tell_no_small_count_and_carry_the_join => |hub| {
        // 第2種 has k = 0 in the demo; a stricter source raises it for the whole.
        for at in 0..6 {
            let mut one = report(&format!("停電{at}"), "停電");
            if at == 0 {
                one["event_types"] = json!(["near_miss"]);
            }
            one["cause_types"] = json!([if at < 4 { "user_error" } else { "insider" }]);
            publish(&hub, &one).await;
        }
        let all = stats(&hub, "power-analyst", &Search::default()).await;
        let k = u64::from(all.k);
        assert_eq!((all.reports, all.complete, all.tlp.as_deref()), (Some(6), true, Some("TLP:GREEN")));
        let events = counts(&all, "near_misses");
        let causes = counts(&all, "causes");
        if k <= 1 {
            assert_eq!(events["ict 2026-Q4 near_miss"], Some(1));
            assert_eq!(causes["ict 2026-Q4 insider"], Some(2));
        }
        let finance = hub.publish("finance-publisher", &sample("FIN-01")).await.unwrap();
        hub.approve(&finance.id).await;
        let joined = stats(&hub, "power-analyst", &Search::default()).await;
        assert!(joined.k >= 3, "S1 asks for a k, and the whole carries it: {}", joined.k);
        assert_eq!(joined.tlp.as_deref(), Some("TLP:AMBER"));
        // Six of ICT's and one of finance's: one would follow from the other and the total.
        assert_eq!(counts(&joined, "sectors"), [("finance".to_owned(), None), ("ict".to_owned(), None)].into());
        for table in &joined.tables {
            for row in &table.rows {
                assert!(row.cases.is_none_or(|count| count == 0 || count >= u64::from(joined.k)), "{} {:?}", table.name, row);
            }
        }
        // Of ICT's alone there are enough, and what divides them is told where no small one follows.
        let mut ict = Search::default();
        ict.filters.marks.insert("sector".to_owned(), vec!["ict".to_owned()]);
        let own = stats(&hub, "power-analyst", &ict).await;
        assert_eq!(counts(&own, "sectors"), [("ict".to_owned(), Some(6))].into());
        assert_eq!(own.tlp.as_deref(), Some("TLP:GREEN"));
    }

    over_http_a_bad_query_is_told_where_and_statistics_are_a_table_too => |hub| {
        publish(&hub, &report("停電の件", "停電")).await;
        let (url, key) = (hub.serve().await, hub.key("power-analyst").await);
        let client = reqwest::Client::new();
        let get = |path: &str| client.get(format!("{url}{path}")).basic_auth("power-analyst", Some(&key)).send();
        let found: Value = get("/v1/search?q=%E5%81%9C%E9%9B%BB&facets=kind&sector=ict").await.unwrap().json().await.unwrap();
        assert_eq!(found["items"][0]["report"]["report"]["title"]["ja"], "停電の件");
        assert_eq!(found["items"][0]["id"], found["items"][0]["report"]["id"]);
        assert_eq!(found["facets"], json!({"kind": {"incident_cause": 1}}));
        assert_eq!(found["matches"], json!({"counted": 1, "complete": true}));
        for (bad, told) in [
            ("q=%E5%81%9C%20%22a", "at character 3"), ("q=-", "at character 1"), ("limit=101", "limit"), ("limit=0", "limit"),
            ("facets=name", "facets"), ("sort=best", "sort"), ("from=yesterday", "from"), ("colour=red", "colour"),
            ("sector=", "sector"), ("minutes_min=-1", "minutes_min"), ("cursor=AAAA", "cursor"),
        ] {
            let answer = get(&format!("/v1/search?{bad}")).await.unwrap();
            assert!(answer.status().is_client_error(), "{bad}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(told), "{bad}: {text}");
        }
        assert_eq!(client.get(format!("{url}/v1/search?q=a")).send().await.unwrap().status(), 401);
        let table = get("/v1/stats?format=csv").await.unwrap();
        assert!(table.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
        let table = table.text().await.unwrap();
        assert!(table.starts_with("table,first,second,third,cases,tlp,k,complete\r\n") && table.contains("TLP:GREEN"), "{table}");
        assert_eq!(get("/v1/stats?cursor=a").await.unwrap().status(), 400);
        let id = found["items"][0]["id"].as_str().unwrap();
        assert_eq!(get(&format!("/v1/reports/{id}/similar")).await.unwrap().status(), 200);
        assert_eq!(get("/v1/reports/00000000-0000-4000-8000-000000000000/similar").await.unwrap().status(), 404);
    }
}
