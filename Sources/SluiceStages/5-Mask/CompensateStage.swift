package import SluiceKernels

/// How what is kept of a row makes up for what is not.
package enum Compensation: String, Sendable, Hashable, CaseIterable {
  /// Not at all.
  case none
  /// So that outputs stay the same along directions that the deltas themselves have.
  case own
}

/// Directions of the inputs of a linear layer: a few numbers for each input.
package struct Directions: Sendable {
  /// How many there are.
  package let width: Int
  /// The number of inputs.
  package let columnCount: Int
  /// The directions, in panels of right factors.
  package let panels: [Float]
  /// The sum of squares of the deltas of each model that they belong to.
  package let energies: [Double]

  /// Collects directions.
  package init(width: Int, columnCount: Int, panels: [Float], energies: [Double]) {
    self.width = width
    self.columnCount = columnCount
    self.panels = panels
    self.energies = energies
  }

  /// None.
  package static let none = Directions(width: 0, columnCount: 0, panels: [], energies: [])

  /// As many numbers for each input as there are directions, one input after the other.
  package var byInputs: [Double] {
    var rows = [Double](repeating: 0, count: width * columnCount)
    for column in 0..<columnCount {
      for index in 0..<width {
        let place = FactorProduct.panelIndex(row: index, column: column, rank: width)
        rows[column * width + index] = Double(panels[place])
      }
    }
    return rows
  }

  /// Directions that are sums of these.
  ///
  /// - Parameters:
  ///   - weights: For each of them as many weights as there are directions here.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The directions; none for no weights.
  package func combined(_ weights: [Double], kernels: Kernels) -> Directions {
    guard width > 0, !weights.isEmpty else { return .none }
    let count = weights.count / width
    let left = weights.map { Float($0) }
    var rows = [Float](repeating: 0, count: count * columnCount)
    var found = [Float](
      repeating: 0, count: FactorProduct.panelElements(rank: count, columns: columnCount))
    unsafe rows.withUnsafeMutableBufferPointer { rows in
      unsafe found.withUnsafeMutableBufferPointer { found in
        unsafe left.withUnsafeBufferPointer { left in
          guard let rows = rows.baseAddress, let found = found.baseAddress,
            let left = left.baseAddress
          else { return }
          // SAFETY: there are weights of all rows, and room for these.
          unsafe add(
            weights: left, stride: width, firstRow: 0, elements: 0..<count * columnCount,
            kernels: kernels, into: rows)
          for index in 0..<count {
            unsafe Kernels.place(
              rows + index * columnCount, columns: 0..<columnCount, position: index, rank: count,
              into: found)
          }
        }
      }
    }
    return Directions(width: count, columnCount: columnCount, panels: found, energies: [])
  }

  /// For some rows the sums of directions, each times the row's weight for it.
  ///
  /// - Parameters:
  ///   - weights: The weights of the first of all rows.
  ///   - stride: How many numbers a row has there.
  ///   - firstRow: The number of that row.
  ///   - elements: The elements of the layer that are made.
  ///   - kernels: The kernels to compute with.
  ///   - out: Receives them.
  package func add(
    weights: UnsafePointer<Float>, stride: Int, firstRow: Int, elements: Range<Int>,
    kernels: Kernels, into out: UnsafeMutablePointer<Float>
  ) {
    unsafe panels.withUnsafeBufferPointer { panels in
      guard let panels = panels.baseAddress else { return }
      RowRectangles.forEach(in: elements, columnCount: columnCount) { rows, columns, offset in
        // SAFETY: the caller guarantees weights of all rows, and room for the elements.
        unsafe kernels.multiply(
          FactorProduct(
            left: weights + (rows.lowerBound - firstRow) * stride, leftStride: stride,
            panels: panels, rank: width, rows: rows.count, columns: columns, out: out + offset,
            outStride: columnCount))
      }
    }
  }
}

/// Knows directions of linear layers.
package protocol DirectionSource: Sendable {
  /// Those of a layer of a model.
  func directions(of task: TensorTask, model: Int) throws -> Directions
}

/// Adds to what a mask left of each row a sum of directions, so that it makes up for what the mask removed.
///
/// Formula: k_j + Y_j * x for each element j that is not zero, Y being the layer's directions and x the row's
/// weights (`RowCompensation`), rounded to Float32. Each product and each sum is rounded to Float32.
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
  /// Several rows are corrected together.
  package var needs: StageNeeds {
    StageNeeds(laneByteCount: 4 * Granularity.grainElements, usesGrains: true)
  }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  @safe private final class Lane: LaneTransform {
    private let stage: CompensateStage
    private let model: Int
    private let kernels: Kernels
    private let added = AlignedBuffer<Float>(count: Granularity.grainElements, fill: 0)
    private var rows = RowNumbers.none
    private var weights: [Float] = []
    private var directions = Directions.none
    private var ordinal: Int?

    init(stage: CompensateStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      rows = try stage.weights.rowNumbers(of: strip, model: model)
      weights = rows.values.map { Float($0) }
      guard !rows.values.isEmpty, strip.task.ordinal != ordinal else { return }
      ordinal = nil
      directions = .none
      directions = try stage.directions.directions(of: strip.task, model: model)
      ordinal = strip.task.ordinal
    }

    var changesNothing: Bool { weights.isEmpty || directions.width == 0 }

    func apply(to tile: DeltaTile) {
      unsafe weights.withUnsafeBufferPointer { weights in
        guard let weights = weights.baseAddress else { return }
        // SAFETY: there are weights of all rows that the strip touches, and room for a tile.
        unsafe directions.add(
          weights: weights, stride: rows.width, firstRow: rows.firstRow,
          elements: tile.firstElement..<tile.firstElement + tile.count, kernels: kernels,
          into: added.pointer)
        unsafe kernels.correct(tile.values, count: tile.count, by: added.pointer)
      }
    }
  }
}
