"""Research by three agents at once, and an e-mail that a person has to approve.

Kill the worker wherever you like: what an agent has answered is not asked again, the person is not
asked twice, and the mail is sent once.
"""

import asyncio
import os
import smtplib
from email.message import EmailMessage

from hubbub import Reject, Task, Workflows

workflows = Workflows()

RESEARCHERS = ("Historian", "Economist", "Engineer")


@workflows.register(name="research", description="Three agents look into something, in parallel")
async def research(task: Task, topic: str, to: str) -> str:
    """Find out about a topic and mail what was found.

    Args:
        task: the run.
        topic: what to look into.
        to: whom to mail it to.
    """
    await task.progress("Three agents look into it", 0.1)
    async with asyncio.TaskGroup() as group:
        asked = {name: group.create_task(_ask(task, name, topic)) for name in RESEARCHERS}
    found = {name: one.result() for name, one in asked.items()}
    report = await task.step(write_report, topic, found)
    await task.say(report)

    mail = await task.approve(
        "send_email",
        {"to": to, "subject": f"What we know about {topic}", "text": report},
        reason="Nobody outside has seen this yet",
    )
    if not mail.approved:
        raise Reject(f"The mail was not approved: {mail.comment or 'no reason given'}")
    message_id = await task.step(send_email, task, mail.arguments, retries=3)
    return f"Sent to {mail.arguments['to']} as {message_id}"


async def _ask(task: Task, name: str, topic: str) -> str:
    # What runs side by side gets a record of its own, whoever is the first to be done.
    with task.branch(name):
        answer = await task.request_from_agent(name, topic, timeout=120, wait_for_agent=60)
    return answer.text


def write_report(topic: str, found: dict[str, str]) -> str:
    """Put together what was found."""
    parts = [f"{name}: {text}" for name, text in found.items()]
    return "\n\n".join([f"About {topic}", *parts])


def send_email(task: Task, arguments: dict[str, str]) -> str:
    """Send the mail, and return its id.

    If the worker dies in the middle, this runs again. `task.step_key` is the same then, and so is
    the id of the mail, by which the receiving server knows it again.
    """
    mail = EmailMessage()
    mail["From"] = "research@example.com"
    mail["To"] = arguments["to"]
    mail["Subject"] = arguments["subject"]
    mail["Message-ID"] = f"<{task.step_key}@research.example.com>"
    mail.set_content(arguments["text"])
    host, _, port = os.environ.get("SMTP_SERVER", "127.0.0.1:2525").partition(":")
    with smtplib.SMTP(host, int(port), timeout=10) as server:
        server.send_message(mail)
    return str(mail["Message-ID"])
