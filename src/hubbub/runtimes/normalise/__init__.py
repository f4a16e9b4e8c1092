"""Repair what local model servers get wrong, below every framework that speaks to them.

`NormalisingTransport` is given to `AsyncOpenAI(http_client=httpx2.AsyncClient(transport=...))`.
"""
