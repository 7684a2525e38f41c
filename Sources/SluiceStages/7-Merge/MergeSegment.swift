internal import SluiceCore
package import SluiceKernels

/// Pass 2 in one lane: delta -> mask -> amplify -> merge, fused tile by tile while a
/// tile is in cache; each chunk's merged weights go to the writer.
@safe package final class MergeSegment: LaneSegment {
  private let chain: MergeChain
  private let output: ChunkOutput
  private let delta: DeltaStage
  private let buffers: TileBuffers
  private let modelCount: Int
  private let kernels: Kernels
  private let transforms: TransformLanes
  private let operators: (linear: any LaneOperator, dense: any LaneOperator)
  private let scales: (linear: Float, dense: Float)
  private let present: AlignedBuffer<UnsafePointer<Float>>

  /// Makes the segment of one lane.
  package init(modelNames: [String], chain: MergeChain, output: ChunkOutput, kernels: Kernels) {
    self.chain = chain
    self.output = output
    self.kernels = kernels
    modelCount = modelNames.count
    let transformChain = chain.transformChain
    buffers = TileBuffers(
      modelCount: modelNames.count, tileElements: transformChain.tileElements)
    transforms = TransformLanes(transformChain, modelCount: modelNames.count, kernels: kernels)
    operators = (
      chain.linear.rule.makeLane(kernels: kernels), chain.dense.rule.makeLane(kernels: kernels)
    )
    scales = (chain.linear.mergeScale, chain.dense.mergeScale)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    unsafe present = AlignedBuffer(
      count: modelNames.count, fill: UnsafePointer(buffers.base.pointer))
  }

  /// Chooses and prepares the transforms that apply to a strip.
  package func begin(_ strip: Strip) throws {
    output.begin(strip)
    guard strip.task.role != .copied else { return }
    let role = strip.task.role
    try transforms.begin(strip, isActive: chain.step(for: role).hasTransforms)
    if role != .converted { try operatorLane(for: role).begin(strip) }
  }

  private func operatorLane(for role: TensorRole) -> any LaneOperator {
    role == .linear ? operators.linear : operators.dense
  }

  /// Merges a chunk and sends it to the writer.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite or the result does not fit its type.
  package func process(_ chunk: Chunk) throws {
    let task = chunk.strip.task
    let width = task.outputDType.byteCount ?? 1
    let byteCount = chunk.elements.count * width
    try unsafe output.emit(chunk, byteCount: byteCount) { bytes in
      guard let target = bytes.baseAddress else { return }
      if task.role == .copied {
        guard let run = chunk.base else { return }
        unsafe target.copyMemory(from: run.bytes, byteCount: bytes.count)
        return
      }
      let lane = operatorLane(for: task.role)
      for tile in chunk.tiles(of: buffers.tileElements) {
        try unsafe merge(
          chunk, tile, task.role, lane, into: target + tile.lowerBound * width,
          task.outputDType)
      }
    }
  }

  /// Finishes the strip.
  package func end(_ strip: Strip) throws {
    try output.end(strip)
  }

  private func merge(
    _ chunk: Chunk, _ tile: Range<Int>, _ role: TensorRole, _ lane: any LaneOperator,
    into target: UnsafeMutableRawPointer, _ dtype: DType
  ) throws {
    let hasBase = chunk.hasBase(tile)
    try delta.widenBase(chunk, tile)
    for model in 0..<modelCount where role != .converted {
      try delta.takeDelta(model, chunk, tile)
      guard hasBase else { continue }
      try unsafe transforms.apply(
        to: buffers.delta(of: model), count: tile.count,
        firstElement: chunk.elements.lowerBound + tile.lowerBound, model: model)
    }
    let scale =
      hasBase ? try mergeDeltas(chunk, tile, role, lane) : meanOfPresent(chunk, tile)
    let largest = unsafe kernels.finish(
      base: buffers.base.pointer, merged: buffers.merged.pointer, mergeScale: scale, into: target,
      dtype, count: tile.count)
    if largest >= Float.infinity.bitPattern {
      throw overflow(chunk, tile, scale: scale)
    }
  }

  private func mergeDeltas(
    _ chunk: Chunk, _ tile: Range<Int>, _ role: TensorRole, _ lane: any LaneOperator
  ) throws -> Float {
    if role == .converted {
      // Adding -0 changes no number at all, not even -0.
      unsafe buffers.merged.pointer.update(repeating: -0.0, count: tile.count)
      return 1
    }
    let mergeTile = unsafe MergeTile(
      deltas: buffers.deltaRows, modelCount: modelCount, count: tile.count,
      merged: buffers.merged.pointer, firstElement: chunk.elements.lowerBound + tile.lowerBound)
    try lane.merge(mergeTile)
    return role == .linear ? scales.linear : scales.dense
  }

  /// Rows that the base does not have: the mean of the models that have them.
  private func meanOfPresent(_ chunk: Chunk, _ tile: Range<Int>) -> Float {
    var count = 0
    for (model, run) in chunk.fineTuned.enumerated() {
      guard let run, run.elementCount > tile.lowerBound else { continue }
      unsafe present.pointer[count] = UnsafePointer(buffers.delta(of: model))
      count += 1
    }
    guard count > 0 else {
      unsafe buffers.merged.pointer.update(repeating: 0, count: tile.count)
      return 1
    }
    unsafe kernels.mergeMean(
      present.pointer, modelCount: count, count: tile.count, into: buffers.merged.pointer)
    return 1
  }

  private func overflow(_ chunk: Chunk, _ tile: Range<Int>, scale: Float) -> StageError {
    let dtype = chunk.strip.task.outputDType
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
