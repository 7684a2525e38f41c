import Glibc
import Platform
import Suite

/// The counts of scenarios beside the stored ones.
struct CountingRun {
  let bench: CountingBench
  let workbench: Workbench
  /// The file of stored counts.
  let file: String

  /// Counts scenarios, and the growth of those methods for which it is counted.
  /// - Parameters:
  ///   - scenarios: what was chosen; those without counts are passed over.
  ///   - names: the scenarios whose growth is counted, nil for all.
  ///   - families: receives the families that were merged.
  /// - Returns: the counts, by scenario.
  /// - Throws: `BenchFailure` when a merge fails.
  func count(
    _ scenarios: [Scenario], growthOf names: Set<String>?, families: inout [FamilyFolder]
  ) throws -> [CountedScenario] {
    var measured: [CountedScenario] = []
    for scenario in scenarios where scenario.isCounted {
      let family = try scenario.family.make(in: workbench.data, runShape: workbench.shape)
      families.append(family)
      measured.append(try bench.count(scenario, family))
      print("counted \(scenario.name)")
    }
    for growth in Growth.all where names?.contains(growth.scenario.name) ?? true {
      measured.append(try bench.count(growth, families: &families))
      print("counted \(growth.name)")
    }
    return measured
  }

  /// Compares counts with the stored ones, or stores them.
  /// - Parameters:
  ///   - measured: the counts, by scenario.
  ///   - update: whether they are stored.
  /// - Returns: false for a regression.
  /// - Throws: `BenchFailure` when the file is missing or something else.
  func judge(_ measured: [CountedScenario], update: Bool) throws -> Bool {
    let isThere = access(file, F_OK) == 0
    guard isThere || update else {
      throw BenchFailure("\(file): no stored counts; --update writes them")
    }
    var stored = StoredCounts()
    if isThere { stored = try StoredCounts(json: JSON(parsing: File.contents(of: file))) }
    let comparison = CountComparison(
      measured: measured, stored: stored.counts(shape: workbench.shape))
    for sentence in comparison.news { print("note: \(sentence)") }
    if update {
      for sentence in comparison.regressions { print("note: \(sentence)") }
      stored.update(measured, shape: workbench.shape)
      try File.replaceWhole(file, with: stored.json.text)
      print("\(measured.count) counts written to \(file)")
      return true
    }
    for sentence in comparison.regressions { print("regression: \(sentence)") }
    if !comparison.news.isEmpty { print("'--update' stores the counts anew") }
    print("\(measured.count) counts compared, \(comparison.regressions.count) regressions")
    return comparison.regressions.isEmpty
  }
}
