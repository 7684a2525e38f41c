internal import SluicePlan

/// Where in its matrix a layer's kept deltas lie, and how often models contradict each other.
package struct DimensionCounts: Sendable {
  /// The most bands that a dimension is cut into.
  package static let bandLimit = 48

  /// A model's part.
  package struct Model: Sendable {
    /// The share of deltas kept in each band of rows (outputs).
    package var rows: [Double]
    /// The share of deltas kept in each band of columns (inputs).
    package var columns: [Double]
    /// How many deltas are kept.
    package var kept = 0
  }

  /// The name of the tensor.
  package let tensor: String
  /// The name of its block.
  package let block: String
  /// The number of its rows.
  package let rowCount: Int
  /// The number of its columns.
  package let columnCount: Int
  /// What was counted of each model.
  package var models: [Model]
  /// Elements that at least one model keeps and merges with a factor other than 0.
  package var merged = 0
  /// Elements that at least two do.
  package var shared = 0
  /// Elements of those on which two signs meet: TIES drops one of them.
  package var conflicting = 0
}

/// What was counted over the dimensions, or why nothing was.
package enum DimensionFigures: Sendable {
  /// What was counted of the layers that a pattern or a kind names.
  case counted([DimensionCounts], pattern: String)
  /// Why nothing was.
  case missing(String)
}
