# From frames to a model and its predictions.
# INPUTS:  results/{dataset}/frames/{shard}.h5 of the train and val splits; of the test split
# OUTPUTS: results/{dataset}/models/{model}/best.pt (last.pt, history.csv)
#          results/{dataset}/predictions/{model}/{shard}.parquet   logits per clip and per video


rule train:
    """Train a classifier on the train split; resumed to the bit when it was interrupted."""
    input:
        frames=training_frames,
        rows=training_rows,
    output:
        best="results/{dataset}/models/{model}/best.pt",
        last="results/{dataset}/models/{model}/last.pt",
        history=report(
            "results/{dataset}/models/{model}/history.csv",
            caption="../report/history.rst",
            category="{dataset}",
            subcategory="training",
            labels={"model": "{model}"},
        ),
    log:
        "logs/{dataset}/train/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/train/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=1,
    params:
        code=code("fitting", models="model"),
        options=options("numerics", models="model"),
        training=training_options,
    script:
        "../scripts/train.py"


rule classify:
    """Classify the videos of a shard: logits per clip and per video."""
    input:
        rows="results/{dataset}/videos/{shard}.tsv",
        frames="results/{dataset}/frames/{shard}.h5",
        weights=weights_of,
    output:
        predictions="results/{dataset}/predictions/{model}/{shard}.parquet",
        failures="results/{dataset}/predictions/{model}/{shard}.failures.tsv",
    log:
        "logs/{dataset}/classify/{model}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/classify/{model}/{shard}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=6000,
        runtime=240,
        gpu=1,
    params:
        code=code("fitting", models="model"),
        options=options("numerics", "max_failures", models="model"),
    script:
        "../scripts/classify.py"
