import Measuring

extension Scenario {
  /// What is measured together with it: what merges the same models in the same state.
  /// - Parameter runShape: the shape that the run was asked for.
  /// - Returns: the folder of the family, the number of models, and `cold` where inputs are dropped.
  public func group(runShape: String) -> String {
    let folder = family.folder(runShape: runShape)
    return "\(folder), \(family.models) models, \(isCold ? "cold" : "warm")"
  }
}

extension Results {
  /// The medians for people, one table for each group that was measured.
  /// - Parameter scenarios: what is shown, where it was measured.
  /// - Returns: the tables.
  public func tables(of scenarios: [Scenario]) -> String {
    var groups: [(name: String, scenarios: [Scenario])] = []
    for scenario in scenarios {
      let name = scenario.group(runShape: shape)
      if runs(of: scenario.name, in: name) == 0 { continue }
      if let place = groups.firstIndex(where: { $0.name == name }) {
        groups[place].scenarios.append(scenario)
      } else {
        groups.append((name, [scenario]))
      }
    }
    return groups.map { "\($0.name)\n\(table(of: $0.scenarios, group: $0.name))" }
      .joined(separator: "\n")
  }

  private func table(of scenarios: [Scenario], group: String) -> String {
    var table = TextTable([
      "scenario", "runs", "median s", "x floor", "x threads' floor", "x against", "cpu s",
      "peak MiB",
    ])
    for reads in [1, 2] where scenarios.contains(where: { $0.floorReads == reads }) {
      for floor in [Sample.floor, Sample.threadedFloor] where runs(of: floor, in: group) > 0 {
        table.add([
          "\(floor), \(reads == 1 ? "one read" : "two reads")", "\(runs(of: floor, in: group))",
          number(floorSeconds(reads: reads, step: floor, in: group), 3), "", "", "", "", "",
        ])
      }
    }
    for scenario in scenarios {
      let name = scenario.name
      let reads = scenario.floorReads
      let against = scenario.against.flatMap { other in
        ratio(of: name, to: other, in: group).map { "\($0.fixed(2)) \(other)" }
      }
      let own = samples.filter { $0.step == name && $0.group == group }
      let processor = own.map { ($0.details["user"] ?? 0) + ($0.details["system"] ?? 0) }
      table.add([
        name, "\(runs(of: name, in: group))", number(seconds(of: name, in: group), 3),
        number(ratio(of: name, reads: reads, in: group), 2),
        number(ratio(of: name, toFloor: Sample.threadedFloor, reads: reads, in: group), 2),
        against ?? "", number(median(processor), 2),
        number(largest("peakResident", of: name, in: group).map { $0 / 0x1p20 }, 1),
      ])
    }
    return table.text
  }

  private func number(_ value: Double?, _ digits: Int) -> String { value?.fixed(digits) ?? "-" }
}
