/// The names of what a run makes beside the weights.
package enum RunFile {
  /// The report of a finished run.
  package static let report = "sluice-report.json"
  /// The directory, in the output, of what is unfinished.
  package static let workDirectory = ".sluice"
  /// The frames that are read in the place of models, in the work directory.
  package static let spill = "spill"
  /// The histograms of layers, in the work directory.
  package static let statistics = "statistics"
}
