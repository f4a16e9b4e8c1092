"""A test that forbids real models."""

from __future__ import annotations

import pytest

from hubbub.runtimes import ModelClient, ModelUnreachable
from hubbub.testing import RealModelForbidden, ScriptedModel, no_real_models

ASK = [{"role": "user", "content": "[[say hi]]"}]


async def test_a_scripted_model_may_be_called_and_no_other() -> None:
    async with ScriptedModel() as model, ModelClient(base_url=model.base_url) as client:
        with no_real_models():
            assert (await client.answer(ASK)).text == "hi"
            async with ModelClient(base_url="http://user:pw@localhost:9/v1") as real:
                with pytest.raises(RealModelForbidden, match="localhost:9/v1 is none that"):
                    await real.answer(ASK)
                with pytest.raises(RealModelForbidden):
                    await real.models()


async def test_what_is_allowed_may_be_called_and_all_when_it_is_over() -> None:
    address = "http://127.0.0.1:9/v1"
    async with ModelClient(base_url=address, attempts=1) as client:
        with no_real_models():
            with no_real_models(allow=[f"{address}/"]), pytest.raises(ModelUnreachable):
                await client.answer(ASK)
            with pytest.raises(RealModelForbidden):
                await client.answer(ASK)
        with pytest.raises(ModelUnreachable):
            await client.answer(ASK)
