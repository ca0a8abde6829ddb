"""Lists the files that pytest finds tests in, and leaves out those of other shards.

A plugin of pytest (6 and newer), with two options:
  --committest-list=FILE   writes the names of the files there, as a JSON list
  --committest-share=FILE  reads there, as {"others": [...]}, which files are not to be run
A file whose collection fails or is skipped is one of them, because pytest counts that as well. When
the collection as a whole is given up, no list is written.
"""

import json
import os

import pytest

OTHERS = set()
FILES = set()
IS_NEW = tuple(int(part) for part in pytest.__version__.split(".")[:1]) >= (7,)


def clean(name):
    """Bytes that are no UTF-8 replaced: JSON could not carry them."""
    return name.encode("utf-8", "replace").decode("utf-8")


def file_of(nodeid):
    return clean(nodeid.split("::", 1)[0])


def pytest_addoption(parser):
    group = parser.getgroup("committest")
    group.addoption("--committest-list")
    group.addoption("--committest-share")


def pytest_configure(config):
    share = config.getoption("committest_share")
    if share:
        with open(share, encoding="utf-8") as file:
            OTHERS.update(json.load(file)["others"])


def is_of_others(path, config):
    # A package is looked at through this file, also for the sake of the files beside it.
    if not OTHERS or os.path.basename(str(path)) == "__init__.py":
        return None
    name = os.path.relpath(str(path), str(config.rootdir if not IS_NEW else config.rootpath))
    return True if clean(name.replace(os.sep, "/")) in OTHERS else None


if IS_NEW:
    def pytest_ignore_collect(collection_path, config):
        return is_of_others(collection_path, config)
else:
    def pytest_ignore_collect(path, config):
        return is_of_others(path, config)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """For files that pytest collects whatever a plugin says, such as those named in addopts."""
    others = [item for item in items if file_of(item.nodeid) in OTHERS]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if file_of(item.nodeid) not in OTHERS]


def pytest_collectreport(report):
    if not report.passed:
        FILES.add(file_of(report.nodeid))


@pytest.hookimpl(hookwrapper=True)
def pytest_collection(session):
    outcome = yield
    path = session.config.getoption("committest_list")
    if path and outcome.excinfo is None:
        FILES.update(file_of(item.nodeid) for item in session.items)
        with open(path + ".partial", "w", encoding="utf-8") as file:
            json.dump(sorted(FILES), file)
        os.rename(path + ".partial", path)
