"""llama.cpp's own server, as the package `xllamacpp` carries it, behind the command line of its `llama-server`: the flags that
Corral's profile gives, the same log, the same signals.
"""

import argparse
import os
import signal
import sys

import xllamacpp


def parameters(arguments):
    flags = argparse.ArgumentParser(allow_abbrev=False)
    flags.add_argument("-m", "--model", required=True)
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, default=8080)
    flags.add_argument("-c", "--ctx-size", type=int, default=0)
    flags.add_argument("-np", "--parallel", type=int, default=1)
    flags.add_argument("-t", "--threads", type=int, default=-1)
    flags.add_argument("-ngl", "--n-gpu-layers", default="auto")
    flags.add_argument("-a", "--alias", default="")
    flags.add_argument("--jinja", action="store_true")
    flags.add_argument("--no-ui", "--no-webui", action="store_true")
    flags.add_argument("--metrics", action="store_true")
    flags.add_argument("--slots", action="store_true")
    flags.add_argument("--reasoning-format", default="auto")
    flags.add_argument("--sse-ping-interval", type=int, default=30)
    wanted = flags.parse_args(arguments)
    out = xllamacpp.CommonParams()
    out.model.path = wanted.model
    out.hostnames = [wanted.host]
    out.port = wanted.port
    out.n_ctx = wanted.ctx_size
    out.n_parallel = wanted.parallel
    out.n_gpu_layers = 0
    out.cpuparams.n_threads = wanted.threads
    out.ui = not wanted.no_ui
    out.endpoint_metrics = wanted.metrics
    out.use_jinja = wanted.jinja
    out.sse_ping_interval = wanted.sse_ping_interval
    out.endpoint_slots = True
    os.environ["LLAMA_SERVER_SLOTS_DEBUG"] = "1"  # with the text of each slot
    # Flags' twins in the environment.
    out.embedding = os.environ.get("LLAMA_ARG_EMBEDDINGS") == "1"
    out.n_batch = int(os.environ.get("LLAMA_ARG_BATCH", out.n_batch))
    out.n_ubatch = int(os.environ.get("LLAMA_ARG_UBATCH", out.n_ubatch))
    out.mmproj.path = os.environ.get("LLAMA_ARG_MMPROJ", "")
    out.mmproj_use_gpu = False
    if wanted.alias:
        out.model_alias = {wanted.alias}
    return out


def main():
    # As the original: until the model is loaded a signal ends it at once.
    try:
        server = xllamacpp.Server(parameters(sys.argv[1:]))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        os._exit(1)
    wanted = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    print(f"main: server is listening on {server.listening_address}", file=sys.stderr, flush=True)
    signal.sigwait(wanted)
    del server


main()
