"""What all displays share: matplotlib, colours, panels and style."""

from typing import Any

import numpy as np

__all__ = ["BLUE", "COLOURS", "GREY", "ORANGE", "WIDTH", "dot", "finish", "legend", "panels", "pyplot", "styled"]

# Okabe and Ito's colours, which are told apart with any kind of colour vision, without their yellow
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"]
BLUE, ORANGE = COLOURS[:2]
GREY = "#4D4D4D"
WIDTH = 1.3


def pyplot(what: str) -> Any:
    """``matplotlib.pyplot``, which is an extra.

    Parameters
    ----------
    what : str
        What needs it.

    Returns
    -------
    module
    """
    try:
        import matplotlib.pyplot
    except ImportError as error:
        raise ImportError(
            f"{what} needs matplotlib, which is not installed. Run: pip install sklearn-seq[plot]"
        ) from error
    return matplotlib.pyplot


def panels(ax: Any, what: str, layout: list[str], heights: list[float], size: tuple[float, float]) -> tuple[Any, Any]:
    """Several axes in the place of one.

    Parameters
    ----------
    ax : Axes, sequence of Axes, or None
        None makes a figure; one is turned off and divided; several are taken as they are.
    what : str
        Who asks, for messages.
    layout : list of str
        Rows of a mosaic, such as ``["AA", "BC"]``, whose letters come in the order of the panels.
    heights : list of float
        Of the rows.
    size : (float, float)
        Of a new figure, in inches.

    Returns
    -------
    bounding : Axes or None
        The one that was divided.
    axes : ndarray of Axes
    """
    plt = pyplot(what)
    letters = sorted(set("".join(layout)))
    if isinstance(ax, (list, tuple, np.ndarray)):
        if len(ax) != len(letters):
            raise ValueError(f"ax holds {len(ax)} axes; wanted {len(letters)}, or one, which is divided. Give these.")
        return None, np.array(ax, dtype=object)
    if ax is None:
        _, ax = plt.subplots(figsize=size, layout="constrained")
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            "ax stands freely in its figure, so it cannot be divided; wanted one of plt.subplots, or as many axes as there are "
            f"panels, {len(letters)}. Give these."
        )
    ax.set_axis_off()
    grid = place.subgridspec(len(layout), len(layout[0]), height_ratios=heights)
    made = []
    for letter in letters:
        rows = [i for i, row in enumerate(layout) if letter in row]
        columns = [i for i, sign in enumerate(layout[rows[0]]) if sign == letter]
        made.append(ax.figure.add_subplot(grid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
    return ax, np.array(made, dtype=object)


def styled(kwargs: dict[str, Any] | None, artist: str, **defaults: Any) -> dict[str, Any]:
    """What the user wants of a line or an area, over what is usual here; short names (``c``, ``lw``) too."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

    kind: Any = {"line": Line2D, "area": PolyCollection}[artist]
    return defaults | normalize_kwargs(kwargs or {}, kind)


def dot(n: int) -> dict[str, Any]:
    """A line of one row is seen as a dot alone."""
    return {"marker": "o", "markersize": 4} if n == 1 else {}


def finish(ax: Any, x: np.ndarray | None = None, **labels: str) -> None:
    """Labels, fewer spines, and dates that are short."""
    ax.set(**labels)
    ax.spines[["top", "right"]].set_visible(False)
    if x is not None and x.dtype.kind == "M":
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def legend(ax: Any) -> None:
    """Above the axes, where it hides nothing."""
    handles, _ = ax.get_legend_handles_labels()
    if handles:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, borderaxespad=0.2, handlelength=1.5)
