"""Times LDM-4's step and layers in PyTorch: bf16, channels-last, eager and compiled. Reads a request as JSON, writes a row of JSON a line.

Started by the benchmark program; without torch or a CUDA device it says so on standard error and ends.
What matters most comes first: the compiled step at the largest batch, then the other batches, then single layers.
"""
import json
import sys
import time

try:
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError:
    sys.exit("torch is not installed for this python")
if not torch.cuda.is_available():
    sys.exit("torch sees no CUDA device")

BF16 = {"device": "cuda", "dtype": torch.bfloat16}


class Attend(nn.Module):
    def __init__(self, heads):
        super().__init__()
        self.heads = heads

    def forward(self, x):
        batch, tokens, channels = x.shape
        q, k, v = x.view(batch, tokens, 3, self.heads, channels // (3 * self.heads)).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, channels // 3)


class Block(nn.Module):
    """A residual block, and the attention behind it, with the layers that Ldm4.cs lists and no others."""

    def __init__(self, inputs, outputs, attention):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, inputs), nn.GroupNorm(32, outputs)
        self.conv1, self.conv2 = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.attention = attention
        if attention:
            self.norm3, self.enter, self.leave = nn.GroupNorm(32, outputs), nn.Conv2d(outputs, outputs, 1), nn.Conv2d(outputs, outputs, 1)
            self.qkv, self.attend, self.out = nn.Linear(outputs, 3 * outputs), Attend(1), nn.Linear(outputs, outputs)
            self.widen, self.narrow = nn.Linear(outputs, 8 * outputs), nn.Linear(4 * outputs, outputs)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))
        if not self.attention:
            return h
        tokens = self.enter(self.norm3(h)).permute(0, 2, 3, 1).flatten(1, 2)
        tokens = tokens + self.out(self.attend(self.qkv(tokens)))
        tokens = tokens + self.narrow(self.widen(tokens)[..., : 4 * h.shape[1]])
        return h + self.leave(tokens.unflatten(1, h.shape[2:]).permute(0, 3, 1, 2))


class Step(nn.Module):
    """LDM-4's class-conditional U-Net as Ldm4.cs describes it."""

    def __init__(self):
        super().__init__()
        channels, skips, current = [192, 384, 576, 960], [192], 192
        self.first = nn.Conv2d(3, current, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, width in enumerate(channels):
            for _ in range(2):
                self.down.append(Block(current, width, level > 0))
                current = width
                skips.append(current)
            if level < 3:
                self.down.append(nn.Conv2d(current, current, 3, stride=2, padding=1))
                skips.append(current)
        self.middle = nn.Sequential(Block(current, current, True), Block(current, current, False))
        for level in (3, 2, 1, 0):
            for _ in range(3):
                self.up.append(Block(current + skips.pop(), channels[level], level > 0))
                current = channels[level]
            if level > 0:
                self.up.append(nn.Conv2d(current, current, 3, padding=1))
        self.norm, self.last = nn.GroupNorm(32, current), nn.Conv2d(current, 3, 3, padding=1)

    def forward(self, x):
        x = self.first(x)
        skips = [x]
        for module in self.down:
            x = module(x)
            skips.append(x)
        x = self.middle(x)
        for module in self.up:
            if isinstance(module, Block):
                x = module(torch.cat([x, skips.pop()], 1))
            else:
                x = module(F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.last(F.silu(self.norm(x)))


def layer_of(d):
    """A function of one input, the input's shape without the batch."""
    size, inputs = d["size"], d["inputs"]
    if d["kind"] == "convolution":
        module = nn.Conv2d(inputs, d["outputs"], d["kernel"], d["stride"], d["kernel"] // 2).to(**BF16, memory_format=torch.channels_last)
        if d["upsample"] == 1:
            return module, (inputs, size, size)
        return lambda x: module(F.interpolate(x, scale_factor=2.0, mode="nearest")), (inputs, size, size)
    if d["kind"] == "norm":
        module = nn.GroupNorm(min(32, inputs // 4), inputs).to(**BF16)
        return lambda x: F.silu(module(x)), (inputs, size, size)
    return Attend(d["heads"]), (size * size, 3 * inputs)


def tensor(batch, shape):
    x = torch.randn(batch, *shape, **BF16)
    return x.to(memory_format=torch.channels_last) if len(shape) == 3 else x


def milliseconds(f, x, ballast):
    """Median over turns; a long product beforehand keeps the host from delaying the device."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)

    def turn(times, products):
        for _ in range(products):
            ballast @ ballast
        begin.record()
        for _ in range(times):
            f(x)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) / times

    for _ in range(3):
        f(x)
    torch.cuda.synchronize()
    once = turn(1, 4)
    times = int(max(1, min(20, 10 / once)))
    return sorted(turn(times, 6) for _ in range(7))[3]


def main():
    request = json.load(sys.stdin)
    end = time.monotonic() + request["seconds"] - 5
    batches = sorted(request["batches"], reverse=True)
    ballast = torch.randn(8192, 8192, **BF16)
    torch.backends.cudnn.benchmark = True
    answer = sys.stdout
    sys.stdout = sys.stderr

    def put(name, batch, eager, compiled):
        print(json.dumps({"layer": name, "batch": batch, "eagerMs": eager, "compiledMs": compiled}), file=answer, flush=True)

    with torch.inference_mode():
        model = Step().eval().to(**BF16, memory_format=torch.channels_last)
        compiled_model = torch.compile(model, dynamic=False)
        for batch in batches:
            if time.monotonic() > end:
                break
            x, compiled = tensor(batch, (3, 64, 64)), None
            eager = milliseconds(model, x, ballast)
            put("LDM-4 step", batch, eager, None)
            # Compiling takes a minute or so for each batch; the others get what the first has left, less a share for the layers.
            if batch != batches[0] and end - time.monotonic() < 0.5 * request["seconds"]:
                continue
            try:
                compiled = milliseconds(compiled_model, x, ballast)
            except Exception as error:  # torch.compile needs a C compiler at run time
                print(f"not compiled: {' '.join(str(error).split())[:400]}", file=sys.stderr)
            put("LDM-4 step", batch, eager, compiled)
        for d in request["layers"]:
            f, shape = layer_of(d)
            for batch in batches:
                if time.monotonic() > end:
                    return
                put(d["name"], batch, milliseconds(f, tensor(batch, shape), ballast), None)


main()
