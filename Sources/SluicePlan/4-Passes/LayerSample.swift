internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// The deltas of a layer at two places of it, in four parts: what they say apart tells how far to trust what they say
/// together.
///
/// At most one element in 64 is read, and few of large layers.
struct LayerSample: Sendable {
  private static let largestPlace = 1 << 15
  private static let smallestPlace = 1 << 11
  private static let partsOfPlace = 2

  /// The deltas of each part.
  let parts: [MagnitudeHistogram]

  /// Reads a sample; nil if the layer does not lie in its files element by element, or a weight is not finite.
  ///
  /// - Parameters:
  ///   - task: The layer.
  ///   - model: The position of the model.
  ///   - plan: The plan, whose files are read.
  ///   - kernels: The kernels to compute with.
  /// - Throws: `FormatError` if a file cannot be read.
  init?(_ task: TensorTask, _ model: Int, _ plan: TensorPlan, kernels: Kernels) throws {
    guard let source = task.fineTuned[model], source.computed == nil, source.isPlain,
      task.base.isPlain, task.fineTunedElementCounts[model] == task.elementCount,
      task.baseElementCount == task.elementCount
    else { return nil }
    let place = min(
      Self.largestPlace, max(Self.smallestPlace, task.elementCount >> 7), task.elementCount / 2)
    let part = place / Self.partsOfPlace
    guard part > 0 else { return nil }
    let isDirect = plan.input.mode == .direct
    let builder = HistogramBuilder(
      mode: HistogramMode(base: task.base.dtype, fineTuned: source.dtype), kernels: kernels)
    let deltas = AlignedBuffer<Float>(count: part, fill: 0)
    var parts: [MagnitudeHistogram] = []
    // In the middle of each half.
    for start in [task.elementCount / 4, task.elementCount / 4 * 3] {
      let first = min(start, task.elementCount - place)
      let elements = first..<first + place
      let base = try SampledRun(task.base, elements, plan.files, isDirect: isDirect)
      let tuned = try SampledRun(source, elements, plan.files, isDirect: isDirect)
      for offset in stride(from: 0, to: part * Self.partsOfPlace, by: part) {
        // SAFETY: both runs have all elements of the place, and the buffer is as long as a part.
        let largest = unsafe (
          kernels.widen(
            base.element(offset), task.base.dtype, into: deltas.pointer, count: part),
          kernels.delta(
            tuned.element(offset), source.dtype, base: deltas.pointer, into: deltas.pointer,
            count: part)
        )
        guard max(largest.0, largest.1) < Float.infinity.bitPattern else { return nil }
        unsafe builder.add(deltas.pointer, count: part)
        parts.append(builder.finish())
      }
    }
    self.parts = parts
  }

  /// What a statistic is of all parts together, and its standard error; nil if bins do not tell.
  func value(of statistic: any TensorStatistic) -> (value: LinearStatistics, error: Double)? {
    var whole = MagnitudeHistogram([])
    for part in parts { whole.merge(part) }
    guard case .known(let all) = LayerSurvey(whole, name: "", significance: statistic)
    else { return nil }
    var values: [Double] = []
    for part in parts {
      guard case .known(let one) = LayerSurvey(part, name: "", significance: statistic)
      else { return nil }
      values.append(one.significance)
    }
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let count = Double(values.count)
    return (all, (squares / (count * max(count - 1, 1))).squareRoot())
  }
}

/// Elements of a tensor that were read for a sample.
@safe private final class SampledRun {
  private let bytes: UnsafeMutableRawBufferPointer
  private let start: Int
  private let width: Int

  init(
    _ source: TensorSource, _ elements: Range<Int>, _ files: [InputFile], isDirect: Bool
  ) throws {
    width = source.dtype.byteCount ?? 1
    let first = source.byteRange.lowerBound + elements.lowerBound * width
    let range = first..<first + elements.count * width
    let file = files[source.file]
    unsafe bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: range.count + InputFile.directSlack, alignment: InputFile.directAlignment)
    if isDirect, let start = try unsafe file.readDirectly(range, into: bytes) {
      self.start = start
    } else {
      start = 0
      // SAFETY: the buffer is longer than the range.
      try unsafe file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<range.count]), at: range.lowerBound)
    }
  }

  deinit { unsafe bytes.deallocate() }

  /// The address of an element, counted from the first that was read.
  func element(_ index: Int) -> UnsafeRawPointer {
    unsafe UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped + start + index * width)
  }
}
