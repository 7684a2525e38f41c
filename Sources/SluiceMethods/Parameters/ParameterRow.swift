package import SluiceCore

/// A parameter without the type of its value: what flags, recipes, checks, reports, identities and
/// pages are made from.
package struct ParameterRow: Sendable {
  /// What values a parameter takes.
  package enum Kind: Sendable, Hashable {
    /// A number.
    case number(NumberRange)
    /// A whole number of at most 64 bits.
    case integer
    /// A whole number, or a share in percent.
    case rank
    /// On or off.
    case toggle
    /// One of some words.
    case word([String])
    /// A size such as `5GB`.
    case size
    /// A list of patterns of tensor names.
    case patterns
    /// The type of the merged weights.
    case dtype
  }

  /// A place in the chain form of recipes.
  package struct Place: Sendable, Hashable {
    /// The stage.
    package let stage: String
    /// The key of the stage.
    package let key: String
  }

  /// The name: the flag without its dashes, and the key among a method's parameters.
  package let name: String
  /// What values it takes.
  package let kind: Kind
  /// Where it stands in the chain form.
  package let place: Place
  /// What it means.
  package let summary: String
  /// The value where nobody says anything.
  package let defaultValue: AnyParameterValue
  /// The value that counts where nobody says anything and it follows from other parameters.
  let derived: (@Sendable (MethodParameters) -> AnyParameterValue)?

  /// The flag.
  package var flag: String { "--\(name)" }

  /// The name as a member of reports: `max-rate-deviation` is `maxRateDeviation`.
  package var memberName: String {
    let words = name.split(separator: "-")
    return words.enumerated().map { position, word in
      position == 0 ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
    }.joined()
  }

  /// All rows, in the order of the chain.
  ///
  /// Found by reflection, so that a row of the table cannot be forgotten anywhere.
  package static let all: [ParameterRow] = Mirror(reflecting: ParameterTable.shared).children
    .compactMap { ($0.value as? any AnyParameter)?.row }

  /// The row of a name, or nil.
  package static func named(_ name: String) -> ParameterRow? { byName[name] }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The rows that the chain form has in a stage, in the order of the table.
  package static func settings(of stage: String) -> [ParameterRow] {
    all.filter { $0.place.stage == stage }
  }

  /// What is wrong with a value; nil if the parameter takes it.
  package func problem(with value: AnyParameterValue) -> String? {
    switch (kind, value) {
    case (.number(let range), .number(let number)):
      range.contains(number) ? nil : "a number \(range.rawValue) is expected, found \(number)"
    case (.size, .size(let size)):
      // Elsewhere B means a billion; here it is a byte, and nobody wants files of a few.
      size.bytes >= 1000
        ? nil
        : "a size of at least 1kB is expected, found \(size.exactText); a billion bytes are 1GB"
    case (.dtype, .word(let word)):
      DType(rawValue: word)?.isMergeable ?? false
        ? nil
        : "weights cannot be written as \(word), only as \(DType.outputNames.joined(separator: ", "))"
    case (.word(let words), .word(let word)):
      words.contains(word)
        ? nil : "one of \(words.joined(separator: ", ")) is expected, found \(word)"
    default: nil
    }
  }
}

extension DType {
  /// The types that merged weights can be written as, as files spell them.
  package static let outputNames = ["F32", "F16", "BF16", "F64"]
  /// The same in PyTorch's spelling.
  package static let torchNames = [
    "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float64": "F64",
  ]
}
