public import SluiceKernels

/// The bins of a tensor and model that must be known value by value.
public struct BinRequest: Sendable, Hashable {
  /// The most bins that one request may name.
  public static let limit = 32
  /// The patterns that the bins begin with, ascending.
  public private(set) var bins: [UInt32] = []

  /// Makes a request.
  ///
  /// - Parameter bins: The patterns that the bins begin with, ascending.
  public init(_ bins: [UInt32] = []) { self.bins = bins }

  /// Adds a bin.
  ///
  /// - Parameter binBits: The pattern that the bin begins with.
  public mutating func add(_ binBits: UInt32) {
    guard !bins.contains(binBits) else { return }
    bins.append(binBits)
    bins.sort()
  }
}

/// Another look at the deltas of tensors that are counted in bins (F32 weights): counts the values
/// inside those bins in which a threshold lies.
public final class RefineSegment: LaneSegment {
  private let requests: @Sendable (Strip, Int) -> BinRequest
  private let store: SpectrumStore
  private let delta: DeltaStage
  private let buffers: BlockBuffers
  private let kernels: Kernels
  private let modelCount: Int
  private let prefix: TransformLanes
  private var keys: [[UInt32]] = []
  private var tables: [AlignedBuffer<UInt32>?]

  /// Makes the segment of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - store: Where the spectra are.
  ///   - kernels: The kernels to compute with.
  ///   - prefix: What is done to the deltas before they are counted.
  ///   - requests: The bins wanted of a strip and model.
  public init(
    modelNames: [String], store: SpectrumStore, kernels: Kernels, prefix: TransformChain = .empty,
    requests: @escaping @Sendable (Strip, Int) -> BinRequest
  ) {
    self.requests = requests
    self.store = store
    self.kernels = kernels
    modelCount = modelNames.count
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    buffers = BlockBuffers(modelCount: modelNames.count, blockElements: prefix.blockElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    tables = Array(repeating: nil, count: modelNames.count)
  }

  /// The bytes of the tables of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - binCount: The most bins wanted of one strip and model.
  /// - Returns: The number of bytes.
  public static func byteCount(modelCount: Int, binCount: Int) -> Int {
    modelCount * binCount * Int(Spectrum.binWidth) * 4
  }

  /// Looks up what is wanted of a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What a stage before throws.
  public func begin(_ strip: Strip) throws {
    try prefix.begin(strip)
    keys = (0..<modelCount).map { model in
      requests(strip, model).bins.map { $0 >> UInt32(Spectrum.binShift) }
    }
    for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
      let size = wanted.count * Int(Spectrum.binWidth)
      if let table = tables[model], table.count >= size {
        table.fill(0)
      } else {
        tables[model] = AlignedBuffer(count: size, fill: 0)
      }
    }
  }

  /// Counts the values of a chunk that lie in the wanted bins.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite.
  public func process(_ chunk: Chunk) throws {
    for block in chunk.blocks(of: buffers.blockElements) where chunk.hasBase(block) {
      try delta.widenBase(chunk, block)
      for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
        guard let table = tables[model] else { continue }
        try delta.takeDelta(model, chunk, block)
        try unsafe prefix.apply(
          to: buffers.delta(of: model), count: block.count,
          firstElement: chunk.elements.lowerBound + block.lowerBound, model: model)
        unsafe kernels.collect(
          buffers.delta(of: model), count: block.count, keys: wanted, keyCount: wanted.count,
          tables: table.pointer)
      }
    }
  }

  /// Puts the values in the place of the bins.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: `StageError` if they do not agree with what was counted before.
  public func end(_ strip: Strip) throws {
    for (model, wanted) in keys.enumerated() where !wanted.isEmpty {
      guard let table = tables[model] else { continue }
      var spectrum = try store.spectrum(strip: strip.ordinal, model: model)
      for (position, key) in wanted.enumerated() {
        let binBits = key << UInt32(Spectrum.binShift)
        let detail = RefineSegment.entries(table, position: position, binBits: binBits)
        guard spectrum.resolve(binBits: binBits, with: detail) else {
          throw StageError.inconsistentStatistics(strip.task, model: model)
        }
      }
      try store.put(spectrum, strip: strip.ordinal, model: model)
    }
  }

  private static func entries(
    _ table: AlignedBuffer<UInt32>, position: Int, binBits: UInt32
  ) -> [Spectrum.Entry] {
    let width = Int(Spectrum.binWidth)
    return (0..<width).compactMap { low in
      let count = unsafe table.pointer[position * width + low]
      return count > 0
        ? Spectrum.Entry(bits: binBits + UInt32(low), count: UInt64(count)) : nil
    }
  }
}
