internal import SluiceAdapters
internal import SluiceCore
internal import SluiceRecipe
internal import SluiceStages

/// How the byte budget of a run is spent.
package struct MemoryPlan: Sendable, Hashable {
  /// The number of lanes.
  package let lanes: Int
  /// The number of elements in a chunk.
  package let chunkElements: Int
  /// The most bytes of a chunk with the runs of all models: windows or a buffer.
  package let chunkBytes: Int
  /// The bytes of the frames that are read with a chunk.
  package let framesBytes: Int
  /// How many chunks there are of a lane at one time.
  package let chunksPerLane: Int
  /// The bytes of counting tables and scratch that a lane holds.
  package let tableBytes: Int
  /// How much of adapters' factors a lane holds at once; part of `tableBytes`.
  let factorRoom: FactorRoom?
  /// The number of output buffers.
  package let outputBuffers: Int
  /// The bytes of an output buffer.
  package let outputBufferBytes: Int
  /// The number of buffers for frames; 0 if nothing is spilled.
  package let frameBuffers: Int
  /// The bytes of the lists of tensors and of what is known of them.
  package let indexBytes: Int

  /// The bytes of frames that stay in memory between the passes.
  package private(set) var heldFramesByteCount = 0

  /// The bytes that the plan needs in all.
  package var totalBytes: Int {
    lanes * laneBytes + indexBytes + heldFramesByteCount
      + max(outputBuffersByteCount, frameBuffersByteCount)
  }

  /// The bytes that a lane holds.
  package var laneBytes: Int { chunksPerLane * (chunkBytes + framesBytes) + tableBytes }

  /// The bytes of all output buffers.
  package var outputBuffersByteCount: Int { outputBuffers * outputBufferBytes }

  /// The bytes of all buffers for frames: no pass has them and output buffers.
  package var frameBuffersByteCount: Int { frameBuffers * FrameOutput.bufferByteCount }

  /// Keeps frames in memory, in what is left of a budget.
  private func holding(_ frames: FrameUse, within budget: Int) -> MemoryPlan {
    var plan = self
    let room = min(budget - totalBytes, frames.heldByteCount)
    plan.heldFramesByteCount = room < MemoryPlan.leastHeldFrames ? 0 : room
    return plan
  }

  /// What is not worth keeping in memory.
  private static let leastHeldFrames = 1 << 20

  /// The largest chunk that is worth having.
  ///
  /// What is read into buffers should still be in the processor's cache when it is worked on; a
  /// window, and a piece that a disk gives, cost less for each byte the longer they are.
  static func preferredChunkElements(_ input: InputMode) -> Int {
    switch input {
    case .pread: 1 << 17
    case .direct: 1 << 20
    case .mmap: 1 << 21
    }
  }
  /// The largest chunk that is worth having where layers do not lie together.
  static let scatteredChunkElements = 1 << 20
  /// A chunk that still keeps the cost of a window or a read small.
  static let goodChunkElements = 1 << 17

  /// Fits a run into a budget: as many lanes as asked for, then chunks as large as possible; lanes
  /// are given up only for chunks that would be very small.
  static func fit(_ shape: Shape, _ options: RunOptions) throws(PipelineError) -> MemoryPlan {
    let largest = options.chunkElements ?? shape.largestUsefulChunk
    let limits = [min(largest, goodChunkElements), min(largest, Granularity.grainElements)]
    for smallest in limits {
      for lanes in (1...max(options.threads, 1)).reversed() {
        var chunk = largest
        while true {
          for gathers in [true, false] {
            let plan = shape.plan(lanes: lanes, chunkElements: chunk, gathers: gathers)
            guard plan.totalBytes <= options.memory.bytes else { continue }
            return plan.holding(shape.frames, within: options.memory.bytes)
          }
          guard chunk > smallest else { break }
          chunk = max((chunk / 2).roundedUp(to: Granularity.grainElements), smallest)
        }
      }
    }
    throw .usage(
      "a memory budget of \(options.memory.exactText) is too small for these models",
      remedy: "The smallest that works is --memory \(shape.least(largest).roundedUpToMebibytes).")
  }

  /// The smallest budget that works.
  static func smallest(_ shape: Shape, _ options: RunOptions) -> ByteCount {
    shape.least(options.chunkElements ?? shape.largestUsefulChunk)
  }

  /// What a run does with frames.
  struct FrameUse: Sendable, Hashable {
    /// Whether pass 1 writes some.
    let isWriting: Bool
    /// Whether later passes read some.
    let isReading: Bool
    /// The most bytes of those that are worth keeping in memory until they are read.
    let heldByteCount: Int

    init(_ spill: SpillPlan, _ stored: StoredModels) {
      isWriting = spill.isOn
      // What is expected is an estimate.
      heldByteCount = spill.staysInRun ? spill.expectedByteCount / 4 * 5 : 0
      isReading = spill.isOn || !stored.isEmpty
    }
  }
}
