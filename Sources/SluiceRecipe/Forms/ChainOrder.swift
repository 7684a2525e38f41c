/// The built-in stages in the only order that makes sense, and what each relies on.
enum ChainOrder {
  /// The names, in order.
  static let names = [
    "read", "delta", "significance", "assign-rates", "mask", "amplify", "merge", "write",
  ]

  /// Checks the order of built-in stages, given as they stand in the recipe.
  static func check(_ stages: [ChainStage], _ list: RecipeField) throws(RecipeError) {
    var last: (rank: Int, name: String)?
    for stage in stages {
      guard let rank = names.firstIndex(of: stage.rankName) else { continue }
      if let last, rank == last.rank {
        throw stage.field.error("the stage \(stage.name) stands here for the second time")
      }
      if let last, rank < last.rank {
        throw stage.field.error(
          "\(stage.name) must stand before \(last.name)",
          remedy: "The order is: \(names.joined(separator: ", ")).")
      }
      last = (rank, stage.rankName)
    }
    try checkEnds(stages, list)
    try checkNeeds(stages)
  }

  private static func checkEnds(
    _ stages: [ChainStage], _ list: RecipeField
  ) throws(RecipeError) {
    let names = stages.map(\.rankName)
    for name in ["read", "delta", "merge", "write"] where !names.contains(name) {
      throw list.error(
        "the stage \(name) is missing",
        remedy: "Every chain reads, takes deltas, "
          + "merges and writes: read, delta, ..., merge, write.")
    }
    // Nothing stands before the deltas or after the merge but the ends themselves.
    for (position, stage) in stages.enumerated() where !ChainOrder.names.contains(stage.rankName) {
      if position < 2 {
        throw stage.field.error(
          "\(stage.name) works on deltas, and there are none yet",
          remedy: "Move it behind delta.")
      }
      if position >= stages.count - 2 {
        throw stage.field.error(
          "\(stage.name) works on deltas of single models, and they are merged already",
          remedy: "Move it before merge.")
      }
    }
  }

  private static func checkNeeds(_ stages: [ChainStage]) throws(RecipeError) {
    let needs = [
      ("significance", "assign-rates", "nothing uses it"),
      ("assign-rates", "mask", "nothing uses the rates"),
    ]
    let names = Set(stages.map(\.rankName))
    for stage in stages {
      for (name, needed, reason) in needs where stage.rankName == name && !names.contains(needed) {
        throw stage.field.error(
          "\(name) without \(needed): \(reason)", remedy: "Add \(needed), or remove \(name).")
      }
      let providers = [("mask", "assign-rates", "rates"), ("amplify", "mask", "partitions")]
      for (name, needed, what) in providers where stage.rankName == name && !names.contains(needed)
      {
        throw stage.field.error(
          "\(name) needs the \(what) of \(needed)", remedy: "Add \(needed) before it.")
      }
    }
  }
}

/// One stage of a chain as it is written: a name, and keys after it.
struct ChainStage {
  let name: String
  /// The name and place of the stage.
  let field: RecipeField
  /// The keys; nil for a name alone.
  let arguments: RecipeField?
  /// A program that merges stands in the place of the built-in operator.
  var isMerge = false

  /// The built-in stage in whose place it stands.
  var rankName: String { isMerge ? "merge" : name }

  init(_ item: RecipeField) throws(RecipeError) {
    guard item.isMap else {
      name = try item.text().replacingUnderscores
      field = item
      arguments = nil
      return
    }
    let (name, arguments) = try RecipeMap(item).onlyKey()
    self.name = name
    field = RecipeField(node: item.node, path: item.path)
    self.arguments = arguments
    isMerge = name == "exec" && ChainStage.kind(arguments) == "merge"
  }

  private static func kind(_ arguments: RecipeField) -> String? {
    guard var map = try? RecipeMap(arguments) else { return nil }
    return try? map.take("kind")?.text()
  }

  /// The keys of the stage.
  func map() throws(RecipeError) -> RecipeMap {
    guard let arguments else { return RecipeMap(emptyAt: field.place, path: field.path) }
    return try RecipeMap(arguments)
  }
}

extension String {
  /// The text with `-` for `_`, as keys are compared.
  var replacingUnderscores: String { String(map { $0 == "_" ? "-" : $0 }) }
}
