#!/usr/bin/env python3
"""Builds the demo's council.toml and cases.json from the sample cases and the levels.

Usage: python3 demo/make_demo.py tests/data/sample_cases.json tests/data/levels.jsonl

Both files are written beside this script, and only after every check below has
passed, so a committed pair is a checked pair. Nothing here reads a clock or a
random source: the same inputs give the same bytes. generalised.json, also beside
this script, is written by hand: the re-written lessons that may leave at a looser
level, without place, date, kind of company or exact figure.
"""

import ipaddress
import json
import re
import sys
import tomllib
import unicodedata
from pathlib import Path

SINCE = "2025-04-01"
# A fixed version 4 UUID: identity ids derive from it, so it must never change.
NAMESPACE = "6f0d3b8e-4c52-4e19-9a7d-0b2f5c8e1d46"

# scheme: (default level, what an unmarked item meets, ministry of a nameless body)
SCHEMES = {
    "S1": ("会員限", "hold", "FSA"),
    "S2": ("第2種", "release", "MIC"),
    "S3": ("乙", "hold", "METI"),
    "S4": ("機密性2", "hold", "MIC"),
    "S5": ("TLP:AMBER", "hold", "MHLW"),
}

MINISTRIES = {
    "FSA": ("架空金融庁(デモ)", "Fictional Financial Services Agency (demo)"),
    "MIC": ("架空総務省(デモ)", "Fictional Ministry of Communications (demo)"),
    "MHLW": ("架空厚生労働省(デモ)", "Fictional Ministry of Health (demo)"),
    "METI": ("架空経済産業省(デモ)", "Fictional Ministry of Industry (demo)"),
    "MLIT": ("架空国土交通省(デモ)", "Fictional Ministry of Transport (demo)"),
}

# English name, and domains of the two organisations of the sector's cases, in the
# cases' order. A domain that a case itself lists to strip takes its place.
SECTORS = {
    "finance": ("Finance", "akatsuki-bank.example", "tamakaze-life.example"),
    "ict": ("Information and communications",
            "hoshizora-cloud.example", "namihaya-telecom.example"),
    "aviation": ("Aviation", "tsubame-air.example", "kohaku-airways.example"),
    "airport": ("Airports", "misakino-airport.example", "shiranami-airport.example"),
    "railway": ("Railways", "asagiri-railway.example", "hinata-rapid.example"),
    "power": ("Electric power", "minamo-grid.example", "kagaribi-power.example"),
    "gas": ("Gas", "tomoshibi-gas.example", "homura-gas.example"),
    "gov": ("Government and administrative services",
            "city-midorino.example", "town-kawasemi.example"),
    "medical": ("Medical care", "suzukaze-hospital.example", "hanazono-hospital.example"),
    "water": ("Water supply", "wakamizu-water.example", "tsuyukusa-water.example"),
    "logistics": ("Logistics", "hayate-transport.example", "kodachi-warehouse.example"),
    "chemical": ("Chemicals", "ruri-chemical.example", "sango-petrochemical.example"),
    "credit": ("Credit cards", "tsubaki-card.example", "kaname-pay.example"),
    "petroleum": ("Petroleum", "kuroshio-oil.example", "amatsu-oil.example"),
    "port": ("Ports", "tokiwa-terminal.example", "ushio-wharf.example"),
}

