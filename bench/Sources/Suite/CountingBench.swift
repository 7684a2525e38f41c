import Glibc
import Measuring
import Platform

/// What was counted of one scenario.
public struct CountedScenario: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// The smallest of each number, which is compared.
  public let counts: Counts
  /// What is stored, with the largest of each peak.
  public let stored: Counts

  /// Names counts.
  /// - Parameters:
  ///   - name: the scenario's name.
  ///   - counts: what is compared.
  ///   - stored: what is stored.
  public init(name: String, counts: Counts, stored: Counts) {
    self.name = name
    self.counts = counts
    self.stored = stored
  }
}

/// Counts what merges do, with the library that counts allocations loaded before them.
public struct CountingBench: Sendable {
  /// How often each merge is repeated; chance moves peaks.
  private static let repeats = 3

  private let bench: Workbench
  private let library: String

  /// Finds the counting library beside this program.
  /// - Parameter bench: where merges run.
  /// - Throws: `BenchFailure` when the library is not there.
  public init(_ bench: Workbench) throws {
    self.bench = bench
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink("/proc/self/exe", &buffer, buffer.count)
    guard length > 0 else { throw BenchFailure.system("readlink", "/proc/self/exe") }
    let program = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = program.split(separator: "/").dropLast().joined(separator: "/")
    library = "/\(folder)/libAllocationCounter.so"
    guard access(library, R_OK) == 0 else {
      throw BenchFailure(
        "\(library): missing; 'swift build -c release --product AllocationCounter' makes it")
    }
  }

  /// Counts one scenario.
  /// - Parameters:
  ///   - scenario: the scenario, one of sluice.
  ///   - family: its models, on disk.
  /// - Returns: its counts.
  /// - Throws: `BenchFailure` when the merge fails.
  public func count(
    _ scenario: Scenario, _ family: FamilyFolder
  ) throws -> CountedScenario {
    guard case .sluice(let words) = scenario.program else {
      throw BenchFailure("\(scenario.name): only merges of sluice are counted")
    }
    let (smallest, stored) = Counts.combine(try measure(words, family).repeats)
    return CountedScenario(name: scenario.name, counts: smallest, stored: stored)
  }

  /// Counts what a method needs for more chunks and tensors.
  /// - Parameters:
  ///   - growth: what to merge.
  ///   - families: receives the families that were merged.
  /// - Returns: the counts per chunk and per tensor.
  /// - Throws: `BenchFailure` when a merge fails.
  public func count(
    _ growth: Growth, families: inout [FamilyFolder]
  ) throws -> CountedScenario {
    guard case .sluice(let words) = growth.scenario.program else {
      throw BenchFailure("\(growth.name): only merges of sluice are counted")
    }
    func measured(_ family: Family) throws -> (counts: Counts, chunkElements: Int) {
      let folder = try family.make(in: bench.data, runShape: bench.shape)
      families.append(folder)
      let (repeats, chunkElements) = try measure(words + Growth.options, folder)
      return (Counts.combine(repeats).smallest, chunkElements)
    }
    let small = try measured(growth.small)
    let chunks = try measured(growth.moreChunks)
    let layers = try measured(growth.moreLayers)
    guard small.chunkElements == chunks.chunkElements else {
      throw BenchFailure("\(growth.name): chunks of both sizes should be equal")
    }
    let counts = Growth.counts(
      small: small.counts, moreChunks: chunks.counts, moreLayers: layers.counts,
      chunks: try growth.furtherChunks(of: small.chunkElements),
      tensors: try growth.furtherTensors())
    return CountedScenario(name: growth.name, counts: counts, stored: counts)
  }

  private func measure(
    _ words: [String], _ family: FamilyFolder
  ) throws -> (repeats: [Counts], chunkElements: Int) {
    // Nothing may depend on time or on the machine: no journal, no choice of a spill, two lanes.
    var fixed = ["--journal-interval", "0"]
    for (option, value) in [("--spill", "off"), ("--threads", "2")] where !words.contains(option) {
      fixed += [option, value]
    }
    let command = bench.merge(family, words + fixed, out: bench.merged)
    let allocations = bench.scratch + "/allocations.json"
    let environment = ["env", "LD_PRELOAD=\(library)", "SLUICE_BENCH_ALLOCATIONS=\(allocations)"]
    var repeats: [Counts] = []
    var chunkElements = 0
    for _ in 0..<CountingBench.repeats {
      try Directory.remove(bench.merged)
      unlink(allocations)
      _ = try ChildProcess(environment + command).firstLine(scratch: bench.scratch)
      let report = try JSON(parsing: File.contents(of: bench.merged + "/sluice-report.json"))
      repeats.append(
        try Counts(report: report, allocations: JSON(parsing: File.contents(of: allocations))))
      chunkElements = report["plan"]?["run"]?["chunkElements"]?.integerValue ?? 0
    }
    try Directory.remove(bench.merged)
    guard chunkElements > 0 else { throw BenchFailure("the report names no size of chunks") }
    return (repeats, chunkElements)
  }
}
