"""The run on a cluster: a plan, a pool of workers under Ray Data, and a report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from .errors import ArchiveError
from .journal import Journal
from .settings import Settings
from .storage import File, Store
from .worker import Job, Worker, describe_node


@dataclass(frozen=True)
class Outcome:
    """What a run has done. The times are those of its own blocks."""

    files: int
    done_before: int
    changed: int
    failed: int
    rows: int
    audio_seconds: float
    elapsed: float
    nodes: dict[str, int]


def classify_archive(
    files: list[File],
    output: str,
    settings: Settings | None = None,
    *,
    options: dict[str, Any] | None = None,
    block_files: int = 64,
    workers: int | None = None,
    threads: int = 1,
    halt: str | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Classifies files on the cluster that Ray is connected to, and writes Parquet below `output`.

    A worker has `threads` cores; by default there are as many workers as the cluster holds. The same call goes on where
    an earlier run has ended. Raises ArchiveError.
    """
    settings = settings or Settings()
    store = Store(options)
    journal = Journal(store, output)
    journal.open(settings, _check_nodes(settings.model))
    blocks, changed = journal.plan(files, block_files, settings)
    done = journal.done()
    left = [block for block in blocks if block.name not in done]
    files_before = sum(len(block.files) for block in blocks if block.name in done)
    began = time.monotonic()
    reports: list[dict[str, Any]] = []
    if left:
        room = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        job = Job(output.rstrip("/"), settings, dict(options or {}), threads, halt)
        count = min(workers or room, len(left))
        for report in _run(left, job, count):
            reports.append(report)
            progress(f"{len(reports)} of {len(left)} blocks")
    nodes: dict[str, int] = {}
    for report in reports:
        nodes[report["node"]] = nodes.get(report["node"], 0) + report["files"]
    return Outcome(
        files=sum(len(block.files) for block in blocks),
        done_before=files_before,
        changed=changed,
        failed=sum(report["failed"] for report in reports),
        rows=sum(report["rows"] for report in reports),
        audio_seconds=sum(report["audio_seconds"] for report in reports),
        elapsed=time.monotonic() - began,
        nodes=nodes,
    )


def _run(blocks: list[Any], job: Job, workers: int) -> Any:
    """The reports of blocks, as they come."""
    data = ray.data.from_items([{"block": block} for block in blocks], override_num_blocks=len(blocks))
    # A block is done again if its node is lost. An error of the work itself ends the run.
    results = data.map_batches(
        Worker,
        fn_constructor_args=(job,),
        batch_size=1,
        batch_format="numpy",
        num_cpus=job.threads,
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers),
    )
    try:
        for report in results.iter_rows():
            if report["status"]:
                raise ArchiveError(report["error"], int(report["status"]))
            yield report
    except ArchiveError:
        raise
    except Exception as error:
        raise ArchiveError(f"the cluster has failed: {type(error).__name__}: {error}") from error


def _check_nodes(model: str) -> str:
    """The hash of the model, which all nodes must have, with the program."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not nodes:
        raise ArchiveError("the cluster has no node with a processor", 69)
    task = ray.remote(num_cpus=0)(describe_node)
    answers = ray.get(
        [
            task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(model)
            for node in nodes
        ]
    )
    failures = {
        f"{node['NodeManagerAddress']} ({answer['node']}): {answer['error']}"
        for node, answer in zip(nodes, answers)
        if "error" in answer
    }
    if failures:
        raise ArchiveError("nodes that cannot classify:\n" + "\n".join(sorted(failures)), 69)
    hashes = {answer["model_sha256"] for answer in answers}
    if len(hashes) > 1:
        raise ArchiveError(f"the nodes have different models of the name {model}; install the same package on all", 78)
    return str(hashes.pop())
