package import SluiceKernels

/// The bins of a tensor and model that must be known value by value.
package struct BinRequest: Sendable, Hashable {
  /// The most bins that one request may name.
  package static let limit = 32
  /// The patterns that the bins begin with, ascending.
  package private(set) var bins: [UInt32] = []

  /// Makes a request.
  package init(_ bins: [UInt32] = []) { self.bins = bins }

  /// Adds a bin.
  package mutating func add(_ binBits: UInt32) {
    guard !bins.contains(binBits) else { return }
    bins.append(binBits)
    bins.sort()
  }
}

/// Another look at the deltas of tensors that are counted in bins (F32 weights): counts the values
/// inside those bins in which a threshold lies.
package final class RefineSink: TileSink {
  private let requests: @Sendable (Strip, Int) -> BinRequest
  private let store: HistogramStore
  private let kernels: Kernels
  private let modelCount: Int
  private var keys: [[UInt32]] = []
  private var tables: [AlignedBuffer<UInt32>?]

  /// Makes the sink of one lane.
  package init(
    modelCount: Int, store: HistogramStore, kernels: Kernels,
    requests: @escaping @Sendable (Strip, Int) -> BinRequest
  ) {
    self.requests = requests
    self.store = store
    self.kernels = kernels
    self.modelCount = modelCount
    tables = Array(repeating: nil, count: modelCount)
  }

  /// The bytes of the tables of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - binCount: The most bins wanted of one strip and model.
  /// - Returns: The number of bytes.
  package static func byteCount(modelCount: Int, binCount: Int) -> Int {
    modelCount * binCount * Int(MagnitudeHistogram.binWidth) * 4
  }

  /// All models together.
  package var order: DeltaOrder { .tileByTile }

  /// Looks up what is wanted of a strip.
  package func begin(_ strip: Strip) -> StripRequest {
    keys = (0..<modelCount).map { model in
      requests(strip, model).bins.map { $0 >> UInt32(MagnitudeHistogram.binShift) }
    }
    for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
      let size = wanted.count * Int(MagnitudeHistogram.binWidth)
      if let table = tables[model], table.count >= size {
        table.fill(0)
      } else {
        tables[model] = AlignedBuffer(count: size, fill: 0)
      }
    }
    return StripRequest(models: keys.indices.filter { !keys[$0].isEmpty })
  }

  /// Counts the values of a tile that lie in the wanted bins.
  package func take(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) {
    for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
      guard let table = tables[model] else { continue }
      unsafe kernels.collect(
        buffers.delta(of: model), count: tile.count, keys: wanted, keyCount: wanted.count,
        tables: table.pointer)
    }
  }

  /// Puts the values in the place of the bins.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: `StageError` if they do not agree with what was counted before.
  package func end(_ strip: Strip) throws {
    for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
      guard let table = tables[model] else { continue }
      var histogram = try store.histogram(strip: strip.ordinal, model: model)
      for (position, key) in wanted.enumerated() {
        let binBits = key << UInt32(MagnitudeHistogram.binShift)
        let detail = RefineSink.entries(table, position: position, binBits: binBits)
        guard histogram.resolve(binBits: binBits, with: detail) else {
          throw StageError.inconsistentStatistics(strip.task, model: model)
        }
      }
      try store.put(histogram, strip: strip.ordinal, model: model)
    }
  }

  private static func entries(
    _ table: AlignedBuffer<UInt32>, position: Int, binBits: UInt32
  ) -> [MagnitudeHistogram.Entry] {
    let start = position * Int(MagnitudeHistogram.binWidth)
    let end = start + Int(MagnitudeHistogram.binWidth)
    var entries: [MagnitudeHistogram.Entry] = []
    var place = table.nextCounted(from: start, below: end)
    while place < end {
      let count = unsafe table.pointer[place]
      entries.append(
        MagnitudeHistogram.Entry(bits: binBits + UInt32(place - start), count: UInt64(count)))
      place = table.nextCounted(from: place + 1, below: end)
    }
    return entries
  }
}
