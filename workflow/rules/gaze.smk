# From frames and gaze to a predictor, and to predicted gaze, as heatmaps under the reserved method
# name `gaze`.
# INPUTS:  results/{dataset}/frames/{shard}.h5, results/{dataset}/fixations/{shard}.parquet
# OUTPUTS: results/{dataset}/models/{model}/        best.pt, last.pt, history.csv
#          results/{dataset}/heatmaps/{model}/gaze/{shard}.h5


rule train_gaze:
    """Train a predictor of gaze on the train split; resumed to the bit when it was interrupted."""
    input:
        frames=training_frames,
        rows=training_rows,
        fixations=training_gaze,
        weights=given_weights,
    output:
        best="results/{dataset}/models/{model}/best.pt",
        last="results/{dataset}/models/{model}/last.pt",
        history=report(
            "results/{dataset}/models/{model}/history.csv",
            caption="../report/history.rst",
            category="{dataset}",
            subcategory="training",
            labels={"model": "{model}", "what": "table"},
        ),
    log:
        "logs/{dataset}/train_gaze/{model}.log",
    benchmark:
        "benchmarks/runs/{dataset}/train_gaze/{model}.tsv"
    wildcard_constraints:
        model=alternatives(*filter(is_trained, RUN["gaze"])),
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=8000,
        runtime=1440,
        gpu=1,
    params:
        code=code("fitting_gaze", gaze="model"),
        options=options("numerics", gaze="model"),
        training=training_options,
        sigma=settings.digest(config["score"]["sigma"]),
    script:
        "../scripts/train_gaze.py"


rule predict_gaze:
    """Predict where people look, frame by frame."""
    input:
        rows=from_coarse("results/{dataset}/videos/{shard}.tsv"),
        frames=from_coarse("results/{dataset}/frames/{shard}.h5"),
        made_elsewhere=imported_folder,
        weights=weights_of,
    output:
        heatmaps="results/{dataset}/heatmaps/{model}/gaze/{shard}.h5",
        failures="results/{dataset}/heatmaps/{model}/gaze/{shard}.failures.tsv",
    log:
        "logs/{dataset}/predict_gaze/{model}/{shard}.log",
    benchmark:
        "benchmarks/runs/{dataset}/predict_gaze/{model}/{shard}.tsv"
    wildcard_constraints:
        model=alternatives(*RUN["gaze"]),
    conda:
        "../../envs/torch.yaml"
    threads: config["numerics"]["torch_threads"]
    resources:
        mem_mb=6000,
        runtime=720,
        gpu=1,
    params:
        code=code("predicting", gaze="model"),
        options=options("numerics", "explain", "max_failures", gaze="model"),
    script:
        "../scripts/predict_gaze.py"
