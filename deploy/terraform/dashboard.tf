locals {
  charts = [
    { title = "Open incidents by operation", metric = "operation/open_incidents", by = ["operation", "verdict"], reducer = "REDUCE_MAX" },
    { title = "Live runs by operation", metric = "operation/live_runs", by = ["operation"], reducer = "REDUCE_MAX" },
    { title = "Longest time without a sign of progress, s", metric = "operation/worst_stall", by = ["operation"], reducer = "REDUCE_MAX" },
    { title = "Longest time without a beat, s", metric = "operation/worst_silence", by = ["operation"], reducer = "REDUCE_MAX" },
    { title = "Greatest share of a deadline used", metric = "operation/deadline_used", by = ["operation"], reducer = "REDUCE_MAX" },
    { title = "Open incidents in all", metric = "incidents/open", by = [], reducer = "REDUCE_MAX" },
    { title = "Sweeps completed, a minute", metric = "sweep/completed", by = [], reducer = "REDUCE_SUM" },
    { title = "Length of a sweep, s", metric = "sweep/seconds", by = [], reducer = "REDUCE_MAX" },
    { title = "Records read by a sweep", metric = "sweep/read", by = [], reducer = "REDUCE_MAX" },
    { title = "Runs due", metric = "sweep/due", by = [], reducer = "REDUCE_MAX" },
    { title = "Notices undelivered", metric = "sweep/undelivered", by = [], reducer = "REDUCE_MAX" },
    { title = "Runs unjudged", metric = "sweep/unjudged", by = [], reducer = "REDUCE_MAX" },
    { title = "Verdicts held", metric = "sweep/held", by = [], reducer = "REDUCE_MAX" },
    { title = "Doubt", metric = "sweep/doubtful", by = [], reducer = "REDUCE_MAX" },
    { title = "Beats that clients could not write", metric = "clients/failed_writes", by = [], reducer = "REDUCE_MAX" },
  ]

  gauges = [
    for chart in local.charts : {
      title   = chart.title
      filter  = local.filters[chart.metric]
      aligner = "ALIGN_MAX"
      reducer = chart.reducer
      by      = [for label in chart.by : "metric.label.\"${label}\""]
    }
  ]

  lines = {
    title   = "Lines of clients that can't write"
    filter  = "metric.type = \"${local.client_write_failures}\" AND resource.type = \"cloud_run_revision\""
    aligner = "ALIGN_DELTA"
    reducer = "REDUCE_SUM"
    by      = ["resource.label.\"service_name\""]
  }

  widgets = [
    for chart in concat(local.gauges, [local.lines]) : {
      title = chart.title
      xyChart = {
        dataSets = [{
          plotType = "LINE"
          timeSeriesQuery = {
            timeSeriesFilter = {
              filter = chart.filter
              aggregation = {
                alignmentPeriod    = "60s"
                perSeriesAligner   = chart.aligner
                crossSeriesReducer = chart.reducer
                groupByFields      = chart.by
              }
            }
          }
        }]
      }
    }
  ]
}

resource "google_monitoring_dashboard" "this" {
  project = var.project

  dashboard_json = jsonencode({
    displayName = "Hangwatch"
    mosaicLayout = {
      columns = 12
      tiles = [
        for index, widget in local.widgets : {
          xPos   = 6 * (index % 2)
          yPos   = 4 * floor(index / 2)
          width  = 6
          height = 4
          widget = widget
        }
      ]
    }
  })

  depends_on = [google_monitoring_metric_descriptor.figures]
}
