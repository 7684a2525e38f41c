package import SluiceKernels

/// How what is kept of a row makes up for what is not.
package enum Compensation: String, Sendable, Hashable, CaseIterable {
  /// Not at all.
  case none
  /// So that outputs stay the same along directions that the deltas themselves have.
  case own
}

/// Directions of the inputs of a linear layer: a row of `width` numbers for each input.
package struct Directions: Sendable {
  /// How many there are.
  package let width: Int
  /// The rows, one behind the other.
  package let values: [Double]
  /// The products with each other of what the deltas put out along the basis that the directions were found with,
  /// row after row; the lower half.
  package let core: [Double]
  /// The sum of squares of the deltas.
  package let energy: Double

  /// Collects directions.
  package init(width: Int, values: [Double], core: [Double] = [], energy: Double = 0) {
    self.width = width
    self.values = values
    self.core = core
    self.energy = energy
  }

  /// None.
  package static let none = Directions(width: 0, values: [])
}

/// Knows directions of linear layers.
package protocol DirectionSource: Sendable {
  /// Those of a layer of a model.
  func directions(of task: TensorTask, model: Int) throws -> Directions
}

/// Adds to what a mask left of each row a sum of directions, so that it makes up for what the mask removed.
///
/// Formula: k_j + Y_j * x for each element j that is not zero, Y being the layer's directions and x the row's
/// weights (`RowCompensation`); the sum runs in Double and is rounded to Float32 once, with k_j.
package struct CompensateStage: DeltaTransform {
  private let directions: any DirectionSource
  private let weights: any RowNumberSource

  /// Makes the stage.
  package init(_ weights: any RowNumberSource, along directions: any DirectionSource) {
    self.directions = directions
    self.weights = weights
  }

  /// The name in recipes.
  package var name: String { "compensate" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: CompensateStage
    private let model: Int
    private let kernels: Kernels
    private var rows = RowNumbers.none
    private var directions = Directions.none
    private var ordinal: Int?

    init(stage: CompensateStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      rows = try stage.weights.rowNumbers(of: strip, model: model)
      guard !rows.values.isEmpty, strip.task.ordinal != ordinal else { return }
      ordinal = nil
      directions = .none
      directions = try stage.directions.directions(of: strip.task, model: model)
      ordinal = strip.task.ordinal
    }

    var changesNothing: Bool { rows.values.isEmpty || directions.width == 0 }

    func apply(to tile: DeltaTile) {
      let width = directions.width
      unsafe rows.values.withUnsafeBufferPointer { weights in
        unsafe directions.values.withUnsafeBufferPointer { matrix in
          guard let weights = weights.baseAddress, let matrix = matrix.baseAddress else { return }
          rows.forEachRow(from: tile.firstElement, count: tile.count) { row, column, elements in
            // SAFETY: the elements lie in the tile, and the matrix has a row for each column.
            unsafe kernels.correct(
              tile.values + elements.lowerBound, count: elements.count,
              by: matrix + column * width, weights: weights + rows.position(ofRow: row),
              width: width)
          }
        }
      }
    }
  }
}
