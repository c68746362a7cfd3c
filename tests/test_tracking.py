"""Weights & Biases as a view of `metrics.jsonl`: the real thing offline, and a fake for what an account would see."""

import socket
import struct
import subprocess
import sys
import time
import types

import pytest
import yaml

from dstjax import cli
from dstjax.fields import Config
from dstjax.plan import Plan
from dstjax.runs import RunDir
from dstjax.tracking import NoTracker, WandbTracker, make_tracker
from dstjax.upload import Tail, Uploader, run_id, wandb_mode

PLAN = Plan(Config(env="hopper", steps=400, chunk_steps=100), ("dst",), (0, 1), {"noise.obs_scale": (0.0, 0.2)})
SECRETS = ["jane-roe", "0123456789abcdef0123456789abcdef01234567"]
if len(socket.gethostname()) > 5:  # A shorter name would be found in any binary file.
    SECRETS.append(socket.gethostname())


@pytest.fixture
def no_account(monkeypatch, tmp_path):
    for variable in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    return tmp_path / "netrc"


def rows(*steps):
    return [
        {"member": i, "method": "dst", "env": "hopper", "seed": i % 2, "noise.obs_scale": 0.2 * (i // 2), "step": step}
        | {"eval/return": float(step + i), "train/return": None, "time/wall_s": 1.0}
        for step in steps
        for i in range(4)
    ]


@pytest.fixture
def run(tmp_path, no_account):
    """A run directory of four members, without rows yet."""
    run = RunDir(tmp_path / "run")
    members = [{name: row[name] for name in list(row)[:5]} for row in rows(0)]
    run.create(PLAN, {"id": "f" * 32}, members)
    return run


class FakeWandb(types.ModuleType):
    """Keeps what it is told, by run id, as the server would; `fail_in` names a call that raises."""

    def __init__(self, fail_in=""):
        super().__init__("wandb")
        self.inits, self.history, self.fail_in, self.most_open, self.open = {}, {}, fail_in, 0, set()

    def Settings(self, **options):
        return types.SimpleNamespace(base_url="https://tracker.example", **options)

    def init(self, **options):
        self._maybe_fail("init")
        key = options["id"]
        self.inits[key] = options
        logged = self.history.setdefault(key, [])
        self.open.add(key)
        self.most_open = max(self.most_open, len(self.open))

        def log(numbers, step):
            self._maybe_fail("log")
            logged.append((step, numbers))

        next_step = logged[-1][0] + 1 if logged and options["mode"] == "online" else 0
        return types.SimpleNamespace(
            log=log, step=next_step, finish=lambda: self.open.discard(key), define_metric=self._define
        )

    def _define(self, name, step_metric=None):
        assert (name, step_metric) in {("env_steps", None), ("*", "env_steps")}

    def _maybe_fail(self, call):
        if call == self.fail_in:
            raise ConnectionError("no route")


@pytest.fixture
def fake(monkeypatch):
    module = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_one_run_per_member_to_group_and_filter_by(fake, run):
    uploader = Uploader(run, "project")
    uploader.send(rows(100, 200))
    uploader.finish()
    assert [init["config"]["seed"] for init in fake.inits.values()] == [0, 1, 0, 1]
    assert [init["group"] for init in fake.inits.values()] == ["dst | no noise"] * 2 + ["dst | obs_scale 0.2"] * 2
    last = list(fake.inits.values())[-1]
    assert last["config"].items() >= {"width": PLAN.config.width, "noise": {"obs_scale": 0.2}, "method": "dst"}.items()
    assert (last["config"]["noise_level"], last["mode"], last["dir"]) == ("obs_scale 0.2", "offline", str(run.path))
    assert fake.history[last["id"]][0] == (100, {"env_steps": 100, "eval/return": 103.0, "time/wall_s": 1.0})
    assert not fake.open


def test_ids_are_a_function_of_run_and_member(run):
    ids = [run_id(key, member) for key in "ab" for member in range(3)]
    assert len(set(ids)) == 6
    assert ids[0] == run_id("a", 0)


def test_an_account_gets_each_row_once_however_often_it_is_sent(fake, run, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    first = Uploader(run, "project")
    first.send(rows(100, 200))
    first.send(rows(200))
    first.finish()
    run.append(rows(100, 200, 300, 400))
    for _ in range(2):
        assert cli.main(["sync", str(run.path)]) == 0
    assert [[step for step, _ in logged] for logged in fake.history.values()] == [[100, 200, 300, 400]] * 4


def test_many_members_are_sent_a_few_at_a_time(fake, run, monkeypatch):
    monkeypatch.setattr("dstjax.upload.LIVE_RUNS", 3)
    run.append(rows(100, 200))
    uploader = Uploader(run, "project")
    uploader.send(rows(100))
    uploader.send(rows(200))
    uploader.finish()
    assert fake.most_open == 3
    assert [[step for step, _ in logged] for logged in fake.history.values()] == [[100, 200]] * 4


def test_rows_are_read_as_they_are_written_and_again_where_the_file_was_replaced(run):
    tail = Tail(run.metrics_file)
    assert tail.read() == []
    run.append(rows(100))
    with run.metrics_file.open("a") as file:
        file.write('{"member": 0, "st')
        file.flush()
        assert tail.read() == rows(100)
        file.write('ep": 200}\n')
    assert tail.read() == [{"member": 0, "step": 200}]
    run.truncate({0}, 100)
    assert tail.read() == rows(100)


@pytest.mark.parametrize("call", ["init", "log"])
def test_a_failure_is_a_warning(call, run, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "wandb", FakeWandb(call))
    run.append(rows(100))
    assert cli.main(["sync", str(run.path)]) == 1
    err = capsys.readouterr().err
    assert err == f"dstjax: warning: Weights & Biases: no route; `dstjax sync {run.path}` sends all rows later\n"


def test_what_is_no_run_is_a_user_error(tmp_path, capsys):
    assert cli.main(["sync", str(tmp_path)]) == 2
    assert "no run in" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_online_only_with_an_account_or_on_request(no_account, fake, monkeypatch):
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


def records(path):
    """The records of W&B's file: LevelDB's log format, blocks of 32 KiB after a header of 7 bytes."""
    data, place, whole = path.read_bytes(), 7, b""
    while place < len(data):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        _, size, kind = struct.unpack_from("<IHB", data, place)
        whole += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # complete, or its last part
            yield whole
            whole = b""


def history(run, member):
    """What the offline files of a member hold: the logged steps, per file."""
    from wandb.proto.wandb_internal_pb2 import Record

    files = (run.path / "wandb").glob(f"offline-run-*/run-{run_id('f' * 32, member)}.wandb")
    parsed = [[Record.FromString(data) for data in records(path)] for path in files]
    return [[r.history.step.num for r in found if r.WhichOneof("record_type") == "history"] for found in parsed]


def test_the_real_thing_follows_a_run_offline_and_names_nobody(run, monkeypatch, tmp_path):
    for variable in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(variable, SECRETS[0])
    monkeypatch.setenv("WANDB_API_KEY", SECRETS[1])
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("HOME", str(tmp_path / SECRETS[0]))
    said = []
    with WandbTracker("project", run.path, said.append, patience=60.0):
        run.append(rows(100))
        time.sleep(0.1)
        run.append(rows(200))
    assert said == []
    assert [history(run, member) for member in range(4)] == [[[100, 200]]] * 4
    run.append(rows(300, 400))
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "dstjax.cli", "sync", str(run.path)], check=True)
    assert [history(run, member) for member in range(4)] == [[[100, 200, 300, 400]]] * 4, "again, and not doubled"
    for path in run.path.rglob("*"):
        if path.is_file():
            assert [word for word in SECRETS if word.encode() in path.read_bytes()] == [], path
    assert yaml.safe_load(run.config_file.read_text())["id"] == "f" * 32


def test_what_hangs_holds_nobody_up(run, monkeypatch):
    tracker = WandbTracker("project", run.path, said := [].append, patience=0.1)
    tracker._words = [sys.executable, "-c", "import time; time.sleep(3)"]
    begun = time.perf_counter()
    with tracker:
        pass
    tracker._process.kill()
    assert time.perf_counter() - begun < 2.5, said
    tracker._process.wait()


def test_none_tracks_nothing(tmp_path):
    with make_tracker("none", "project", tmp_path, print) as tracker:
        assert type(tracker) is NoTracker
    assert list(tmp_path.iterdir()) == []
