# SPDX-License-Identifier: MIT
"""Doubles as Go writes them: the fewest digits that read back as the same number, which are also
Python's, in the two forms of src/base/double.c.
"""
import math


def digits_of(value):
    """(digits, exponent): d.ddd times ten to the exponent; of a finite number that is not 0."""
    mantissa, _, exponent = ("%r" % abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    leading_zeros = len(whole + fraction) - len(digits)
    return digits.rstrip("0"), len(whole) - 1 - leading_zeros + int(exponent or 0)


def plain(digits, exponent):
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    if exponent >= len(digits) - 1:
        return digits + "0" * (exponent + 1 - len(digits))
    return digits[:exponent + 1] + "." + digits[exponent + 1:]


def finite(value, plain_from, plain_until, width):
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return sign + "0"
    digits, exponent = digits_of(value)
    if plain_from <= exponent < plain_until:
        return sign + plain(digits, exponent)
    point = "." if len(digits) > 1 else ""
    return "%s%s%s%se%s%0*d" % (sign, digits[0], point, digits[1:], "-" if exponent < 0 else "+",
                                width if exponent < 0 else 2, abs(exponent))


def json_double(value):
    """As encoding/json does; 0 for what JSON has no number for."""
    return finite(value, -6, 21, 1) if math.isfinite(value) else "0"


def go_double(value):
    """As %v does."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return finite(value, -4, 6, 2)
