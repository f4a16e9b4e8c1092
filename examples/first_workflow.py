"""The smallest workflow that asks somebody something.

Serve it with `hubbub run examples/first_workflow.py`, then, in another terminal:
`hubbub start lunch people=3`.
"""

from hubbub import Task, Workflows

workflows = Workflows()


@workflows.register(description="Orders lunch")
async def lunch(task: Task, people: int = 1) -> str:
    dish = await task.ask_choice("What shall it be?", ["pizza", "salad"])
    price = await task.step(order, dish, people)
    await task.sleep(1)
    return f"{people} times {dish} for {price} euros"


def order(dish: str, people: int) -> int:
    return people * {"pizza": 9, "salad": 7}[dish]
