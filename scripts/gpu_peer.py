"""What plain PyTorch does on the same card, for scripts/gpu-check.sh: target tokens a second of the same shapes, and the card's own bf16 products.

Prints a Markdown table. Needs torch with CUDA and nothing else. Attention of the recurrent decoder is Luong's with input feeding, a step at a time, as
no library has it fused.
"""

import time

import torch
from torch import nn

VOCABULARY = 2500
LENGTH = 9
BATCH = 16384 // LENGTH
STEPS = 30


class Transformer(nn.Module):
    def __init__(self, dimension, layers, heads, feed_forward):
        super().__init__()
        self.source = nn.Embedding(VOCABULARY, dimension)
        self.target = nn.Embedding(VOCABULARY, dimension)
        self.model = nn.Transformer(dimension, heads, layers, layers, feed_forward, batch_first=True, norm_first=True)
        self.output = nn.Linear(dimension, VOCABULARY)

    def forward(self, source, target):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1], device=source.device)
        return self.output(self.model(self.source(source), self.target(target), tgt_mask=mask, tgt_is_causal=True))


class Luong(nn.Module):
    def __init__(self, embedding=128, hidden=256, decoder=512):
        super().__init__()
        self.source = nn.Embedding(VOCABULARY, embedding)
        self.target = nn.Embedding(VOCABULARY, embedding)
        self.encoder = nn.GRU(embedding, hidden, bidirectional=True, batch_first=True)
        self.cell = nn.GRUCell(embedding + decoder, decoder)
        self.keys = nn.Linear(2 * hidden, decoder, bias=False)
        self.combine = nn.Linear(2 * hidden + decoder, decoder)
        self.output = nn.Linear(decoder, VOCABULARY)

    def forward(self, source, target):
        memory, _ = self.encoder(self.source(source))
        keys = self.keys(memory)
        state = memory.new_zeros(source.shape[0], self.cell.hidden_size)
        fed, outputs = state, []
        for previous in self.target(target).unbind(1):
            state = self.cell(torch.cat([previous, fed], -1), state)
            weights = torch.softmax(torch.einsum("bsd,bd->bs", keys, state), -1)
            fed = torch.tanh(self.combine(torch.cat([torch.einsum("bs,bsd->bd", weights, memory), state], -1)))
            outputs.append(fed)
        return self.output(torch.stack(outputs, 1))


def tokens_a_second(model, half):
    model = model.cuda()
    optimizer = torch.optim.Adam(model.parameters())
    source, target = (torch.randint(VOCABULARY, (BATCH, LENGTH), device="cuda") for _ in range(2))
    for step in range(STEPS + 5):
        if step == 5:
            torch.cuda.synchronize()
            start = time.perf_counter()
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            logits = model(source, target)
        loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.cuda.synchronize()
    return BATCH * LENGTH * STEPS / (time.perf_counter() - start)


def products():
    """Thousands of milliards of operations a second in products of bf16."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(20):
        a @ b
    torch.cuda.synchronize()
    return 20 * 2 * 8192**3 / (time.perf_counter() - start) / 1e12


print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}; bf16 products of 8192 × 8192: {products():.0f} TFLOP/s\n")
print("| model | what | PyTorch | peak memory |\n|---|---|---:|---:|")
models = {
    "base": lambda: Transformer(512, 6, 8, 2048),
    "tiny": lambda: Transformer(128, 3, 4, 256),
    "luong": Luong,
}
for name, make in models.items():
    for half in [False, True]:
        torch.cuda.reset_peak_memory_stats()
        rate = tokens_a_second(make(), half)
        print(f"| {name} | training in {'bf16' if half else 'fp32'} | {rate:.0f} | {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB |")
