# vidsal: where and when a video network looks, whether that is true, and whether people look there.
# What is computed: config.yaml. How: profiles/. The steps: workflow/rules/.

from snakemake.utils import min_version

min_version("9.20")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/common.smk"
include: "workflow/inputs/video.smk"
include: "workflow/inputs/train.smk"
include: "workflow/inputs/explain.smk"
include: "workflow/inputs/score.smk"
include: "workflow/inputs/report.smk"
include: "workflow/rules/video.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/explain.smk"
include: "workflow/rules/gaze.smk"
include: "workflow/rules/saliency.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"


wildcard_constraints:
    dataset=alternatives(*RUN["datasets"]),
    model=alternatives(*RUN["models"], *RUN["gaze"], "none"),
    method=alternatives(*RUN["methods"], *RUN["controls"], GAZE_METHOD),
    aggregation=alternatives(*RUN["aggregations"]),
    metric=alternatives(*RUN["metrics"]),
    shard=r"[A-Za-z0-9._-]+-\d+of\d+",
    slot=r"\d+",


onstart:
    hold_lock()


onsuccess:
    trim_cache()


warn_if_large()


rule all:
    """Everything that the config asks for: heatmaps, tables, figures, overlays, the page."""
    default_target: True
    input:
        collect("results/{dataset}/page.html", dataset=RUN["datasets"]),
        collect("results/{dataset}/config.resolved.yaml", dataset=RUN["datasets"]),
        collect("results/{dataset}/methods.md", dataset=RUN["datasets"]),
        collect("results/{dataset}/tables/tests.tsv", dataset=RUN["datasets"]),
        mixed_models,
        exported_gaze,
        dumped_predictions,
        drawn_pictures,
        exported_maps,


rule heatmaps:
    """Only the heatmaps, without tables and pages."""
    input:
        all_heatmaps,


rule export:
    """Only the heatmaps, in the formats that the config names under `export:`."""
    input:
        exported_maps,


rule pictures:
    """Only the pictures of the shown videos, without the page."""
    input:
        drawn_pictures,


rule gaze:
    """Only the gaze: one tidy table for each dataset that has any."""
    input:
        exported_gaze,


rule tables:
    """Only the tables."""
    input:
        collect("results/{dataset}/tables/summary.tsv", dataset=RUN["datasets"]),
        collect("results/{dataset}/tables/tests.tsv", dataset=RUN["datasets"]),
        mixed_models,
