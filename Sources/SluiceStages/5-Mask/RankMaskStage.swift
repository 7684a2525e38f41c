package import SluiceCore
package import SluiceKernels

/// Which deltas of each row are kept where the chance to stay grows with the rank of their magnitude.
///
/// Formula: the elements of a row (a vector is one row) have ranks 1 ... c by |delta|, the smallest first, equals from left to
/// right; q = R(R(rank - 1) / R(c - 1)), kept with probability R(R(q 2 epsilon) + (density - epsilon)), drawn for each element as
/// `BernoulliStage` does. In BF16 ranks are rounded to BF16, so that above 256 probabilities come in steps; in F16 they are
/// computed in Float32. A row of one element is kept with probability density.
/// Source: DELLA (arXiv 2406.11617), with mergekit's roundings.
package enum RankDraw {
  /// The probabilities of a row by rank, the smallest magnitude first.
  ///
  /// - Parameters:
  ///   - count: The number of elements in a row.
  ///   - density: The share that stays.
  ///   - epsilon: How far probabilities lie from it.
  ///   - dtype: The working type.
  /// - Returns: One probability for each rank.
  package static func probabilities(
    count: Int, density: Double, epsilon: Double, _ dtype: DType
  ) -> [Float] {
    let type = dtype == .f16 ? .f32 : dtype
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: type) }
    guard count > 1 else { return [r(Float(density))] }
    let most = r(r(Float(count)) - 1)
    return (1...count).map { rank in
      let place = r(r(r(Float(rank)) - 1) / most)
      return r(r(place * Float(2 * epsilon)) + Float(density - epsilon))
    }
  }

  /// The smallest 24-bit number with which an element of some probability is kept.
  package static func limit(_ probability: Float) -> UInt32 {
    UInt32(((1 - Double(min(max(probability, 0), 1))) * 0x1p24).rounded())
  }
}

/// Decides for each element of rows whether it is kept.
package final class RankSelection {
  private let kernels: Kernels
  private let keys: AlignedBuffer<UInt64>
  private let scratch: AlignedBuffer<UInt64>
  private let draws: AlignedBuffer<UInt32>
  private var limits: [UInt32] = []
  private var shape: (count: Int, density: Double, epsilon: Double, dtype: DType)?

  /// Makes room for rows of some length.
  package init(columnCount: Int, kernels: Kernels) {
    self.kernels = kernels
    keys = AlignedBuffer(count: max(columnCount, 1), fill: 0)
    scratch = AlignedBuffer(count: max(columnCount, 1), fill: 0)
    draws = AlignedBuffer(count: max(columnCount, 1), fill: 0)
  }

  /// The bytes that it holds.
  package static func byteCount(columnCount: Int) -> Int { columnCount * 28 }

  /// Prepares for rows of a tensor.
  package func begin(columnCount: Int, density: Double, epsilon: Double, _ dtype: DType) {
    let wanted = (columnCount, density, epsilon, dtype)
    if let shape, shape == wanted { return }
    shape = wanted
    limits = RankDraw.probabilities(
      count: columnCount, density: density, epsilon: epsilon, dtype
    ).map(RankDraw.limit)
  }

  /// Chooses of a row.
  ///
  /// - Parameters:
  ///   - row: The deltas, as many as were prepared for.
  ///   - start: Where the tensor's random numbers start.
  ///   - first: The position of the first in the tensor.
  ///   - bit: The position of the first in the words.
  ///   - words: Receive the bits; those of the row are off.
  package func choose(
    _ row: UnsafePointer<Float>, start: UInt64, first: Int, bit: Int,
    in words: UnsafeMutablePointer<UInt64>
  ) {
    let count = limits.count
    for index in 0..<count {
      // SAFETY: the row and the buffers hold `count` elements; indices are below 2^32.
      unsafe keys.pointer[index] = UInt64(row[index].magnitude.bitPattern) << 32 | UInt64(index)
    }
    unsafe kernels.sortPlaces(keys.pointer, scratch: scratch.pointer, count: count)
    unsafe kernels.draw(into: draws.pointer, count: count, start: start, first: first)
    for rank in 0..<count {
      let index = unsafe Int(keys.pointer[rank] & 0xffff_ffff)
      if unsafe draws.pointer[index] >= limits[rank] {
        unsafe words[(bit + index) / 64] |= 1 << UInt64((bit + index) % 64)
      }
    }
  }
}

/// Reads which elements of a tensor are kept.
package protocol KeepBitSource: Sendable {
  /// Reads bits from a multiple of 64 on; false where the model loses nothing of the tensor.
  func read(
    _ elements: Range<Int>, of task: TensorTask, model: Int,
    into words: UnsafeMutableRawBufferPointer
  ) throws -> Bool
}

/// Keeps the deltas that a pass over rows chose.
package struct KeepBitStage: DeltaTransform {
  private let source: any KeepBitSource

  /// Makes the stage.
  package init(_ source: any KeepBitSource) { self.source = source }

  /// The name in plans.
  package var name: String { "draw by rank" }
  /// All tensors that are merged.
  package var scope: TransformScope { .all }
  /// Room for bits.
  package var needs: StageNeeds { StageNeeds(laneByteCount: Granularity.grainElements / 8) }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(source, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let source: any KeepBitSource
    private let model: Int
    private let kernels: Kernels
    private let words = AlignedBuffer<UInt64>(count: Granularity.grainElements / 64, fill: 0)
    private var task: TensorTask?
    private var loaded = 0..<0
    private var isSparse = true

    init(_ source: any KeepBitSource, model: Int, kernels: Kernels) {
      (self.source, self.model, self.kernels) = (source, model, kernels)
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      task = strip.task
      loaded = 0..<0
      isSparse = true
    }

    func apply(to tile: DeltaTile) throws {
      guard let task, isSparse else { return }
      for start in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let first = tile.firstElement + start
        let count = min(Granularity.tileElements, tile.count - start)
        if !loaded.contains(first) || first + count > loaded.upperBound {
          // Tiles begin at multiples of their length.
          loaded = first..<min(first + Granularity.grainElements, task.elementCount)
          // SAFETY: the buffer holds the bits of a grain.
          isSparse = try unsafe source.read(
            loaded, of: task, model: model,
            into: UnsafeMutableRawBufferPointer(
              start: words.pointer, count: (loaded.count + 63) / 64 * 8))
          guard isSparse else { return }
        }
        // SAFETY: the tile lies in what is loaded.
        unsafe kernels.applyMask(
          tile.values + start, count: count,
          keep: words.pointer + (first - loaded.lowerBound) / 64)
      }
    }
  }
}
