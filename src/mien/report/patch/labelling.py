"""The page of pictures to label next: the most likely ones of a class, in rows."""

from __future__ import annotations

from mien.data.views import png_uri
from mien.deploy.label_table import FILE
from mien.deploy.labelling import IN_A_ROW, LabellingOrder
from mien.report.common.layout import render


def page(name: str, order: LabellingOrder) -> str:
    """Render the page of an order of labelling as one self-contained HTML file.

    Parameters
    ----------
    name : its folder, for the commands on the page.
    """
    starts = range(0, order.listed, IN_A_ROW)
    rows = [
        {"first": start + 1, "last": min(start + IN_A_ROW, order.listed), "sheet": png_uri(sheet)}
        for start, sheet in zip(starts, order.sheets, strict=True)
    ]
    return render("labelling.html", name=name, order=order, rows=rows, table=FILE)