# Operators three to five of each sector: (ja, en, domain).
EXTRA_OPERATORS = {
    "finance": [("架空そらまめ信用金庫", "Fictional Soramame Shinkin Bank", "soramame-bank.example"),
                ("架空くるみ証券", "Fictional Kurumi Securities", "kurumi-sec.example"),
                ("架空とんぼ損害保険", "Fictional Tombo Insurance", "tombo-ins.example")],
    "ict": [("架空こだま通信", "Fictional Kodama Telecom", "kodama-tel.example"),
            ("架空ゆうびケーブル", "Fictional Yubi Cable", "yubi-cable.example"),
            ("架空かわぐもデータセンター", "Fictional Kawagumo Data Centre", "kawagumo-dc.example")],
    "aviation": [("架空かもめ航空", "Fictional Kamome Air", "kamome-air.example"),
                 ("架空ひばりエアライン", "Fictional Hibari Airline", "hibari-air.example"),
                 ("架空とびひ貨物航空", "Fictional Tobihi Air Cargo", "tobihi-cargo.example")],
    "airport": [("架空はまゆう空港", "Fictional Hamayu Airport", "hamayu-airport.example"),
                ("架空たかね空港", "Fictional Takane Airport", "takane-airport.example"),
                ("架空みおつくし空港ビル", "Fictional Miotsukushi Terminal", "miotsukushi.example")],
    "railway": [("架空ふもと鉄道", "Fictional Fumoto Railway", "fumoto-rail.example"),
                ("架空まつかぜ地下鉄", "Fictional Matsukaze Metro", "matsukaze-metro.example"),
                ("架空いわな登山鉄道", "Fictional Iwana Mountain Railway", "iwana-rail.example")],
    "power": [("架空ひうち電力", "Fictional Hiuchi Power", "hiuchi-power.example"),
              ("架空さざれ水力", "Fictional Sazare Hydro", "sazare-hydro.example"),
              ("架空ななくさ風力", "Fictional Nanakusa Wind", "nanakusa-wind.example")],
    "gas": [("架空あんどんガス", "Fictional Andon Gas", "andon-gas.example"),
            ("架空かまどガス", "Fictional Kamado Gas", "kamado-gas.example"),
            ("架空いろりガス", "Fictional Irori Gas", "irori-gas.example")],
    "gov": [("架空ささぶね市", "Fictional Sasabune City", "city-sasabune.example"),
            ("架空どんぐり町", "Fictional Donguri Town", "town-donguri.example"),
            ("架空まつぼっくり村", "Fictional Matsubokkuri Village", "vill-matsubokkuri.example")],
    "medical": [("架空たんぽ病院", "Fictional Tampo Hospital", "tampo-hospital.example"),
                ("架空よもぎ診療所", "Fictional Yomogi Clinic", "yomogi-clinic.example"),
                ("架空くすのき医療センター", "Fictional Kusunoki Medical Centre", "kusunoki-med.example")],
    "water": [("架空いずみ水道局", "Fictional Izumi Waterworks", "izumi-water.example"),
              ("架空たきつぼ水道企業団", "Fictional Takitsubo Water Authority", "takitsubo-water.example"),
              ("架空みずたま市水道部", "Fictional Mizutama City Water", "mizutama-water.example")],
    "logistics": [("架空かたつむり運送", "Fictional Katatsumuri Transport", "katatsumuri.example"),
                  ("架空つづら倉庫", "Fictional Tsuzura Warehouse", "tsuzura.example"),
                  ("架空ささのは急便", "Fictional Sasanoha Express", "sasanoha.example")],
    "chemical": [("架空めのう化学", "Fictional Meno Chemical", "meno-chem.example"),
                 ("架空こんぺき樹脂", "Fictional Kompeki Resin", "kompeki-resin.example"),
                 ("架空すいしょう素材", "Fictional Suisho Materials", "suisho-mat.example")],
    "credit": [("架空どんぐりカード", "Fictional Donguri Card", "donguri-card.example"),
               ("架空おはじきペイ", "Fictional Ohajiki Pay", "ohajiki-pay.example"),
               ("架空びいどろ信販", "Fictional Biidoro Credit", "biidoro-credit.example")],
    "petroleum": [("架空とうだい石油", "Fictional Todai Oil", "todai-oil.example"),
                  ("架空いかだ燃料", "Fictional Ikada Fuel", "ikada-fuel.example"),
                  ("架空ほたる石油販売", "Fictional Hotaru Oil Sales", "hotaru-oil.example")],
    "port": [("架空いかり港運", "Fictional Ikari Port Services", "ikari-port.example"),
             ("架空ともづな埠頭", "Fictional Tomozuna Wharf", "tomozuna.example"),
             ("架空みなとかぜターミナル", "Fictional Minatokaze Terminal", "minatokaze.example")],
}

# One operator per scheme stores abroad, so that view-only can be seen.
STORES_ABROAD = {"finance-op5", "logistics-op5", "gas-op5", "water-op5", "medical-op5"}
DECLARED = {"storage_jp": True, "retention_min_days": 3650}

