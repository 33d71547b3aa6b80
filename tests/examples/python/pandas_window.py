"""Averages over windows of ten seconds, with pandas; batches become frames by the Arrow interface.

    pip install pandas pyarrow
    python pandas_window.py [ENDPOINT]       # without an endpoint it runs a dev cluster, with readings of its own
"""

from __future__ import annotations

import contextlib
import sys

import libfluvio
import pandas as pd
import pyarrow as pa


def readings(client: libfluvio.Client) -> None:
    """A minute of two sensors, a reading a second."""
    begin = 1_700_000_000_000
    with client.producer("readings") as producer:
        producer.send_many(
            libfluvio.RecordInput(value, key=sensor, timestamp=begin + 1000 * second)
            for second in range(60)
            for sensor, value in ((b"a", b"%d" % second), (b"b", b"100"))
        )


def windows(client: libfluvio.Client) -> pd.DataFrame:
    """The average of each sensor in each window."""
    with client.consumer("readings", start="beginning", stop_at="end") as consumer:
        frame = pa.table(consumer).to_pandas()
    frame["sensor"] = frame["key"].map(bytes.decode)
    frame["reading"] = frame["value"].map(float)
    windowed = frame.set_index("timestamp").groupby("sensor")["reading"].resample("10s").mean()
    return windowed.unstack("sensor")


def main() -> None:
    with contextlib.ExitStack() as stack:
        endpoint = sys.argv[1] if len(sys.argv) > 1 else None
        if endpoint is None:
            endpoint = stack.enter_context(libfluvio.DevCluster()).endpoint
        client = stack.enter_context(libfluvio.connect(endpoint))
        if len(sys.argv) == 1:
            client.admin.create_topic("readings")
            readings(client)
        print(windows(client).to_string())


main()
