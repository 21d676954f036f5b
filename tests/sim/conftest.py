"""Fixtures: a package folder, and the two simulated programs on ports that the kernel chose."""
import os
import shutil
import tempfile

import pytest

from simulated import Pair, Program, make_package


@pytest.fixture
def folder():
    path = tempfile.mkdtemp(prefix="csim-")  # short: Unix socket paths are limited
    yield path
    shutil.rmtree(path)


@pytest.fixture
def package(folder):
    return make_package(os.path.join(folder, "package"))


@pytest.fixture
def start(folder):
    """start(kind, args, scenario=..., ...) -> Program; all are ended afterwards."""
    programs = []

    def begin(kind, args=(), **options):
        program = Program(kind, list(args), folder, **options)
        programs.append(program)
        return program

    yield begin
    for program in programs:
        program.end()


@pytest.fixture
def pair(start, package):
    """pair(scenario) -> Pair of tokenizer and ready runtime."""

    def begin(scenario=None, tokenizer_scenario=None, package_options=(), **options):
        where = package
        if package_options:
            where = make_package(package.folder + "-own", *package_options)
        return Pair(start, where, scenario or {}, tokenizer_scenario, **options)

    return begin
