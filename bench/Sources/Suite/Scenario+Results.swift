import Measuring

extension Scenario {
  /// What is measured together with it: what merges the same models in the same state, or has the same
  /// name for taking turns.
  /// - Parameter runShape: the shape that the run was asked for.
  /// - Returns: the folder of the family and the number of models, or that name; `cold` where inputs are dropped;
  ///   and whether the output stays in memory.
  public func group(runShape: String) -> String {
    let models = "\(family.folder(runShape: runShape)), \(family.models) models"
    let state = isCold ? "cold" : "warm"
    return "\(turns ?? models), \(state)" + (isOutputInMemory ? ", output in memory" : "")
  }

  /// The name of a floor as the step that belongs to this scenario.
  /// - Parameter floor: `Sample.floor` or `Sample.threadedFloor`.
  /// - Returns: the same where all that takes turns merges the same models.
  public func step(of floor: String) -> String { turns == nil ? floor : "\(floor), \(name)" }
}

extension Results {
  /// A scenario's time divided by that of the scenario that it names for that.
  /// - Parameters:
  ///   - scenario: the scenario.
  ///   - group: its group.
  ///   - quote: what stands around the other's name.
  /// - Returns: such as `1.02 models-2 per byte`, nil where nothing is named or was measured.
  func comparison(of scenario: Scenario, in group: String, quote: String = "") -> String? {
    guard let other = scenario.against else { return nil }
    let perByte = scenario.turns != nil
    return ratio(of: scenario.name, to: other, perByte: perByte, in: group).map {
      "\($0.fixed(2)) \(quote)\(other)\(quote)\(perByte ? " per byte" : "")"
    }
  }

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
      "scenario", "runs", "median s", "GB/s", "x floor", "x threads' floor", "x against", "cpu s",
      "cpu / s", "peak MiB",
    ])
    var seen: Set<String> = []
    for scenario in scenarios.sorted(by: { $0.floorReads < $1.floorReads }) {
      let reads = scenario.floorReads
      for floor in [Sample.floor, Sample.threadedFloor].map(scenario.step(of:)) {
        let label = "\(floor), \(reads == 1 ? "one read" : "two reads")"
        guard reads > 0, runs(of: floor, in: group) > 0, seen.insert(label).inserted else {
          continue
        }
        table.add([
          label, "\(runs(of: floor, in: group))",
          number(floorSeconds(reads: reads, step: floor, in: group), 3), "", "", "", "", "", "", "",
        ])
      }
    }
    for scenario in scenarios {
      let name = scenario.name
      let reads = scenario.floorReads
      let against = comparison(of: scenario, in: group)
      let own = samples.filter { $0.step == name && $0.group == group }
      let processor = own.map(\.processorSeconds)
      let rates = own.compactMap(\.secondsPerByte).map { 1e-9 / $0 }
      let floor = scenario.step(of: Sample.floor)
      let threadedFloor = scenario.step(of: Sample.threadedFloor)
      table.add([
        name, "\(runs(of: name, in: group))", number(seconds(of: name, in: group), 3),
        number(median(rates), 2),
        number(ratio(of: name, toFloor: floor, reads: reads, in: group), 2),
        number(ratio(of: name, toFloor: threadedFloor, reads: reads, in: group), 2),
        against ?? "", number(median(processor), 2),
        number(median(own.map { $0.processorSeconds / $0.seconds }), 2),
        number(largest("peakResident", of: name, in: group).map { $0 / 0x1p20 }, 1),
      ])
    }
    return table.text
  }

  private func number(_ value: Double?, _ digits: Int) -> String { value?.fixed(digits) ?? "-" }
}
