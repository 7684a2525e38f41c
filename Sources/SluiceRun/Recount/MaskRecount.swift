internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceStages

/// Counts, for some layers, which elements a merge kept: a pass over base and models after the merge,
/// with the reader and the selection of the merge's own passes.
///
/// A report knows how many deltas each layer keeps, and where the cuts are, but not which: that takes
/// base and models, where they still are. Each cut of the report is made once more; only if exactly
/// as many deltas stay as the report says is the layer shown.
struct MaskRecount {
  private static let pieceElements = 1 << 20
  private let facts: ReportedMerge
  private let kernels = Kernels.best
  private let base: Checkpoint
  private let models: [Checkpoint]
  private let reader: RowReader
  private let keep = AlignedBuffer<UInt64>(count: pieceElements / 64, fill: 0)
  /// For each element of a piece, a bit for each sign that some model gives it, and the number of models.
  private let signs = AlignedBuffer<UInt8>(count: pieceElements, fill: 0)

  /// Opens the models that a report names.
  init(_ facts: ReportedMerge) throws(FormatError) {
    self.facts = facts
    base = try Checkpoint.open(facts.base)
    var models: [Checkpoint] = []
    for model in facts.models { models.append(try Checkpoint.open(model.path)) }
    self.models = models
    reader = RowReader(
      elementCount: MaskRecount.pieceElements,
      files: ([base] + models).flatMap { $0.files.map(\.input) },
      modelNames: facts.models.map(\.name), kernels: kernels)
  }

  /// A layer as base and all models have it; nil where one has another, or none.
  private func task(_ name: String) -> TensorTask? {
    var firstFile = 0
    var sources: [TensorSource] = []
    var shape: TensorShape?
    for checkpoint in [base] + models {
      guard let tensor = checkpoint[name], tensor.entry.dtype.isMergeable,
        shape == nil || shape == tensor.entry.shape
      else { return nil }
      shape = tensor.entry.shape
      sources.append(
        TensorSource(
          file: firstFile + tensor.fileOrdinal, dtype: tensor.entry.dtype,
          byteRange: tensor.entry.byteRange, view: tensor.entry.view))
      firstFile += checkpoint.files.count
    }
    guard let shape, shape.rank >= 2, let columns = shape.dimensions.last, shape.elementCount > 0
    else { return nil }
    let count = shape.elementCount
    return TensorTask(
      ordinal: 0, name: name, role: .linear, elementCount: count, base: sources[0],
      baseElementCount: count, fineTuned: Array(sources.dropFirst()),
      fineTunedElementCounts: models.map { _ in count }, outputDType: sources[0].dtype,
      outputShard: 0, outputOffset: 0, firstStrip: 0, columnCount: columns)
  }

  /// Counts one layer; nil if it cannot be done, or does not give the report's numbers.
  func counts(of name: String, isStopped: () throws -> Void) throws -> DimensionCounts? {
    let layers = facts.models.compactMap { $0.layers.first { $0.name == name } }
    guard layers.count == facts.models.count, let first = layers.first, let task = task(name)
    else { return nil }
    var cursors: [[TieCursor]] = []
    for (model, layer) in layers.enumerated() {
      guard let own = try self.cursors(layer, task, model, isStopped) else { return nil }
      cursors.append(own)
    }
    let (rows, columns) = (task.rowCount, task.columnCount)
    let bands = (min(rows, DimensionCounts.bandLimit), min(columns, DimensionCounts.bandLimit))
    var counts = DimensionCounts(
      tensor: name, block: first.block, rowCount: rows, columnCount: columns,
      models: layers.map { _ in
        DimensionCounts.Model(
          rows: Array(repeating: 0, count: bands.0), columns: Array(repeating: 0, count: bands.1))
      })
    for piece in pieces(task) {
      try isStopped()
      signs.fill(0)
      for model in layers.indices {
        _ = try reader.readDeltas(of: task, model: model, piece)
        count(piece, model, &cursors[model], &counts)
      }
      countSigns(piece.count, &counts)
    }
    for (layer, model) in zip(layers, counts.models)
    where Double(model.kept) != layer.keptInAll { return nil }
    for model in counts.models.indices {
      for band in 0..<bands.0 {
        counts.models[model].rows[band] /= Double(
          size(band, of: rows, in: bands.0) * columns)
      }
      for band in 0..<bands.1 {
        counts.models[model].columns[band] /= Double(size(band, of: columns, in: bands.1) * rows)
      }
    }
    return counts
  }

