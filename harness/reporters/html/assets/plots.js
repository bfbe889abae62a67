// Plots of series.

function drawSeries(series) {
  return null;
}
