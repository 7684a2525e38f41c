internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import SluiceStore

/// Puts the frames of a run, which lie as they were made, into a store, where they lie in the order of
/// their tensors: so that the same request gives the same bytes.
struct StoreSealing {
  let plan: TensorPlan
  let spill: SpillStore
  let tasks: [TensorTask]
  let cancellation: Cancellation
  private let histograms: HistogramStore
  private let statistics: [Int: LinearStatistics]

  init(
    plan: TensorPlan, histograms: HistogramStore, spill: SpillStore, statistics: LayerStatistics,
    tasks: [TensorTask], cancellation: Cancellation
  ) {
    self.plan = plan
    self.histograms = histograms
    self.spill = spill
    self.tasks = tasks
    self.cancellation = cancellation
    self.statistics = Dictionary(
      uniqueKeysWithValues: zip(statistics.tasks.map(\.ordinal), statistics.layers[0]))
  }

  /// Writes the file.
  ///
  /// - Parameters:
  ///   - path: Its path.
  ///   - directory: The directory of the run.
  ///   - facts: How it was made, and from what.
  ///   - progress: Where progress is counted.
  /// - Returns: The number of bytes.
  /// - Throws: If something cannot be read or written, or the run was cancelled.
  func write(
    to path: String, in directory: RunDirectory, facts: [String: String],
    _ progress: ProgressMeter
  ) throws -> Int {
    var planned: [PlannedTensor] = []
    var byName: [String: TensorTask] = [:]
    for task in tasks {
      let frames = try frames(task).reduce(0) { $0 + $1.byteCount }
      let known = try known(task).encoded.count
      for (name, count) in [
        (DeltaStore.framesPrefix + task.name, frames), (DeltaStore.knownPrefix + task.name, known),
      ] {
        guard let shape = TensorShape([count]) else { continue }
        planned.append(PlannedTensor(name: name, dtype: .u8, shape: shape))
        byName[name] = task
      }
    }
    let layout = try ShardLayout.plan(planned, shardByteLimit: .max >> 1, metadata: facts)
    let file = try AtomicFile(to: path, via: directory.work)
    progress.startPhase("seal", totalBytes: layout.byteCount)
    defer { progress.finishPhase() }
    for shard in layout.shards {
      try file.append(shard.header)
      for entry in shard.tensors {
        try cancellation.check()
        guard let task = byName[entry.name] else { continue }
        // Between header and tensors there is room, so that these begin on pages.
        if file.byteCount < entry.byteRange.lowerBound {
          try file.append(
            [UInt8](repeating: 0, count: entry.byteRange.lowerBound - file.byteCount))
        }
        let start = file.byteCount
        if entry.name.hasPrefix(DeltaStore.knownPrefix) {
          try file.append(try known(task).encoded)
        } else {
          for frame in try frames(task) where frame.byteCount > 0 {
            try file.append(
              try spill.records.file.bytes(in: frame.offset..<frame.offset + frame.byteCount))
          }
        }
        progress.advance(by: file.byteCount - start)
      }
    }
    if let config = try config() {
      let copy = try AtomicFile.holding(
        config, to: "\(Directory.parent(of: path))/config.json", via: directory.work)
      try AtomicFile.publish([copy], noting: directory.names)
    }
    let byteCount = file.byteCount
    try AtomicFile.publish([file], noting: directory.names)
    return byteCount
  }

  private func config() throws -> [UInt8]? {
    let path = "\(plan.request.models[0].path)/config.json"
    return try FileStatus.of(path) == nil
      ? nil : try InputFile.contents(of: path, byteLimit: Checkpoint.maximumConfigByteCount)
  }

  /// The places of a tensor's frames in the spill, strip after strip.
  private func frames(_ task: TensorTask) throws -> [FrameTable.Entry] {
    try plan.strips(task).flatMap { strip in
      try spill.packed(strip, model: 0)?.table.frames ?? []
    }
  }

  /// The shape that the tensor has in the model, which may have fewer rows than the base.
  private func shape(of task: TensorTask) -> TensorShape? {
    guard let shape = TensorShape(task.dimensions) else { return nil }
    let count = task.fineTunedElementCounts[0]
    guard count != shape.elementCount, shape.rank > 0 else { return shape }
    let rowLength = shape.dimensions.dropFirst().reduce(1, *)
    return TensorShape([count / max(rowLength, 1)] + shape.dimensions.dropFirst())
  }

  private func known(_ task: TensorTask) throws -> StoredTensor {
    guard let source = task.fineTuned[0],
      let shape = shape(of: task)
    else { preconditionFailure("only tensors of the model are stored") }
    let isLinear = task.role == .linear
    // What stages left is all that there is of the deltas.
    let isMade = isLinear && plan.spill.holdsDeltas
    var tensor = StoredTensor(
      extent: isLinear && !isMade ? .pruned : .whole, dtype: isMade ? .f32 : source.deltaDType,
      baseDType: task.base.dtype,
      lowestRate: isLinear && !isMade ? plan.lowestRate(of: task, model: 0) : 0,
      shape: shape, baseElementCount: task.baseElementCount,
      baseSample: try StoredTensor.sample(
        task.base, elementCount: task.baseElementCount, in: plan.files[task.base.file]))
    tensor.holdsDeltas = isMade || source.computed != nil
    if let layer = statistics[task.ordinal] {
      tensor.zeroCount = layer.zeroCount
      tensor.mean = layer.mean
      tensor.significance = layer.significance
    }
    var offset = 0
    for strip in plan.strips(task) {
      var table =
        try spill.packed(strip, model: 0)?.table ?? FrameTable(minimumMagnitudeBits: 0, frames: [])
      for index in table.frames.indices {
        table.frames[index].offset = offset
        offset += table.frames[index].byteCount
      }
      let histogram = try histograms.records.record(strip: strip.ordinal, model: 0) ?? []
      tensor.strips.append(StoredTensor.Strip(table: table, histogram: histogram))
    }
    return tensor
  }
}
