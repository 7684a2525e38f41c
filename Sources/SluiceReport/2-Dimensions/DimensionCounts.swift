/// Where in its matrix a layer's kept deltas lie, and how often models contradict each other.
struct DimensionCounts {
  /// The most bands that a dimension is cut into.
  static let bandLimit = 48

  /// A model's part.
  struct Model {
    /// The share of deltas kept in each band of rows (outputs).
    var rows: [Double]
    /// The share of deltas kept in each band of columns (inputs).
    var columns: [Double]
    /// How many deltas are kept.
    var kept = 0
  }

  let tensor: String
  let block: String
  let rowCount: Int
  let columnCount: Int
  var models: [Model]
  /// Elements that at least one model keeps and merges with a factor other than 0.
  var merged = 0
  /// Elements that at least two do.
  var shared = 0
  /// Elements of those on which two signs meet: TIES drops one of them.
  var conflicting = 0
}

/// What was counted over the dimensions, or why nothing was.
enum DimensionFigures {
  case counted([DimensionCounts], pattern: String)
  case missing(String)
}
