"""PyTorch as in its tutorials: eager, with all data in memory. Optional: `pip install torch`."""

from __future__ import annotations

import torch

from benchmarks.works import Layer, Work


class Side:
    """Trains with a Python loop over batches."""

    def __init__(self, work: Work) -> None:
        torch.manual_seed(0)
        x, y = work.data()
        self.work, self.x = work, torch.from_numpy(x)
        if len(work.inputs) == 3:
            self.x = self.x.permute(0, 3, 1, 2).contiguous()
        self.regression = work.outputs == 1
        self.y = torch.from_numpy(y)[:, None] if self.regression else torch.from_numpy(y).long()
        self.net = torch.nn.Sequential(*_modules(work))
        self.net(self.x[:2])  # determines the shapes of the lazy layers
        self.loss = torch.nn.MSELoss() if self.regression else torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.001, eps=1e-7)

    def train(self, epochs: int) -> None:
        """Train `epochs` epochs."""
        rows, batch = len(self.x), self.work.batch
        self.net.train()
        for _ in range(epochs):
            order = torch.randperm(rows)
            total, metric = torch.zeros(()), torch.zeros(())
            for start in range(0, rows, batch):
                index = order[start : start + batch]
                x, y = self.x[index], self.y[index]
                self.optimizer.zero_grad()
                outputs = self.net(x)
                loss = self.loss(outputs, y)
                loss.backward()
                self.optimizer.step()
                with torch.no_grad():
                    total += loss * len(index)
                    hits = (outputs - y).abs() if self.regression else outputs.argmax(1) == y
                    metric += hits.sum()
            float(total), float(metric)


def _modules(work: Work) -> list[torch.nn.Module]:
    return [_module(layer) for layer in work.layers] + [torch.nn.LazyLinear(work.outputs)]


def _module(layer: Layer) -> torch.nn.Module:
    kind, *numbers = layer
    match kind:
        case "dense":
            return torch.nn.LazyLinear(numbers[0])
        case "conv":
            filters, size, padding = numbers
            return torch.nn.LazyConv2d(filters, size, padding=padding)
        case "dropout":
            return torch.nn.Dropout(numbers[0])
        case "alpha_dropout":
            return torch.nn.AlphaDropout(numbers[0])
        case "bn":
            return torch.nn.LazyBatchNorm1d()
        case "max_pool":
            return torch.nn.MaxPool2d(2)
        case "mean_pool":
            return torch.nn.AvgPool2d(2)
    return {"flatten": torch.nn.Flatten, "relu": torch.nn.ReLU, "selu": torch.nn.SELU, "tanh": torch.nn.Tanh}[kind]()
