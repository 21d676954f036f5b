"""The check of tools/check_kubernetes: schemas, and what must fit together: selectors and labels, ports, paths, times, volumes."""

import pathlib
import sys

import kubernetes_validate
import yaml

VERSION = "1.31"
# Of the Prometheus operator, which brings its own schema.
FOREIGN = {"ServiceMonitor"}
problems = []


def want(kept, sentence):
    if not kept:
        problems.append(sentence)


folder = pathlib.Path(sys.argv[1])
files = {path.name: list(yaml.safe_load_all(path.read_text())) for path in folder.glob("*.yaml")}
objects = {}
for name, documents in sorted(files.items()):
    for document in documents:
        kind = document["kind"]
        objects[kind] = document
        if kind in FOREIGN or kind == "Kustomization":
            continue
        try:
            kubernetes_validate.validate(document, VERSION, strict=True)
        except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
            problems.append(f"{name}: {getattr(error, 'message', error)}")

listed = objects["Kustomization"]["resources"]
for name in listed:
    want(name in files, f"kustomization.yaml: there is no {name}")
for name in set(files) - set(listed) - {"kustomization.yaml", "servicemonitor.yaml"}:
    problems.append(f"kustomization.yaml does not list {name}")

daemon = objects["DaemonSet"]["spec"]
pod = daemon["template"]["spec"]
labels = daemon["template"]["metadata"]["labels"]
container = pod["containers"][0]
ports = {port["name"]: port["containerPort"] for port in container["ports"]}
for kind, selector in (("DaemonSet", daemon["selector"]["matchLabels"]), ("Service", objects["Service"]["spec"]["selector"]),
                       ("PodDisruptionBudget", objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])):
    want(selector and selector.items() <= labels.items(), f"{kind}: its selector does not find the pods")
monitor = objects["ServiceMonitor"]["spec"]
want(monitor["selector"]["matchLabels"].items() <= objects["Service"]["metadata"]["labels"].items(),
     "ServiceMonitor: its selector does not find the service")
want(monitor["endpoints"][0]["port"] in {port["name"] for port in objects["Service"]["spec"]["ports"]},
     "ServiceMonitor: the service has no such port")
for probe in ("readinessProbe", "livenessProbe"):
    want(container[probe]["httpGet"]["port"] in ports, f"{probe}: the container has no such port")
want(container["readinessProbe"]["httpGet"]["path"] == "/readyz", "readinessProbe: a drained box must not be ready")
volumes = {volume["name"] for volume in pod["volumes"]}
mounts = {mount["name"] for mount in container["volumeMounts"]}
want(volumes == mounts, f"volumes and their mounts differ: {sorted(volumes ^ mounts)}")
want(container["lifecycle"]["preStop"]["exec"]["command"][:3] == ["corral", "drain", "--wait"], "preStop: it does not drain the box")
want(pod["terminationGracePeriodSeconds"] > 630, "terminationGracePeriodSeconds: the drain and shutdown_grace take longer")
want(any(volume.get("hostPath", {}).get("type") == "CharDevice" for volume in pod["volumes"]), "the card's device is not mounted")
want(daemon["updateStrategy"]["rollingUpdate"]["maxUnavailable"] == 1 == objects["PodDisruptionBudget"]["spec"]["maxUnavailable"],
     "an update and a drain of nodes must take one box at a time")

for one in problems:
    print(f"{folder}: {one}", file=sys.stderr)
print(f"{sum(map(len, files.values()))} objects fit" if not problems else f"{len(problems)} problems", file=sys.stderr)
sys.exit(1 if problems else 0)
