# From frames to a model and its predictions.
# INPUTS:  results/{dataset}/frames/{shard}.h5 of the train and val splits; of the test split
# OUTPUTS: results/{dataset}/weights/{model}.pt (.tsv)      named weights, and where they came from
#          results/{dataset}/models/{model}/                best.pt, model.json (last.pt, history.csv)
#          results/{dataset}/predictions/{model}/{shard}.parquet   logits per clip and per video
#          results/{dataset}/predictions/{model}.pkl   the same per video, laid out as mmaction2's


rule fetch_weights:
    """Download and check the weights that a model names, unless the user has put them there."""

    # The weights here are a link into the data folder, which is never emptied.
    output:
        weights="results/{dataset}/weights/{model}.pt",
        sources="results/{dataset}/weights/{model}.tsv",
    log:
        "logs/{dataset}/fetch_weights/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/fetch_weights/{model}.tsv"
    wildcard_constraints:
        model=alternatives(*filter(named_weights, [*RUN["models"], *RUN["gaze"]])),
    # Nodes of a cluster often reach no network: this runs where Snakemake runs.
    localrule: True
    conda:
        "../../envs/video.yaml"
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        # Nothing of the code: a new link is newer than all that rests on it.
        options=facts_of_weights,
    script:
        "../scripts/fetch_weights.py"


rule train:
    """Train a classifier on the train split; resumed to the bit when it was interrupted."""
    input:
        frames=training_frames,
        rows=training_rows,
        weights=given_weights,
    output:
        best="results/{dataset}/models/{model}/best.pt",
        last="results/{dataset}/models/{model}/last.pt",
        card="results/{dataset}/models/{model}/model.json",
        history=report(
            "results/{dataset}/models/{model}/history.csv",
            caption="../report/history.rst",
            category="{dataset}",
            subcategory="training",
            labels={"model": "{model}", "what": "table"},
        ),
    log:
        "logs/{dataset}/train/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/train/{model}.tsv"
    wildcard_constraints:
        model=alternatives(*RUN["models"]),
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=1,
    params:
        code=code("fitting", "model_folders", models="model"),
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
        code=code("testing", models="model"),
        options=options("numerics", "max_failures", models="model"),
        views=testing_options,
    script:
        "../scripts/classify.py"


rule dump_predictions:
    """Write a model's predictions as one pickle, laid out as mmaction2's `test.py --dump` does."""
    input:
        predictions=predictions_of_model,
    output:
        dump="results/{dataset}/predictions/{model}.pkl",
    log:
        "logs/{dataset}/dump_predictions/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/dump_predictions/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("dumping"),
        arrays=config["classify"]["dump"],
    script:
        "../scripts/dump_predictions.py"
