import Glibc
import Measuring
import Platform

/// Scenarios that merge the same models in the same state of the page cache, and so take turns, with the floor
/// among them.
public struct ScenarioGroup: Sendable {
  /// Its name, which is that of the group in results.
  public let name: String
  /// What takes turns.
  public let scenarios: [Scenario]

  private var isCold: Bool { scenarios[0].isCold }

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

  /// The steps that take turns: floors and scenarios.
  var steps: [String] {
    [Sample.floor] + (isCold ? [] : [Sample.threadedFloor]) + scenarios.map(\.name)
  }

  /// Measures each step once, beginning with another one in each run, so that no step always follows
  /// the same one.
  /// - Parameters:
  ///   - run: the number of the turn.
  ///   - bench: where it is measured.
  ///   - family: the models, on disk.
  ///   - each: is told every time that was taken.
  /// - Throws: `BenchFailure` when a step fails.
  public func takeTurn(
    _ run: Int, on bench: Workbench, _ family: FamilyFolder, each: (Sample) throws -> Void
  ) throws {
    let inputs = try family.inputs()
    let steps = steps
    for turn in steps.indices {
      let step = steps[(run + turn) % steps.count]
      _ = try PageCache.prepare(inputs, cold: isCold)
      if let scenario = scenarios.first(where: { $0.name == step }) {
        let outcome = try bench.run(scenario, family)
        try each(Sample(run: run, group: name, step: step, outcome))
      } else {
        try each(try floor(step, run, inputs, family.bytesOut, bench.scratch))
      }
    }
  }

  private func floor(
    _ step: String, _ run: Int, _ inputs: [String], _ bytesOut: Int, _ scratch: String
  ) throws -> Sample {
    // Cold, the second read must not find what the first has left in memory.
    let reader =
      isCold
      ? Reader(blockBytes: 4 << 20, threadPerFile: true, dropsBehind: true)
      : Reader(threadPerFile: step == Sample.threadedFloor)
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
