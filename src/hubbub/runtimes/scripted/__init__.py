"""A scripted model: a real OpenAI-compatible server that says openly that it is no model.

For first runs without a model, and for tests:

    async with ScriptedModel() as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key="none")
"""

from hubbub.runtimes.scripted.replies import ToolCall, ToolCalls
from hubbub.runtimes.scripted.server import MODEL, ScriptedModel

__all__ = ["MODEL", "ScriptedModel", "ToolCall", "ToolCalls"]
