"""Imports the files of two folders by turns and prints the processor seconds of each as JSON. Arguments: the two folders."""

import gc
import importlib.util
import json
import os
import sys
import time


def main(one: str, other: str) -> None:
    names = sorted(os.listdir(one))
    # The first import of each pays for Airflow itself.
    for folder in (one, other):
        timed(os.path.join(folder, names[0]))
    # Its own collections would fall on one file or another by chance.
    gc.disable()
    seconds = [[timed(os.path.join(folder, name)) for folder in (one, other)] for name in names[1:]]
    json.dump(seconds, sys.stdout)


def timed(path: str) -> float:
    spec = importlib.util.spec_from_file_location("dag_" + path.replace("/", "_"), path)
    module = importlib.util.module_from_spec(spec)
    start = time.process_time()
    spec.loader.exec_module(module)
    return time.process_time() - start


main(*sys.argv[1:])
