/// The table of all methods, as commands and documentation show it.
package enum MethodTable {
  /// One method, in words.
  package struct Entry: Sendable, Hashable {
    /// What kind of method it is: `prune`, `rates` or `merge`.
    package let kind: String
    /// The name in recipes.
    package let name: String
    /// What it does.
    package let summary: String
    /// The options that it knows.
    package let options: [String]
    /// The fewest fine-tuned models that it makes sense for.
    package let leastModels: Int
    /// The passes over tensors that it takes by default, the merge included.
    package let passes: [String]
    /// The further passes that some of its options ask for.
    package let optionalPasses: [String]
    /// The files that it must have.
    package let neededFiles: [MethodInputFile]
    /// The files that it can do without.
    package let optionalFiles: [MethodInputFile]
    /// Where it comes from.
    package let paper: String
  }

  /// All methods.
  package static var entries: [Entry] {
    PruneMethod.table.map { entry($0) }
      + RateMethod.table.map { entry($0) }
      + MergeMethod.table.map { entry($0) }
  }

  /// The methods in mergekit's grammar.
  package static var stepEntries: [Entry] {
    StepMethod.table.map { method in
      let sparse: [PassKind] =
        switch method.sparsity {
        case .none: []
        case .largest, .middle: [.bands, .maskSums]
        case .draws: [.maskSums]
        case .ranks: [.ranks, .maskSums]
        }
      return Entry(
        kind: "merge_method", name: method.name, summary: method.summary,
        options: method.parameters.map(\.name), leastModels: method.models.least,
        passes: method.neededPasses + ["merge"],
        optionalPasses: sparse.map(\.rawValue) + method.optionalPasses,
        neededFiles: [], optionalFiles: [], paper: method.paper)
    }
  }

  private static func entry<Row: MethodRow>(_ row: Row) -> Entry {
    var method = MethodParameters()
    // What a row needs may follow from what is fixed in it.
    if let choice = row as? MergeMethod { method.merging = .init(known: choice.name) }
    if let choice = row as? PruneMethod { method.pruning = .init(known: choice.name) }
    func names(_ kinds: Set<PassKind>) -> [String] {
      PassKind.allCases.filter(kinds.contains).map(\.rawValue)
    }
    let usual = row.passes(method)
    return Entry(
      kind: Row.kind, name: row.name, summary: row.summary, options: options(row),
      leastModels: row.leastModels, passes: names(usual) + ["merge"],
      optionalPasses: names(row.possiblePasses.subtracting(usual)),
      neededFiles: row.files.needed, optionalFiles: row.files.optional, paper: row.paper)
  }

  /// The options that a row knows; with those of the rate rule that it always has.
  private static func options<Row: MethodRow>(_ row: Row) -> [String] {
    let rates = (row as? PruneMethod)?.fixedRates?.row.options ?? []
    return row.options + rates
  }

  /// The options that every merge has, whatever its methods.
  package static var commonOptions: [String] {
    ParameterRow.all.filter { ParameterOwners.byName[$0.name] == nil }.map(\.flag)
  }

  /// The table in Markdown, one section for each kind: the body of `docs/reference/methods.md`.
  package static var markdown: String {
    var text =
      "Options of every merge: "
      + commonOptions.map { "`\($0)`" }.joined(separator: " ")
      + ". An option that neither these nor the "
      + "chosen methods know is refused.\n\n"
    for (kind, title) in [
      ("prune", "Prunings"), ("rates", "Rate rules"), ("merge", "Mergings"),
    ] {
      text += "## \(title) (`--\(kind)`)\n\n"
      text += "| name | what it does | options | models | passes | files | source |\n"
      text += "| --- | --- | --- | --- | --- | --- | --- |\n"
      for entry in entries where entry.kind == kind { text += "| \(cells(entry)) |\n" }
      text += "\n"
    }
    text += "## In mergekit's grammar (`merge_method`)\n\n"
    text += "| name | what it does | parameters | base | models | passes | source |\n"
    text += "| --- | --- | --- | --- | --- | --- | --- |\n"
    for (method, entry) in zip(StepMethod.table, stepEntries) {
      let cells = [
        "`\(entry.name)`", entry.summary,
        entry.options.map { "`\($0)`" }.joined(separator: " "), method.base.rawValue,
        method.modelText, passText(entry), entry.paper,
      ]
      text += "| \(cells.joined(separator: " | ")) |\n"
    }
    return text
  }

  private static func cells(_ entry: Entry) -> String {
    [
      "`\(entry.name)`", entry.summary,
      entry.options.map { "`\($0)`" }.joined(separator: " "),
      "\(entry.leastModels)+", passText(entry),
      (entry.neededFiles.map { "`\($0.option)`" }
        + entry.optionalFiles.map { "`\($0.option)` (optional)" }).joined(separator: " "),
      entry.paper,
    ].joined(separator: " | ")
  }

  /// The number of passes and their names, with what options add in brackets.
  ///
  /// - Parameter entry: The method.
  /// - Returns: For example `2: survey, merge`.
  package static func passText(_ entry: Entry) -> String {
    let usual = "\(entry.passes.count): \(entry.passes.joined(separator: ", "))"
    guard !entry.optionalPasses.isEmpty else { return usual }
    return "\(usual) [+ \(entry.optionalPasses.joined(separator: ", "))]"
  }
}
