"""The Grafana pages and the rules for Prometheus in configs/ ask for figures that there are, with labels that they have."""

import json
import re
import shutil
import subprocess
import urllib.request

import pytest

from harness import ROOT, free_port, listens, wait_until

RULES = {ROOT / "configs/prometheus_rules.yml": "prometheus_rules_test.yml",
         ROOT / "configs/prometheus_fleet_rules.yml": "prometheus_fleet_rules_test.yml"}
DASHBOARDS = [ROOT / "configs/grafana_dashboard.json", ROOT / "configs/grafana_fleet.json"]
# Prometheus' own, and that of histograms.
EVERYWHERE = {"instance", "job", "le"}


def figures():
    """name -> (type, labels), of the tables that test_metrics.py holds against the pages themselves."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*?) ?\|", (ROOT / "docs/metrics.md").read_text(), re.M)
    return {name: (kind, {label.strip() for label in labels.split(",") if label.strip()}) for name, kind, labels in rows}


def queries():
    out = []
    for file in DASHBOARDS:
        page = json.loads(file.read_text())
        out += [(panel["title"], target["expr"]) for panel in page["panels"] for target in panel.get("targets", [])]
        out += [(variable["name"], variable["query"]["query"]) for variable in page["templating"]["list"] if variable["type"] == "query"]
    for rules in RULES:
        out += [("a rule", " ".join(expr.split())) for expr in re.findall(r"expr: (?:\|\n)?((?:.|\n {8,})+)", rules.read_text())]
    return out


def of_the_edge(query):
    return re.findall(r"\bhaproxy_\w+", query)


def test_every_query_asks_for_figures_that_there_are():
    known, seen = figures(), set()
    for where, query in queries():
        names = re.findall(r"\b(?:corral|process)_\w+", query)
        assert names or "up{" in query or of_the_edge(query), f"{where}: no figure in {query}"
        for name in names:
            base = name if name in known else re.sub(r"_(bucket|sum|count)$", "", name)
            assert base in known, f"{where}: there is no {name}"
            assert (known[base][0] == "histogram") == (base != name), f"{where}: {name} of a {known[base][0]}"
            seen.add(base)
    assert len(seen) > 25  # the page shows most of what there is


def test_every_query_uses_labels_that_its_figures_have():
    known = figures()
    for where, query in queries():
        for name, matchers in re.findall(r"\b((?:corral|process)_\w+)(?:\{([^}]*)\})?", query):
            base = name if name in known else re.sub(r"_(bucket|sum|count)$", "", name)
            has = known[base][1] | EVERYWHERE
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers or ""))
            grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
            assert used | grouped <= has, f"{where}: {name} has no {(used | grouped) - has}"


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_the_page_has_a_word_and_a_unit_for_each_figure(file):
    page = json.loads(file.read_text())
    panels = [panel for panel in page["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    places = set()
    for panel in panels:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places and at["x"] + at["w"] <= 24, panel["title"]
        places |= cells


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_every_alert_is_raised_by_its_trouble_alone(tmp_path):
    commands = [["check", "config", ROOT / "configs" / name] for name in ("prometheus.yml", "prometheus_fleet.yml")]
    for rules, cases in RULES.items():
        asserted = tmp_path / cases
        asserted.write_text((ROOT / "tests/e2e" / cases).read_text().replace("RULES", str(rules)))
        commands += [["check", "rules", rules], ["test", "rules", asserted]]
    for command in commands:
        done = subprocess.run(["promtool", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("haproxy"), reason="haproxy is not installed")
def test_every_figure_of_the_edge_is_one_of_haproxy(tmp_path):
    port = free_port()
    (tmp_path / "haproxy.cfg").write_text(
        "global\n    maxconn 20\ndefaults\n    mode http\n    timeout connect 5s\n    timeout client 5s\n    timeout server 5s\n"
        f"frontend edge\n    bind 127.0.0.1:{port}\n    http-request use-service prometheus-exporter if {{ path /metrics }}\n"
        "    default_backend boxes\nbackend boxes\n    server one 127.0.0.1:9 disabled\n")
    running = subprocess.Popen(["haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stdin=subprocess.DEVNULL,
                               stdout=open(tmp_path / "haproxy.log", "wb"), stderr=subprocess.STDOUT)

    try:
        wait_until(lambda: listens(port), what="HAProxy listens")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as page:
            there = page.read().decode()
    finally:
        running.terminate()
        running.wait()
    asked = [(where, query, name) for where, query in queries() for name in of_the_edge(query)]
    assert asked
    for where, query, name in asked:
        samples = re.findall(rf"^{name}\{{([^}}]*)\}} ", there, re.M)
        assert samples, f"{where}: HAProxy has no {name}"
        labels = set(re.findall(r'(\w+)="', samples[0]))
        grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
        assert grouped <= labels, (where, labels)
