"""Names of registered models and their aliases: what is taken here, MLflow takes, and loads by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from convscape.search.tracking.registered_names import check_alias, check_registered_name
from convscape.spaces.errors import ConfigError
from hypothesis import example, given, strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable


def taken(check: Callable[[str], None], name: str) -> bool:
    try:
        check(name)
    except ConfigError:
        return False
    return True


LETTERS = st.text(st.sampled_from("aZ09é_-. /:?@#%;\\\n\t\x00雪"), max_size=6) | st.text(max_size=300)


@given(LETTERS)
@example("..")
@example("a?b")
@example("x" * 257)
def test_a_name_that_is_taken_is_registered_and_found_by_its_uri(name: str) -> None:
    from mlflow.store.artifact.utils.models import _parse_model_uri
    from mlflow.utils.validation import _validate_model_name

    if taken(check_registered_name, name):
        _validate_model_name(name)
        assert len(name) <= 256
        by_alias, by_version = (_parse_model_uri(f"models:/{name}{end}") for end in ("@champion", "/3"))
        assert (by_alias.name, by_alias.alias) == (name, "champion")
        assert (by_version.name, by_version.version) == (name, "3")


@given(LETTERS | st.from_regex(r"[vV]\d{1,3}", fullmatch=True))
@example("Latest")
@example("champion\n")
def test_an_alias_that_is_taken_is_set_and_found_by_its_uri(alias: str) -> None:
    from mlflow.store.artifact.utils.models import _parse_model_uri
    from mlflow.utils.validation import _validate_model_alias_name, _validate_model_alias_name_reserved

    if taken(check_alias, alias):
        _validate_model_alias_name(alias)
        _validate_model_alias_name_reserved(alias)
        assert _parse_model_uri(f"models:/digits@{alias}").alias == alias


@pytest.mark.parametrize("name", ["digits", "Digits 8x8", "digits.v2", "数字", "a@b", "100%"])
def test_usual_names_are_taken(name: str) -> None:
    check_registered_name(name)


@pytest.mark.parametrize("alias", ["champion", "challenger-2", "best_of_may", "v", "v1a", "2"])
def test_usual_aliases_are_taken(alias: str) -> None:
    check_alias(alias)


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "has letters"), ("a/b", "'a-b'"), ("models:/a", "'models--a'"), (" a", "a space"), ("..", "a path")],
)
def test_a_name_that_is_not_taken_is_told_why(name: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_registered_name(name)
    assert said in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("alias", "said"), [("", "has letters"), ("v12", "version 12"), ("LATEST", "the newest"), ("a b", "digits")]
)
def test_an_alias_that_is_not_taken_is_told_why(alias: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_alias(alias)
    assert said in str(caught.value)
    assert caught.value.remedy
