internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What the journal of a merge says: which work is finished, and what must be known of it.
struct MergeProgress: Sendable {
  /// Where the histograms of surveyed strips lie.
  private(set) var histograms: [Int: [StripRecords.Slot]] = [:]
  /// The strips whose histograms were refined at least once.
  private(set) var refined: Set<Int> = []
  /// Which file the spill of earlier attempts is, as `RunDirectory.spillPlace` names it.
  private(set) var spillPlace: String?
  /// Where the tables of spilled strips lie in it.
  private(set) var spilled: [Int: [StripRecords.Slot]] = [:]
  /// The statistics that stages asked for, model by model.
  private(set) var statistics: [Int: [Double]] = [:]
  /// How much adapters change of merged strips.
  private(set) var norms: [Int: DeltaNorms.Sums] = [:]
  /// A finished unit of a pass.
  struct Unit: Sendable {
    /// How many were recorded before it.
    let order: Int
    /// What is known of it.
    let body: [UInt8]
  }

  /// What is known of the units of passes.
  private(set) var units: [UnitKind: [Int: Unit]] = [:]
  /// The sums of merged strips.
  private(set) var merged: [Int: BlockSum] = [:]
  /// How merged strips were changed.
  private(set) var changes: [Int: ChangeFigures.Sums] = [:]
  /// The order in which strips were recorded as merged, the latest last.
  private(set) var mergedInOrder: [Int] = []
  /// What attempts cost, by number.
  private(set) var attempts: [Int: RunCosts] = [:]
  /// Whether all is merged and files were about to get their finished names.
  private(set) var isPublishing = false
  private var unitCount = 0

  /// The strips that need not be done again.
  var finishedStrips: FinishedStrips {
    FinishedStrips(
      isCounted: { histograms[$0] != nil }, isSpilled: { spilled[$0] != nil },
      isFinished: { units[$0]?[$1] != nil })
  }

  /// The number of the attempt that comes next.
  var nextAttempt: Int { (attempts.keys.max() ?? -1) + 1 }

  /// What all attempts together cost.
  var costs: RunCosts { attempts.values.reduce(RunCosts(), +) }

  /// Takes a record into account; what it does not understand changes nothing.
  mutating func apply(_ record: JournalRecord) {
    let ordinal = record.key.ordinal
    switch record.key.kind {
    case .survey, .refine:
      guard let slots = StripRecords.Slot.decode(record.body) else { return }
      histograms[ordinal] = slots
      if record.key.kind == .refine { refined.insert(ordinal) }
    case .spillPlace:
      moveSpill(to: String(decoding: record.body, as: UTF8.self))
    case .spill: spilled[ordinal] = StripRecords.Slot.decode(record.body)
    case .statistics:
      var reader = ByteReader(record.body)
      var values: [Double] = []
      while let bits = reader.integer(UInt64.self) { values.append(Double(bitPattern: bits)) }
      statistics[ordinal] = values
    case .merge:
      guard let value = Hash128(bytes: record.body.prefix(16)) else { return }
      norms[ordinal] = DeltaNorms.Sums(encoded: Array(record.body.dropFirst(16)))
      merged[ordinal] = BlockSum(value: value)
      mergedInOrder.append(ordinal)
    case .changes: changes[ordinal] = ChangeFigures.Sums(encoded: record.body)
    case .undone: undo(UnitKey(UnitKind(rawValue: record.undoneKind ?? "?"), ordinal))
    case .publish: isPublishing = true
    case let kind where kind.isOfPass:
      units[kind, default: [:]][ordinal] = Unit(order: unitCount, body: record.body)
      unitCount += 1
    case .attempt: if let costs = RunCosts(encoded: record.body) { attempts[ordinal] = costs }
    default: return
    }
  }

  /// Forgets frames that lie in another file than the one that is used from now on.
  mutating func moveSpill(to place: String) {
    if place != spillPlace { spilled = [:] }
    spillPlace = place
  }

  /// Forgets the histograms of strips that were not packed: what is kept of a strip is foreseen while it is counted,
  /// and a store must be the same whatever was interrupted.
  mutating func undoCountsWithoutFrames() {
    for strip in histograms.keys where spilled[strip] == nil { undo(UnitKey(.survey, strip)) }
  }

  /// Forgets a unit.
  mutating func undo(_ key: UnitKey) {
    switch key.kind {
    case .survey, .refine:
      histograms[key.ordinal] = nil
      refined.remove(key.ordinal)
    case .spill: spilled[key.ordinal] = nil
    case .merge:
      merged[key.ordinal] = nil
      norms[key.ordinal] = nil
      changes[key.ordinal] = nil
      mergedInOrder.removeAll { $0 == key.ordinal }
    case .publish: isPublishing = false
    default: units[key.kind]?[key.ordinal] = nil
    }
  }
}

extension JournalRecord {
  /// A record that takes back another.
  static func undoing(_ key: UnitKey) -> JournalRecord {
    JournalRecord(UnitKey(.undone, key.ordinal), body: Array(key.kind.rawValue.utf8))
  }

  /// The kind that a record of kind `undone` takes back.
  var undoneKind: String? {
    guard (1...255).contains(body.count) else { return nil }
    return String(validating: body, as: UTF8.self)
  }

  static func surveyed(
    _ strip: Strip, _ slots: [StripRecords.Slot], isRefined: Bool
  ) -> JournalRecord {
    JournalRecord(
      UnitKey(isRefined ? .refine : .survey, strip.ordinal), workByteCount: strip.inputByteCount,
      body: StripRecords.Slot.encode(slots))
  }

  static func spills(to place: String) -> JournalRecord {
    JournalRecord(UnitKey(.spillPlace, 0), body: Array(place.utf8))
  }

  static func spilled(_ strip: Strip, _ slots: [StripRecords.Slot]) -> JournalRecord {
    JournalRecord(UnitKey(.spill, strip.ordinal), body: StripRecords.Slot.encode(slots))
  }

  static func merged(
    _ strip: Strip, _ sum: BlockSum, _ norms: DeltaNorms.Sums?
  ) -> JournalRecord {
    JournalRecord(
      UnitKey(.merge, strip.ordinal),
      workByteCount: strip.inputByteCount + strip.outputByteCount,
      body: sum.value.bytes + (norms?.encoded ?? []))
  }
}

extension DeltaNorms.Sums {
  /// The base's sum, then each model's, as Float64.
  fileprivate var encoded: [UInt8] {
    var bytes: [UInt8] = []
    for sum in [base] + models { bytes.append(littleEndian: sum.bitPattern) }
    return bytes
  }

  fileprivate init?(encoded: [UInt8]) {
    var reader = ByteReader(encoded)
    var sums: [Double] = []
    while let bits = reader.integer(UInt64.self) { sums.append(Double(bitPattern: bits)) }
    guard let base = sums.first, reader.isAtEnd else { return nil }
    self.init(base: base, models: Array(sums.dropFirst()))
  }
}
