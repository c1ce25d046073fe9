"""Both Python clients: connect, ping, read the timeframe. Prints a line for each that got through."""

import asyncio
import sys

import asynctnt
import tarantool

PORT = int(sys.argv[1])


def blocking():
    connection = tarantool.Connection("127.0.0.1", PORT)
    assert connection.ping() > 0
    (age,) = connection.call("wallarm.stat.timeframe_size")
    assert age > 0, age
    (age,) = connection.eval("return wallarm.stat.timeframe_size()")
    assert age > 0, age
    connection.close()
    print("tarantool ok")


async def asynchronous():
    async with asynctnt.Connection(host="127.0.0.1", port=PORT) as connection:
        await connection.ping()
        (age,) = await connection.call("wallarm.stat.timeframe_size")
        assert age > 0, age
    print("asynctnt ok")


blocking()
asyncio.run(asynchronous())
