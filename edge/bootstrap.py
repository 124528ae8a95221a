"""The composition root: the only place that builds adapters and puts them together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from contract.camera_config import CameraConfig, HttpSignalConfig, InputConfig
from contract.config_loader import LoadedCamera
from contract.rules import RULES
from contract.rules.camera_tampered import CameraTamperedParams
from contract.site_config import SiteConfig
from edge.attention import Attention
from edge.background.static_regions import StaticRegions
from edge.camera_evidence import CameraEvidence, EvidenceStore
from edge.capture.packet_ring import PacketRing
from edge.capture.source_url import SourceAddress, expand_secrets, parse_source
from edge.capture.still_picture import StillPicture
from edge.capture.video_source import SourceSettings, VideoSource
from edge.detection.loaded import LoadedModels
from edge.detection.regions import RegionSearch
from edge.detection.search import CameraSearch
from edge.detection.text_lines import recognition_network
from edge.detection.worker import LocalAsker
from edge.gate import CameraGate, still_recheck_s
from edge.health.view import ViewWatch
from edge.look.eyes import Eyes
from edge.observations.log import FOLDER, ObservationLog, forget_observations
from edge.parts import PartFinder, needed_classes, parts_model_of
from edge.pipeline import CameraPipeline, ObservationKeeper
from edge.plates.lines import PlateLines
from edge.plates.reader import PlateReader
from edge.plates.watch import PlateWatch
from edge.ports import Clock, DetectorSource
from edge.recorder import CLIP_PATIENCE_S, ClipRunner, EventSink, EvidenceMaker, IdMaker, Recorder, run_now
from edge.rules import build_rules
from edge.scene import Scene
from edge.settings import EdgeSettings
from edge.signals.http import HttpSignal
from edge.signals.reader import SignalReader
from edge.status import CameraMonitor
from edge.tracking import ByteTracker, filter_detections
from edge.types import Detections, Frame
from edge.worker import CameraParts

log = logging.getLogger(__name__)

SIGNAL_UNKNOWN = (
    "the controller of the traffic light {name} does not tell its state: check it, its address and the network; "
    "until then no rule takes the light for red"
)
NOT_SEARCHED = "its pictures are not searched: the detector is away, or the box has more cameras than it can search"
PARTS_NOT_SEARCHED = "its pictures are not searched for helmets: the model of detect.parts_model gives no answer"
RING_SLACK_S = 10.0
"""Beyond pre-roll, post-roll and patience: the distance of two keyframes."""


class Detectors:
    """Implements `edge.ports.DetectorSource` with models of this process."""

    def __init__(self) -> None:
        self._models = LoadedModels()

    def worker_for(self, camera: CameraConfig) -> CameraSearch:
        """Who searches a camera's frames.

        Raises:
            ModelError: The model cannot be loaded, or does not know what the camera has to look for.
        """
        worker = self._models.worker_for(camera.detect.model, needed_classes(camera))
        return CameraSearch(LocalAsker(worker, camera.camera.id))

    def parts_worker_for(self, camera: CameraConfig) -> CameraSearch | None:
        """See `DetectorSource`.

        Raises:
            ModelError: The model cannot be loaded, or does not know the parts that the camera's rules are about.
        """
        model_id = parts_model_of(camera)
        if model_id is None:
            return None
        worker = self._models.worker_for(model_id, camera.part_classes)
        return CameraSearch(LocalAsker(worker, f"{camera.camera.id} (parts)"))

    def plates_worker_for(self, camera: CameraConfig) -> CameraSearch | None:
        """See `DetectorSource`.

        Raises:
            ModelError: The model cannot be loaded.
        """
        plates = camera.plates
        if not plates.enabled or plates.model is None:
            return None
        return CameraSearch(LocalAsker(self._models.worker_for(plates.model, ()), f"{camera.camera.id} (plates)"))

    def stop_loading(self) -> None:
        """See `DetectorSource`. Loading in this process cannot be cut short."""

    def close(self) -> None:
        """No more searches."""
        self._models.close()


def make_ring(camera: CameraConfig) -> PacketRing | None:
    """A packet ring that reaches back as far as a camera's clips do; None when it makes none."""
    if not camera.evidence.clip:
        return None
    back_s = max((RULES[rule.kind].clip_back_s or 0.0 for rule in camera.rules), default=0.0)
    return PacketRing(camera.evidence.pre_s + camera.evidence.post_s + CLIP_PATIENCE_S + RING_SLACK_S + back_s)