  private func pieces(_ task: TensorTask) -> [Range<Int>] {
    stride(from: 0, to: task.elementCount, by: MaskRecount.pieceElements).map {
      $0..<min($0 + MaskRecount.pieceElements, task.elementCount)
    }
  }

  /// How many of n positions a band has: position i is in band i * bands / n.
  private func size(_ band: Int, of count: Int, in bands: Int) -> Int {
    ((band + 1) * count + bands - 1) / bands - (band * count + bands - 1) / bands
  }

  /// The cut of each partition; that of ties takes a look at how many deltas lie above it.
  private func cursors(
    _ layer: ReportedMerge.Layer, _ task: TensorTask, _ model: Int, _ isStopped: () throws -> Void
  ) throws -> [TieCursor]? {
    guard let tieBreak = TieBreak(rawValue: facts.tieBreak), !layer.thresholds.isEmpty,
      layer.thresholds.count == layer.kept.count, layer.tied.count == layer.kept.count
    else { return nil }
    var probes = layer.thresholds.map { threshold -> TieCursor in
      // All that is not zero, or nothing; else what is above.
      let bits = threshold.map { Float($0).bitPattern } ?? Float.infinity.bitPattern
      return bits == 0
        ? TieCursor(threshold: 1, rule: .keepAll)
        : TieCursor(threshold: min(bits, Float.infinity.bitPattern), rule: .dropAll)
    }
    guard tieBreak == .spread || tieBreak == .index || tieBreak == .keep else { return probes }
    var above = layer.thresholds.map { _ in 0 }
    for piece in pieces(task) {
      try isStopped()
      _ = try reader.readDeltas(of: task, model: model, piece)
      for partition in probes.indices {
        above[partition] += unsafe kernels.select(
          reader.deltas.pointer, count: piece.count, cursor: &probes[partition], keep: keep.pointer)
      }
    }
    var kept = 0.0
    for (partition, threshold) in layer.thresholds.enumerated() {
      kept += layer.kept[partition]
      guard let threshold, threshold > 0, kept < 1e15 else { continue }
      let ofTied = Int(kept) - above[partition]
      let tied = Int(max(0, min(layer.tied[partition], 1e15)))
      guard ofTied >= 0, ofTied <= tied, tied <= 1 << 32 else { return nil }
      probes[partition] = TieCursor(
        Cut(
          thresholdBits: Float(threshold).bitPattern, above: above[partition], tied: tied,
          keptOfTied: ofTied), tieBreak: tieBreak, tiesBefore: 0)
    }
    return probes
  }

  /// Counts what a model keeps of a piece, ring by ring.
  private func count(
    _ piece: Range<Int>, _ model: Int, _ cursors: inout [TieCursor], _ counts: inout DimensionCounts
  ) {
    let words = Kernels.keepWordCount(piece.count)
    var seen = [UInt64](repeating: 0, count: words)
    let (rows, columns) = (counts.rowCount, counts.columnCount)
    var rowCounts = counts.models[model].rows
    var columnCounts = counts.models[model].columns
    for partition in cursors.indices {
      _ = unsafe kernels.select(
        reader.deltas.pointer, count: piece.count, cursor: &cursors[partition], keep: keep.pointer)
      let factors = facts.models[model].factors
      let factor =
        (partition < factors.count ? factors[partition] : 1) * facts.models[model].weight
      for word in 0..<words {
        let all = unsafe keep.pointer[word]
        var bits = all & ~seen[word]
        seen[word] |= all
        while bits != 0 {
          let index = word * 64 + bits.trailingZeroBitCount
          bits &= bits - 1
          let (row, column) = (piece.lowerBound + index).quotientAndRemainder(dividingBy: columns)
          rowCounts[row * rowCounts.count / rows] += 1
          columnCounts[column * columnCounts.count / columns] += 1
          counts.models[model].kept += 1
          let value = unsafe Double(reader.deltas.pointer[index]) * factor
          if value != 0 {
            let mark = unsafe signs.pointer[index]
            let isSecond: UInt8 = mark & 3 == 0 ? 0 : 4
            unsafe signs.pointer[index] = mark | (value > 0 ? 1 : 2) | isSecond
          }
        }
      }
    }
    counts.models[model].rows = rowCounts
    counts.models[model].columns = columnCounts
  }

  private func countSigns(_ count: Int, _ counts: inout DimensionCounts) {
    for index in 0..<count {
      let mark = unsafe signs.pointer[index]
      if mark == 0 { continue }
      counts.merged += 1
      if mark & 4 != 0 { counts.shared += 1 }
      if mark & 3 == 3 { counts.conflicting += 1 }
    }
  }
}
