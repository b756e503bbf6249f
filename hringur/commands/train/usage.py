"""``hringur train``: what can be trained, said at once; the rest when there is something to do."""

from hringur.registry import learners, models
from hringur.types import UserError


def main(arguments: list[str]) -> None:
    """Say how the command is called, or train."""
    if arguments and arguments[0] not in ("-h", "--help"):
        from hringur.commands.train.command import main as train  # torch takes seconds

        train(arguments)
        return
    usage = (
        "hringur train NAME [OPTIONS], or hringur train --resume FOLDER;"
        f" NAME is {', '.join(learners() | models())}"
    )
    if not arguments:
        raise UserError(usage)
    print(
        f"usage: {usage}\n\nhringur train NAME --help lists the options of each learner, "
        "hringur train --resume --help those of going on."
    )