SURNAMES = [
    ("霧野", "Kirino"), ("星見沢", "Hoshimizawa"), ("風越", "Kazagoe"), ("月代", "Tsukishiro"),
    ("雲居", "Kumoi"), ("空渡", "Sorawatari"), ("虹川", "Nijikawa"), ("朝凪", "Asanagi"),
    ("夕張田", "Yubarida"), ("雪代", "Yukishiro"), ("花灯", "Hanatomoshi"), ("波越", "Namikoshi"),
    ("灯野", "Tomoshino"), ("露木原", "Tsuyukihara"), ("綿貫沢", "Watanukizawa"),
    ("鈴代", "Suzushiro"), ("苔山", "Kokeyama"), ("葦原田", "Ashiharada"),
    ("梢田", "Kozueda"), ("石舟", "Ishibune"),
]
GIVEN = [
    ("あおば", "Aoba"), ("いずる", "Izuru"), ("うた", "Uta"), ("えま", "Ema"), ("かなで", "Kanade"),
    ("きよら", "Kiyora"), ("こと", "Koto"), ("さやか", "Sayaka"), ("しおり", "Shiori"),
    ("すばる", "Subaru"), ("そら", "Sora"), ("たくみ", "Takumi"), ("ちはや", "Chihaya"),
    ("つむぎ", "Tsumugi"), ("なお", "Nao"), ("はるか", "Haruka"), ("ひなた", "Hinata"),
    ("まこと", "Makoto"), ("みのり", "Minori"), ("れい", "Rei"),
]

ROLES = {"publisher", "poc", "analyst", "member", "advisor", "editor", "secretariat",
         "auditor", "admin"}
EVENT_TYPES = {"near_miss", "info_leak", "info_destruction", "system_unavailable",
               "malware_infection", "malicious_code_execution", "system_intrusion", "other_event"}
CAUSE_TYPES = {"suspicious_mail", "id_spoofing", "mass_access", "info_theft", "insider",
               "improper_operation", "user_error", "user_mgmt_error", "suspicious_file_exec",
               "suspicious_site", "contractor_mgmt_error", "equipment_failure",
               "system_vulnerability", "cross_sector_ripple", "disaster_disease", "other_cause",
               "unknown"}

# Sample indicator type: (our type, note that keeps what our type cannot say).
INDICATOR_TYPES = {
    "ipv4": ("ipv4", None),
    "ipv4-range": ("ipv4", ("アドレス範囲", "address range")),
    "domain": ("domain", None),
    "url": ("url", None),
    "sha256": ("sha256", None),
    "file-name": ("file_name", None),
    "ransom-note-name": ("file_name", ("脅迫文のファイル名", "name of the ransom note")),
    "file-path": ("other", ("ファイルパス", "file path")),
    "extension": ("other", ("暗号化後の拡張子", "extension of encrypted files")),
    "subject": ("other", ("メールの件名", "subject of the mail")),
    "account-pattern": ("other", ("アカウント名の型", "pattern of account names")),
    "asn-note": ("other", ("送信元ASに関する所見", "remark on the sending AS")),
    # A description of a fingerprint, not a header value anybody could match.
    "user-agent-note": ("other", ("ユーザエージェントに関する所見", "remark on the user agent")),
}


def both(ja, en):
    return {"ja": ja, "en": en}


def ja(text):
    return {"ja": text}


def ja_list(texts):
    return [ja(text) for text in texts]


# --- the council -----------------------------------------------------------

