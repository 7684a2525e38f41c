public import Platform

/// What a merge counted, and what was counted about it: numbers that do not depend on how fast it ran.
public struct Counts: Hashable, Sendable {
  /// One number of a merge, with how much more of it is still no regression.
  public enum Quantity: String, CaseIterable, Hashable, Sendable {
    /// Bytes of inputs that the merge read, all passes.
    case bytesRead
    /// Bytes of weight files that it wrote.
    case bytesWritten
    /// Bytes that it kept on disk between the passes.
    case bytesSpilled
    /// What its plan takes of the budget at most.
    case plannedMemory
    /// The most of its budget that was in use.
    case peakLeased
    /// The most memory that was resident, by its own account.
    case peakMemory
    /// Calls that allocate memory.
    case allocations
    /// Maps of files and memory that it made.
    case mappings
    /// Further calls that allocate for one further chunk of a tensor.
    case allocationsPerChunk
    /// Further maps for one further chunk.
    case mappingsPerChunk
    /// Further calls that allocate for one further tensor and fine-tuned model.
    case allocationsPerTensor

    /// What may be added to a stored number: a share of it, and a constant.
    ///
    /// Bytes are exact. Allocations differ by a few with the waiting of threads.
    var tolerance: (share: Double, constant: Double) {
      switch self {
      case .bytesRead, .bytesWritten, .plannedMemory: (0, 0)
      case .bytesSpilled: (0.001, 0)
      case .peakLeased: (0.1, 0)
      case .peakMemory: (0.1, 4 * 0x1p20)
      case .allocations: (0.01, 100)
      case .mappings: (0.02, 10)
      case .allocationsPerChunk, .mappingsPerChunk: (0.05, 1)
      case .allocationsPerTensor: (0.05, 2)
      }
    }

    /// Whether it is a peak, which chance moves: how many lanes hold a chunk at the same time differs from
    /// run to run.
    ///
    /// The largest that was seen is stored, and the smallest compared with it.
    var isPeak: Bool { self == .peakLeased || self == .peakMemory }
  }

  /// What one pass read and wrote.
  public struct Pass: Hashable, Sendable {
    /// Its name, such as `survey`.
    public let name: String
    /// Bytes of inputs that it read.
    public let bytesRead: Int
    /// Bytes that it kept on disk for a later pass.
    public let bytesSpilled: Int
    /// Bytes of the result that it wrote.
    public let bytesWritten: Int
  }

  /// The passes, in their order.
  public private(set) var passes: [Pass]
  /// The numbers that were counted.
  public private(set) var values: [Quantity: Double]

  /// Makes counts.
  /// - Parameters:
  ///   - passes: the passes, in their order.
  ///   - values: the numbers that were counted.
  public init(passes: [Pass] = [], values: [Quantity: Double]) {
    self.passes = passes
    self.values = values
  }

  /// Takes the counts of one merge.
  /// - Parameters:
  ///   - report: its `sluice-report.json`.
  ///   - allocations: what the counting library wrote.
  /// - Throws: `BenchFailure` when a number is missing.
  public init(report: JSON, allocations: JSON) throws {
    var values: [Quantity: Double] = [:]
    func take(_ quantity: Quantity, from object: JSON?) throws {
      guard let value = object?[quantity.rawValue]?.doubleValue else {
        throw BenchFailure("no \(quantity.rawValue) in what the merge left")
      }
      values[quantity] = value
    }
    for quantity in [Quantity.bytesRead, .bytesWritten, .bytesSpilled, .peakLeased, .peakMemory] {
      try take(quantity, from: report["totals"])
    }
    try take(.plannedMemory, from: report["plan"]?["run"])
    for quantity in [Quantity.allocations, .mappings] { try take(quantity, from: allocations) }
    self.values = values
    passes = try (report["explanation"]?["passes"]?.items ?? []).map(Pass.init(json:))
  }

  /// The counts of a merge that was repeated.
  /// - Parameter repeats: the counts of each time, at least one.
  /// - Returns: the smallest of each number, what a merge needs without what chance added; and the
  ///   same to be stored, with the largest of each peak.
  public static func combine(_ repeats: [Counts]) -> (smallest: Counts, stored: Counts) {
    precondition(!repeats.isEmpty)
    var smallest = repeats[0]
    var stored = repeats[0]
    for counts in repeats.dropFirst() {
      smallest.values.merge(counts.values) { min($0, $1) }
      for (quantity, value) in counts.values {
        let before = stored.values[quantity] ?? value
        stored.values[quantity] = quantity.isPeak ? max(before, value) : min(before, value)
      }
    }
    return (smallest, stored)
  }

  /// Reads counts back.
  /// - Parameter json: what `json` wrote.
  /// - Throws: `BenchFailure` for a number that has no meaning.
  public init(json: JSON) throws {
    var values: [Quantity: Double] = [:]
    for member in json.members where member.key != "passes" {
      guard let quantity = Quantity(rawValue: member.key), let value = member.value.doubleValue
      else { throw BenchFailure("stored counts: '\(member.key)' has no meaning") }
      values[quantity] = value
    }
    self.values = values
    passes = try (json["passes"]?.items ?? []).map(Pass.init(json:))
  }

  /// The counts for a file.
  public var json: JSON {
    var members: [JSON.Member] = []
    if !passes.isEmpty { members.append(JSON.Member("passes", .array(passes.map(\.json)))) }
    for quantity in Quantity.allCases {
      guard let value = values[quantity] else { continue }
      // Numbers per chunk are quotients; two digits are enough, and keep the file readable.
      let rounded = (value * 100).rounded() / 100
      let number = Int(exactly: rounded).map { JSON.integer($0) } ?? .number(rounded)
      members.append(JSON.Member(quantity.rawValue, number))
    }
    return .object(members)
  }
}

extension Counts.Pass {
  fileprivate init(json: JSON) throws {
    guard let name = json["name"]?.stringValue, let read = json["bytesRead"]?.integerValue,
      let spilled = json["bytesSpilled"]?.integerValue,
      let written = json["bytesWritten"]?.integerValue
    else { throw BenchFailure("a pass without name or bytes") }
    self.init(name: name, bytesRead: read, bytesSpilled: spilled, bytesWritten: written)
  }

  fileprivate var json: JSON {
    .object([
      JSON.Member("name", .string(name)), JSON.Member("bytesRead", .integer(bytesRead)),
      JSON.Member("bytesSpilled", .integer(bytesSpilled)),
      JSON.Member("bytesWritten", .integer(bytesWritten)),
    ])
  }
}
