"""What a fit of the grain model says of itself, an entry of ``grain-model.json``: comparisons, envelopes, correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmcstudio.core.errors import NmcError
from nmcstudio.core.grains import CorrectionTrace, Envelope, GrainModel, Law, MarkChoice, MatrixJoint
from nmcstudio.core.laws import family_of, length_factors, scaled_law

_CURVES = ("data", "low", "high", "middle")
_TRACE = ("residuals", "parameters", "noise", "allowed", "hidden_shares", "errors")


def fit_to_json(model: GrainModel) -> dict[str, Any]:
    """The entry, in um; empty where the model was not fitted here."""
    found: dict[str, Any] = {}
    if model.choices:
        found["choices"] = [
            {
                "weights": _law_to_json(c.weights),
                "copula": _law_to_json(c.copula),
                "log_likelihood": float(c.log_likelihood),
                "aic": float(c.aic),
            }
            for c in model.choices
        ]
    if model.goodness:
        found["goodness"] = {kind: float(p) for kind, p in model.goodness.items()}
    if model.envelopes:
        found["envelopes"] = [
            {"function": e.function, "process": e.process, "p": float(e.p), "simulations": int(e.simulations),
             "radii": _list(e.radii_um), **{name: _list(getattr(e, name)) for name in _CURVES}}
            for e in model.envelopes
        ]  # fmt: skip
    trace = model.correction
    if trace is not None:
        found["correction"] = {"names": list(trace.names), "fresh": trace.fresh.tolist(), "converged": bool(trace.converged)}
        found["correction"] |= {name: _list(getattr(trace, name)) for name in _TRACE}
        if trace.doubt:
            found["correction"]["doubt"] = trace.doubt
    if model.intervals:
        found["intervals"] = {
            part: {name: [float(end) for end in ends] for name, ends in rows.items()} for part, rows in model.intervals.items()
        }
    if model.replicates:
        found["replicates"] = int(model.replicates)
    return found


def fit_from_json(entry: Any, kinds: Mapping[str, str], scale: float, weight_power: int, file: str) -> dict[str, Any]:
    """Fields of `GrainModel` from the entry.

    Parameters
    ----------
    entry
        As `fit_to_json` gives it.
    kinds
        Kind of the law of each part, for the units of the intervals.
    scale, weight_power
        um per unit of length of the file; power of the length in a weight.
    file
        Name, for messages.

    Raises
    ------
    NmcError
        If the entry is not as it should be.
    """
    try:
        found: dict[str, Any] = {
            "choices": tuple(
                MarkChoice(
                    scaled_law("weights", _law(c["weights"]), scale, weight_power), _law(c["copula"]),
                    float(c["log_likelihood"]), float(c["aic"]),
                )
                for c in entry.get("choices", ())
            ),
            "goodness": {str(kind): float(p) for kind, p in entry.get("goodness", {}).items()},
            "envelopes": tuple(
                Envelope(
                    function=str(e["function"]),
                    process=str(e["process"]),
                    p=float(e["p"]),
                    simulations=int(e["simulations"]),
                    radii_um=_array(e["radii"]) * scale,
                    **{name: _array(e[name]) for name in _CURVES},
                )
                for e in entry.get("envelopes", ())
            ),
            "replicates": int(entry.get("replicates", 0)),
        }  # fmt: skip
        for part, rows in entry.get("intervals", {}).items():
            factors = length_factors(family_of(part, kinds[part]), scale, weight_power)
            own = found.setdefault("intervals", {}).setdefault(str(part), {})
            for name, (low, high) in rows.items():
                own[str(name)] = (float(low) * factors[name], float(high) * factors[name])
        if "correction" in entry:
            trace = entry["correction"]
            shape = (len(trace["fresh"]), len(trace["names"]))
            values = {name: _array(trace[name]) for name in _TRACE if name in trace or name != "errors"}
            for name in ("residuals", "parameters"):
                values[name] = values[name].reshape(shape)
            found["correction"] = CorrectionTrace(
                names=tuple(str(name) for name in trace["names"]),
                fresh=np.array(trace["fresh"], dtype=bool),
                converged=bool(trace["converged"]),
                doubt=str(trace.get("doubt", "")),
                **values,
            )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise NmcError(
            f"{file}: the entry 'fit' is not as a fit writes it ({error})", "leave it out: a simulation does not need it", "files"
        ) from error
    return found


def joint_to_json(joint: MatrixJoint) -> dict[str, Any]:
    """Joint law of matrices and weights; it has no unit."""
    numbers = {name: _list(getattr(joint, name)) for name in ("means", "sds", "correlation")}
    return {"kind": joint.kind, **numbers, **({"vine": joint.vine} if joint.vine else {})}


def joint_from_json(entry: Any, file: str) -> MatrixJoint:
    """The joint law of an entry of `joint_to_json`.

    Raises
    ------
    NmcError
        If the entry is not as it should be.
    """
    try:
        numbers = {name: _array(entry[name]) for name in ("means", "sds", "correlation")}
        return MatrixJoint(str(entry["kind"]), vine=str(entry.get("vine", "")), **numbers)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise NmcError(
            f"{file}: the entry 'matrix_joint' is not as a fit writes it ({error})",
            "leave it out for the isotropic law of 'matrices'",
            "files",
        ) from error


def _law_to_json(law: Law) -> dict[str, Any]:
    return {"kind": law.kind, **{name: float(value) for name, value in law.parameters.items()}}


def _law(entry: Mapping[str, Any]) -> Law:
    return Law(str(entry["kind"]), {str(name): float(value) for name, value in entry.items() if name != "kind"})


def _list(values: NDArray[np.float64]) -> Any:
    """Nested lists; null for what is no finite number."""
    cells = values.astype(object)
    cells[~np.isfinite(values)] = None
    return cells.tolist()


def _array(values: Any) -> NDArray[np.float64]:
    """The array of nested lists; NaN for null."""
    return np.array(values, dtype=object).astype(float)
