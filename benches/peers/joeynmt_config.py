"""JoeyNMT's configuration for a recipe of Targum."""

from pathlib import Path


def configuration(recipe: dict, work: Path, folder: Path, updates: int) -> dict:
    settings = recipe["training"]
    adam = settings["optimizer"]["adam"]
    side = {
        "level": "bpe",
        "lowercase": recipe["tokenizer"]["lowercase"],
        "max_length": 100,
        "voc_file": str(work / "vocabulary.txt"),
        "tokenizer_type": "sentencepiece",
        "tokenizer_cfg": {"model_file": str(work / "sentencepiece.model")},
    }
    return {
        "name": recipe["name"],
        "joeynmt_version": "2.3.0",
        "model_dir": str(folder),
        "use_cuda": False,
        "fp16": False,
        "random_seed": 1,
        "data": {
            "train": str(work / "data" / "train"),
            "dev": str(work / "data" / "validation"),
            "test": str(work / "data" / "test_2016_flickr"),
            "dataset_type": "plain",
            "src": {"lang": recipe["data"]["source"], **side},
            "trg": {"lang": recipe["data"]["target"], **side},
        },
        "testing": {"batch_size": 64, "batch_type": "sentence"},
        "training": {
            "optimizer": "adam",
            "adam_betas": [adam.get("beta1", 0.9), adam.get("beta2", 0.999)],
            "learning_rate": adam["learning_rate"],
            "learning_rate_min": 0.0,
            # JoeyNMT has no schedule that leaves the rate alone: this multiplies it by 1 at each epoch.
            "scheduling": "exponential",
            "decrease_factor": 1.0,
            "normalization": "tokens",
            "label_smoothing": settings["label_smoothing"],
            "clip_grad_norm": settings["clip_norm"],
            "batch_size": settings["batch_tokens"],
            "batch_type": "token",
            "epochs": 1_000_000,
            "updates": updates,
            "logging_freq": 1,
            "validation_freq": 1_000_000_000,
            "overwrite": True,
        },
        "model": transformer(recipe) if "transformer" in recipe["model"] else recurrent(recipe),
    }


def recurrent(recipe: dict) -> dict:
    """Its decoder feeds the attentional state back, whichever the score."""
    model = recipe["model"]["recurrent"]
    decoder = model["decoder"]
    dropout = model["dropout"]
    embeddings = {"embedding_dim": model["embedding"], "dropout": dropout}
    return {
        "tied_embeddings": False,
        "tied_softmax": False,
        "encoder": {
            "type": "recurrent",
            "rnn_type": model["cell"],
            "embeddings": embeddings,
            "hidden_size": model["hidden"],
            "bidirectional": model["encoder"]["bidirectional"],
            "num_layers": model["encoder"]["layers"],
            "dropout": dropout,
        },
        "decoder": {
            "type": "recurrent",
            "rnn_type": model["cell"],
            "embeddings": embeddings,
            "hidden_size": decoder["hidden"],
            "num_layers": decoder.get("layers", 1),
            "dropout": dropout,
            "hidden_dropout": dropout,
            "attention": decoder["kind"],
            "input_feeding": True,
            "init_hidden": "bridge",
        },
    }


def transformer(recipe: dict) -> dict:
    """Its one dropout is on attention weights and activations too."""
    model = recipe["model"]["transformer"]
    return {
        "tied_embeddings": True,
        "tied_softmax": True,
        **{
            side: {
                "type": "transformer",
                "num_layers": model[side]["layers"],
                "num_heads": model[side]["heads"],
                "embeddings": {"embedding_dim": model["dimension"], "scale": True, "dropout": model["dropout"]},
                "hidden_size": model["dimension"],
                "ff_size": model[side]["feed_forward"],
                "dropout": model["dropout"],
                "layer_norm": model["norm"],
            }
            for side in ("encoder", "decoder")
        },
    }
