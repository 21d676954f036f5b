"""The Grafana page and the rules for Prometheus in configs/ ask for figures that there are, with labels that they have."""

import json
import re
import shutil
import subprocess

import pytest

from harness import ROOT

RULES = ROOT / "configs/prometheus_rules.yml"
DASHBOARD = ROOT / "configs/grafana_dashboard.json"
# Prometheus' own, and that of histograms.
EVERYWHERE = {"instance", "job", "le"}


def figures():
    """name -> (type, labels), of the table that test_metrics.py holds against the page itself."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*?) ?\|", (ROOT / "docs/metrics.md").read_text(), re.M)
    return {name: (kind, {label.strip() for label in labels.split(",") if label.strip()}) for name, kind, labels in rows}


def queries():
    page = json.loads(DASHBOARD.read_text())
    out = [(panel["title"], target["expr"]) for panel in page["panels"] for target in panel.get("targets", [])]
    out += [(variable["name"], variable["query"]["query"]) for variable in page["templating"]["list"] if variable["type"] == "query"]
    rules = RULES.read_text()
    out += [("a rule", " ".join(expr.split())) for expr in re.findall(r"expr: (?:\|\n)?((?:.|\n {8,})+)", rules)]
    return out


def test_every_query_asks_for_figures_that_there_are():
    known, seen = figures(), set()
    for where, query in queries():
        names = re.findall(r"\b(?:corral|process)_\w+", query)
        assert names or "up{" in query, f"{where}: no figure in {query}"
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


def test_the_page_has_a_word_and_a_unit_for_each_figure():
    page = json.loads(DASHBOARD.read_text())
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
    cases = (ROOT / "tests/e2e/prometheus_rules_test.yml").read_text().replace("RULES", str(RULES))
    (tmp_path / "cases.yml").write_text(cases)
    for command in (["check", "rules", RULES], ["check", "config", ROOT / "configs/prometheus.yml"], ["test", "rules", tmp_path / "cases.yml"]):
        done = subprocess.run(["promtool", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
