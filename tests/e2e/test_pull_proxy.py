"""Pulls through a proxy: what it is asked for, what is said when it refuses, and that it is no way into this network."""

import pytest

from connect_proxy import ConnectProxy
from hub import Hub
from test_pull import Box, led_inside, some_files


@pytest.fixture
def hub(tmp_path):
    one = Hub(tmp_path, some_files())
    yield one
    one.close()


@pytest.fixture
def proxy():
    one = ConnectProxy()
    yield one
    one.close()


def boxed(tmp_path, hub, proxy, user="", **more):
    box = Box(tmp_path / "box", hub)
    for name in ("no_proxy", "NO_PROXY"):
        box.environment.pop(name, None)
    box.environment.update(https_proxy=f"http://{user}{proxy.address}", **more)
    return box


def test_a_package_comes_through_the_proxy_and_by_no_other_way(tmp_path, hub, proxy):
    box = boxed(tmp_path, hub, proxy)
    box.pull()
    assert box.found() == hub.files
    ports = {one.server_address[1] for one in (hub.hub, hub.storage)}
    assert {int(target.rpartition(":")[2]) for target in proxy.asked} == ports


def test_no_proxy_names_what_is_asked_directly(tmp_path, hub, proxy):
    box = boxed(tmp_path, hub, proxy, no_proxy="127.0.0.1")
    box.pull()
    assert box.found() == hub.files and proxy.asked == []


def test_a_proxy_with_a_password_asks_for_it(tmp_path, hub, proxy):
    proxy.wanted = "Basic dXNlcjpzZWNyZXQ="  # user:secret
    told = boxed(tmp_path, hub, proxy).pull(status=1).stderr
    assert "(407)" in told and "http://NAME:PASSWORD@PROXY:PORT" in told
    assert len(proxy.asked) == 1, "asked once more without a password"
    box = boxed(tmp_path, hub, proxy, user="user:secret@")
    box.pull()
    assert box.found() == hub.files


def test_a_proxy_that_refuses_is_named_and_one_in_trouble_asked_again(tmp_path, hub, proxy):
    proxy.status = 403
    box = boxed(tmp_path, hub, proxy)
    told = box.pull(status=1).stderr
    assert "the proxy blocks '127.0.0.1' (403)" in told and "no_proxy" in told
    proxy.status = 503
    running = box.start()
    while len(proxy.asked) < 3:
        assert running.poll() is None, running.stdout.read()
    proxy.status = None
    assert running.wait(60) == 0, running.stdout.read()
    assert box.found() == hub.files


# A company's: what is inside is asked directly.
PROXIED = """
from connect_proxy import ConnectProxy
from test_pull_proxy import boxed
inside = Hub(folder / "inside", some_files(), address="10.1.2.3")
proxy = ConnectProxy()
box = boxed(folder, outside, proxy, no_proxy="10.1.2.3")
"""


def test_a_proxy_on_this_network_opens_no_way_into_it(tmp_path):
    where = ["https://10.1.2.3:PORT", "https://127.0.0.1:PORT", "https://2130706433:PORT", "https://0x7f000001:PORT", "https://[::1]:PORT",
             "https://localhost:PORT", "https://a.localhost:PORT", "https://169.254.169.254"]
    said = led_inside(tmp_path, where, PROXIED, 'assert all(one.startswith("203.0.113.5:") for one in proxy.asked), proxy.asked')
    assert said.count("an address inside this network") == len(where), said