def toml(value):
    """One value as inline TOML; JSON string escapes are valid in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, str)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    pairs = ", ".join(f"{toml_key(key)} = {toml(item)}" for key, item in value.items())
    return "{ " + pairs + " }" if pairs else "{}"


def toml_key(key):
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def table(header, fields, indent=""):
    lines = [f"{indent}{header}"]
    for key, value in fields.items():
        if key == "audience":
            # One column a line: a matrix on one line cannot be reviewed.
            lines += [f"{indent}audience.{body} = {toml(cell)}" for body, cell in value.items()]
        elif value is not None:
            lines.append(f"{indent}{toml_key(key)} = {toml(value)}")
    return "\n".join(lines) + "\n"


def aliases(name):
    """Short forms by which the organisation of a sample would be recognised."""
    found = []
    for part in name["ja"].split():
        short = re.sub(r"^株式会社|株式会社$", "", part)
        short = re.sub(r"^.+県(?=.+[市町村]$)", "", short)
        found.append(short)
    short = re.sub(r"(,? (Co\.|Ltd\.|Inc\.|Corp\.))+$", "", name["en"])
    found.append(short.split(", ")[0])
    return [alias for alias in dict.fromkeys(found)
            if len(alias) >= 3 and alias not in name.values()]


def domains(case, invented):
    listed = [entry["text"] for entry in case["must_anonymise"] if entry["type"] == "domain"]
    if not listed:
        return [invented]
    # The domain above a listed host belongs to the same organisation.
    above = [d.split(".", 1)[1] for d in listed if d.count(".") > 1]
    return list(dict.fromkeys(above + listed))


class Council:
    """Collects bodies and principals in the order in which they are written."""

    def __init__(self):
        self.bodies, self.principals = [], []

    def body(self, **fields):
        self.bodies.append(fields)

    def principal(self, ident, body, roles, name=None):
        if name is None:
            n = sum(1 for p in self.principals if p["kind"] == "person")
            family, given = SURNAMES[n % 20], GIVEN[(n // 20 + n) % 20]
            kind, name = "person", both(f"{family[0]} {given[0]}", f"{given[1]} {family[1]}")
        else:
            kind = "service"
        self.principals.append(
            {"id": ident, "kind": kind, "body": body, "name": name, "roles": roles})

    def operator(self, sector, ceptoar, number, name, its_aliases, its_domains):
        ident = f"{sector}-op{number}"
        subnet = 1 + sum(1 for b in self.bodies if b["kind"] == "operator")
        # IPv6 only: the IPv4 documentation ranges are used by the cases' indicators.
        self.body(id=ident, kind="operator", name=name, ceptoars=[ceptoar], sectors=[sector],
                  aliases=its_aliases, domains=its_domains, networks=[f"2001:db8:{subnet:x}::/48"],
                  capability=dict(DECLARED, storage_jp=ident not in STORES_ABROAD))
        self.principal(f"{ident}-member", ident, ["member"])
        self.principal(f"{ident}-reporter", ident, ["publisher", "member"])
        self.principal(f"{ident}-feed", ident, ["member"],
                       both(f"{name['ja']} 受信サービス", f"{name['en']}, feed"))


CHARTER = r"""policies = '''
@id("observers-no-open-investigation")
forbid (principal, action == Action::"receive", resource)
when {
  context.relation == Relation::"observers" &&
  [Stage::"first", Stage::"follow_up"].contains(resource.stage)
};
'''

  [[charter.invariants]]
  id = "a selection-pending CEPTOAR never receives a first report"
  when = '''
  context.relation == Relation::"observers" && principal.standing == Standing::"selection_pending" &&
  resource.stage == Stage::"first"
  '''

  [[charter.cases]]
  name = "an agency and a first report"
  body = "demo-agency"
  source = "demo-ict"
  item = { stage = "first" }
  expect = "deny"

  [[charter.cases]]
  name = "an agency and a final report"
  body = "demo-agency"
  source = "demo-ict"
  item = { stage = "final" }
  expect = "allow"

  [[charter.cases]]
  name = "a CEPTOAR that is still selecting, and a follow-up"
  body = "demo-broadcast"
  source = "demo-power"
  item = { stage = "follow_up" }
  expect = "deny"

  [[charter.cases]]
  name = "a member CEPTOAR and a first report"
  body = "demo-power"
  source = "demo-ict"
  item = { stage = "first" }
  expect = "allow"

  [[charter.cases]]
  name = "the source's own ministry and a first report"
  body = "MIC"
  source = "demo-ict"
  item = { stage = "first" }
  expect = "allow"

  [[charter.cases]]
  name = "a best practice, which is never an investigation"
  body = "demo-agency"
  source = "demo-ict"
  item = { kind = "best_practice", stage = "final" }
  expect = "allow"
