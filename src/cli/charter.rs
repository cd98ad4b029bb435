//! `sekisho policy check` and `sekisho policy prove`: the charter's own conditions, without any item.

use std::path::Path;

use anyhow::{Context, bail};

use super::council::read;
use crate::council::charter::check::faults;

/// Checks a file of policies as if it were the charter's of this council: its text, its names, and
/// the council's own cases.
pub fn check(policies: &Path, council: &Path) -> anyhow::Result<()> {
    let mut file = read(council)?;
    file.charter.policies = std::fs::read_to_string(policies)
        .with_context(|| format!("cannot read `{}`", policies.display()))?;
    let found = faults(&file);
    if !found.is_empty() {
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        bail!("{}:\n  {}", policies.display(), lines.join("\n  "));
    }
    println!(
        "{}: no fault; {} cases come out as stated",
        policies.display(),
        file.charter.cases.len()
    );
    Ok(())
}

/// Proves the charter's invariants, each for every body and item there could be.
#[cfg(not(feature = "prove"))]
pub fn prove(_council: &Path) -> anyhow::Result<()> {
    bail!(
        "nothing was proved: this sekisho was built without the feature `prove`; \
         build it with its default features"
    )
}

#[cfg(feature = "prove")]
pub use with_solver::prove;

#[cfg(feature = "prove")]
mod with_solver {
    use std::path::Path;
    use std::time::{Duration, Instant};

    use anyhow::{Context, anyhow, bail};
    use cedar_policy::Entities;
    use cedar_policy_symcc::solver::LocalSolver;
    use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet, Env};

    use super::read;
    use crate::council::charter::Invariant;
    use crate::council::charter::policies::Policies;

    /// What one question may take: a solver that has not answered by then has not proved anything.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Proves the charter's invariants, each for every body and item there could be.
    pub fn prove(council: &Path) -> anyhow::Result<()> {
        let charter = read(council)?.charter;
        if charter.invariants.is_empty() {
            bail!(
                "{}: nothing to prove: the charter states no `[[charter.invariants]]`",
                council.display()
            );
        }
        let policies = Policies::compile(&charter.policies).map_err(|faults| {
            anyhow!(faults.first().map(ToString::to_string).unwrap_or_default())
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut broken = 0;
        for invariant in &charter.invariants {
            let began = Instant::now();
            match runtime.block_on(counterexample(&policies, invariant))? {
                None => println!(
                    "holds   {} ({} ms)",
                    invariant.id,
                    began.elapsed().as_millis()
                ),
                Some(example) => {
                    broken += 1;
                    println!("broken  {}, for example:\n{example}", invariant.id);
                }
            }
        }
        if broken > 0 {
            bail!(
                "{broken} of {} invariants do not hold",
                charter.invariants.len()
            );
        }
        Ok(())
    }

    /// A request that the invariant speaks of and that no policy forbids.
    async fn counterexample(
        policies: &Policies,
        invariant: &Invariant,
    ) -> anyhow::Result<Option<String>> {
        let set = policies.with_invariant(invariant).map_err(|faults| {
            anyhow!(faults.first().map(ToString::to_string).unwrap_or_default())
        })?;
        let schema = policies.schema();
        for environment in schema.request_envs() {
            let compiled = CompiledPolicySet::compile(&set, &environment, schema)?;
            let solver = LocalSolver::cvc5().context(
                "nothing was proved: the solver cvc5 does not run; install it \
                 (Debian: `cvc5`) or name it in the environment variable CVC5",
            )?;
            let mut compiler = CedarSymCompiler::new(solver)?;
            let question = compiler.check_always_denies_with_counterexample_opt(&compiled);
            let answer = tokio::time::timeout(PATIENCE, question)
                .await
                .with_context(|| {
                    format!(
                        "`{}`: cvc5 gave no answer in {} s",
                        invariant.id,
                        PATIENCE.as_secs()
                    )
                })?
                .with_context(|| format!("`{}`: cvc5 gave no answer", invariant.id))?;
            if let Some(found) = answer {
                // The words of the schema are entities too, and say nothing here.
                let telling = found
                    .entities
                    .iter()
                    .filter(|one| one.attrs().next().is_some());
                let entities = Entities::from_entities(telling.cloned(), None)?;
                let request = found.request;
                return Ok(Some(Env { request, entities }.to_string()));
            }
        }
        Ok(None)
    }
}
