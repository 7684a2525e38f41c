/// A file that a method needs beside the models.
package enum MethodInputFile: String, Sendable, Hashable, CaseIterable {
  /// Norms of the inputs of linear layers, one file for each model.
  case activations
  /// Gram matrices of the inputs of linear layers, one file for each model.
  case grams
  /// A loss for each model.
  case losses
  /// A coefficient for each model, or for each tensor of each model.
  case coefficients
  /// A score for each model and each soup of models.
  case scores

  /// Whether each model has one of its own.
  package var isOfModel: Bool { self == .activations || self == .grams }
  /// The option that names it.
  package var option: String { "--\(rawValue)" }
  /// What is in it.
  package var summary: String {
    switch self {
    case .activations: "Norms of a model's inputs."
    case .grams: "Gram matrices of a model's inputs."
    case .losses: "Losses of the models."
    case .coefficients: "Coefficients of models or tensors."
    case .scores: "Scores of models and soups."
    }
  }
}

extension MethodRow {
  /// All options that it knows, as they are written.
  package var options: [String] {
    parameters.map { ParameterRow.at($0).flag }
      + ModelParameter.allCases.filter(modelParameters.contains).map(\.flag)
      + (files.needed + files.optional).map(\.option)
  }
}

/// What all rows of the table of methods say.
package protocol MethodRow: Sendable {
  /// All rows of the kind, in the order of documentation.
  static var table: [Self] { get }
  /// What the rows of the kind are called.
  static var kind: String { get }
  /// The name in recipes.
  var name: String { get }
  /// What it does, in one sentence.
  var summary: String { get }
  /// The parameters that it looks at, beside those of every merge.
  var parameters: [ParameterPath] { get }
  /// What it looks at of what is said of single models.
  var modelParameters: Set<ModelParameter> { get }
  /// The files that it reads beside the models; those in the second list may be left out.
  var files: (needed: [MethodInputFile], optional: [MethodInputFile]) { get }
  /// The passes before the merge that it asks for.
  var passes: [PassRequest] { get }
  /// The fewest models that it makes sense for.
  var leastModels: Int { get }
  /// Where it comes from.
  var paper: String { get }
}

/// The choice of one row of a table, by its name.
package struct MethodChoice<Row: MethodRow>: RawRepresentable, Sendable, Hashable, CaseIterable {
  /// The name.
  package let rawValue: String

  /// Chooses a row.
  ///
  /// - Parameter rawValue: The name; the result is nil if no row has it.
  package init?(rawValue: String) {
    guard Row.table.contains(where: { $0.name == rawValue }) else { return nil }
    self.rawValue = rawValue
  }

  /// All rows.
  package static var allCases: [MethodChoice] {
    Row.table.compactMap { MethodChoice(rawValue: $0.name) }
  }

  init(known name: String) {
    guard let choice = MethodChoice(rawValue: name) else {
      preconditionFailure("the table has no \(name)")
    }
    self = choice
  }

  /// The row.
  package var row: Row {
    guard let row = Row.table.first(where: { $0.name == rawValue }) else {
      preconditionFailure("a choice is made from the table")
    }
    return row
  }
}
