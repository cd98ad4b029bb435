//! Councils of any size, under the demo's five schemes and its sectors. Invented, and always the same
//! for the same size.

use anyhow::{Context, anyhow};
use sekisho::council::{
    Body, BodyKind, CouncilFile, Dated, Localised, Principal, PrincipalKind, Standing,
};
use sekisho::handling::{BodyId, Capability, SectorCode};

const DEMO: &str = include_str!("../../demo/council.toml");

/// How the bodies of a council stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Every body stands in a column of every level: the hardest there is for one rule.
    AllInColumns,
    /// Sixteen CEPTOARs, six ministries, a centre, two agencies; all others are operators.
    AsInLife,
}

impl Shape {
    /// The words of the table.
    pub const fn word(self) -> &'static str {
        match self {
            Self::AllInColumns => "every body in a column",
            Self::AsInLife => "all but 25 are operators",
        }
    }
}

/// The demo's council entry, sectors, schemes and charter, with `bodies` bodies; where all are in
/// columns, sixteen operators come on top, so that there are members to read.
pub fn council(bodies: usize, shape: Shape) -> anyhow::Result<CouncilFile> {
    let mut file = CouncilFile::parse(DEMO)
        .map_err(|faults| anyhow!("{}", faults.first().map_or("", |f| f.message.as_str())))?;
    let sectors: Vec<SectorCode> = file.sectors.iter().map(|s| s.code.clone()).collect();
    let (ministries, agencies, ceptoars, operators) = match shape {
        Shape::AllInColumns => {
            let tenth = (bodies / 10).max(2);
            (tenth, tenth, bodies - 2 * tenth - 1, 16)
        }
        Shape::AsInLife => (6, 2, 16, bodies.checked_sub(25).context("too few bodies")?),
    };
    file.bodies.clear();
    file.principals.clear();
    let mut add = |id: String, kind: BodyKind, fill: &dyn Fn(&mut Body)| {
        let n = file.bodies.len();
        let mut body = Body {
            id: BodyId::from(id.as_str()),
            kind,
            name: Localised {
                ja: Some(format!("架空団体{n}")),
                en: Some(format!("Fictional body {n}")),
            },
            standing: Standing::Member,
            scheme: None,
            ministries: Vec::new(),
            ceptoars: Vec::new(),
            sectors: Default::default(),
            superior: None,
            aliases: Vec::new(),
            domains: vec![format!("body-{n}.example")],
            networks: Vec::new(),
            capability: (n % 7 != 3).then_some(Capability {
                storage_jp: n % 5 != 2,
                retention_min_days: 3650,
            }),
            contacts: Vec::new(),
            business_hours: None,
        };
        fill(&mut body);
        let roles: &[(&str, &[&str])] = match kind {
            BodyKind::Operator => &[("reader", &["member", "publisher"])],
            _ => &[("poc", &["poc"]), ("analyst", &["analyst"])],
        };
        for (suffix, roles) in roles {
            file.principals.push(Principal {
                id: format!("{id}-{suffix}").into(),
                kind: PrincipalKind::Person,
                body: body.id.clone(),
                name: Localised::default(),
                roles: roles.iter().map(|role| (*role).to_owned()).collect(),
                taxii: sekisho::council::TaxiiProfile::Standard,
            });
        }
        file.bodies.push(body);
    };
    let always = |id: String| Dated {
        body: BodyId::from(id),
        from: None,
        until: None,
    };
    add("centre".to_owned(), BodyKind::NationalCentre, &|_| {});
    for n in 0..ministries {
        add(ministry(n), BodyKind::Ministry, &|_| {});
    }
    for n in 0..agencies {
        add(format!("agency-{n:04}"), BodyKind::Agency, &|body| {
            body.standing = Standing::Observer;
        });
    }
    for n in 0..ceptoars {
        add(ceptoar(&sectors, n), BodyKind::Ceptoar, &|body| {
            body.scheme = Some(format!("S{}", n % 5 + 1));
            body.ministries = vec![always(ministry(n % ministries))];
        });
    }
    for n in 0..operators {
        let home = n % ceptoars.min(16);
        add(operator(n), BodyKind::Operator, &|body| {
            body.ceptoars = vec![BodyId::from(ceptoar(&sectors, home))];
            body.sectors = [sectors[home % sectors.len()].clone()].into();
        });
    }
    for (n, sector) in file.sectors.iter_mut().enumerate() {
        sector.ceptoars = vec![always(ceptoar(&sectors, n % ceptoars))];
    }
    // The demo's ministry of that name is not here.
    for scheme in &mut file.schemes {
        scheme.nameless_ministry = None;
    }
    file.charter.cases.clear();
    Ok(file)
}

/// The name of the nth ministry.
pub fn ministry(n: usize) -> String {
    format!("ministry-{n:04}")
}

/// The name of the nth operator.
pub fn operator(n: usize) -> String {
    format!("operator-{n:05}")
}

/// The name of the nth CEPTOAR.
pub fn ceptoar(sectors: &[SectorCode], n: usize) -> String {
    format!("{}-{n:05}", sectors[n % sectors.len()])
}