def make_evidence(
    camera: CameraConfig, site: SiteConfig, folder: EvidenceStore, ring: PacketRing | None
) -> EvidenceMaker:
    """What makes a camera's snapshots and clips."""
    return CameraEvidence(camera, ZoneInfo(site.site.timezone), site.site.language, folder, ring, camera.privacy.masks)


def make_pipeline(
    loaded: LoadedCamera,
    site: SiteConfig,
    *,
    detect: Callable[[Frame], Detections | None],
    detect_parts: Callable[[Frame], Detections | None] | None = None,
    find_plates: Callable[[Frame], Detections | None] | None = None,
    evidence: EvidenceMaker,
    sink: EventSink,
    new_id: IdMaker,
    run_clip: ClipRunner = run_now,
    on_search: Callable[[], None] = lambda: None,
    attention: Attention | None = None,
    monitor: CameraMonitor | None = None,
    view_path: Path | None = None,
    asked: Mapping[str, HttpSignal] | None = None,
    keeper: ObservationKeeper | None = None,
) -> CameraPipeline:
    """Put one camera's pipeline together; `monitor` learns the motion gate's numbers, `view_path` keeps its view,
    `detect_parts` is the second model's search, where the camera has one, and `find_plates` that for number plates,
    `keeper` what the rules saw.

    Raises:
        ValueError: The configuration asks for what the scene lacks.
    """
    camera = loaded.config
    scene = Scene.from_config(camera, site)
    gate = CameraGate(camera.motion, still_recheck_s(camera))
    if monitor is not None:
        monitor.add_figures("gate", gate.figures)
    if camera.detect.regions == "motion":
        detect = RegionSearch(detect, lambda: gate.regions)
    return CameraPipeline(
        camera=camera,
        scene=scene,
        make_rules=partial(build_rules, camera, scene),
        gate=gate,
        detect=detect,
        keep=lambda found, resolution_wh: filter_detections(found, camera.objects, resolution_wh),
        tracker=ByteTracker(),
        find_parts=PartFinder(camera, detect_parts).find,
        recorder=Recorder(camera, loaded.version, sink, evidence, new_id, run_clip),
        on_search=on_search,
        attention=attention,
        view=make_view(camera, view_path),
        background=make_background(camera),
        signals=SignalReader(camera, scene, asked),
        keeper=keeper,
        plates=None if find_plates is None else PlateWatch(camera.camera.id, PlateReader(find_plates, PlateLines())),
    )


def make_asked_signals(camera: CameraConfig, settings: EdgeSettings, clock: Clock) -> dict[str, HttpSignal]:
    """The traffic lights of a camera that are asked over HTTP, by id."""

    def locate(url: str) -> SourceAddress:
        return parse_source(expand_secrets(url, settings.secrets), settings.media_dir)

    return {
        name: HttpSignal(name, partial(locate, signal.url), signal, clock)
        for name, signal in camera.signals.items()
        if isinstance(signal, HttpSignalConfig)
    }


def make_background(camera: CameraConfig) -> StaticRegions | None:
    """What finds new static regions; None, and no work, where no rule of the camera asks for them."""
    if not any(RULES[rule.kind].needs_static_regions for rule in camera.rules):
        return None
    return StaticRegions((*camera.motion.mask, *camera.privacy.masks))


def make_view(camera: CameraConfig, path: Path | None) -> ViewWatch | None:
    """What compares a camera's picture with its view; None where the camera's file turns that off."""
    wanted = next((rule for rule in camera.camera_rules if isinstance(rule, CameraTamperedParams)), None)
    return None if wanted is None else ViewWatch(wanted.accept_after_s, path)


