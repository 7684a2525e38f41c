import Glibc
import Measuring
import Platform

/// Scenarios that take turns, with the floor among them: those that merge the same models in the same state of the
/// page cache, or that name the same turns.
public struct ScenarioGroup: Sendable {
  /// Its name, which is that of the group in results.
  public let name: String
  /// What takes turns.
  public let scenarios: [Scenario]

  /// One of what takes turns.
  struct Step {
    /// Its name in results.
    let name: String
    /// The scenario that is run, or whose floor this is.
    let scenario: Scenario
    /// How a floor reads, nil for the scenario itself.
    let reader: Reader?
  }

  /// The families that are merged, each once.
  public var families: [Family] {
    scenarios.map(\.family).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  /// Sorts scenarios into groups.
  /// - Parameters:
  ///   - scenarios: the scenarios.
  ///   - shape: the shape of the families that name none.
  /// - Returns: the groups, in the order of their first scenarios.
  public static func groups(of scenarios: [Scenario], shape: String) -> [ScenarioGroup] {
    var groups: [ScenarioGroup] = []
    for scenario in scenarios {
      let name = scenario.group(runShape: shape)
      if let place = groups.firstIndex(where: { $0.name == name }) {
        groups[place] = ScenarioGroup(
          name: name, scenarios: groups[place].scenarios + [scenario])
      } else {
        groups.append(ScenarioGroup(name: name, scenarios: [scenario]))
      }
    }
    return groups
  }

  /// The steps that take turns: floors, each once, and scenarios.
  var steps: [Step] {
    var floors: [Step] = []
    for scenario in scenarios where scenario.floorReads > 0 {
      for (floor, reader) in ScenarioGroup.readers(cold: scenario.isCold) {
        let name = scenario.step(of: floor)
        if !floors.contains(where: { $0.name == name }) {
          floors.append(Step(name: name, scenario: scenario, reader: reader))
        }
      }
    }
    return floors + scenarios.map { Step(name: $0.name, scenario: $0, reader: nil) }
  }

  private static func readers(cold: Bool) -> [(floor: String, reader: Reader)] {
    // Cold, the second read must not find what the first has left in memory.
    cold
      ? [(Sample.floor, Reader(blockBytes: 4 << 20, threadPerFile: true, dropsBehind: true))]
      : [
        (Sample.floor, Reader(threadPerFile: false)),
        (Sample.threadedFloor, Reader(threadPerFile: true)),
      ]
  }

  /// Measures each step once, in an order of its own in each run: what a disk has just taken from one
  /// step costs the next, which must not always be the same one.
  /// - Parameters:
  ///   - run: the number of the turn.
  ///   - bench: where it is measured.
  ///   - folders: the models of all `families`, on disk.
  ///   - each: is told every time that was taken.
  /// - Throws: `BenchFailure` when a step fails.
  public func takeTurn(
    _ run: Int, on bench: Workbench, _ folders: [Family: FamilyFolder],
    each: (Sample) throws -> Void
  ) throws {
    for step in steps.shuffled() {
      guard let folder = folders[step.scenario.family] else {
        preconditionFailure("\(step.name) has no models")
      }
      let inputs = try folder.inputs()
      _ = try PageCache.prepare(inputs, cold: step.scenario.isCold)
      if let reader = step.reader {
        let scratch = bench.scratch(for: step.scenario)
        try each(try floor(step.name, run, reader, inputs, folder.bytesOut, scratch))
      } else {
        let (outcome, account) = try bench.run(step.scenario, folder)
        try each(Sample(run: run, group: name, step: step.name, outcome, account))
      }
    }
  }

  private func floor(
    _ step: String, _ run: Int, _ reader: Reader, _ inputs: [String], _ bytesOut: Int,
    _ scratch: String
  ) throws -> Sample {
    let first = try reader.read(inputs)
    let second = try reader.read(inputs)
    let write = try Writer.write(bytesOut, in: scratch)
    return Sample(
      run: run, group: name, step: step, seconds: first + second + write.seconds,
      details: [
        Sample.Detail.firstRead: first, Sample.Detail.secondRead: second,
        Sample.Detail.write: write.seconds,
      ])
  }
}
