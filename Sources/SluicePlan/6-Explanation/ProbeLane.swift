internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// One lane of a measurement: reads pieces as lanes do, then counts and merges them with the kernels
/// that do most of the work of a pass.
final class ProbeLane {
  private let plan: TensorPlan
  private let kernels: Kernels
  private let buffers: TileBuffers
  private let output: AlignedBuffer<UInt64>
  /// Room for a piece that is read around the page cache.
  private var buffer: BufferPool?
  private var builders: [HistogramMode: HistogramBuilder] = [:]

  init(_ plan: TensorPlan) {
    self.plan = plan
    kernels = Kernels(level: plan.options.vectorLevel) ?? .best
    buffers = TileBuffers(modelCount: max(plan.modelCount, 1))
    output = AlignedBuffer(count: Granularity.tileElements, fill: 0)
  }

  /// Measures a piece.
  func look(at piece: ProbePiece, _ speed: inout LaneSpeed) throws {
    let sources = ([piece.task.base] + piece.task.fineTuned.compactMap(\.self)).map {
      ($0, $0.byteRange(ofElements: piece.elements))
    }
    let byteCount = sources.reduce(0) { $0 + $1.1.count }
    let shares = sources.map { plan.files[$0.0.file].cachedShare(of: $0.1) }
    let isCold = shares.allSatisfy { $0 < 0.1 }
    let isWarm = shares.allSatisfy { $0 > 0.9 }
    func windows() throws -> [FileWindow] {
      try zip(sources, shares).map { source, share in
        try plan.files[source.0.file].map(
          source.1, populate: true, dropsCachedPages: share < 0.5)
      }
    }
    var mark = MonotonicTime.now
    func lap(_ part: inout LaneSpeed.Part, share: Double = 1) {
      let now = MonotonicTime.now
      let bytes = Int(Double(byteCount) * share)
      part.add(LaneSpeed.Part(bytes: bytes, seconds: now.seconds(since: mark)))
      mark = now
    }
    let isDirect = isCold && plan.input.mode == .direct
    if isDirect {
      for (source, range) in sources { try readDirectly(plan.files[source.file], range) }
      lap(&speed.cold)
    }
    let read = try windows()
    defer { for window in read { window.release() } }
    if isCold, !isDirect { lap(&speed.cold) }
    if isWarm { lap(&speed.warm) }
    if isCold {
      // Now in the cache: what later passes find there.
      mark = .now
      let again = try windows()
      lap(&speed.warm)
      // The first windows drop the pages.
      withExtendedLifetime(again) {}
    }
    mark = .now
    // One half each, so that neither finds the weights in the processor's caches already.
    let half = piece.elements.count / 2 / Granularity.tileElements * Granularity.tileElements
    compute(piece, sources.map(\.0), read, 0..<half, counts: true)
    lap(&speed.counting, share: Double(half) / Double(piece.elements.count))
    compute(piece, sources.map(\.0), read, half..<piece.elements.count, counts: false)
    lap(&speed.merging, share: 1 - Double(half) / Double(piece.elements.count))
    for window in read { try window.checkReadable() }
  }

  private func readDirectly(_ file: InputFile, _ range: Range<Int>) throws {
    let length = range.count + InputFile.directSlack
    if buffer.map({ $0.bufferByteCount < length }) ?? true {
      buffer = try BufferPool(count: 1, byteCount: length, cancellation: Cancellation())
    }
    guard let buffer = try buffer?.take() else { return }
    try unsafe file.readForTiming(range, into: buffer.bytes)
  }

  private func compute(
    _ piece: ProbePiece, _ sources: [TensorSource], _ windows: [FileWindow],
    _ elements: Range<Int>, counts: Bool
  ) {
    let limit = Float.infinity.bitPattern
    let models = sources.count - 1
    for first in stride(
      from: elements.lowerBound, to: elements.upperBound, by: Granularity.tileElements)
    {
      let count = min(Granularity.tileElements, elements.upperBound - first)
      func address(_ source: Int) -> UnsafeRawPointer? {
        // SAFETY: the window holds all elements of the piece.
        unsafe windows[source].bytes.baseAddress.map {
          unsafe $0 + first * (sources[source].dtype.byteCount ?? 1)
        }
      }
      guard let base = unsafe address(0) else { return }
      // SAFETY: the buffers hold a block.
      var largest = unsafe kernels.widen(
        base, sources[0].dtype, into: buffers.base.pointer, count: count)
      for model in 0..<models {
        guard let tuned = unsafe address(model + 1) else { return }
        largest = unsafe max(
          largest,
          kernels.delta(
            tuned, sources[model + 1].dtype, base: buffers.base.pointer,
            into: buffers.delta(of: model), count: count))
      }
      // Weights that are not finite are for the run to complain about.
      guard largest < limit, models > 0 else { continue }
      if counts {
        for model in 0..<models {
          let mode = HistogramMode(base: sources[0].dtype, fineTuned: sources[model + 1].dtype)
          unsafe builder(mode).add(buffers.delta(of: model), count: count)
        }
      } else {
        unsafe kernels.mergeTies(
          buffers.deltaRows, modelCount: models, count: count, into: buffers.merged.pointer)
        _ = unsafe kernels.finish(
          base: buffers.base.pointer, merged: buffers.merged.pointer, mergeScale: 1,
          into: UnsafeMutableRawPointer(output.pointer), piece.task.outputDType, count: count)
      }
    }
  }

  private func builder(_ mode: HistogramMode) -> HistogramBuilder {
    if let builder = builders[mode] { return builder }
    let builder = HistogramBuilder(mode: mode, kernels: kernels)
    builders[mode] = builder
    return builder
  }
}
