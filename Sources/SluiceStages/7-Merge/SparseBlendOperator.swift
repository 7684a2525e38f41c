package import SluiceKernels

/// What is kept of a row of a model's blended deltas.
package struct BlendCut: Sendable, Hashable {
  /// The smallest kept magnitude; finite.
  package let threshold: Float
  /// The first column in which an element at the threshold goes.
  package let firstDroppedColumn: Int
  /// What is kept is multiplied by.
  package let factor: Float

  /// How many numbers one takes in a file.
  package static let width = 3

  /// Describes a cut.
  package init(threshold: Float, firstDroppedColumn: Int, factor: Float) {
    self.threshold = threshold
    self.firstDroppedColumn = firstDroppedColumn
    self.factor = factor
  }

  /// Reads one.
  package init(_ numbers: ArraySlice<Double>) {
    let first = numbers.startIndex
    threshold = Float(numbers[first])
    firstDroppedColumn = Int(exactly: numbers[first + 1]) ?? 0
    factor = Float(numbers[first + 2])
  }

  /// As numbers.
  package var numbers: [Double] {
    [Double(threshold), Double(firstDroppedColumn), Double(factor)]
  }

  /// Keeps of a row what reaches the threshold, times the factor.
  ///
  /// - Parameters:
  ///   - values: Elements of a row.
  ///   - count: How many.
  ///   - column: The column of the first.
  ///   - kernels: The kernels to compute with.
  package func apply(
    to values: UnsafeMutablePointer<Float>, count: Int, column: Int, kernels: Kernels
  ) {
    // Elements at the threshold stay in the first columns, and go in the others.
    let first = min(max(0, firstDroppedColumn - column), count)
    let bits = threshold.bitPattern
    // SAFETY: the caller guarantees `count` elements.
    unsafe kernels.keepReaching(values, count: first, bits: bits)
    unsafe kernels.keepReaching(values + first, count: count - first, bits: bits + 1)
    if factor != 1 { unsafe kernels.scale(values, count: count, by: factor) }
  }
}

/// Blends each model's deltas with the others' as `BlendOperator` does, keeps the largest of each row of what comes
/// of it, and adds the models up, each times its weight.
///
/// Where rows are compensated, a sum of directions is added to what is kept, as `CompensateStage` does. A blended
/// delta is rounded to Float32; everything after is Float32, each operation rounded on its own. Of tensors that are not
/// linear layers the weighted mean is taken.
package struct SparseBlendOperator: MergeOperator {
  private let source: (any BlendSource)?
  private let weights: any FactorSource
  private let modelCount: Int
  private let dense: BlendOperator

  /// Makes the operator; as for `BlendOperator`.
  package init(_ source: (any BlendSource)?, weights: any FactorSource, modelCount: Int) {
    self.source = source
    self.weights = weights
    self.modelCount = modelCount
    dense = BlendOperator(nil, weights: weights, modelCount: modelCount)
  }

  /// The name in plans.
  package var name: String { "own-regmean" }
  /// Several rows are blended together.
  package var needs: StageNeeds { dense.needs }

  /// Makes the part that works in one lane.
  package func makeLane(kernels: Kernels) -> any LaneOperator {
    Lane(rule: self, kernels: kernels)
  }

  @safe private final class Lane: LaneOperator {
    private let rule: SparseBlendOperator
    private let kernels: Kernels
    private let dense: any LaneOperator
    private let lane: BlendLane?
    private let buffers: [AlignedBuffer<Float>]
    private let pointers: AlignedBuffer<UnsafePointer<Float>>
    private var isSparse = false
    private var cuts: [RowNumbers] = []
    /// The weights of directions of each model's rows, if these are compensated, with their cuts in between.
    private var weights: [[Float]] = []
    private var factors: [Float] = []
    private lazy var added = AlignedBuffer<Float>(count: Granularity.grainElements, fill: 0)

    init(rule: SparseBlendOperator, kernels: Kernels) {
      self.rule = rule
      self.kernels = kernels
      dense = rule.dense.makeLane(kernels: kernels)
      lane = rule.source.map {
        BlendLane($0, modelCount: rule.modelCount, kernels: kernels)
      }
      let buffers = (0..<max(rule.modelCount, 1)).map { _ in
        AlignedBuffer<Float>(count: Granularity.grainElements, fill: 0)
      }
      self.buffers = buffers
      unsafe pointers = AlignedBuffer(count: buffers.count, fill: UnsafePointer(buffers[0].pointer))
      for (model, buffer) in buffers.enumerated() {
        unsafe pointers.pointer[model] = UnsafePointer(buffer.pointer)
      }
    }

    func begin(_ strip: Strip) throws {
      isSparse = false
      guard let source = rule.source, let lane, strip.task.role == .linear else {
        return try dense.begin(strip)
      }
      isSparse = true
      factors = (0..<rule.modelCount).map { rule.weights.factor(of: strip.task, model: $0) }
      cuts = []
      try lane.begin(strip.task)
      for model in 0..<rule.modelCount {
        if lane.isPresent(model) {
          try lane.prepare(source.rows(of: strip), of: strip.task, model: model)
        }
        cuts.append(try source.cuts(of: strip, model: model))
      }
      weights = lane.strongest.width == 0 ? [] : cuts.map { $0.values.map { Float($0) } }
    }

    func merge(_ tile: MergeTile) throws {
      guard isSparse, let lane else { return try dense.merge(tile) }
      for model in 0..<rule.modelCount { make(model, tile, lane) }
      // SAFETY: each buffer holds a tile.
      unsafe kernels.mergeSum(
        pointers.pointer, modelCount: rule.modelCount, count: tile.count, into: tile.merged)
    }

    /// Makes what a model adds.
    private func make(_ model: Int, _ tile: MergeTile, _ lane: BlendLane) {
      let (out, rows) = unsafe (buffers[model].pointer, cuts[model])
      guard lane.isPresent(model), !rows.values.isEmpty else {
        unsafe out.update(repeating: 0, count: tile.count)
        return
      }
      unsafe lane.blend(
        tile.deltas[model], model: model,
        elements: tile.firstElement..<tile.firstElement + tile.count, into: out)
      rows.forEachRow(from: tile.firstElement, count: tile.count) { row, column, elements in
        let own = rows.position(ofRow: row)
        let cut = BlendCut(rows.values[own..<own + BlendCut.width])
        // SAFETY: the elements lie in the tile.
        unsafe cut.apply(
          to: out + elements.lowerBound, count: elements.count, column: column, kernels: kernels)
      }
      if !weights.isEmpty { correct(model, tile, lane) }
      if factors[model] != 1 {
        unsafe kernels.scale(out, count: tile.count, by: factors[model])
      }
    }

    /// Adds directions to what is kept of a model.
    private func correct(_ model: Int, _ tile: MergeTile, _ lane: BlendLane) {
      unsafe weights[model].withUnsafeBufferPointer { weights in
        guard let weights = weights.baseAddress else { return }
        // SAFETY: there are weights of all rows that the strip touches, and room for a tile.
        unsafe lane.strongest.add(
          weights: weights + BlendCut.width, stride: cuts[model].width,
          firstRow: cuts[model].firstRow,
          elements: tile.firstElement..<tile.firstElement + tile.count, kernels: kernels,
          into: added.pointer)
        unsafe kernels.correct(buffers[model].pointer, count: tile.count, by: added.pointer)
      }
    }
  }
}