"""


def build_council(samples, levels):
    sectors = {}
    for case in samples:
        sectors.setdefault(case["sector"], []).append(case)
    council = Council()
    council.body(id="council", kind="council", standing="member",
                 name=both("架空セプターカウンシル(デモ)", "Fictional CEPTOAR-Council (demo)"),
                 domains=["demo-council.example"], capability=DECLARED)
    # S2: an advisory at its default goes out at once, to the members of every CEPTOAR.
    council.body(id="NCO", kind="national_centre", standing="member", scheme="S2",
                 name=both("架空サイバー統括センター(デモ)", "Fictional National Cyber Centre (demo)"),
                 superior="council", domains=["demo-nco.example"], capability=DECLARED)
    for code, name in MINISTRIES.items():
        council.body(id=code, kind="ministry", name=both(*name), standing="observer",
                     domains=[f"demo-{code.lower()}.example"], capability=DECLARED)
    council.body(id="demo-agency", kind="agency", standing="observer",
                 name=both("架空セキュリティ調整機関(デモ)", "Fictional security coordination agency (demo)"),
                 domains=["demo-agency.example"], capability=DECLARED)
    for role in ("secretariat", "auditor", "admin", "editor"):
        council.principal(role, "council", [role])
    council.principal("nco-advisor", "NCO", ["advisor", "analyst"])
    council.principal("nco-poc", "NCO", ["poc"])
    council.principal("nco-analyst", "NCO", ["analyst"])
    council.principal("nco-feed", "NCO", ["analyst"],
                      both("架空サイバー統括センター 受信サービス", "Fictional National Cyber Centre, feed"))
    for body in [*MINISTRIES, "demo-agency"]:
        prefix = body.removeprefix("demo-").lower()
        council.principal(f"{prefix}-analyst", body, ["analyst"])
        council.principal(f"{prefix}-poc", body, ["poc"])

    for sector, (first, *rest) in sectors.items():
        ceptoar, scheme = first["ceptoar"]["id"], first["handling"]["scheme"]
        name = both(first["ceptoar"]["name_ja"], first["ceptoar"]["name_en"])
        council.body(id=ceptoar, kind="ceptoar", name=name, standing="member", scheme=scheme,
                     ministries=[{"body": first["responsible_ministry"], "from": SINCE}],
                     superior="NCO", domains=[f"{ceptoar}.example"], capability=DECLARED)
        council.principal(f"{sector}-publisher", ceptoar, ["publisher"],
                          both(f"{name['ja']} 投稿サービス", f"{name['en']}, publishing"))
        council.principal(f"{sector}-desk", ceptoar, ["publisher"])
        council.principal(f"{sector}-poc", ceptoar, ["poc"])
        council.principal(f"{sector}-poc2", ceptoar, ["poc"])
        council.principal(f"{sector}-analyst", ceptoar, ["analyst"])
        if scheme == "S3":
            council.principal(f"{sector}-ot-lead", ceptoar, ["ot_lead"])
        council.principal(f"{sector}-taxii", ceptoar, ["publisher", "analyst"],
                          both(f"{name['ja']} TAXIIサービス", f"{name['en']}, TAXII"))
        for number, case in enumerate([first, *rest], start=1):
            council.operator(sector, ceptoar, number, case["organisation"],
                             aliases(case["organisation"]),
                             domains(case, SECTORS[sector][number]))
        for number, (name_ja, name_en, domain) in enumerate(EXTRA_OPERATORS[sector], start=3):
            council.operator(sector, ceptoar, number, both(name_ja, name_en), [], [domain])

    council.body(id="demo-broadcast", kind="ceptoar", standing="selection_pending", scheme="S2",
                 name=both("放送デモCEPTOAR(架空)", "Demo CEPTOAR for broadcast (fictional)"),
                 ministries=[{"body": "MIC", "from": SINCE}], superior="NCO",
                 domains=["demo-broadcast.example"], capability=DECLARED)
    council.principal("broadcast-poc", "demo-broadcast", ["poc"])
    council.principal("broadcast-analyst", "demo-broadcast", ["analyst"])
    council.operator("broadcast", "demo-broadcast", 1,
                     both("架空やまびこ放送", "Fictional Yamabiko Broadcasting"), [],
                     ["yamabiko-tv.example"])

    out = [
        "# The demo's directory. Everything in it is fictional: the council, its bodies, people,\n"
        "# operators and handling levels are invented, and stand for no real body and no real\n"
        "# body's rules. Domains end in .example, networks lie in 2001:db8::/32 (RFC 3849).\n"
        "# Written by make_demo.py; change that and run it again rather than editing here.\n",
        table("[council]", {"name": both("架空セプターカウンシル(デモ)", "Fictional CEPTOAR-Council (demo)"),
                            "namespace": NAMESPACE}),
        "# ---- sectors\n",
    ]
    for sector, (first, *_) in sectors.items():
        out.append(table("[[sectors]]", {
            "code": sector, "name": both(first["sector_ja"], SECTORS[sector][0]),
            "ceptoars": [{"body": first["ceptoar"]["id"], "from": SINCE}]}))
    out.append(table("[[sectors]]", {
        "code": "broadcast", "name": both("放送", "Broadcasting"),
        "ceptoars": [{"body": "demo-broadcast", "from": SINCE}]}))
    out.append("# ---- schemes; the levels are those of levels.jsonl, field by field\n")
    for scheme, (default, unmarked, ministry) in SCHEMES.items():
        out.append(table("[[schemes]]", {
            "id": scheme, "version": 1, "effective": SINCE, "default_level": default,
            "unmarked": unmarked, "nameless_ministry": ministry}))
        for level in levels:
            if level["scheme"] == scheme:
                fields = {key: value for key, value in level.items() if key != "scheme"}
                out.append(table("[[schemes.levels]]", fields, "  "))
    out.append("# The charter adds nothing to the rule's dimensions, so that what is joined is the schemes\n"
               "# alone. Its one policy speaks of reports that are not final; the sample cases all are.\n"
               + table("[charter]", {"version": 1, "effective": SINCE}).rstrip("\n") + "\n" + CHARTER)
    out.append("# ---- bodies; these five store abroad, which leaves them view-only where an item\n"
               "# must stay in Japan: " + ", ".join(sorted(STORES_ABROAD)) + "\n")
    out += [table("[[bodies]]", body) for body in council.bodies]
    out.append("# ---- principals\n")
    out += [table("[[principals]]", principal) for principal in council.principals]
    return "\n".join(out)


# --- the cases -------------------------------------------------------------

def indicator(sample):
    kind, note = INDICATOR_TYPES[sample["type"]]
    converted = {"type": kind, "value": sample["value"]}
    return converted if note is None else converted | {"note": both(*note)}


def report(case, operator):
    impact = case["impact"]
    return {
        "kind": "incident_cause",
        "handling": case["handling"],
        "reference": case["id"],
        "stage": "final",
        "source_operator": operator,
        "sector": case["sector"],
        "useful_for_sectors": case["useful_for_sectors"],
        "title": case["title"],
        "summary": case["summary"],
        "information_classes": [entry["code"] for entry in case["information_class"]],
        "organisation": case["organisation"],
        "narrative": ja(case["narrative_ja"]),
        "must_anonymise": case["must_anonymise"],
        "event_types": [entry["code"] for entry in case["event_types"]],
        "cause_types": [entry["code"] for entry in case["cause_types"]],
        "sub_cause": case["sub_cause"],
        "malicious": case["kind"],
        "severity": case["severity"],
        "impact": {"description": ja(impact["ja"]), "affected_count": case["affected_count"],
                   "affected_band": impact["affected_band"],
                   "duration_minutes": impact["duration_minutes"],
                   "service_level_deviation": impact["service_level_deviation"],
                   "ripple_to": impact["ripple_to"]},
        "timeline": [{"at": step["at"], "text": ja(step["ja"])} for step in case["timeline"]],
        "root_cause": ja(case["root_cause_ja"]),
        "contributing_factors": ja_list(case["contributing_factors_ja"]),
        "countermeasures": {"interim": ja_list(case["countermeasures"]["interim_ja"]),
                            "permanent": ja_list(case["countermeasures"]["permanent_ja"])},
        "best_practices": ja_list(case["best_practices_ja"]),
        "lesson": case["lesson"],
        "indicators": [indicator(entry) for entry in case["indicators"]],
    }


def generalised(case, operator, text):
    return {
        "kind": "incident_cause",
        "handling": {"scheme": case["handling"]["scheme"], "level": case["release"]["released_level"]},
        "reference": case["id"] + "-G",
        "stage": "final",
        "source_operator": operator,
        "sector": case["sector"],
        "useful_for_sectors": case["useful_for_sectors"],
        "title": text["title"],
        "summary": text["summary"],
        "information_classes": ["lesson", "recurrence_prevention"],
        "must_anonymise": case["must_anonymise"],
        "event_types": [entry["code"] for entry in case["event_types"]],
        "cause_types": [entry["code"] for entry in case["cause_types"]],
        "sub_cause": case["sub_cause"],
        "malicious": case["kind"],
        "severity": case["severity"],
        "impact": {"description": text["impact"], "affected_band": case["impact"]["affected_band"]},
        "root_cause": text["root_cause"],
        "contributing_factors": text["contributing_factors"],
        "countermeasures": {"interim": text["interim"], "permanent": text["permanent"]},
        "best_practices": text["best_practices"],
        "lesson": text["lesson"],
    }


def build_cases(samples, council, lessons):
    operators = {b["name"]["ja"]: b["id"] for b in council["bodies"] if b["kind"] == "operator"}
    cases = []
    for case in samples:
        operator = operators[case["organisation"]["ja"]]
        release = dict(case["release"])
        release.setdefault("approved_by", [])
        if release["status"] == "released_generalised":
            release["generalised"] = generalised(case, operator, lessons[case["id"]])
        cases.append({
            "report": report(case, operator),
            "release": release,
            "publisher": f"{case['sector']}-publisher",
            "feedback": case["feedback"],
            "related": case["related"],
            "newsletter_candidate": case["newsletter_candidate"],
            "fictional": case["fictional"],
        })
    return cases


# --- checks ----------------------------------------------------------------

def must(condition, message):
    if not condition:
        sys.exit(f"make_demo: {message}")


def check_council(council, levels):
    back = [dict(level, scheme=scheme["id"])
            for scheme in council["schemes"] for level in scheme["levels"]]
    given = [{k: v for k, v in level.items() if v is not None} for level in levels]
    must(len(back) == len(given) and all(level in given for level in back),
         "the levels are not those of levels.jsonl")
    bodies = {b["id"]: b for b in council["bodies"]}
    schemes = {s["id"]: s for s in council["schemes"]}
    sectors = {s["code"] for s in council["sectors"]}
    scheme_roles = {who.split(".")[1] for level in back for who in level["approvals"] if "." in who}
    must(len(bodies) == len(council["bodies"]), "a body id is used twice")
    ids = [p["id"] for p in council["principals"]]
    must(len(set(ids)) == len(ids), "a principal id is used twice")
    names = [p["name"]["ja"] for p in council["principals"]]
    must(len(set(names)) == len(names), "a principal's name is used twice")

    def kind(ident, wanted, where):
        must(ident in bodies and bodies[ident]["kind"] == wanted, f"{where}: `{ident}` is no {wanted}")

    for sector in council["sectors"]:
        for entry in sector["ceptoars"]:
            kind(entry["body"], "ceptoar", sector["code"])
    for scheme in council["schemes"]:
        kind(scheme["nameless_ministry"], "ministry", scheme["id"])
        must(scheme["default_level"] in [lv["level"] for lv in scheme["levels"]],
             f"{scheme['id']}: its default is none of its levels")
    networks, its_domains = [], []
    for body in council["bodies"]:
        must(body.get("scheme", "S1") in schemes, f"{body['id']}: unknown scheme")
        must(body.get("superior", "NCO") in bodies, f"{body['id']}: unknown superior")
        must(set(body.get("sectors", [])) <= sectors, f"{body['id']}: unknown sector")
        for entry in body.get("ministries", []):
            kind(entry["body"], "ministry", body["id"])
        for entry in body.get("ceptoars", []):
            kind(entry, "ceptoar", body["id"])
        networks += [ipaddress.ip_network(n) for n in body.get("networks", [])]
        its_domains += body.get("domains", [])
        if body["kind"] == "ceptoar":
            held = {r for p in council["principals"] if p["body"] == body["id"] for r in p["roles"]}
            asked = {who.split(".")[1] for lv in schemes[body["scheme"]]["levels"]
                     for who in lv["approvals"] if "." in who}
            must(asked <= held, f"{body['id']}: nobody holds {sorted(asked - held)}")
    must(len(set(its_domains)) == len(its_domains), "a domain is used twice")
    must(all(net.version == 6 for net in networks), "an own network could hold an indicator's address")
    must(not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[:i]),
         "two networks overlap")
    for principal in council["principals"]:
        must(principal["body"] in bodies, f"{principal['id']}: unknown body")
        must(set(principal["roles"]) <= ROLES | scheme_roles, f"{principal['id']}: unknown role")


def fold(text):
    """Width and case do not hide a name from the hub, so they must not hide one here."""
    return unicodedata.normalize("NFKC", text).casefold()


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


def check_report(item, council, with_narrative):
    ident = item["reference"]
    bodies = {b["id"]: b for b in council["bodies"]}
    sectors = {s["code"] for s in council["sectors"]}
    levels = {(s["id"], lv["level"]) for s in council["schemes"] for lv in s["levels"]}
    must((item["handling"]["scheme"], item["handling"]["level"]) in levels, f"{ident}: unknown level")
    must({item["sector"], *item["useful_for_sectors"], *item["impact"].get("ripple_to", [])} <= sectors,
         f"{ident}: unknown sector")
    must(set(item["event_types"]) <= EVENT_TYPES, f"{ident}: unknown event type")
    must(set(item["cause_types"]) <= CAUSE_TYPES, f"{ident}: unknown cause type")
    severity = item["severity"]
    must(item["malicious"] in ("cyber", "non_malicious"), f"{ident}: unknown kind")
    must(severity["level"] == max(severity["continuity"], severity["safety"], severity["trust"]),
         f"{ident}: the severity is not the highest of the three")
    must(re.fullmatch(r"none|0|[0-9,]+-[0-9,]+|[0-9,]+\+", item["impact"]["affected_band"]),
         f"{ident}: not a band")
    times = [step["at"] for step in item.get("timeline", [])]
    must(times == sorted(times) and all(t.endswith("+09:00") for t in times),
         f"{ident}: the timeline does not ascend")
    # `organisation` is the name itself, and the list is the list: both are never shared.
    shared = {k: v for k, v in item.items()
              if k not in ("narrative", "organisation", "must_anonymise")}
    shared_text = fold("\n".join(strings(shared)))
    rendered = item.get("narrative", {}).get("ja", "")
    for entry in sorted(item["must_anonymise"], key=lambda e: -len(e["text"])):
        must(fold(entry["text"]) not in shared_text, f"{ident}: `{entry['text']}` is in a shared field")
        if with_narrative:
            must(entry["text"] in item["narrative"]["ja"],
                 f"{ident}: `{entry['text']}` is not in the narrative")
        rendered = rendered.replace(entry["text"], entry["replace_ja"].replace("(削除)", ""))
    # What is left must name no body of the council at all, its own operator above all.
    seen = shared_text + "\n" + fold(rendered)
    for body in bodies.values():
        for known in [*body["name"].values(), *body.get("aliases", []), *body.get("domains", [])]:
            must(fold(known) not in seen, f"{ident}: `{known}` would stay after anonymising")


def check_cases(cases, council):
    bodies = {b["id"]: b for b in council["bodies"]}
    principals = {p["id"]: p for p in council["principals"]}
    references = {case["report"]["reference"] for case in cases}
    for case in cases:
        item, release = case["report"], case["release"]
        must(set(case["related"]) <= references, f"{item['reference']}: unknown related case")
        source = bodies[item["source_operator"]]
        must(source["name"]["ja"] == item["organisation"]["ja"], f"{item['reference']}: wrong operator")
        publisher = principals[case["publisher"]]
        must("publisher" in publisher["roles"] and publisher["body"] in source["ceptoars"],
             f"{item['reference']}: the publisher is not of the operator's CEPTOAR")
        check_report(item, council, with_narrative=True)
        must(("generalised" in release) == (release["status"] == "released_generalised"),
             f"{item['reference']}: a generalised text is missing or too many")
        if "generalised" in release:
            check_report(release["generalised"], council, with_narrative=False)


def main():
    must(len(sys.argv) == 3, "usage: make_demo.py SAMPLE_CASES_JSON LEVELS_JSONL")
    samples = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    lines = Path(sys.argv[2]).read_text(encoding="utf-8").splitlines()
    levels = [json.loads(line) for line in lines if line.strip()]
    text = build_council(samples, levels)
    council = tomllib.loads(text)
    check_council(council, levels)
    here = Path(__file__).resolve().parent
    lessons = json.loads((here / "generalised.json").read_text(encoding="utf-8"))
    cases = build_cases(samples, council, lessons)
    check_cases(cases, council)
    (here / "council.toml").write_text(text, encoding="utf-8", newline="\n")
    (here / "cases.json").write_text(
        json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(council['sectors'])} sectors, {len(levels)} levels, {len(council['bodies'])} bodies, "
          f"{len(council['principals'])} principals, {len(cases)} cases, "
          f"{sum('generalised' in c['release'] for c in cases)} generalised")


if __name__ == "__main__":
    main()
