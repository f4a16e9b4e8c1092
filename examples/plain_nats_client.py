"""A program that knows no Hubbub: it has a NATS client, four subjects, and JSON.

Serve the agent it talks to with `hubbub run examples/first_agent.py`, on the server that
`NATS_URL` names. The same works from any language that has a NATS client.
"""

import asyncio
import json
import os
import uuid

import nats


async def main() -> None:
    client = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    try:
        # Watch: everybody announces itself and beats here.
        everybody = await client.subscribe("agents.all")

        # Whatever is addressed to us, completions included, comes below our own name.
        mine = await client.subscribe("agents.direct.script.>")

        # Ask: the answer is a JSON message. Plain text would do as a question, too.
        question = json.dumps({"from_agent": "Script", "content": "Ada"}).encode()
        answer = json.loads((await client.request("agents.request.greeter", question, 10)).data)
        print(f"{answer['from_agent']} answers: {answer['content']}")

        # Message: a publish through JetStream returns once the server has stored it. With the id
        # in the header, too, a repeated publish is stored once, and the task has this id.
        message_id = str(uuid.uuid4())
        work = json.dumps({"from_agent": "Script", "content": "Grace", "message_id": message_id})
        await client.jetstream().publish(
            "agents.direct.greeter", work.encode(), headers={"Nats-Msg-Id": message_id}
        )
        while True:
            completion = json.loads((await mine.next_msg(timeout=10)).data)
            if completion["in_reply_to"] == message_id:
                break
        print(f"Task {completion['metadata']['state']}: {completion['content']}")

        # Broadcast: all agents hear it, none is set to work by it.
        greeting = {
            "message_type": "announcement",
            "from_agent": "Script",
            "content": "Thank you all",
            "metadata": {"status": "online"},
        }
        await client.publish("agents.all", json.dumps(greeting).encode())
        while True:
            heard = json.loads((await everybody.next_msg(timeout=10)).data)
            if heard["from_agent"] == "Script":
                break
        print(f"Everybody heard: {heard['content']}")
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
