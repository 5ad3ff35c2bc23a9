"""The fields of KubeRay's resources, as its documentation has them: no package that tests could install has schemas.

From its API reference for ray.io/v1, and for `authOptions` from Ray's guide to token authentication on Kubernetes (of
KubeRay 1.5.1 and newer). Pod templates, volumes and the like are Kubernetes' own, and checked against its schemas.
"""

from __future__ import annotations

from typing import Any

import kubernetes_validate

KUBERNETES = "1.34"
"""The version of Kubernetes whose schemas are taken."""
POD = "a pod template"
WORDS = "a map of words to words"
CLUSTER: dict[str, Any] = {
    "rayVersion": str,
    "suspend": bool,
    "authOptions": {"mode": ("disabled", "token")},
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {
        "version": ("v1", "v2"),
        "idleTimeoutSeconds": int,
        "upscalingMode": ("Default", "Aggressive", "Conservative"),
        "image": str,
    },
    "headGroupSpec": {"rayStartParams": WORDS, "template": POD, "enableIngress": bool, "serviceType": str},
    "workerGroupSpecs": [
        {
            "groupName": str,
            "replicas": int,
            "minReplicas": int,
            "maxReplicas": int,
            "idleTimeoutSeconds": int,
            "numOfHosts": int,
            "rayStartParams": WORDS,
            "template": POD,
        }
    ],
}
JOB: dict[str, Any] = {
    "entrypoint": str,
    "runtimeEnvYAML": str,
    "rayClusterSpec": CLUSTER,
    "backoffLimit": int,
    "activeDeadlineSeconds": int,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "submissionMode": ("K8sJobMode", "HTTPMode", "InteractiveMode"),
    "entrypointNumCpus": float,
    "suspend": bool,
}
KINDS = {"RayCluster": CLUSTER, "RayJob": JOB}


def mistakes(document: dict[str, Any]) -> list[str]:
    """What is wrong with a resource of KubeRay's or of Kubernetes', each with its place; empty where nothing is."""
    if document["kind"] not in KINDS:
        return _kubernetes(document, document["kind"])
    found = [] if document["apiVersion"] == "ray.io/v1" else ["apiVersion"]
    found += [f"{word}: unknown" for word in document.keys() - {"apiVersion", "kind", "metadata", "spec"}]
    found += _kubernetes({"apiVersion": "v1", "kind": "ConfigMap", "metadata": document["metadata"]}, "metadata")
    return found + _of(document["spec"], KINDS[document["kind"]], "spec")


def _of(value: Any, expected: Any, place: str) -> list[str]:
    if expected == POD:
        return _kubernetes({"apiVersion": "v1", "kind": "PodTemplate", "template": value}, place)
    if expected == WORDS:
        words = isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair)
        return [] if words else [f"{place}: {value!r} is not {WORDS}"]
    if isinstance(expected, tuple):
        return [] if value in expected else [f"{place}: {value!r} is none of {expected}"]
    if isinstance(expected, list):
        return [line for number, one in enumerate(value) for line in _of(one, expected[0], f"{place}[{number}]")]
    if isinstance(expected, dict):
        unknown = [f"{place}.{word}: unknown" for word in value if word not in expected]
        known = [word for word in value if word in expected]
        return unknown + [line for word in known for line in _of(value[word], expected[word], f"{place}.{word}")]
    return [] if type(value) is expected else [f"{place}: {value!r} is no {expected.__name__}"]


def _kubernetes(document: dict[str, Any], place: str) -> list[str]:
    try:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{place}: {'.'.join(map(str, error.path))}: {error.message}"]
    return []
