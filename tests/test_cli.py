import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from hringur import cli, interrupts

ROOT = Path(__file__).parents[1]


def test_overview_names_every_command(capsys):
    for arguments in ([], ["-h"], ["--help"]):
        assert cli.main(arguments) == 0
        shown = capsys.readouterr().out
        assert all(f"  {name} " in shown for name in cli.COMMANDS)


def test_overview_imports_nothing_slow():
    code = (
        "import sys; from hringur.cli import main; main(['--help']);"
        "heavy = {'torch', 'matplotlib', 'tyro', 'ortools'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "hringur", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"hringur {version('hringur')}\n")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_defaults(name, capsys):
    assert cli.main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"usage: hringur {name}" in shown
    assert "(default: " in shown or name == "train"  # which has one for each learner


def test_an_unknown_command_is_refused_by_name(capsys):
    assert cli.main(["trian"]) == 2
    said = capsys.readouterr()
    known = ", ".join(cli.COMMANDS)
    assert said.err == f"hringur: unknown command 'trian'; there are {known}\n"
    assert said.out == ""


@pytest.mark.parametrize(
    "error, code, said",
    [
        (cli.UserError("bad\ninput"), 2, "hringur: bad input\n"),
        (FloatingPointError("step 3: loss nan"), 1, "hringur: the training failed: step 3"),
        (KeyboardInterrupt(), 130, "hringur: stopped\n"),
    ],
)
def test_each_end_has_one_line_and_a_code(error, code, said, capsys, monkeypatch):
    def fail(arguments):
        raise error

    monkeypatch.setattr(cli, "command", lambda name: fail)
    assert cli.main(["train"]) == code
    shown = capsys.readouterr().err
    assert shown.startswith(said) and shown.count("\n") == 1


def test_a_mistake_of_our_own_is_not_hidden(monkeypatch):
    def fail(arguments):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "command", lambda name: fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["train"])


def test_a_reader_that_leaves_early_is_no_error():
    """As ``hringur ... | head -1`` does."""
    code = (
        "import sys, hringur.cli as cli;"
        "cli.command = lambda name: lambda rest: [print('x' * 99) for _ in range(10**5)];"
        "sys.exit(cli.main(['tour']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_endless_message_is_cut():
    assert cli.one_line("a\nb\x1b") == r"a b\x1b"
    assert len(cli.one_line("x" * 100_000)) < 3_000


def test_ctrl_c_while_the_program_starts_is_one_line(tmp_path):
    """A package that is imported first says when the interpreter is ready, and sleeps."""
    (tmp_path / "gymnasium.py").write_text("import time; print(flush=True); time.sleep(60)")
    command = [sys.executable, "-m", "hringur", "list"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as started:
        started.stdout.readline()
        started.send_signal(signal.SIGINT)
        assert started.wait(30) == 130 and started.stderr.read() == "hringur: stopped\n"


def test_a_program_of_ones_own_keeps_its_signals():
    assert interrupts.is_the_program(["python", "/bin/hringur", "list"])
    assert interrupts.is_the_program(["python", "-m", "hringur"])
    for words in (["python"], ["python", "-m", "hringur.other"], ["python", "own.py", "hringur"]):
        assert not interrupts.is_the_program(words)
    assert signal.getsignal(signal.SIGINT) is not interrupts.stop_at_once
