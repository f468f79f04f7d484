"""The tables of a run, by their columns. ARCHITECTURE.md describes them."""

from __future__ import annotations

from mien.storage.csv_tables import Table

PERCENTS = (1, 2, 5)
"""The pooled Harm, in percent, at which correctors are compared."""
_CASE = "seed corrector left_out"
_RATE = "hits total rate low high"
_KEY = "seed model treatment"


def _at_harms(*stems: str, parts: tuple[str, ...]) -> str:
    return " ".join(f"{stem}_{percent}{part}" for stem in stems for percent in PERCENTS for part in parts)


def _means() -> str:
    plain = (
        "selection mean_gain weighted_gain mean_harm weighted_harm mean_delta_fpr mean_restored macro_recall_f "
        "macro_recall_h macro_recall_full macro_recall_retrained mean_auroc"
    )
    names = [*plain.split(), *_at_harms("mean_gain_at_harm", "mean_restored_at_equal_harm", parts=("",)).split()]
    return " ".join(f"{name} n_{name}" for name in names)


_ALL = (
    Table.of("splits", "seed class part count", text="class part"),
    Table.of(
        "history",
        "seed cell epoch train_loss train_accuracy validation_loss validation_accuracy validation_macro_recall",
        text="cell",
    ),
    Table.of("retention", f"{_CASE} label {_RATE}", text="corrector left_out label"),
    Table.of("harm", f"{_CASE} label {_RATE}", text="corrector left_out label"),
    Table.of("gain", f"{_CASE} {_RATE}", text="corrector left_out"),
    Table.of("delta_fpr", f"{_CASE} total hits_f fpr_f hits_h fpr_h delta_fpr", text="corrector left_out"),
    Table.of(
        "restored",
        f"{_CASE} label hits total recall relative_gain full_hits full_recall retrained_hits retrained_recall restored "
        "low high",
        text="corrector left_out label",
    ),
    Table.of(
        "ranking",
        f"{_CASE} fitted_on auroc pauc total {_at_harms('gain_at_harm', parts=('_hits', '', '_low', '_high'))} "
        + _at_harms("restored_at_equal_harm", "against_retrained", parts=("", "_low", "_high")),
        text="corrector left_out fitted_on",
    ),
    Table.of("curves", f"{_CASE} harm gain", text="corrector left_out"),
    Table.of("confusion", f"{_CASE} system truth answer count", text="corrector left_out system truth answer"),
    Table.of(
        "certificates",
        f"{_CASE} group kind budget confidence n k threshold feasible needed holds other_k other_threshold "
        "other_needed other_holds in_force harm_hits harm_total harm low high harm_groups_hits harm_groups_total "
        "harm_groups standing",
        text="corrector left_out group kind standing",
    ),
    Table.of("mcnemar", f"{_CASE} label harmed repaired p", text="corrector left_out label"),
    Table.of("beside", "seed label total before_hits after_hits before after harmed repaired p", text="label"),
    Table.of("summary", f"seed corrector {_means()}", text="corrector"),
    Table.of("cost", "seed cell stage seconds pictures", text="cell stage"),
    Table.of(
        "treatments",
        f"{_KEY} macro_recall macro_f1 accuracy worst on_calibrate f1_on_calibrate most_answered share collapsed "
        "seconds",
        text="model treatment most_answered",
    ),
    Table.of(
        "treated_classes",
        f"{_KEY} class common hits total named recall precision f1",
        text="model treatment class",
    ),
    Table.of("treated_confusion", f"{_KEY} truth answer count", text="model treatment truth answer"),
    Table.of("treated_sources", f"{_KEY} source pictures classes macro_recall", text="model treatment source"),
    Table.of("differences", "model treatment seeds difference low high p p_holm", text="model treatment"),
    Table.of("generated", "seed model training made copies seconds", text="model training"),
)
TABLES = {table.name: table for table in _ALL}
"""Name → table: of a study those up to "cost", of a comparison the others."""
