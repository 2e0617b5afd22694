# An `async def` handler, which AWS would not await.
import asyncio


async def handler(event, context):
    await asyncio.sleep(0)
    return {"awaited": event}
