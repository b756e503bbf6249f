"""Where a run's scalars, figures and checkpoints go."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from hringur.training.config import Counters
from hringur.training.displays import Display
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, State


class Log:
    """What the trainer reports to; this one keeps nothing and shows the progress on ``display``."""

    def __init__(self, display: Display | None = None) -> None:
        self.display = display or Display()

    def begin(self, now: Counters) -> None:
        """Training starts or goes on at ``now``."""

    def updated(self, now: Counters) -> bool:
        """Called after every update; False ends the training."""
        return True

    def scalars(self, metrics: Metrics, now: Counters) -> None:
        """Averages over the last updates."""

    def evaluation(self, metrics: Metrics, now: Counters) -> None:
        """The result of one evaluation."""
        self.display.measured(metrics, now)

    def figures(self, figures: Mapping[str, Figure | str], now: Counters) -> None:
        """Pictures and texts by tag."""
        self.display.draw({tag: one for tag, one in figures.items() if isinstance(one, Figure)})

    def progress(self, share: float, now: Counters, headline: str) -> None:
        """Called after every update; ``share`` of the budget is used [0 .. 1]."""
        self.display.show(share, now, headline)

    def checkpoint(self, state: State, now: Counters, keep: int) -> None:
        """Everything needed to go on from here; the last ``keep`` of them stay."""

    def end(self, metrics: Metrics, now: Counters, interrupted: bool) -> None:
        """The budget is used up, or the run was stopped."""

    def close(self) -> None:
        """Always the last call, after a failure too."""
        self.display.close()


NoLog = Log
"""For ranks above zero, and for scripts."""


class RunLog(Log):
    """Keeps everything in a run folder: TensorBoard, learning curve, checkpoints, metrics."""

    def __init__(
        self,
        folder: RunFolder,
        display: Display | None = None,
        resume_command: str | None = None,
    ) -> None:
        """``resume_command`` is what to type after an interruption."""
        super().__init__(display)
        self.folder = folder
        self.resume_command = resume_command or f"hringur train ... --resume {folder.path}"
        self._writer: SummaryWriter | None = None
        self._begun_at = 0

    @property
    def writer(self) -> SummaryWriter:
        """TensorBoard's writer; the first use drops what was written beyond the beginning."""
        if self._writer is None:
            self.folder.cut_history(self._begun_at)
            self._writer = SummaryWriter(str(self.folder.path), purge_step=self._begun_at + 1)
        return self._writer

    def begin(self, now: Counters) -> None:
        """Write nothing: the first update may yet show that nothing can be learned."""
        self.folder.read_history()  # refuses what is none
        self._begun_at = now.steps

    def scalars(self, metrics: Metrics, now: Counters) -> None:
        """Write them for TensorBoard."""
        for tag, value in metrics.items():
            self.writer.add_scalar(tag, value, now.steps)

    def evaluation(self, metrics: Metrics, now: Counters) -> None:
        """Write it for TensorBoard and into the learning curve."""
        super().evaluation(metrics, now)
        self.scalars(metrics, now)
        self.folder.append_history(_result(metrics, now))

    def figures(self, figures: Mapping[str, Figure | str], now: Counters) -> None:
        """Write them for TensorBoard, as images and as text (Markdown)."""
        for tag, figure in figures.items():
            if isinstance(figure, str):
                self.writer.add_text(tag, figure, now.steps)
            else:
                self.writer.add_figure(tag, figure, now.steps, close=False)
        super().figures(figures, now)

    def checkpoint(self, state: State, now: Counters, keep: int) -> None:
        """Write it; the scalars so far go first, so that none is missing after a kill."""
        self.writer.flush()
        self.folder.save_checkpoint(state, now.steps, keep)

    def end(self, metrics: Metrics, now: Counters, interrupted: bool) -> None:
        """Write the final metrics, or say how to go on."""
        if interrupted:
            self.display.say(f"stopped after {now.steps:,} steps; go on with:")
            self.display.say(f"  {self.resume_command}")
        else:
            self.folder.write_metrics(_result(metrics, now))
            # Summaries of their own: add_hparams would log every metric a second time.
            file_writer = self.writer._get_file_writer()
            for summary in hparams(_flat(self.folder.settings()), metrics):
                file_writer.add_summary(summary)

    def close(self) -> None:
        """Close the files and the display, and release the run folder."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self.folder.release()
        super().close()


def _result(metrics: Metrics, now: Counters) -> dict[str, Any]:
    """One line of the learning curve."""
    return {
        "step": now.steps,
        "samples": now.samples,
        "seconds": round(now.seconds, 3),
        "evaluation_seconds": round(now.evaluation_seconds, 3),
        "metrics": metrics,
    }


def _flat(settings: Any, where: str = "") -> dict[str, bool | int | float | str]:
    """Nested settings as HParams: ``trainer.steps`` and the like; lists as text."""
    if not isinstance(settings, dict):
        return {where: settings if isinstance(settings, bool | int | float) else str(settings)}
    flat: dict[str, bool | int | float | str] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{where}.{key}" if where else key)
    return flat
