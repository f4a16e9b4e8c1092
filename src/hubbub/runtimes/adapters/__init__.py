"""Agent frameworks as runtimes; each is an extra, loaded when its factory is called.

All of them share one way of hosting a run (`driving`, `gate`), which is where limits, questions,
recording and cancellation are taken care of, and differ only in how their events are read.
"""
