"""
Keep the garbage collector from stopping the event loop.

A full collection walks everything that is alive: 50 ms for what is imported alone, in the midst of whatever a gang waits for. What is alive
after the first lists stays alive, and what replaces it later is freed by its reference counts, as values hold no cycles.
"""

import gc


def settle() -> None:
    """Collect once more, and never look again at what is alive now. Cost: one full collection."""
    gc.collect()
    gc.freeze()
