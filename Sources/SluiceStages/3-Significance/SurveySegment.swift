public import SluiceKernels

/// Pass 1 in one lane: delta -> significance, fused while a block is in cache.
///
/// Counts deltas into spectra, one for each strip and model: as they are, or as the stages before
/// leave them. Rows that the base does not have are left out.
public final class SurveySegment: LaneSegment {
  private let store: SpectrumStore
  private let delta: DeltaStage
  private let buffers: BlockBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let isPlain: Bool
  private var builders: [[SpectrumMode: SpectrumBuilder]]
  private var active: [SpectrumBuilder?] = []
  /// The models whose spectra are there already.
  private var known: Set<Int> = []

  /// Makes the segment of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - store: Where the spectra go.
  ///   - kernels: The kernels to compute with.
  ///   - prefix: What is done to the deltas before they are counted.
  public init(
    modelNames: [String], store: SpectrumStore, kernels: Kernels, prefix: TransformChain = .empty
  ) {
    self.store = store
    self.kernels = kernels
    isPlain = prefix.isEmpty
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    buffers = BlockBuffers(modelCount: modelNames.count, blockElements: prefix.blockElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    builders = Array(repeating: [:], count: modelNames.count)
  }

  /// Chooses how each model's deltas are counted.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What a stage before throws.
  public func begin(_ strip: Strip) throws {
    try prefix.begin(strip)
    known = Set(
      strip.task.fineTuned.indices.filter {
        store.records.hasRecord(strip: strip.ordinal, model: $0)
      })
    active = strip.task.fineTuned.enumerated().map { model, source in
      if known.contains(model) { return nil }
      // A model without the tensor is unchanged there, but a stage may make something of zeros.
      if source == nil, isPlain { return nil }
      let mode =
        source.map { SpectrumMode(base: strip.task.base.dtype, fineTuned: $0.dtype) } ?? .binned
      if let builder = builders[model][mode] { return builder }
      let builder = SpectrumBuilder(mode: mode, kernels: kernels)
      builders[model][mode] = builder
      return builder
    }
  }

  /// Counts a chunk.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite.
  public func process(_ chunk: Chunk) throws {
    for run in chunk.blocks(of: SpectrumBuilder.runElements) where chunk.hasBase(run) {
      for model in active.indices {
        guard let builder = active[model] else { continue }
        if isPlain, try delta.count(model, chunk, run, in: builder) { continue }
        try countBlocks(of: run, chunk, model, in: builder)
      }
    }
  }

  private func countBlocks(
    of run: Range<Int>, _ chunk: Chunk, _ model: Int, in builder: SpectrumBuilder
  ) throws {
    for block in ChunkBlocks(run, blockElements: buffers.blockElements) {
      try delta.takeDifference(model, chunk, block)
      let deltas = unsafe buffers.delta(of: model)
      if !isPlain {
        try unsafe prefix.apply(
          to: deltas, count: block.count,
          firstElement: chunk.elements.lowerBound + block.lowerBound, model: model)
      }
      unsafe builder.add(deltas, count: block.count)
    }
  }

  /// Keeps the spectra of a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: `StageError` if they cannot be written.
  public func end(_ strip: Strip) throws {
    for (model, builder) in active.enumerated() where !known.contains(model) {
      // A model without the tensor is unchanged there: nothing but zeros.
      let end = min(strip.elements.upperBound, strip.task.baseElementCount)
      let count = UInt64(max(0, end - strip.elements.lowerBound))
      let zeros = Spectrum(count > 0 ? [Spectrum.Entry(bits: 0, count: count)] : [])
      try store.put(builder?.finish() ?? zeros, strip: strip.ordinal, model: model)
    }
  }
}
