internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import Synchronization

/// Compares what earlier attempts finished with the hashes that they recorded.
struct FinishedWorkCheck {
  /// How many of the strips that were finished last belong to the sample.
  static let latestCount = 16
  /// One in so many of the others belongs to it.
  static let interval = 32
  /// The bytes that each thread reads at a time: whole blocks of every type.
  private static let bufferByteCount = 1 << 21

  let plan: TensorPlan
  let directory: RunDirectory
  /// Where the shards are, if not in the work directory.
  var shardDirectory: String?
  /// What an earlier phase of a share left, if the run's own spill is not meant.
  var frames: SharedFrames?
  let cancellation: Cancellation

  /// Looks at earlier work.
  ///
  /// - Parameters:
  ///   - progress: What the journal says.
  ///   - extent: How much to look at.
  /// - Returns: The units whose data is missing or not what was written.
  /// - Throws: If a file cannot be read, or the run was cancelled.
  func damagedUnits(in progress: MergeProgress, _ extent: ResumeCheck) throws -> [UnitKey] {
    var damaged = try unitsWithoutFile(progress) + unitsOfPassesWithoutFile(progress)
    guard extent != .none else { return damaged }
    let known = Set(damaged)
    let strips =
      progress.merged.isEmpty
      ? []
      : plan.strips.filter {
        progress.merged[$0.ordinal] != nil && !known.contains(UnitKey(.merge, $0.ordinal))
      }
    var first = extent == .all ? strips : sample(of: strips, progress)
    var found = try damagedStrips(first, progress)
    if !found.isEmpty, extent == .sample {
      let seen = Set(first.map(\.ordinal))
      first = strips.filter { !seen.contains($0.ordinal) }
      found += try damagedStrips(first, progress)
    }
    damaged += found
    damaged += try damagedHistograms(progress, extent)
    damaged += try damagedSpills(progress, extent, except: known)
    damaged += try damagedUnitsOfPasses(progress, extent, except: known)
    return damaged
  }

  /// Strips of shards that are gone or have another length, and histograms beyond the end of their file.
  private func unitsWithoutFile(_ progress: MergeProgress) throws -> [UnitKey] {
    let own = Set(plan.tasks.map(\.outputShard))
    let isThere = try plan.layout.shards.enumerated().map { ordinal, shard in
      try own.contains(ordinal) && path(of: shard, progress) != nil
    }
    let strips =
      progress.merged.isEmpty
      ? []
      : plan.strips.filter {
        progress.merged[$0.ordinal] != nil && !isThere[$0.task.outputShard]
      }
    let numbers = 0..<plan.stripCount
    let statistics = try FileStatus.of(directory.workPath(RunFile.statistics))
    let histograms = progress.histograms.filter { strip, slots in
      !numbers.contains(strip) || slots.count != plan.modelCount
        || slots.contains { $0.offset + $0.byteCount > statistics?.byteCount ?? 0 }
    }
    return strips.map { UnitKey(.merge, $0.ordinal) } + histograms.keys.map { UnitKey(.survey, $0) }
      + (try spillsWithoutFile(progress))
  }

  /// Frames that the run would read, and that are not there.
  private func spillsWithoutFile(_ progress: MergeProgress) throws -> [UnitKey] {
    guard plan.spill.isOn, !progress.spilled.isEmpty else { return [] }
    let path = try spillPath
    let byteCount = try FileStatus.of(path)?.byteCount ?? 0
    return progress.spilled.filter { _, slots in
      slots.count != plan.modelCount
        || slots.contains { $0.offset + $0.byteCount > byteCount }
    }.keys.map { UnitKey(.spill, $0) }
  }

  private var spillPath: String {
    get throws { try frames?.path ?? directory.spillPath(of: plan) }
  }

  /// Frames that are not what was written.
  ///
  /// A damaged frame is found when it is used; looking at all of them takes as long as reading the
  /// spill.
  private func damagedSpills(
    _ progress: MergeProgress, _ extent: ResumeCheck, except known: Set<UnitKey>
  ) throws -> [UnitKey] {
    guard extent == .all, plan.spill.isOn else { return [] }
    let names = plan.modelNames
    guard
      let file = try WorkFile.open(at: spillPath, isReadOnly: true)
    else { return [] }
    let store = SpillStore(
      file, stripCount: plan.stripCount, modelCount: names.count,
      owner: MergeWork.frameOwner(plan))
    var damaged: [UnitKey] = []
    for strip in plan.strips {
      let unit = UnitKey(.spill, strip.ordinal)
      guard let slots = progress.spilled[strip.ordinal], !known.contains(unit) else { continue }
      try cancellation.check()
      store.records.restore(slots, strip: strip.ordinal)
      do {
        for model in names.indices {
          try store.packed(strip, model: model)?.checkFrames(
            firstElement: strip.elements.lowerBound, tensor: strip.task.name)
        }
      } catch is FormatError, is StageError {
        damaged.append(unit)
      }
    }
    return damaged
  }

