internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceStages

/// What a share says of a linear layer (docs/reference/shared-runs.md).
struct ShareLayer {
  /// What the survey found, model by model.
  let statistics: [LinearStatistics]
  /// Where each model is cut; none before that is known.
  let cuts: [LayerCuts]

  init(statistics: [LinearStatistics], cuts: [LayerCuts] = []) {
    self.statistics = statistics
    self.cuts = cuts
  }

  /// The record of a layer.
  func record(of task: TensorTask) -> JournalRecord {
    var body: [UInt8] = []
    for (model, statistics) in statistics.enumerated() {
      body.append(packed: statistics.elementCount)
      body.append(packed: statistics.zeroCount)
      body.append(littleEndian: statistics.mean.bitPattern)
      body.append(littleEndian: statistics.significance.bitPattern)
      body.append(littleEndian: statistics.blockSignificance.bitPattern)
      let cuts = self.cuts.isEmpty ? nil : self.cuts[model]
      body.append(packed: cuts?.cuts.count ?? 0)
      for (rate, cut) in zip(cuts?.unclampedRates ?? [], cuts?.cuts ?? []) {
        body.append(littleEndian: rate.bitPattern)
        body.append(littleEndian: UInt64(cut.thresholdBits))
        for count in [cut.above, cut.tied, cut.keptOfTied] { body.append(packed: count) }
      }
    }
    return JournalRecord(UnitKey(.layer, task.ordinal), body: body)
  }

  /// Reads a record; nil if it is not one of a layer with so many models.
  init?(_ body: [UInt8], of task: TensorTask, modelCount: Int) {
    var reader = ByteReader(body)
    var (statistics, cuts): ([LinearStatistics], [LayerCuts]) = ([], [])
    for _ in 0..<modelCount {
      guard let elements = reader.packedCount(), let zeros = reader.packedCount(),
        let mean = reader.integer(UInt64.self), let significance = reader.integer(UInt64.self),
        let blockSignificance = reader.integer(UInt64.self),
        let cutCount = reader.packedCount(), cutCount <= body.count,
        elements <= task.elementCount, zeros <= elements
      else { return nil }
      var found = LinearStatistics(
        name: task.name, elementCount: elements, zeroCount: zeros,
        mean: Double(bitPattern: mean), significance: Double(bitPattern: significance))
      found.blockSignificance = Double(bitPattern: blockSignificance)
      statistics.append(found)
      var (rates, own): ([Double], [Cut]) = ([], [])
      for _ in 0..<cutCount {
        guard let rate = reader.integer(UInt64.self),
          let threshold = reader.integer(UInt64.self).flatMap({ UInt32(exactly: $0) }),
          let above = reader.packedCount(), let tied = reader.packedCount(),
          let kept = reader.packedCount(),
          above <= elements, tied <= elements, kept <= tied
        else { return nil }
        rates.append(Double(bitPattern: rate))
        own.append(Cut(thresholdBits: threshold, above: above, tied: tied, keptOfTied: kept))
      }
      // How ties are spread over strips matters only where the layer is merged.
      if cutCount > 0 { cuts.append(LayerCuts(own, unclampedRates: rates, tiesBefore: [])) }
    }
    guard reader.isAtEnd, cuts.isEmpty || cuts.count == modelCount else { return nil }
    self.init(statistics: statistics, cuts: cuts)
  }
}

extension LayerRates {
  /// The records of the rates, in the order of the layers' numbers.
  ///
  /// - Parameter tasks: The layers in the order in which the rates know them.
  /// - Returns: One record for each layer.
  func records(_ tasks: [TensorTask]) -> [JournalRecord] {
    tasks.indices.sorted { tasks[$0].ordinal < tasks[$1].ordinal }.map { position in
      var body: [UInt8] = []
      for rates in models(ofLayerAt: position) {
        body.append(packed: rates.count)
        for rate in rates { body.append(littleEndian: rate.bitPattern) }
      }
      return JournalRecord(UnitKey(.rates, tasks[position].ordinal), body: body)
    }
  }

  /// Reads records; nil if one of them is not about so many models.
  init?(_ records: [JournalRecord], modelCount: Int) {
    var (ordinals, rates): ([Int], [[Double]]) = ([], [])
    for record in records where record.key.kind == .rates {
      var reader = ByteReader(record.body)
      for _ in 0..<modelCount {
        guard let count = reader.packedCount(), count <= record.body.count else { return nil }
        rates.append(
          (0..<count).compactMap { _ in
            reader.integer(UInt64.self).map { Double(bitPattern: $0) }
          })
        guard rates.last?.count == count else { return nil }
      }
      guard reader.isAtEnd else { return nil }
      ordinals.append(record.key.ordinal)
    }
    self.init(of: ordinals, rates, modelCount: modelCount)
  }
}
