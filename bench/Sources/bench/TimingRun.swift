import Glibc
import Measuring
import Platform
import Suite

/// The times of scenarios, group by group.
struct TimingRun {
  let bench: Workbench
  let runs: Int
  /// The file that results are kept in, nil for none.
  let file: String?

  /// Measures scenarios and shows the medians.
  /// - Parameters:
  ///   - scenarios: what is measured.
  ///   - machine: for the results.
  ///   - removesFamilies: whether a family that was made here goes when no group needs it any more.
  /// - Returns: the families that were merged and are still there.
  /// - Throws: `BenchFailure` when a step fails.
  func measure(
    _ scenarios: [Scenario], machine: Machine, removesFamilies: Bool
  ) throws -> [FamilyFolder] {
    var results = try earlierResults(machine)
    let groups = ScenarioGroup.groups(of: scenarios, shape: bench.shape)
    var made: [String: FamilyFolder] = [:]
    for (number, group) in groups.enumerated() {
      var folders: [Family: FamilyFolder] = [:]
      for family in group.families {
        let folder = try family.make(in: bench.data, runShape: bench.shape)
        let files = "\(try folder.inputs().count) files, \(folder.made.count) models made"
        print("\n\(group.name): \(folder.path), \(files)")
        made[folder.path] = made[folder.path].map { $0.adding(folder) } ?? folder
        folders[family] = folder
      }
      let first = results.nextRun(of: group.name)
      for run in first..<(first + runs) {
        try group.takeTurn(run, on: bench, folders) { sample in
          results.add(sample)
          if let file { try File.replaceWhole(file, with: results.json.text) }
          print("turn \(run + 1 - first) of \(runs): \(sample.step) \(sample.seconds.fixed(3)) s")
          // Times appear as they are taken, also in a file.
          fflush(nil)
        }
      }
      let later = Set(groups[(number + 1)...].flatMap { paths(of: $0) })
      for path in paths(of: group) where removesFamilies && !later.contains(path) {
        try made.removeValue(forKey: path)?.removeMade()
      }
    }
    print("\n" + results.tables(of: scenarios))
    return Array(made.values)
  }

  private func paths(of group: ScenarioGroup) -> [String] {
    group.families.map { $0.path(in: bench.data, runShape: bench.shape) }
  }

  private func earlierResults(_ machine: Machine) throws -> Results {
    let version = try ChildProcess([bench.sluice, "--version"]).firstLine(scratch: bench.scratch)
    var programs = ["sluice \(version)"]
    if let mergekit = bench.mergekit {
      programs.append(try mergekit.versions(scratch: bench.scratch))
    }
    var setting = [
      JSON.Member("machine", machine.json),
      JSON.Member("programs", .array(programs.map { .string($0) })),
    ]
    guard let file, access(file, F_OK) == 0 else {
      return Results(shape: bench.shape, setting: .object(setting))
    }
    var results = try Results(json: JSON(parsing: File.contents(of: file)))
    guard results.shape == bench.shape else {
      throw BenchFailure("\(file) has results of shape \(results.shape), not \(bench.shape)")
    }
    // Turns without mergekit keep the version that was measured before.
    let before = results.setting["programs"]?.items ?? []
    if bench.mergekit == nil, before.count > 1 {
      setting[1] = JSON.Member("programs", .array([.string(programs[0])] + before.dropFirst()))
    }
    results.setting = .object(setting)
    return results
  }
}