  /// The file of a shard: unfinished, or already under its finished name.
  private func path(of shard: PlannedShard, _ progress: MergeProgress) throws -> String? {
    let places =
      ["\(shardDirectory ?? directory.work)/\(shard.fileName)"]
      + (progress.isPublishing ? ["\(directory.path)/\(shard.fileName)"] : [])
    return try places.first {
      try FileStatus.of($0, followingLinks: false)?.byteCount == shard.byteCount
    }
  }

  private func sample(of strips: [Strip], _ progress: MergeProgress) -> [Strip] {
    let latest = Set(progress.mergedInOrder.suffix(FinishedWorkCheck.latestCount))
    return strips.enumerated().filter { position, strip in
      latest.contains(strip.ordinal) || position % FinishedWorkCheck.interval == 0
    }.map(\.element)
  }

  private func damagedHistograms(
    _ progress: MergeProgress, _ extent: ResumeCheck
  ) throws -> [UnitKey] {
    // A damaged histogram is found when it is used; looking at all of them is a matter of seconds.
    guard extent == .all,
      let file = try WorkFile.open(at: directory.workPath(RunFile.statistics))
    else { return [] }
    return try progress.histograms.keys.sorted().filter { strip in
      try cancellation.check()
      return try (progress.histograms[strip] ?? []).contains { slot in
        let bytes = try file.bytes(in: slot.offset..<slot.offset + slot.byteCount)
        return Hash128(of: bytes) != slot.hash
      }
    }.map { UnitKey(.survey, $0) }
  }

  /// Reads strips on all lanes and compares their sums.
  private func damagedStrips(
    _ strips: [Strip], _ progress: MergeProgress
  ) throws -> [UnitKey] {
    guard !strips.isEmpty else { return [] }
    let own = Set(strips.map(\.task.outputShard))
    let files = try plan.layout.shards.enumerated().map { ordinal, shard in
      try own.contains(ordinal) ? path(of: shard, progress).map { try InputFile.open($0) } : nil
    }
    let pool = try BufferPool(
      count: plan.memory.lanes, byteCount: FinishedWorkCheck.bufferByteCount,
      cancellation: cancellation)
    let found = Mutex<[UnitKey]>([])
    try Graph.workThrough(
      strips, "check", threads: plan.memory.lanes, cancellation: cancellation
    ) { [files] list, node in
      let buffer = try node.take(from: pool)
      while let strip = try list.next() {
        guard let file = files[strip.task.outputShard] else { continue }
        let task = strip.task
        // SAFETY: the buffer belongs to this thread until the body ends.
        let sum = try unsafe file.blockSum(
          of: strip.elements, at: task.outputOffset, task.outputView, dtype: task.outputDType,
          buffer: buffer.bytes, cancellation: node.cancellation)
        if sum != progress.merged[strip.ordinal] {
          found.withLock { $0.append(UnitKey(.merge, strip.ordinal)) }
        }
      }
    }
    return found.withLock { $0 }.sorted { $0.ordinal < $1.ordinal }
  }
}

extension InputFile {
  /// The sum of the blocks of a run of elements, read piece by piece.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor; the first is a multiple of a block.
  ///   - start: Where the tensor's first element is in the file.
  ///   - view: How the tensor's elements lie there, if not one after the other.
  ///   - dtype: Their type.
  ///   - buffer: Where to read to; at least a block, and only whole blocks of it are used.
  ///   - cancellation: What ends the reading before its time.
  /// - Returns: The sum.
  /// - Throws: If the file cannot be read.
  func blockSum(
    of elements: Range<Int>, at start: Int, _ view: StridedView?, dtype: DType,
    buffer: UnsafeMutableRawBufferPointer, cancellation: Cancellation
  ) throws -> BlockSum {
    let step = buffer.count / BlockSum.blockByteCount(of: dtype) * BlockSum.blockElementCount
    precondition(step > 0, "a buffer holds at least a block")
    var sum = BlockSum()
    var first = elements.lowerBound
    while first < elements.upperBound {
      try cancellation.check()
      let piece = first..<min(first + step, elements.upperBound)
      // Types of less than a byte are copied whole.
      let offset = dtype.byteCount(ofElements: first) ?? 0
      let count = (dtype.byteCount(ofElements: piece.upperBound) ?? 0) - offset
      // SAFETY: the count is at most the buffer's.
      let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
      if let view {
        try unsafe read(piece, of: view, at: start, width: dtype.byteCount ?? 1, into: bytes)
      } else {
        try unsafe read(into: bytes, at: start + offset)
        dropCachedPages(in: start + offset..<start + offset + count)
      }
      unsafe sum.add(UnsafeRawBufferPointer(bytes), firstElement: first, dtype: dtype)
      first = piece.upperBound
    }
    return sum
  }
}
