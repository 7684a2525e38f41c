internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceStages

extension TrimBins {
  /// A record of what there is of a model.
  func record(_ kind: UnitKind, model: Int) -> JournalRecord {
    var body: [UInt8] = []
    for (bits, count) in counts.sorted(by: { $0.key < $1.key }) {
      body.append(littleEndian: bits)
      body.append(count: count)
    }
    return JournalRecord(UnitKey(kind, model), body: body)
  }

  /// Adds a record; false if it is none, or a model would have more deltas than any.
  mutating func add(_ body: [UInt8]) -> Bool {
    var reader = ByteReader(body)
    while let bits = reader.integer(UInt32.self) {
      guard let count = reader.count(), count < JournalFormat.numberLimit else { return false }
      add(count, to: bits)
    }
    return reader.isAtEnd && elementCount < JournalFormat.numberLimit
  }
}

extension Cut {
  /// A record of where all of a model is cut.
  func record(model: Int) -> JournalRecord {
    var body: [UInt8] = []
    body.append(littleEndian: thresholdBits)
    for count in [above, tied, keptOfTied] { body.append(count: count) }
    return JournalRecord(UnitKey(.trimCut, model), body: body)
  }

  /// Reads a record; nil if it is none.
  init?(record body: [UInt8]) {
    var reader = ByteReader(body)
    guard let bits = reader.integer(UInt32.self), let above = reader.count(),
      let tied = reader.count(), let kept = reader.count(), kept == tied, reader.isAtEnd
    else { return nil }
    self.init(thresholdBits: bits, above: above, tied: tied, keptOfTied: kept)
  }
}

extension JournalRecord {
  /// A record of how many more elements elect plus than minus.
  static func majority(_ count: Int) -> JournalRecord {
    var body: [UInt8] = []
    body.append(littleEndian: UInt64(bitPattern: Int64(count)))
    return JournalRecord(UnitKey(.majority, 0), body: body)
  }

  /// What a record of a majority says; nil if it is none.
  var majority: Int? {
    var reader = ByteReader(body)
    guard let bits = reader.integer(UInt64.self), reader.isAtEnd else { return nil }
    let count = Int(Int64(bitPattern: bits))
    return count.magnitude < JournalFormat.numberLimit ? count : nil
  }
}

extension SolvedCount {
  /// A record of what solving left of a model.
  func record(model: Int) -> JournalRecord {
    var body: [UInt8] = []
    for count in [layers, elements, kept] { body.append(count: count) }
    return JournalRecord(UnitKey(.solvedCount, model), body: body)
  }

  /// Reads a record; nil if it is none.
  init?(record body: [UInt8]) {
    var reader = ByteReader(body)
    guard let layers = reader.count(), let elements = reader.count(), let kept = reader.count(),
      layers < JournalFormat.numberLimit, elements < JournalFormat.numberLimit, kept <= elements,
      reader.isAtEnd
    else { return nil }
    self.init(layers: layers, elements: elements, kept: kept)
  }
}

extension SketchedLayer {
  /// A record of what directions hold of a layer, by the positions of its models.
  static func record(_ layers: [Int: SketchedLayer], task: Int) -> JournalRecord {
    var body: [UInt8] = []
    for (model, layer) in layers.sorted(by: { $0.key < $1.key }) {
      body.append(count: model)
      for value in [layer.held, layer.energy] { body.append(littleEndian: value.bitPattern) }
      body.append(count: layer.directionCount)
    }
    return JournalRecord(UnitKey(.held, task), body: body)
  }

  /// Reads a record; nil if it is none.
  static func layers(_ record: JournalRecord) -> [Int: SketchedLayer]? {
    var reader = ByteReader(record.body)
    var layers: [Int: SketchedLayer] = [:]
    while let model = reader.count() {
      guard let held = reader.integer(UInt64.self), let energy = reader.integer(UInt64.self),
        let count = reader.count(), count < JournalFormat.numberLimit
      else { return nil }
      layers[model] = SketchedLayer(
        task: record.key.ordinal, held: Double(bitPattern: held),
        energy: Double(bitPattern: energy), directionCount: count)
    }
    return reader.isAtEnd ? layers : nil
  }
}
