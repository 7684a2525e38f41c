package import SluiceKernels

/// What looks at the histogram of a strip and a model when it is made, in the lane that made it.
package typealias HistogramNote = @Sendable (Strip, Int, MagnitudeHistogram) -> Void

/// Counts deltas into histograms, one for each strip and model: as they are, or as the stages before
/// leave them.
///
/// Rows that the base does not have are left out.
package final class SurveySink: TileSink {
  private let store: HistogramStore
  private let kernels: Kernels
  private let countsUnchanged: Bool
  private let note: HistogramNote?
  private let forecast: FloorForecast?
  /// Of each model those that were needed, mostly one.
  private var builders: [[(mode: HistogramMode, builder: HistogramBuilder)]]
  private var active: [HistogramBuilder?] = []
  private let models: [Int]
  /// The models whose histograms are there already.
  private var known: [Int] = []
  /// What is counted of the run at hand, and not yet kept.
  private var batch = StripRecords.Batch()
  /// The record at hand, unless it is long.
  private let scratch = AlignedBuffer<UInt8>(count: 1 << 14, fill: 0)

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - store: Where histograms are kept.
  ///   - hasTransforms: Whether a stage stands before the sink.
  ///   - kernels: The kernels to compute with.
  ///   - note: What looks at each histogram that is made, if anything does.
  ///   - forecast: What foresees what can be kept, if strips are packed as they are counted.
  package init(
    modelCount: Int, store: HistogramStore, hasTransforms: Bool = false, kernels: Kernels,
    note: HistogramNote? = nil, forecast: FloorForecast? = nil
  ) {
    self.forecast = forecast
    self.store = store
    self.note = note
    self.kernels = kernels
    // A model without the tensor is unchanged there, but a stage may make something of zeros.
    countsUnchanged = hasTransforms
    builders = Array(repeating: [], count: modelCount)
    models = Array(0..<modelCount)
  }

  /// The bytes of the counters of one lane.
  package static func byteCount(modelCount: Int, modes: Set<HistogramMode>) -> Int {
    modes.reduce(0) { $0 + $1.byteCount } * modelCount
  }

  /// The counters of a model are large.
  package var order: DeltaOrder {
    .modelByModel(spanElements: HistogramBuilder.runElements, dividesAtEnds: true)
  }

  /// Chooses how each model's deltas are counted.
  package func begin(_ strip: Strip) throws -> StripRequest {
    known = store.records.models(withRecordsOf: strip.ordinal)
    let task = strip.task
    active.removeAll(keepingCapacity: true)
    for model in models {
      // Sources are large: none is copied.
      let dtype = task.fineTuned[model]?.deltaDType
      let isCounted = !known.contains(model) && (dtype != nil || countsUnchanged)
      active.append(
        isCounted
          ? builder(
            dtype.map { HistogramMode(base: task.base.dtype, fineTuned: $0) } ?? .binned, model)
          : nil)
    }
    forecast?.begin(strip)
    let isWhole = active.allSatisfy { $0 != nil }
    return StripRequest(models: isWhole ? models : models.filter { active[$0] != nil })
  }

  private func builder(_ mode: HistogramMode, _ model: Int) -> HistogramBuilder {
    if let known = builders[model].first(where: { $0.mode == mode }) { return known.builder }
    let builder = HistogramBuilder(mode: mode, kernels: kernels)
    builders[model].append((mode, builder))
    return builder
  }

  /// Counts a model's differences without keeping them, if their types allow it.
  package func takeFused(
    _ span: Range<Int>, of model: Int, _ chunk: Chunk, _ delta: DeltaStage
  ) throws -> Bool {
    guard let builder = active[model] else { return true }
    return try delta.count(model, chunk, span, in: builder)
  }

  /// Counts a model's deltas.
  package func take(
    _ tile: Range<Int>, of model: Int, _ chunk: Chunk, _ buffers: TileBuffers
  ) {
    unsafe active[model]?.add(buffers.delta(of: model), count: tile.count)
  }

  /// Has it foreseen what can be kept.
  package func take(_ span: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) {
    forecast?.didCount(
      chunk.elements.lowerBound - chunk.strip.elements.lowerBound + span.upperBound, active)
  }

  /// Keeps the histograms of a strip, at the latest when it is the last of its run.
  package func end(_ strip: Strip) throws {
    for (model, builder) in active.enumerated() where !known.contains(model) {
      let histogram = builder?.finish() ?? SurveySink.unchanged(strip)
      unsafe histogram.withRecord(in: scratch) { record in
        unsafe batch.add(record, strip: strip.ordinal, model: model)
      }
      note?(strip, model, histogram)
      forecast?.didCount(histogram, of: model)
    }
    if strip.isAwaited || batch.isFull {
      try store.put(batch)
      batch.removeAll()
    }
  }

  /// The histogram of a model without the tensor, which is unchanged there: nothing but zeros.
  private static func unchanged(_ strip: Strip) -> MagnitudeHistogram {
    let end = min(strip.elements.upperBound, strip.task.baseElementCount)
    let count = UInt64(max(0, end - strip.elements.lowerBound))
    return MagnitudeHistogram(
      count > 0 ? [MagnitudeHistogram.Entry(bits: 0, count: count)] : [])
  }
}
