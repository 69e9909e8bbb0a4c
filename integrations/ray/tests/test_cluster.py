"""A local cluster of several nodes with one core each, real recordings, and a real S3 server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pytest
import ray
from ray.cluster_utils import Cluster

import audio_classifier
from audio_classifier_ray import ArchiveError, Settings, classify_archive
from audio_classifier_ray.inputs import find_recordings
from audio_classifier_ray.journal import Journal
from audio_classifier_ray.storage import File, Store
from audio_classifier_ray.worker import Job, Worker, describe_node

MODEL = "keywords-en"
SOUNDS = Path("/usr/share/sounds/alsa")
NODES = 3


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real recordings in three folders, one of them broken."""
    folder = tmp_path_factory.mktemp("archive")
    for number in range(3):
        (folder / f"site{number}").mkdir()
        for file in sorted(SOUNDS.glob("*.wav")):
            name = f"2026050{number + 1}_120000_{file.name}"
            (folder / f"site{number}" / name).write_bytes(file.read_bytes())
    (folder / "site1" / "broken.wav").write_bytes(b"RIFF" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(NODES):
        cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def rows(folder: str, filesystem: Any = None) -> list[dict[str, Any]]:
    """All rows of the results, sorted; the columns of the partitions are left out."""
    table = pa.dataset.dataset(folder, format="parquet", filesystem=filesystem).to_table()
    return sorted(table.to_pylist(), key=lambda row: (row["file"], row["rank"] or 0))


def expected_rows(recordings: Path, **settings: Any) -> list[dict[str, Any]]:
    """What one process on one machine says."""
    from audio_classifier.tables import Table

    table = Table("summary", False)
    with audio_classifier.Classifier(MODEL) as classifier:
        files, _ = classifier.find(recordings)
        found = [row for result in classifier.results(files, **settings) for row in table.rows(result)]
    return sorted(found, key=lambda row: (row["file"], row["rank"] or 0))


def test_the_cluster_gives_the_results_of_one_machine(cluster: Cluster, recordings: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    settings = Settings(MODEL, partition_by="date")
    files = find_recordings(Store(), [str(recordings)])
    outcome = classify_archive(files, out, settings, block_files=4)
    assert outcome.files == 28 and outcome.failed == 1
    assert rows(out) == expected_rows(recordings)
    partitions = {path.parent.name for path in Path(out).glob("*/*.parquet")}
    assert partitions == {"date=2026-05-01", "date=2026-05-02", "date=2026-05-03", "date=unknown"}
    # Again: nothing is left to do. With another file: that one alone.
    again = classify_archive(files, out, settings, block_files=4)
    assert (again.done_before, again.rows) == (28, 0)
    more = tmp_path / "20260504_more.wav"
    more.write_bytes((SOUNDS / "Front_Left.wav").read_bytes())
    grown = classify_archive([*files, *find_recordings(Store(), [str(more)])], out, settings, block_files=4)
    assert (grown.done_before, grown.files) == (28, 29)
    assert len(rows(out)) == len(expected_rows(recordings)) + 3
    with pytest.raises(ArchiveError, match="other settings"):
        classify_archive(files, out, Settings(MODEL, window=1))


def test_a_node_that_is_killed_after_it_has_written_loses_and_doubles_nothing(
    cluster: Cluster, recordings: Path, tmp_path: Path
) -> None:
    halt = tmp_path / "halt"
    halt.touch()
    killed: list[int] = []

    def kill() -> None:
        """Kills a node of which a worker has written results and has not noted them."""
        while not (waiting := list(tmp_path.glob("halt.*"))):
            time.sleep(0.05)
        worker = int(waiting[0].suffix[1:])
        node = next(
            node
            for node in cluster.worker_nodes
            if _is_below(worker, {process.process.pid for process in node.all_processes["raylet"]})
        )
        killed.append(worker)
        cluster.remove_node(node, allow_graceful=False)
        # Workers of a raylet that is gone end by themselves, and the machine of a real node is gone with them.
        _end(worker)
        halt.unlink()

    thread = threading.Thread(target=kill)
    thread.start()
    out = str(tmp_path / "out")
    outcome = classify_archive(
        find_recordings(Store(), [str(recordings)]), out, Settings(MODEL), block_files=3, halt=str(halt)
    )
    thread.join()
    assert killed and outcome.files == 28
    assert rows(out) == expected_rows(recordings)
    assert not list(Path(out).rglob("*.partial"))
    cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)


def test_a_driver_that_is_killed_goes_on_where_it_was(cluster: Cluster, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "audio_classifier_ray", str(recordings), "--output", str(out)]
    options = ["--model", MODEL, "--block-files", "2", "--address", cluster.address, "--workers", "1"]
    driver = subprocess.Popen([*command, *options], stderr=subprocess.DEVNULL)
    while not list(out.glob("_journal/done/*")) and driver.poll() is None:
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    done = len(list(out.glob("_journal/done/*")))
    assert 0 < done < 14
    finished = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert finished.returncode == 65, finished.stderr
    assert "0 done before" not in finished.stderr and "28 files" in finished.stderr
    assert rows(str(out)) == expected_rows(recordings)


def test_an_object_store(cluster: Cluster, recordings: Path, tmp_path: Path) -> None:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = {"endpoint_url": f"http://{host}:{port}", "region_name": "us-east-1"}
        options = {"key": "testing", "secret": "testing", "client_kwargs": endpoint}
        store = Store(options)
        session = boto3.client("s3", aws_access_key_id="testing", aws_secret_access_key="testing", **endpoint)
        session.create_bucket(Bucket="archive")
        system, _ = store.resolve("s3://archive/in")
        for file in sorted((recordings / "site1").iterdir()):
            system.pipe_file(f"archive/in/site1/{file.name}", file.read_bytes())
        files = find_recordings(store, ["s3://archive/in"])
        outcome = classify_archive(files, "s3://archive/out", Settings(MODEL), options=options, block_files=4)
        assert outcome.failed == 1
        observed = rows("archive/out", system)
        expected = expected_rows(recordings / "site1")
        assert len(observed) == len(expected)
        for row, reference in zip(observed, expected):
            name = Path(reference["file"]).name
            assert row["file"] == f"s3://archive/in/site1/{name}"
            assert (row["label"], row["p"], row["seconds"]) == tuple(
                reference[key] for key in ("label", "p", "seconds")
            )
            assert (row["error"] is None) == (reference["error"] is None)
    finally:
        server.stop()


def test_wrong_credentials_end_the_run_and_mark_no_file(cluster: Cluster, tmp_path: Path) -> None:
    """The server checks signatures; the workers may not read what the driver has listed."""
    files = [File("s3://archive/in/1.wav", 1, "x")]
    refuse = _refusing_server()
    options = {"anon": True, "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{refuse.server_port}"}}
    threading.Thread(target=refuse.serve_forever, daemon=True).start()
    with pytest.raises(ArchiveError, match="credentials"):
        classify_archive(files, str(tmp_path / "out"), Settings(MODEL), options=options)
    assert not list(tmp_path.glob("out/_journal/done/*")) and not list(tmp_path.glob("out/source*"))
    with pytest.raises(ArchiveError, match="credentials"):
        find_recordings(Store(options), ["s3://archive/in"])
    refuse.shutdown()


