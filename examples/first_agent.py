"""The smallest agent there is.

Serve it with `hubbub run examples/first_agent.py`, then, in another terminal:
`hubbub request Greeter Ada`.
"""

from hubbub import Agent

greeter = Agent("Greeter", description="Greets whoever writes")


@greeter.run
def greet(name: str) -> str:
    return f"Hello, {name}!"
