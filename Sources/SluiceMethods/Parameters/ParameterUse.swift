/// Which methods look at which parameters.
extension MethodParameters {
  /// Whether the methods that are chosen look at a parameter.
  ///
  /// A parameter that no row of a method names belongs to every merge.
  package func uses(_ row: ParameterRow) -> Bool {
    guard let owners = ParameterOwners.byName[row.name] else { return true }
    return owners.prunings.contains(self.pruning.rawValue)
      || owners.mergings.contains(self.merging.rawValue)
      || owners.rates.contains(assignedRates.rawValue)
  }

  /// What a parameter belongs to where the methods that are chosen do not look at it: `--prune dare`,
  /// and what is chosen instead.
  package func strangers(to row: ParameterRow) -> (owners: String, chosen: String)? {
    guard !uses(row), let owners = ParameterOwners.byName[row.name] else { return nil }
    let chosen = [
      (owners.prunings, "--prune \(self.pruning.rawValue)"),
      (owners.rates, "--rates \(assignedRates.rawValue)"),
      (owners.mergings, "--merge \(self.merging.rawValue)"),
    ].filter { !$0.0.isEmpty }.map(\.1)
    return (owners.text, chosen.joined(separator: ", "))
  }
}

/// The methods that know a parameter, by kind.
package struct ParameterOwners: Sendable {
  /// The prunings.
  package private(set) var prunings: [String] = []
  /// The rate rules.
  package private(set) var rates: [String] = []
  /// The mergings.
  package private(set) var mergings: [String] = []

  /// The owners of each parameter that not every merge has, by its name.
  package static let byName: [String: ParameterOwners] = {
    var result: [String: ParameterOwners] = [:]
    for row in PruneMethod.table {
      for path in row.parameters { result[name(path), default: .init()].prunings.append(row.name) }
    }
    for row in RateMethod.table {
      for path in row.parameters { result[name(path), default: .init()].rates.append(row.name) }
    }
    for row in MergeMethod.table {
      for path in row.parameters { result[name(path), default: .init()].mergings.append(row.name) }
    }
    return result
  }()

  private static func name(_ path: ParameterPath) -> String { ParameterRow.at(path).name }

  /// How many methods know it.
  package var count: Int { prunings.count + rates.count + mergings.count }

  /// The methods as flags: `--prune dare`, or `--rates acl, arxiv, code`.
  package var text: String {
    [("--prune", prunings), ("--rates", self.rates), ("--merge", mergings)]
      .filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: ", "))" }
      .joined(separator: " or ")
  }
}
