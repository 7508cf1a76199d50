"""Loops compiled to machine code: how, and what happens where nothing can be remembered; no loop lives here."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(signature: Any, *, inlined: bool = False) -> Callable[[_Function], _Function]:
    """Compile a function for one signature when its module is imported, so that no first call waits for it.

    What was compiled is remembered beside the module or in the user's cache folder. Where neither can be written, it
    is compiled anew in every process, which costs some seconds at its start. numba notices when the module was changed,
    but not a function that it calls in another: such calls are only made inside a module, even where it grows long.

    `inlined` puts the function into its callers: handing over a table of twenty arrays costs more than most loops do.
    """

    def compile_now(function: _Function) -> _Function:
        try:
            return numba.njit(signature, cache=True, nogil=True, forceinline=inlined)(function)  # type: ignore[no-any-return]
        except (RuntimeError, OSError):  # no folder for the cache, or no room in it
            return numba.njit(signature, nogil=True, forceinline=inlined)(function)  # type: ignore[no-any-return]

    return compile_now
