"""What may be asked for."""

import pytest

from chaos import catalog

CONTRACT = {
    "redis": {"down", "slow", "errors", "miss"},
    "postgres": {"500", "down", "slow", "deadlock", "readonly", "pool"},
    "provider": {"500", "429", "timeout", "slow", "malformed", "ambiguous"},
    "latency": {"slow"},
    "websocket": {"drop", "mute"},
    "queue": {"stall", "errors", "kill"},
}


def errors_of(target="latency", mode="slow", ttl_seconds=60, metadata=None):
    try:
        catalog.check(
            target=target,
            mode=mode,
            ttl_seconds=ttl_seconds,
            metadata={} if metadata is None else metadata,
            max_ttl_seconds=600,
        )
    except catalog.InvalidFault as error:
        return error.errors
    return {}


def test_catalogue_is_the_contract():
    assert {target: set(modes) for target, modes in catalog.CATALOGUE.items()} == CONTRACT


def test_every_key_that_a_mode_takes_has_a_rule():
    taken = {
        key for modes in catalog.CATALOGUE.values() for mode in modes.values() for key in mode.takes
    }
    assert taken == set(catalog._RULES)


def test_unknown_target_is_a_fact_of_its_own():
    with pytest.raises(catalog.UnknownTarget):
        errors_of(target="mysql")


@pytest.mark.parametrize("ttl_seconds", [0, -1, 601])
def test_ttl_outside_its_limits_is_named(ttl_seconds):
    assert set(errors_of(ttl_seconds=ttl_seconds)) == {"ttlSec"}


@pytest.mark.parametrize("ttl_seconds", [1, 600])
def test_ttl_at_its_limits_is_taken(ttl_seconds):
    assert errors_of(ttl_seconds=ttl_seconds) == {}


def test_unknown_mode_is_named_with_those_that_exist():
    assert "down, errors, miss, slow" in errors_of(target="redis", mode="up")["mode"][0]


def test_key_that_the_mode_does_not_take_is_named():
    assert set(errors_of("redis", "down", metadata={"delayMs": 5})["metadata"]) == {"delayMs"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("delayMs", -1),
        ("delayMs", 60_001),
        ("delayMs", "400"),
        ("delayMs", 1.5),
        ("delayMs", True),
        ("delayMs", None),
        ("jitterMs", -1),
        ("percent", 100.1),
        ("percent", -0.1),
        ("percent", "50"),
        ("firstN", 0),
        ("method", "get"),
        ("method", "FETCH"),
        ("route", ""),
        ("route", 7),
        ("reason", "x" * 501),
        ("seed", -1),
        ("seed", 1.5),
        ("distribution", "normal"),
    ],
)
def test_bad_value_names_its_key(key, value):
    assert set(errors_of(metadata={key: value})["metadata"]) == {key}


def test_every_good_value_is_taken():
    metadata = {
        "delayMs": 400,
        "jitterMs": 50,
        "distribution": "lognormal",
        "seed": 42,
        "percent": 12.5,
        "firstN": 3,
        "route": "/api/v1/tickets",
        "method": "POST",
        "reason": "game day",
    }
    assert errors_of(metadata=metadata) == {}


@pytest.mark.parametrize("metadata", [[], "delayMs=1", 5, [["delayMs", 1]]])
def test_metadata_that_is_no_object_is_named(metadata):
    assert set(errors_of(metadata=metadata)) == {"metadata"}


def test_all_faults_of_a_request_are_named_at_once():
    errors = errors_of(ttl_seconds=0, metadata={"percent": 200, "colour": "red"})
    assert set(errors) == {"ttlSec", "metadata"}
    assert set(errors["metadata"]) == {"percent", "colour"}
