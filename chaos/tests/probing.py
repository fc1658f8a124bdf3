"""Probes of the trials: one that holds, one that breaks, one that no fault hits."""

from chaos.models import Fault


def _hit():
    return Fault.objects.filter(ended_at__isnull=True).update(hits=1)


def holds(_memory):
    _hit()
    return True


def breaks(_memory):
    return not _hit()


def unhit(_memory):
    return True


def unsteady(_memory):
    return 1 / 0


PROBES = {"holds": holds, "breaks": breaks, "unhit": unhit, "unsteady": unsteady}
