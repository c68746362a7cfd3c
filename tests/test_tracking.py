import types
import warnings

import pytest

from dstjax.tracking import NoTracker, WandbTracker, make_tracker, run_id, wandb_mode

MEMBERS = [
    {"member": i, "method": "dst", "env": "hopper", "seed": i, "noise.obs_scale": 0.2, "noise.dynamics_std": 0.0}
    for i in range(2)
]
ROWS = [{**member, "step": 100, "eval/return": 1.5, "train/return": None, "time/wall_s": 2.0} for member in MEMBERS]


@pytest.fixture
def no_account(monkeypatch, tmp_path):
    for variable in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


class FakeWandb(types.ModuleType):
    """Keeps what it is told; `fail_in` names a call that raises."""

    def __init__(self, fail_in=""):
        super().__init__("wandb")
        self.inits, self.logs, self.finished, self.fail_in = [], [], 0, fail_in

    def Settings(self, **options):
        return types.SimpleNamespace(base_url="https://tracker.example", **options)

    def init(self, **options):
        self._maybe_fail("init")
        self.inits.append(options)
        return types.SimpleNamespace(log=self._log, finish=self._finish)

    def _log(self, numbers, step):
        self._maybe_fail("log")
        self.logs.append((numbers, step))

    def _finish(self):
        self.finished += 1

    def _maybe_fail(self, call):
        if call == self.fail_in:
            raise ConnectionError("no route")


def track(fake, monkeypatch, directory):
    monkeypatch.setitem(__import__("sys").modules, "wandb", fake)
    tracker = WandbTracker("project", directory)
    tracker.start(MEMBERS, {"width": 64})
    tracker.log(ROWS)
    tracker.log(ROWS)
    tracker.finish()


def test_one_run_per_member_grouped_by_method_and_noise(no_account, monkeypatch, tmp_path):
    fake = FakeWandb()
    track(fake, monkeypatch, tmp_path)
    assert [init["config"]["seed"] for init in fake.inits] == [0, 1]
    assert {init["group"] for init in fake.inits} == {"dst | obs_scale 0.2"}
    assert fake.inits[0]["config"] == {"width": 64, **MEMBERS[0]}
    assert {(init["mode"], init["reinit"], init["dir"]) for init in fake.inits} == {
        ("offline", "create_new", str(tmp_path))
    }
    assert fake.logs[0] == ({"eval/return": 1.5, "time/wall_s": 2.0}, 100)
    assert (len(fake.logs), fake.finished) == (4, 2)


def test_ids_are_a_function_of_run_and_member(tmp_path):
    ids = [run_id(tmp_path / name, member) for name in "ab" for member in range(3)]
    assert len(set(ids)) == 6
    assert ids[0] == run_id(tmp_path / "a", 0)


@pytest.mark.parametrize("call", ["init", "log"])
def test_a_failure_warns_once_and_ends_nothing(call, no_account, monkeypatch, tmp_path):
    with pytest.warns(UserWarning, match="no route") as caught:
        track(FakeWandb(call), monkeypatch, tmp_path)
    assert len(caught) == 1


def test_online_only_with_an_account_or_on_request(no_account, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "wandb", FakeWandb())
    assert wandb_mode() == "offline"
    no_account.write_text("machine tracker.example login user password secret\n")
    no_account.chmod(0o600)
    assert wandb_mode() == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode() == "disabled"
    monkeypatch.delenv("WANDB_MODE")
    no_account.unlink()
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert wandb_mode() == "online"


def test_the_real_thing_offline(no_account, tmp_path, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        tracker = make_tracker("wandb", "project", tmp_path / "run")
        (tmp_path / "run").mkdir()
        tracker.start(MEMBERS, {"width": 64})
        tracker.log(ROWS)
        tracker.finish()
    for member in (0, 1):
        (stored,) = (tmp_path / "run" / "wandb").glob(f"offline-run-*/run-{run_id(tmp_path / 'run', member)}.wandb")
        assert stored.stat().st_size > 100
    assert capfd.readouterr().out == ""


def test_none_tracks_nothing(tmp_path):
    tracker = make_tracker("none", "project", tmp_path)
    assert isinstance(tracker, NoTracker)
    tracker.start(MEMBERS, {})
    tracker.log(ROWS)
    tracker.finish()
    assert list(tmp_path.iterdir()) == []
