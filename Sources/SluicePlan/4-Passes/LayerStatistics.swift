internal import SluiceRecipe
package import SluiceStages

/// The statistics of all linear layers of all models, in byte order of their names.
package struct LayerStatistics: Sendable {
  /// The layers.
  package let tasks: [TensorTask]
  /// For each model, one entry for each layer.
  package let layers: [[LinearStatistics]]

  package init(tasks: [TensorTask], layers: [[LinearStatistics]]) {
    self.tasks = tasks
    self.layers = layers
  }

  /// For each model and layer, what a rule adds to the requested rates.
  func rateShifts(_ rule: any RateRule) -> [[Double]] {
    layers.map { rule.rateShifts(for: $0) }
  }
}
