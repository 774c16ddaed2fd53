"""Settings as the rules of `decision`, and as the name that stands in events."""

from gatefw.decision.fever import FeverRules
from gatefw.decision.presence import PresenceRules
from gatefw.decision.state import Rules
from gatefw.settings import Settings
from gatefw.telemetry.message import GateIdentity


def rules_of(settings: Settings) -> Rules:
    """Turn settings into the rules of `decision`."""
    fever, presence, admission = settings.fever, settings.presence, settings.admission
    return Rules(
        fever=FeverRules(
            samples=fever.samples,
            settling_s=settings.thermometer.settling_s,
            noise_c=settings.thermometer.noise_c,
            max_tries=fever.max_tries,
            tries_window_s=fever.tries_window_s,
            remeasure_after_s=fever.remeasure_after_s,
            object_min_c=presence.object_min_c,
            object_max_c=presence.object_max_c,
            slope_limit_c_per_s=fever.slope_limit_c_per_s,
            ambient_drift_c_per_min=fever.ambient_drift_c_per_min,
            frozen_samples=fever.samples,
            frozen_s=fever.frozen_s,
            supply_v=fever.supply_v,
            device_offset_c=fever.device_offset_c,
            emissivity=fever.emissivity,
            c0_c=fever.c0_c,
            c1=fever.c1,
            u_c0_c=fever.u_c0_c,
            reference_ambient_c=fever.reference_ambient_c,
            correction_limit_c=fever.correction_limit_c,
            ambient_min_c=fever.ambient_min_c,
            ambient_max_c=fever.ambient_max_c,
            low_c=fever.low_c,
            limit_c=fever.limit_c,
        ),
        presence=PresenceRules(
            rise_k=presence.rise_k,
            object_min_c=presence.object_min_c,
            object_max_c=presence.object_max_c,
            gap_s=presence.gap_s,
        ),
        static_codes=settings.gate.static_codes,
        feedback_fitted=settings.barrier.feedback_pin is not None,
        join_s=admission.join_s,
        desk_s=admission.desk_s,
        advice_s=admission.retry_s,
        record_s=admission.record_s,
        hold_s=settings.barrier.hold_s,
        held_open_s=settings.barrier.held_open_s,
        passback_s=settings.passback.window_s,
    )


def identity_of(settings: Settings) -> GateIdentity:
    """Say who speaks in this gate's events."""
    place = settings.gate
    return GateIdentity(gate=place.id, venue=place.venue, area=place.area, point=place.point)