def test_a_cluster_without_the_program_says_so(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no-such-model"):
        classify_archive([File(str(SOUNDS / "Front_Left.wav"), 1, "")], str(tmp_path), Settings("no-such-model"))
    program = tmp_path / "no-program"
    task = ray.remote(num_cpus=0, runtime_env={"env_vars": {"AUDIO_CLASSIFIERD": str(program)}})(describe_node)
    assert str(program) in ray.get(task.remote(MODEL))["error"]


def test_a_program_that_is_killed_costs_its_recording_alone(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording for which the program is killed each time, as for want of memory, has that in its row."""
    files = find_recordings(Store(), [str(recordings / "site0")])
    poison = files[4].path
    worker = Worker(Job(str(tmp_path / "out"), Settings(MODEL), {}))
    original = worker._classify

    def classify(part: list[File]) -> Iterator[audio_classifier.FileResult]:
        if poison in {file.path for file in part}:
            os.kill(worker.classifier.pid, signal.SIGKILL)
        yield from original(part)

    monkeypatch.setattr(worker, "_classify", classify)
    (block,), _ = Journal(Store(), str(tmp_path / "out")).plan(files, 100, Settings(MODEL))
    report = worker.work(block)
    assert (report["files"], report["failed"]) == (9, 1)
    observed = rows(str(tmp_path / "out"))
    (failed,) = [row for row in observed if row["error"] is not None]
    assert failed["file"] == poison and "SIGKILL" in failed["error"] and "memory" in failed["error"]
    assert [row for row in observed if row["file"] != poison] == [
        row for row in expected_rows(recordings / "site0") if row["file"] != poison
    ]


def _refusing_server() -> Any:
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Refuse)


def _is_below(process: int, parents: set[int]) -> bool:
    """Whether a process is one of these, or a descendant."""
    while process > 1:
        if process in parents:
            return True
        stat = Path(f"/proc/{process}/stat").read_text()
        process = int(stat.rpartition(")")[2].split()[1])
    return False


def _end(process: int) -> None:
    """Kills a process, and waits until it is gone."""
    try:
        os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{process}").exists():
            time.sleep(0.02)
    except ProcessLookupError:
        pass
