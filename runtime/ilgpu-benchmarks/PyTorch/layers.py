"""Times layers in PyTorch: bf16, channels-last, eager and compiled. Reads a request as JSON, writes rows as JSON.

Started by the benchmark program; without torch or a CUDA device it says so on standard error and ends with 3.
"""
import json
import sys

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit("torch is not installed for this python")
if not torch.cuda.is_available():
    sys.exit("torch sees no CUDA device")


def layer_of(d):
    """A function of one input, the input's shape without the batch, and its memory format."""
    size, inputs = d["size"], d["inputs"]
    if d["kind"] == "convolution":
        module = torch.nn.Conv2d(inputs, d["outputs"], d["kernel"], d["stride"], d["kernel"] // 2)
        module = module.to("cuda", torch.bfloat16, memory_format=torch.channels_last)
        if d["upsample"] == 1:
            return module, (inputs, size, size)
        return lambda x: module(F.interpolate(x, scale_factor=2.0, mode="nearest")), (inputs, size, size)
    if d["kind"] == "norm":
        module = torch.nn.GroupNorm(min(32, inputs // 4), inputs).to("cuda", torch.bfloat16)
        return lambda x: F.silu(module(x)), (inputs, size, size)

    def attend(x):
        batch, tokens, _ = x.shape
        q, k, v = x.view(batch, tokens, 3, d["heads"], inputs // d["heads"]).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(q, k, v)

    return attend, (size * size, 3 * inputs)


def milliseconds(f, x):
    """Median over turns of 20 calls; a long product beforehand keeps the host from delaying the device."""
    ballast = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)
    for _ in range(3):
        f(x)
    torch.cuda.synchronize()
    turns = []
    for _ in range(9):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        for _ in range(6):
            ballast @ ballast
        begin.record()
        for _ in range(20):
            f(x)
        end.record()
        end.synchronize()
        turns.append(begin.elapsed_time(end) / 20)
    return sorted(turns)[len(turns) // 2]


def main():
    request, rows = json.load(sys.stdin), []
    torch.backends.cudnn.benchmark = True
    with torch.inference_mode():
        for d in request["layers"]:
            for batch in request["batches"]:
                f, shape = layer_of(d)
                x = torch.randn(batch, *shape, device="cuda", dtype=torch.bfloat16)
                if len(shape) == 3:
                    x = x.to(memory_format=torch.channels_last)
                row = {"layer": d["name"], "batch": batch, "eagerMs": milliseconds(f, x), "compiledMs": None}
                try:
                    torch._dynamo.reset()
                    row["compiledMs"] = milliseconds(torch.compile(f), x)
                except Exception as error:  # torch.compile needs a C compiler at run time
                    print(f"not compiled: {d['name']}: {error}".splitlines()[0], file=sys.stderr)
                rows.append(row)
    json.dump(rows, sys.stdout)


main()
