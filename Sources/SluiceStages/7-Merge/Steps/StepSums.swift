package import SluiceKernels
internal import Synchronization

/// Sums over the elements of each tensor that a pass before the merge found, kept strip by strip.
///
/// They are added up in Double, in an order that depends on the tensor alone.
package final class StepSums: Sendable {
  private let sums = Mutex<[Int: [Double]]>([:])
  private let granularity: Granularity

  /// Makes an empty list.
  package init(_ granularity: Granularity) { self.granularity = granularity }

  /// The bytes of the sums of a strip.
  package static func byteCount(sumCount: Int) -> Int { 96 + 8 * sumCount }

  /// Keeps the sums of a strip.
  package func put(_ strip: Int, _ values: [Double]) { sums.withLock { $0[strip] = values } }

  /// The sums of a tensor.
  package func values(of task: TensorTask) -> [Double] {
    let strips = task.firstStrip..<task.firstStrip + granularity.stripCount(of: task.elementCount)
    return sums.withLock { sums in
      strips.reduce(into: []) { total, strip in
        guard let values = sums[strip] else { return }
        if total.isEmpty {
          total = values
        } else {
          for index in total.indices { total[index] += values[index] }
        }
      }
    }
  }
}

/// What a pass adds up of tiles, in one lane.
package protocol StepSumRule: AnyObject {
  /// How many sums there are.
  var count: Int { get }

  /// Prepares for a strip.
  func begin(_ strip: Strip, _ steps: StepArithmetic)

  /// Adds a tile up.
  func add(_ tile: StepTile, _ steps: StepArithmetic, to sums: StepAccumulator)
}

/// The sums of one lane: each in 16 parts, by the number of the element.
@safe package final class StepAccumulator {
  private let parts: AlignedBuffer<Double>
  private let count: Int

  init(count: Int) {
    self.count = count
    parts = AlignedBuffer(count: max(count, 1) * Kernels.squareSumCount, fill: 0)
  }

  func clear() { parts.fill(0) }

  /// Adds the products of two rows to a sum, or the numbers of one.
  package func add(
    _ a: StepRow, _ b: StepRow? = nil, to sum: Int, count: Int, _ steps: StepArithmetic
  ) {
    precondition(sum < self.count)
    // SAFETY: every sum has its parts.
    unsafe steps.addProducts(
      a, b, count: count, to: parts.pointer + sum * Kernels.squareSumCount)
  }

  /// The sums.
  var totals: [Double] {
    // SAFETY: as above.
    (0..<count).map { unsafe Kernels.total(of: parts.pointer + $0 * Kernels.squareSumCount) }
  }
}

/// Adds up what a rule says of all inputs, or of a base and deltas.
package final class StepSumSink: TileSink {
  private let setup: StepSetup
  private let rule: any StepSumRule
  private let didSum: (Strip, [Double]) -> Void
  private let steps: StepArithmetic
  private let accumulator: StepAccumulator
  private let modelCount: Int

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - rule: What is added up.
  ///   - rows: How many rows of a tile the rule needs.
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to compute with.
  ///   - didSum: Takes the sums of each strip.
  package init(
    _ setup: StepSetup, _ rule: any StepSumRule, rows: Int, modelCount: Int, kernels: Kernels,
    didSum: @escaping (Strip, [Double]) -> Void
  ) {
    self.setup = setup
    self.rule = rule
    self.didSum = didSum
    self.modelCount = modelCount
    steps = StepArithmetic(rows: rows, kernels: kernels)
    accumulator = StepAccumulator(count: rule.count)
  }

  /// All models together.
  package var order: DeltaOrder { .tileByTile }

  /// Begins to add up.
  package func begin(_ strip: Strip) -> StripRequest {
    steps.dtype = setup.working.dtype(of: strip.task)
    accumulator.clear()
    rule.begin(strip, steps)
    return StripRequest(models: Array(0..<modelCount))
  }

  /// Adds a tile up.
  package func take(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) {
    var merge = unsafe MergeTile(
      deltas: buffers.deltaRows, modelCount: modelCount, count: tile.count,
      merged: buffers.merged.pointer, firstElement: chunk.elements.lowerBound + tile.lowerBound)
    unsafe merge.base = UnsafePointer(buffers.base.pointer)
    for start in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
      let count = min(Granularity.tileElements, tile.count - start)
      rule.add(StepTile(merge, setup, start: start, count: count), steps, to: accumulator)
    }
  }

  /// Gives the sums of a strip.
  package func end(_ strip: Strip) { didSum(strip, accumulator.totals) }
}
