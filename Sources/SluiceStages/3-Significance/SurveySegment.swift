public import SluiceKernels

/// Pass 1 in one lane: delta -> significance, fused on one worker while a block is in cache.
///
/// Counts the deltas of every linear layer into spectra, one for each strip and model.
public final class SurveySegment: LaneSegment {
  private let store: SpectrumStore
  private let delta: DeltaStage
  private let buffers: BlockBuffers
  private let kernels: Kernels
  private var builders: [[SpectrumMode: SpectrumBuilder]]
  private var active: [SpectrumBuilder?] = []

  /// Makes the segment of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - store: Where the spectra go.
  ///   - kernels: The kernels to compute with.
  public init(modelNames: [String], store: SpectrumStore, kernels: Kernels) {
    self.store = store
    self.kernels = kernels
    buffers = BlockBuffers(modelCount: modelNames.count)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    builders = Array(repeating: [:], count: modelNames.count)
  }

  /// Chooses how each model's deltas are counted.
  ///
  /// - Parameter strip: The strip.
  public func begin(_ strip: Strip) {
    active = strip.task.fineTuned.enumerated().map { model, source in
      guard let source else { return nil }
      let mode = SpectrumMode(base: strip.task.base.dtype, fineTuned: source.dtype)
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
    for block in chunk.blocks {
      try delta.widenBase(chunk, block)
      for (model, builder) in active.enumerated() {
        guard let builder else { continue }
        try delta.takeDelta(model, chunk, block)
        unsafe builder.add(buffers.delta(of: model), count: block.count)
      }
    }
  }

  /// Keeps the spectra of a strip.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: `StageError` if they cannot be written.
  public func end(_ strip: Strip) throws {
    for (model, builder) in active.enumerated() {
      // A model without the tensor is unchanged there: nothing but zeros.
      let zeros = Spectrum([Spectrum.Entry(bits: 0, count: UInt64(strip.elements.count))])
      try store.put(builder?.finish() ?? zeros, strip: strip.ordinal, model: model)
    }
  }
}
