internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Looks at the deltas of layers at two places of each, in four parts: what they say apart tells how far to trust what
/// they say together.
///
/// At most one element in 64 is read, in 128 where a layer has more than 4 M, and few of the largest. One thread has one sampler for all layers.
@safe final class LayerSampler {
  private static let largestPlace = 1 << 16
  private static let smallestPlace = 1 << 11
  private static let partsOfPlace = 2

  /// The bytes that were read.
  var readByteCount: Int { base.readByteCount + tuned.readByteCount }

  private let plan: TensorPlan
  private let statistic: any TensorStatistic
  private let kernels: Kernels
  private let deltas = AlignedBuffer<Float>(count: HistogramBuilder.runElements, fill: 0)
  private var builders: [HistogramMode: HistogramBuilder] = [:]
  private let base: SampledRun
  private let tuned: SampledRun

  /// Makes a sampler.
  ///
  /// - Parameters:
  ///   - layers: The layers that it is asked about.
  ///   - plan: The plan, whose files are read.
  ///   - statistic: What is looked at.
  ///   - kernels: The kernels to compute with.
  init(
    of layers: [TensorTask], _ plan: TensorPlan, _ statistic: any TensorStatistic, kernels: Kernels
  ) {
    self.plan = plan
    self.statistic = statistic
    self.kernels = kernels
    let place = layers.map(Self.place).max() ?? 0
    let sources = layers.lazy.flatMap { [$0.base] + $0.fineTuned.compactMap(\.self) }
    let width = sources.compactMap(\.dtype.byteCount).max() ?? 1
    base = SampledRun(byteLimit: place * width)
    tuned = SampledRun(byteLimit: place * width)
  }

  /// How many elements of a layer a place has.
  private static func place(of task: TensorTask) -> Int {
    let count = task.elementCount
    let place = max(smallestPlace, min(count >> 7, largestPlace >> 2), count >> 8)
    return min(place, largestPlace, count / 2)
  }

  /// What is found of a layer's sample, and the standard error of its significance.
  ///
  /// - Parameters:
  ///   - task: The layer.
  ///   - models: The positions of the models.
  /// - Returns: For each model; nil if the layer does not lie in its files element by element, or a weight is not finite.
  /// - Throws: `FormatError` if a file cannot be read.
  func samples(
    of task: TensorTask, _ models: [Int]
  ) throws -> [(value: LinearStatistics, error: Double)?] {
    let place = Self.place(of: task)
    let part = place / Self.partsOfPlace
    guard part > 0, task.base.isPlain, task.baseElementCount == task.elementCount
    else { return models.map { _ in nil } }
    var parts: [[MagnitudeHistogram]] = models.map { _ in [] }
    // In the middle of each half.
    for start in [task.elementCount / 4, task.elementCount / 4 * 3] {
      let first = min(start, task.elementCount - place)
      try base.read(task.base, first..<first + place, of: plan)
      for (position, model) in models.enumerated() {
        guard let source = task.fineTuned[model], source.computed == nil, source.isPlain,
          task.fineTunedElementCounts[model] == task.elementCount
        else { continue }
        try tuned.read(source, first..<first + place, of: plan)
        for offset in stride(from: 0, to: part * Self.partsOfPlace, by: part) {
          guard let counted = count(offset..<offset + part, task.base.dtype, source.dtype)
          else { continue }
          parts[position].append(counted)
        }
      }
    }
    return parts.map(statistics(of:))
  }

  /// What parts say together, and how far they are apart; nil if some are missing.
  private func statistics(
    of parts: [MagnitudeHistogram]
  ) -> (value: LinearStatistics, error: Double)? {
    let values = parts.compactMap { value(of: $0)?.significance }
    guard values.count == 2 * Self.partsOfPlace else { return nil }
    var whole = MagnitudeHistogram([])
    for part in parts { whole.merge(part) }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return value(of: whole).map { ($0, (squares / (count * (count - 1))).squareRoot()) }
  }

  /// The magnitudes of some of the deltas that were read; nil if a weight is not finite.
  private func count(
    _ elements: Range<Int>, _ baseType: DType, _ tunedType: DType
  ) -> MagnitudeHistogram? {
    let mode = Self.mode(baseType, tunedType)
    let builder = builders[mode] ?? HistogramBuilder(mode: mode, kernels: kernels)
    // One that met what is not finite is not used again.
    builders[mode] = nil
    for start in stride(
      from: elements.lowerBound, to: elements.upperBound, by: HistogramBuilder.runElements)
    {
      let run = start..<min(start + HistogramBuilder.runElements, elements.upperBound)
      guard add(run, baseType, tunedType, to: builder) < Float.infinity.bitPattern else {
        return nil
      }
    }
    builders[mode] = builder
    return builder.finish()
  }

  /// Counts a run, and returns the largest pattern of a magnitude in it: of its weights or its deltas.
  private func add(
    _ run: Range<Int>, _ baseType: DType, _ tunedType: DType, to builder: HistogramBuilder
  ) -> UInt32 {
    let (base, tuned) = unsafe (base.element(run.lowerBound), tuned.element(run.lowerBound))
    // SAFETY: both runs have the elements.
    if baseType == tunedType,
      let largest = unsafe builder.addDifferences(of: tuned, base, baseType, count: run.count)
    {
      return largest
    }
    // SAFETY: the buffer is as long as the longest run.
    let largest = unsafe max(
      kernels.widen(base, baseType, into: deltas.pointer, count: run.count),
      kernels.delta(
        tuned, tunedType, base: deltas.pointer, into: deltas.pointer, count: run.count))
    if largest < Float.infinity.bitPattern {
      unsafe builder.add(deltas.pointer, count: run.count)
    }
    return largest
  }

  /// How a part is counted: every magnitude on its own, as a part has few.
  private static func mode(_ base: DType, _ tuned: DType) -> HistogramMode {
    let mode = HistogramMode(base: base, fineTuned: tuned)
    return mode == .binned ? .exact(shift: Kernels.brainShift) : mode
  }

  private func value(of histogram: MagnitudeHistogram) -> LinearStatistics? {
    guard case .known(let found) = LayerSurvey(histogram, name: "", significance: statistic)
    else { return nil }
    return found
  }
}

/// Elements of a tensor that were read for a sample.
@safe private final class SampledRun {
  private let bytes: UnsafeMutableRawBufferPointer
  private var start = 0
  private var width = 1
  private(set) var readByteCount = 0

  init(byteLimit: Int) {
    unsafe bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: byteLimit + InputFile.directSlack,
      alignment: InputFile.directAlignment)
  }

  deinit { unsafe bytes.deallocate() }

  func read(_ source: TensorSource, _ elements: Range<Int>, of plan: TensorPlan) throws {
    let file = plan.files[source.file]
    width = source.dtype.byteCount ?? 1
    let range = source.byteRange(ofElements: elements)
    readByteCount += range.count
    if plan.input.mode == .direct, let start = try unsafe file.readDirectly(range, into: bytes) {
      self.start = start
      return
    }
    start = 0
    // SAFETY: the buffer has room for a place of the widest type.
    try unsafe file.read(
      into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count]), at: range.lowerBound)
  }

  /// The address of an element, counted from the first that was read.
  func element(_ index: Int) -> UnsafeRawPointer {
    unsafe UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped + start + index * width)
  }
}
