"""Classic AutoGen: an agent, a chat of two, a group chat."""

from hubbub.runtimes.adapters.autogen.runtime import AutoGenRuntime, from_autogen

__all__ = ["AutoGenRuntime", "from_autogen"]
