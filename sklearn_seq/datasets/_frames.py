"""pandas, which is imported where a frame is asked for."""

from typing import Any

__all__ = ["import_pandas"]


def import_pandas(what: str) -> Any:
    """The package, or an error that says what needs it.

    Parameters
    ----------
    what : str
        What was asked for.

    Returns
    -------
    module
    """
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{what} needs pandas, which is not installed: pip install pandas") from error
    return pandas
