"""Scenarios of the bench about releases that follow one another: each gives what is wrong."""

from importlib import import_module

from scenario_steps import start
from terminal_judge import disagreements, settle


def release_before(kind):
    """What the terminal's manifest names as the release before it."""
    module_name, _, class_name = kind.manifest.previous.rpartition(":")
    return getattr(import_module(module_name or kind.__module__), class_name)


def updated(make_bench, load_kind):
    """The release before it leaves two sales and one in doubt; it starts on them, and settles."""
    bench, kind = make_bench(), load_kind()
    start(bench, release_before(kind), 100, 200)
    bench.knobs.drop_replies = 1
    bench.act("sale", 300)
    bench.boot(kind)
    bench.idle()
    bench.act("sign_on")
    return disagreements(bench) + settle(bench)


def updated_and_restarted(make_bench, load_kind):
    """Started twice on what the release before it left, before the host could be asked again."""
    bench, kind = make_bench(), load_kind()
    start(bench, release_before(kind), 100)
    bench.knobs.drop_replies = 1
    bench.act("sale", 300)
    bench.boot(kind)
    bench.boot(kind)
    bench.idle()
    return disagreements(bench) + settle(bench)


def with_a_leftover(make_bench, load_kind):
    """Half a copy of the journal stays beside it, as a backup that was broken off leaves it."""
    bench = make_bench()
    start(bench, load_kind(), 100, 200)
    (path,) = [each for each in bench.directory.rglob("*") if each.name == "journal.0"]
    path.with_name("journal.0.tmp").write_bytes(path.read_bytes()[:100])
    bench.cut("kept")
    start(bench, load_kind())
    return disagreements(bench) + settle(bench)


def gone_back(make_bench, load_kind):
    """Somebody goes back to the release before it, and comes again."""
    bench, kind = make_bench(), load_kind()
    start(bench, kind, 100, 200)
    for each in (release_before(kind), kind):
        bench.boot(each)
        bench.act("sale", 300)
    return disagreements(bench) + settle(bench)


UPDATE_SCENARIOS = {
    "migration_drops_doubt": updated,
    "doubt_expires": updated_and_restarted,
    "leftover_taken": with_a_leftover,
    "update_formats": updated,
    "version_ignored": updated,
    "downgrade_overwrites": gone_back,
}
