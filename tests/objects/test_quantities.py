"""Quantities are read as Kubernetes reads them: examples by hand, and a reference written from the grammar alone."""

from decimal import ROUND_CEILING, ROUND_UP, Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.objects.errors import BadObject
from scheduler.objects.quantities import MAX_VALUE, milli, parse, units

EXACT = Context(prec=1000, Emax=10_000, Emin=-10_000)


@pytest.mark.parametrize(
    ("text", "thousandths", "whole"),
    [
        ("0", 0, 0),
        ("1", 1000, 1),
        ("100m", 100, 1),
        ("0.1", 100, 1),
        ("1e3", 1_000_000, 1000),
        ("1E3", 1_000_000, 1000),
        ("1E", 10**21, 10**18),
        ("1e-3", 1, 1),
        ("1e+2", 100_000, 100),
        ("1Ki", 1_024_000, 1024),
        ("1.5Gi", 1_610_612_736_000, 1_610_612_736),
        ("1k", 1_000_000, 1000),
        ("2M", 2_000_000_000, 2_000_000),
        ("1u", 1, 1),
        ("1n", 1, 1),
        ("0.1n", 1, 1),
        (".5", 500, 1),
        ("5.", 5000, 5),
        ("+5", 5000, 5),
        ("-5", -5000, -5),
        ("-1500m", -1500, -1),
        ("-0.1n", 0, 0),
        ("000128974848", 128_974_848_000, 128_974_848),
        ("129e6", 129_000_000_000, 129_000_000),
        ("123Mi", 128_974_848_000, 128_974_848),
        ("1e-999999999", 1, 1),
        ("0e999999999", 0, 0),
    ],
)
def test_quantity_is_read_and_rounded_up(text: str, thousandths: int, whole: int) -> None:
    assert milli(parse(text)) == min(thousandths, MAX_VALUE)
    assert units(parse(text)) == whole


@pytest.mark.parametrize("text", ["1e20", "8Ei", "1e999999999", "9223372036854775808", "9" * 60])
def test_quantity_above_the_largest_is_cut_to_it(text: str) -> None:
    assert parse(text) == MAX_VALUE
    assert parse(f"-{text}") == -MAX_VALUE


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "1 ",
            " 1",
            "1 Gi",
            "Gi",
            "e3",
            ".",
            "+",
            "-",
            "--1",
            "1.2.3",
            "1ki",
            "1K",
            "1mi",
            "1GI",
            "1Gib",
            "1kk",
            "1Ki5",
            "1e",
        ],
        *[
            "1e1.5",
            "1e3k",
            "0x10",
            "1_000",
            "1,5",
            "١",
            "inf",
            "nan",
            "NaN",
            "Infinity",
            "1\n",
            "1m\x00",
            "1" * 65,
            "True",
            "½",
        ],
    ],
)
def test_nonsense_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(BadObject, match="is not a quantity"):
        parse(text)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (5, 5),
        (0, 0),
        (-3, -3),
        (0.5, Fraction(1, 2)),
        (1e21, MAX_VALUE),
        pytest.param(10**5000, MAX_VALUE, id="too-long-to-spell"),
        (2**63 - 1, MAX_VALUE),
    ],
)
def test_bare_numbers_are_quantities_too(number: float, value: Fraction) -> None:
    assert parse(number) == value


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan"), True])
def test_bare_values_that_are_no_numbers_are_refused(number: float) -> None:
    with pytest.raises(BadObject):
        parse(number)


DIGITS = st.text("0123456789", min_size=1, max_size=20)
NUMBERS = st.one_of(
    DIGITS, st.builds("{}.{}".format, DIGITS, DIGITS), DIGITS.map("{}.".format), DIGITS.map(".{}".format)
)
POWERS = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, Decimal]:
    """A quantity as the grammar spells it, and what it means, in decimal arithmetic: no fraction, no pattern of ours."""
    sign, number = draw(st.sampled_from(["", "+", "-"])), draw(NUMBERS)
    value = Decimal(number)
    match draw(st.sampled_from(["decimal", "binary", "exponent"])):
        case "decimal":
            suffix, power = draw(st.sampled_from(sorted(POWERS.items())))
            value = EXACT.multiply(value, EXACT.power(Decimal(10), power))
        case "binary":
            suffix, power = draw(st.sampled_from(sorted(BINARY.items())))
            value = EXACT.multiply(value, EXACT.power(Decimal(1024), power))
        case _:
            power = draw(st.integers(-40, 40))
            letter, plus = draw(st.sampled_from("eE")), draw(st.sampled_from(["", "+"])) if power >= 0 else ""
            suffix, value = f"{letter}{plus}{power}", EXACT.multiply(value, EXACT.power(Decimal(10), power))
    value = min(value.quantize(Decimal("1e-9"), rounding=ROUND_UP, context=EXACT), Decimal(2**63 - 1))
    return f"{sign}{number}{suffix}", -value if sign == "-" else value


@given(spelled())
def test_every_spelling_of_the_grammar_means_what_the_grammar_says(pair: tuple[str, Decimal]) -> None:
    text, value = pair
    assert parse(text) == Fraction(value)
    assert units(parse(text)) == int(value.to_integral_value(ROUND_CEILING, EXACT))
    thousandths = int(EXACT.multiply(value, Decimal(1000)).to_integral_value(ROUND_CEILING, EXACT))
    assert milli(parse(text)) == max(-MAX_VALUE, min(MAX_VALUE, thousandths))


@given(st.text(max_size=100))
def test_any_text_is_a_bounded_number_or_refused(text: str) -> None:
    try:
        value = parse(text)
    except BadObject as problem:
        assert str(problem).endswith(".")
        assert len(str(problem)) < 300
    else:
        assert abs(value) <= MAX_VALUE
