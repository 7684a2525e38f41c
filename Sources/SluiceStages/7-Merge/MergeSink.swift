internal import SluiceCore
package import SluiceKernels

/// Merges the deltas of a tile, adds them to the base's weights, and puts what comes of it where the
/// writer finds it.
///
/// Tensors that are copied go there as they are.
@safe package final class MergeSink: TileSink {
  private let chain: MergeChain
  private let output: ChunkOutput
  private let modelCount: Int
  private let models: [Int]
  private let kernels: Kernels
  private let operators:
    (linear: any LaneOperator, dense: any LaneOperator, averaged: any LaneOperator)
  private let scales: (linear: Float, dense: Float)
  private let meter: ChangeMeter?
  /// What is added to weights that are merged already: -0, which changes no number at all.
  private let nothing: AlignedBuffer<Float>?
  private var makesWeights = false
  private var role = TensorRole.copied
  private var dtype = DType.f32
  private var width = 1
  /// Where the chunk at hand goes.
  private var room = OutputRoom.none

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of models.
  ///   - chain: How deltas become one.
  ///   - output: Where the merged weights go.
  ///   - kernels: The kernels to compute with.
  ///   - figures: What is gathered on the way, if anything.
  package init(
    modelCount: Int, chain: MergeChain, output: ChunkOutput, kernels: Kernels,
    figures: ChangeFigures? = nil
  ) {
    let makesWeights = chain.linear.rule.makesWeights || chain.dense.rule.makesWeights
    // Where weights are merged there are no deltas to compare.
    meter = makesWeights ? nil : figures.map { ChangeMeter($0, kernels: kernels) }
    nothing =
      makesWeights ? AlignedBuffer(count: chain.transformChain.tileElements, fill: -0.0) : nil
    self.chain = chain
    self.output = output
    self.kernels = kernels
    self.modelCount = modelCount
    models = Array(0..<modelCount)
    operators = (
      chain.linear.rule.makeLane(kernels: kernels), chain.dense.rule.makeLane(kernels: kernels),
      chain.averaged.rule.makeLane(kernels: kernels)
    )
    scales = (chain.linear.mergeScale, chain.dense.mergeScale)
  }

  /// All models together.
  package var order: DeltaOrder { .tileByTile }
  /// Rows that the base does not have are the mean of the models that have them.
  package var takesAddedRows: Bool { true }

  /// Prepares the operator for a strip.
  package func begin(_ strip: Strip) throws -> StripRequest {
    output.begin(strip)
    role = strip.task.role
    dtype = strip.task.outputDType
    width = dtype.byteCount ?? 1
    makesWeights = chain.step(for: role).rule.makesWeights && (role == .linear || role == .dense)
    meter?.begin(strip)
    switch role {
    case .copied: return StripRequest(models: [], usesTransforms: false, usesTiles: false)
    case .converted: return StripRequest(models: [], usesTransforms: false)
    case .linear: try operators.linear.begin(strip)
    case .dense: try operators.dense.begin(strip)
    case .averaged: try operators.averaged.begin(strip)
    }
    return StripRequest(
      models: models, usesTransforms: chain.step(for: role).hasTransforms)
  }

  /// Whether figures are gathered of a tile.
  package func measures(_ tile: Range<Int>, of chunk: Chunk) -> Bool {
    meter?.measures(tile, of: chunk) ?? false
  }

  /// Makes room for a chunk.
  package func begin(_ chunk: Chunk) throws {
    room = try output.reserve(chunk, byteCount: chunk.elements.count * width)
    if role == .copied, let run = chunk.base {
      // SAFETY: a copied tensor has as many bytes as the run.
      unsafe room.bytes.baseAddress?.copyMemory(from: run.bytes, byteCount: room.bytes.count)
    }
  }

  /// Merges a tile.
  ///
  /// - Parameters:
  ///   - tile: The elements, as positions in the chunk.
  ///   - chunk: The chunk.
  ///   - buffers: The base's weights and the deltas.
  /// - Throws: `StageError` if the result does not fit its type.
  package func take(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) throws {
    guard let start = unsafe room.bytes.baseAddress else { return }
    let scale =
      chunk.hasBase(tile)
      ? try merge(tile, chunk, buffers) : meanOfPresent(tile, chunk, buffers)
    if chunk.hasBase(tile) { meter?.add(tile, of: chunk, buffers) }
    if let nothing, makesWeights, chunk.hasBase(tile) {
      unsafe buffers.base.pointer.update(from: buffers.merged.pointer, count: tile.count)
      unsafe buffers.merged.pointer.update(from: nothing.pointer, count: tile.count)
    }
    // SAFETY: the room holds all elements of the chunk.
    let largest = unsafe kernels.finish(
      base: buffers.base.pointer, merged: buffers.merged.pointer, mergeScale: scale,
      into: start + tile.lowerBound * width, dtype, count: tile.count)
    if largest >= Float.infinity.bitPattern {
      throw overflow(tile, chunk, buffers, scale: scale)
    }
  }

  /// Hands the chunk to the writer.
  package func end(_ chunk: Chunk) {
    output.commit(room, of: chunk)
    room = .none
  }

  /// Finishes the strip.
  package func end(_ strip: Strip) throws {
    meter?.end(strip, scale: chain.step(for: role).mergeScale)
    // They are there when the strips of the run are said to be merged.
    if strip.endsRun || meter?.isFull == true { meter?.keep() }
    try output.end(strip)
  }

  private func merge(
    _ tile: Range<Int>, _ chunk: Chunk, _ buffers: TileBuffers
  ) throws -> Float {
    if role == .converted {
      // Adding -0 changes no number at all, not even -0.
      unsafe buffers.merged.pointer.update(repeating: -0.0, count: tile.count)
      return 1
    }
    var deltas = unsafe MergeTile(
      deltas: buffers.deltaRows, modelCount: modelCount, count: tile.count,
      merged: buffers.merged.pointer, firstElement: chunk.elements.lowerBound + tile.lowerBound)
    if makesWeights { unsafe deltas.base = UnsafePointer(buffers.base.pointer) }
    if role == .linear {
      try operators.linear.merge(deltas)
      return scales.linear
    }
    if role == .averaged {
      try operators.averaged.merge(deltas)
      return chain.averaged.mergeScale
    }
    try operators.dense.merge(deltas)
    return scales.dense
  }

  /// Rows that the base does not have: the mean of the models that have them.
  private func meanOfPresent(
    _ tile: Range<Int>, _ chunk: Chunk, _ buffers: TileBuffers
  ) -> Float {
    let present = chunk.fineTuned.indices.filter { model in
      chunk.fineTuned[model].map { $0.elementCount > tile.lowerBound } ?? false
    }
    guard !present.isEmpty else {
      unsafe buffers.merged.pointer.update(repeating: 0, count: tile.count)
      return 1
    }
    unsafe kernels.mergeMean(
      buffers.rows(of: present), modelCount: present.count, count: tile.count,
      into: buffers.merged.pointer)
    return 1
  }

  private func overflow(
    _ tile: Range<Int>, _ chunk: Chunk, _ buffers: TileBuffers, scale: Float
  ) -> StageError {
    let index = (0..<tile.count).first { index in
      let product = unsafe scale * buffers.merged.pointer[index]
      return !dtype.canRepresent(unsafe buffers.base.pointer[index] + product)
    }
    return .overflow(
      tensor: chunk.strip.task.name,
      element: chunk.elements.lowerBound + tile.lowerBound + (index ?? 0), dtype: dtype)
  }
}

extension DType {
  /// Whether a number stays finite when it is rounded to this type.
  fileprivate func canRepresent(_ value: Float) -> Bool {
    switch self {
    // Half way between the largest finite number and the next power of two, ties to even.
    case .f16: value.magnitude < 65520
    case .bf16: value.magnitude.bitPattern < 0x7f7f_8000
    default: value.isFinite
    }
  }
}
