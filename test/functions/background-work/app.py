# Goes on working after its answer; each call tells how often the work has run so far.
import threading
import time

ticks = 0


def work():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.005)


threading.Thread(target=work, daemon=True).start()


def handler(event, context):
    return ticks
