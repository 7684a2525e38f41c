import Measuring
import ModelFamilies
import Platform

/// The tables of the README, made from results.
public struct ReadmeTable: Sendable {
  /// What stands before the tables in the README, on a line of its own.
  public static let start = "<!-- made by 'bench table' from results of 'bench run': begin -->"
  /// What stands after them.
  public static let end = "<!-- made by 'bench table': end -->"

  /// What a README shows: one scenario for each question that people ask first.
  private static let headlines: Set<String> = [
    "dppa-ties", "dare-ties", "dare-sum", "average", "threads-1", "memory-64mib", "avx2",
    "baseline", "f16", "f32", "models-2", "models-8", "unbound-threads-2", "unbound-threads-1",
    "cold-dppa-ties", "cold-average", "cold-group-128mib", "size-1.1b", "size-13b", "start-tiny",
  ]

  private let results: Results
  private let showsAll: Bool

  /// Takes results.
  /// - Parameters:
  ///   - results: what was measured.
  ///   - showsAll: whether all scenarios are shown, or only those that people ask for first.
  public init(_ results: Results, showsAll: Bool) {
    self.results = results
    self.showsAll = showsAll
  }

  /// Puts the tables into a text, in place of what stands between the two comments.
  /// - Parameter text: the README.
  /// - Returns: the README with new tables.
  /// - Throws: `BenchFailure` when the comments are not there once each, in order.
  public func replacing(in text: String) throws -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let starts = lines.indices.filter { lines[$0] == ReadmeTable.start }
    let ends = lines.indices.filter { lines[$0] == ReadmeTable.end }
    guard starts.count == 1, ends.count == 1, starts[0] < ends[0] else {
      throw BenchFailure(
        "expected the lines '\(ReadmeTable.start)' and '\(ReadmeTable.end)', once each, in order")
    }
    let made = markdown.split(separator: "\n", omittingEmptySubsequences: false)
    return (lines[...starts[0]] + [""] + made + lines[ends[0]...]).joined(separator: "\n")
  }

  /// What is written: a sentence about the measurement, and tables.
  public var markdown: String {
    let small = mergekitTable { $0.family.layers != nil }
    let tables = [
      ownTable, mergekitTable { $0.family.layers == nil },
      small.isEmpty ? "" : "Every method, with the same recipe in both, on 4 layers of that shape:",
      small,
    ].filter { !$0.isEmpty }
    return ([sentence] + tables).map { $0 + "\n" }.joined(separator: "\n")
  }

  private var sentence: String {
    let machine = results.setting["machine"]
    let processor = machine?["processor"]?.stringValue ?? "?"
    let cores = machine?["cores"]?.integerValue ?? 0
    let runs = measured.map { results.runs(of: $0.name, in: $0.group(runShape: results.shape)) }
    let programs = (results.setting["programs"]?.items ?? []).compactMap(\.stringValue)
    return
      "`\(results.shape)`, \(cores) cores (\(processor)), \(programs.joined(separator: ", ")), "
      + "each the median of \(runs.min() ?? 0) turns or more."
  }

  private var measured: [Scenario] {
    Scenario.all.filter { results.runs(of: $0.name, in: $0.group(runShape: results.shape)) > 0 }
  }

  private var ownTable: String {
    let shown = measured.filter { scenario in
      scenario.topic != .mergekit
        && (showsAll || ReadmeTable.headlines.contains(scenario.name))
    }
    guard !shown.isEmpty else { return "" }
    var rows = [
      "| scenario | options | seconds | x its floor | x another | peak MiB |",
      "|---|---|---|---|---|---|",
    ]
    let warm = shown[0].group(runShape: results.shape)
    for (reads, label) in [(2, "floor, two reads"), (1, "floor, one read")] {
      let seconds = number(results.floorSeconds(reads: reads, in: warm), 2)
      rows.append(cells([label, "", seconds, "1.00", "", ""]))
    }
    for scenario in shown {
      let name = scenario.name
      let group = scenario.group(runShape: results.shape)
      let against = results.comparison(of: scenario, in: group, quote: "`")
      let floor = scenario.step(of: Sample.floor)
      rows.append(
        cells([
          name, options(of: scenario), number(results.seconds(of: name, in: group), 2),
          number(
            results.ratio(of: name, toFloor: floor, reads: scenario.floorReads, in: group), 2),
          against ?? "", number(peak(of: name, group), 0),
        ]))
    }
    return rows.joined(separator: "\n")
  }

  private func mergekitTable(_ isShown: (Scenario) -> Bool) -> String {
    let shown = measured.filter { $0.topic == .mergekit && $0.against != nil && isShown($0) }
    guard !shown.isEmpty else { return "" }
    var rows = [
      "| mergekit's | seconds | peak MiB | the same with sluice | seconds | peak MiB | times faster "
        + "| memory |", "|---|---|---|---|---|---|---|---|",
    ]
    for scenario in shown {
      guard let own = scenario.against, case .mergekit(let method) = scenario.program else {
        continue
      }
      let group = scenario.group(runShape: results.shape)
      let theirs = peak(of: scenario.name, group)
      let ours = peak(of: own, group)
      let share = theirs.flatMap { theirs in ours.map { theirs / $0 } }
      rows.append(
        cells([
          "`\(method.rawValue)`", number(results.seconds(of: scenario.name, in: group), 1),
          number(theirs, 0), own, number(results.seconds(of: own, in: group), 2), number(ours, 0),
          number(results.ratio(of: scenario.name, to: own, in: group), 1),
          share.map { "1/\($0.fixed(0))" } ?? "-",
        ]))
    }
    return rows.joined(separator: "\n")
  }

  /// The options, and what is merged where that is not the usual.
  private func options(of scenario: Scenario) -> String {
    var parts: [String] = []
    if let shape = scenario.family.shape { parts.append(shape) }
    if let layers = scenario.family.layers { parts.append("\(layers) layers") }
    if scenario.family.type != .bf16 { parts.append(scenario.family.type.rawValue) }
    if scenario.family.models != 2 { parts.append("\(scenario.family.models) fine-tunes") }
    if scenario.isCold { parts.append("cold") }
    if let group = scenario.memoryGroup { parts.append("in a group of \(group >> 20) MiB") }
    if scenario.isOutputInMemory { parts.append("output in memory") }
    if case .sluice(let words) = scenario.program, !words.isEmpty {
      parts.append("`\(words.joined(separator: " "))`")
    }
    return parts.isEmpty ? "the defaults" : parts.joined(separator: ", ")
  }

  private func peak(of name: String, _ group: String) -> Double? {
    results.largest(Sample.Detail.peakResident, of: name, in: group).map { $0 / 0x1p20 }
  }

  private func cells(_ texts: [String]) -> String {
    "| " + texts.joined(separator: " | ") + " |"
  }

  private func number(_ value: Double?, _ digits: Int) -> String { value?.fixed(digits) ?? "-" }
}
