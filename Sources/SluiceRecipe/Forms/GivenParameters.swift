internal import SluiceMethods

/// The parameters that a recipe names, and where: what its methods do not look at is refused.
struct GivenParameters {
  private var list: [(row: ParameterRow, field: RecipeField)] = []

  mutating func add(_ row: ParameterRow, _ field: RecipeField) { list.append((row, field)) }

  mutating func add(_ path: ParameterPath, _ field: RecipeField) {
    add(ParameterRow.at(path), field)
  }

  /// Checks that the methods look at all of them.
  func check(_ method: MethodParameters) throws(RecipeError) {
    // The rule for rates has a check of its own: the one that a pruning always has may be named.
    for (row, field) in list where row.name != ParameterRow.at(\.rates).name {
      guard let (owners, chosen) = method.strangers(to: row) else { continue }
      // Recipes have the flags' words without their dashes.
      let (owner, choice) = (owners.withoutDashes, chosen.withoutDashes)
      throw field.error(
        "it belongs to \(owner), and this is \(choice)", remedy: "Remove the key.")
    }
  }
}

extension String {
  fileprivate var withoutDashes: String {
    split(separator: " ").map { $0.hasPrefix("--") ? $0.dropFirst(2) : $0 }.joined(separator: " ")
  }
}
