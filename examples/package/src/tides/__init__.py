"""The height of the tide as a sum of constituents: amplitude in metres, period in hours."""
import numpy as np

M2 = (1.0, 12.4206012)
S2 = (0.46, 12.0)


def height(hours, constituents=(M2, S2)):
    """Metres above mean sea level at each of `hours`, an array of times since both were at their highest."""
    hours = np.asarray(hours, dtype=float)
    return sum(a * np.cos(2 * np.pi * hours / period) for a, period in constituents)
