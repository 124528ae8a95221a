"""What only the edge can say about a valid configuration, without loading a model: `langan-edge validate`.

The contract knows the keys; whether the models, the scene and the rules can be put to work is known here.
"""

from __future__ import annotations

from collections.abc import Iterator

from contract.config_loader import LoadedCamera, LoadedConfig
from contract.issues import ConfigIssue, format_path
from contract.messages import Text
from contract.rules import RULES
from contract.yaml_tree import Path, parse_yaml
from edge.detection.manifest import Manifest, load_manifest
from edge.errors import ModelError
from edge.rules import build_rules
from edge.scene import Scene, ground_plane, leave_one_out_m


def check_loaded(loaded: LoadedConfig) -> Iterator[ConfigIssue]:
    """Mistakes of valid camera files that would keep `langan-edge run` from watching.

    Args:
        loaded: A configuration folder.
    """
    if loaded.site is None:
        return
    manifest: Manifest | ModelError
    try:
        manifest = load_manifest()
    except ModelError as error:
        manifest = error
    for camera in loaded.cameras.values():
        if camera.config.camera.enabled:
            detect = camera.config.detect
            yield from _check_model(camera, manifest, detect.model, ("detect", "model"))
            if detect.parts_model is not None:
                yield from _check_model(camera, manifest, detect.parts_model, ("detect", "parts_model"))
            if isinstance(manifest, Manifest):
                yield from _check_parts(camera, manifest)
            yield from _check_plates(camera, manifest)
        try:
            scene = Scene.from_config(camera.config, loaded.site)
        except ValueError as error:
            what = Text("the ground plane cannot be told ({cause})", cause=error)
            yield _issue(camera, ("calibration",), what, Text("correct the points and the lens of the calibration"))
            continue
        try:
            build_rules(camera.config, scene)
        except ValueError as error:
            what = Text("the rules cannot be put together ({cause})", cause=error)
            yield _issue(camera, ("rules",), what, Text("correct the rules, their zones or the calibration"))


def _check_plates(camera: LoadedCamera, manifest: Manifest | ModelError) -> Iterator[ConfigIssue]:
    """What reads number plates must be there, where they are to be read."""
    plates = camera.config.plates
    if not plates.enabled or plates.model is None:
        return
    from edge.detection.text_lines import recognition_network  # brings OpenCV, which nothing else here needs

    yield from _check_model(camera, manifest, plates.model, ("plates", "model"))
    try:
        recognition_network()
    except ModelError:
        what = Text("the network that reads number plates is not installed")
        remedy = Text("run pip install --no-deps rapidocr on the box, or write enabled: false")
        yield _issue(camera, ("plates", "enabled"), what, remedy)


def _check_parts(camera: LoadedCamera, manifest: Manifest) -> Iterator[ConfigIssue]:
    """Rules about parts of objects need a model that knows them: as far as the manifest tells without loading it."""
    model = camera.config.detect.parts_model or camera.config.detect.model
    entry = next((item for item in manifest.entries if model in (item.id, *item.aliases)), None)
    if entry is None or not (entry.classes or entry.parts):
        return  # reported already, or the weights' own names decide at the start
    known = {*entry.classes, *(part for _, part in entry.parts)}
    for index, rule in enumerate(camera.config.rules):
        missing = [name for name in RULES[rule.kind].requires_part_classes if name not in known]
        if missing:
            what = Text("the model {model!r} does not know {names}", model=model, names=", ".join(missing))
            remedy = Text(
                "say under parts: of its entry in manifest.yaml which of its classes these are, name a model that "
                "knows them under detect.parts_model, or remove the rule"
            )
            yield _issue(camera, ("rules", index), what, remedy)


def calibration_notes(loaded: LoadedConfig) -> Iterator[Text]:
    """How sure each camera's metres are, for the admin to read: no mistakes."""
    for camera_id, camera in loaded.cameras.items():
        calibration = camera.config.calibration
        if calibration is None:
            continue
        ground = ground_plane(calibration)
        if ground.error_m is None:
            yield Text(
                "{camera}: four calibration points always fit; {error:.2f} m each is taken for their error: "
                "six or more, spread over the ground, would tell it",
                camera=camera_id,
                error=ground.point_error_m,
            )
            continue
        alone = leave_one_out_m(calibration.image, calibration.ground_m, lens=ground.lens)
        errors = ", ".join("?" if error is None else f"{error:.2f}" for error in alone)
        yield Text(
            "{camera}: the calibration fits to {error:.2f} m; each point, left out, is off by (m): {errors}",
            camera=camera_id,
            error=ground.error_m,
            errors=errors,
        )


def _check_model(
    camera: LoadedCamera, manifest: Manifest | ModelError, model: str, place: Path
) -> Iterator[ConfigIssue]:
    try:
        if isinstance(manifest, ModelError):
            raise manifest
        known = [name for entry in manifest.entries for name in (entry.id, *entry.aliases)]
        if model in known:
            manifest.get(model).verify()
        else:
            choice = Text("use one of: {names}", names=", ".join(known))
            yield _issue(camera, place, Text("unknown model {model!r}", model=model), choice)
    except ModelError as error:
        what = Text("the model cannot be used: {reason}", reason=error.args[0])
        yield _issue(camera, place, what, Text("restore its files, or correct its manifest.yaml"))


def _issue(camera: LoadedCamera, path: Path, what: Text, remedy: Text) -> ConfigIssue:
    line = parse_yaml(camera.text).line_of(path)
    return ConfigIssue(str(camera.path), line, format_path(path), what, remedy)
