"""Loops compiled to machine code: how, and what happens where nothing can be remembered; no loop lives here."""

from collections.abc import Callable
from typing import Any, TypeVar

import numba

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(signature: Any) -> Callable[[_Function], _Function]:
    """Compile a function for one signature when its module is imported, so that no first call waits for it.

    What was compiled is remembered beside the module or in the user's cache folder. Where neither can be written, it
    is compiled anew in every process, which costs some seconds at its start. numba notices when the module was changed,
    but not a function that it calls in another: such calls are only made inside a module, even where it grows long.
    """

    def compile_now(function: _Function) -> _Function:
        try:
            return numba.njit(signature, cache=True, nogil=True)(function)  # type: ignore[no-any-return]
        except (RuntimeError, OSError):  # no folder for the cache, or no room in it
            return numba.njit(signature, nogil=True)(function)  # type: ignore[no-any-return]

    return compile_now


def inlined(function: _Function) -> _Function:
    """Make a function a part of the compiled ones that call it.

    Handing over a table of arrays costs more than most loops do, and what is remembered with its callers need not be
    loaded at the start.
    """
    return numba.njit(function, forceinline=True)  # type: ignore[no-any-return]


def called(function: _Function) -> _Function:
    """Let a function be called by compiled ones of its module, and be remembered with them."""
    return numba.njit(function)  # type: ignore[no-any-return]