def make_keeper(camera: CameraConfig, data_dir: Path) -> ObservationLog | None:
    """What stores a camera's observations; None, and what was stored is deleted, where its file does not ask for it."""
    root, camera_id = data_dir / FOLDER, camera.camera.id
    if camera.observations.store:
        return ObservationLog(camera_id, root, camera.observations)
    forgotten = forget_observations(root / camera_id)
    if forgotten:
        log.info("observations_forgotten camera=%s files=%d", camera_id, forgotten)
    return None


def make_parts(
    loaded: LoadedCamera,
    site: SiteConfig,
    settings: EdgeSettings,
    *,
    detectors: DetectorSource,
    folder: EvidenceStore,
    sink: EventSink,
    new_id: IdMaker,
    run_clip: ClipRunner,
    clock: Clock,
    eyes: Eyes | None = None,
) -> CameraParts:
    """Build what a camera's worker runs.

    Raises:
        ModelError: The detector cannot be loaded.
        ValueError: The configuration asks for what the scene lacks.
    """
    camera, camera_id = loaded.config, loaded.config.camera.id
    inference = detectors.worker_for(camera)
    parts_inference = detectors.parts_worker_for(camera)
    plates_inference = detectors.plates_worker_for(camera)
    if plates_inference is not None:
        recognition_network()  # refuse now what could not be read later
    ring = make_ring(camera)
    searched, recorded = camera.input_for("detect"), camera.input_for("record")
    evidence = make_evidence(camera, site, folder, ring)
    attention = Attention()
    asked = make_asked_signals(camera, settings, clock)

    def pipeline(monitor: CameraMonitor) -> CameraPipeline:
        monitor.add_figures("search", inference.figures)
        monitor.set_notice("search", NOT_SEARCHED, lambda: not inference.failing)
        for name, signal in asked.items():
            monitor.set_notice(f"signal {name}", SIGNAL_UNKNOWN.format(name=name), partial(_answers, signal))
        keeper = make_keeper(camera, settings.data_dir)
        if keeper is not None:
            monitor.add_figures("observations", keeper.figures)
        if ring is not None:
            monitor.add_figures("ring", lambda: {"ring_bytes": ring.size_bytes})
        if parts_inference is not None:
            monitor.set_notice("parts", PARTS_NOT_SEARCHED, lambda: not parts_inference.failing)
        return make_pipeline(
            loaded,
            site,
            detect=inference.detect,
            detect_parts=None if parts_inference is None else parts_inference.detect,
            find_plates=None if plates_inference is None else plates_inference.detect,
            evidence=evidence,
            sink=sink,
            new_id=new_id,
            run_clip=run_clip,
            on_search=monitor.frame_searched,
            attention=attention,
            monitor=monitor,
            view_path=settings.data_dir / "views" / f"{camera_id}.npz",
            asked=asked,
            keeper=keeper,
        )

    def source(source_input: InputConfig, source_settings: SourceSettings, into: PacketRing | None) -> VideoSource:
        address = parse_source(expand_secrets(source_input.path, settings.secrets), settings.media_dir)
        return VideoSource(camera_id, address, clock, source_settings, into)

    build_rules(camera, Scene.from_config(camera, site))  # refuse now what could not run later
    one_stream = searched == recorded
    detect_settings = SourceSettings(
        fps=camera.detect.fps,
        transport=searched.transport,
        verify_tls=searched.tls == "verify",
        decode=searched.decode,
        loop=searched.loop,
        privacy_masks=camera.privacy.masks,
        attention=attention,
        motion=camera.motion,
        still=StillPicture(searched.frozen_after_s),
    )
    record_settings = SourceSettings(
        role="record", transport=recorded.transport, verify_tls=recorded.tls == "verify", loop=recorded.loop
    )
    return CameraParts(
        camera_id=camera_id,
        open_source=lambda: source(searched, detect_settings, ring if one_stream else None),
        open_recording=None if one_stream or ring is None else lambda: source(recorded, record_settings, ring),
        make_pipeline=pipeline,
        recorded_until_s=lambda: ring.latest_s if ring is not None else None,
        on_frame=(lambda _frame: None) if eyes is None else eyes.of(camera_id, attention),
    )


def _answers(signal: HttpSignal) -> bool:
    return not signal.failing
