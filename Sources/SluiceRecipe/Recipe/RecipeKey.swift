package import SluiceCore

/// The value of a recipe key.
package enum RecipeValue: Sendable, Hashable {
  /// A number.
  case number(Double)
  /// A whole number.
  case integer(UInt64)
  /// One of several words.
  case word(String)
  /// A number of bytes.
  case size(ByteCount)
  /// Patterns of tensor names.
  case patterns([String])
  /// Not given.
  case none
}

/// Which numbers a key takes.
public enum NumberRange: String, Sendable, Hashable {
  /// 0 ..< 1.
  case rate = "from 0 to below 1"
  /// Above 0, at most 1.
  case density = "above 0 and at most 1"
  /// 0 ... 1.
  case share = "from 0 to 1"
  /// Above 0.
  case positive = "above 0"
  /// At least 0.
  case notNegative = "of at least 0"
  /// Above 0.001.
  case width = "above 0.001"
  /// Whole numbers of at least 0.
  case whole = "that is whole and not negative"
  /// Any finite number.
  case any = "that is finite"

  /// Whether a number lies in the range.
  ///
  /// - Parameter number: The number.
  /// - Returns: Whether the key takes it.
  public func contains(_ number: Double) -> Bool {
    guard number.isFinite, Float(number).isFinite else { return false }
    return switch self {
    case .rate: number >= 0 && number < 1
    case .density: number > 0 && number <= 1
    case .share: number >= 0 && number <= 1
    case .positive: number > 0
    case .notNegative: number >= 0
    case .width: number > 0.001
    case .whole: number >= 0 && number == number.rounded() && number < 0x1p53
    case .any: true
    }
  }
}

/// One setting of a recipe, described once.
///
/// Its flag and key, its type, its place in the chain, and how it is read from and put into a recipe.
/// Fingerprints, resolved recipes, reports and the
/// reference page follow from the table of all keys.
package struct RecipeKey: Sendable {
  /// What values a key takes.
  package enum Kind: Sendable, Hashable {
    /// A number.
    case number(NumberRange)
    /// A whole number of at most 64 bits.
    case integer
    /// One of some words.
    case word([String])
    /// A size such as `5GB`.
    case size
    /// A list of patterns of tensor names.
    case patterns
    /// The type of the merged weights.
    case dtype
  }

  /// A place in the chain form.
  public struct Place: Sendable, Hashable {
    /// The stage.
    public let stage: String
    /// The key of the stage.
    public let key: String
  }

  /// The name: the flag without its dashes, and the key among a method's parameters.
  public let name: String
  /// What values it takes.
  public let kind: Kind
  /// Where it stands in the chain form.
  public let place: Place
  /// What it means.
  public let summary: String
  /// Reads it from a recipe.
  public let get: @Sendable (MergeRecipe) -> RecipeValue
  /// Puts it into a recipe; the value fits the kind.
  public let set: @Sendable (inout MergeRecipe, RecipeValue) -> Void

  /// The key of a name.
  ///
  /// - Parameter name: The name.
  /// - Returns: The key, or nil.
  public static func named(_ name: String) -> RecipeKey? { all.first { $0.name == name } }

  /// The keys that the chain form has in a stage.
  ///
  /// - Parameter stage: The stage's name.
  /// - Returns: The keys in the order of the table.
  public static func settings(of stage: String) -> [RecipeKey] {
    all.filter { $0.place.stage == stage }
  }
}

extension RecipeKey {
  /// A key for a number.
  static func number(
    _ name: String, _ range: NumberRange, _ stage: String, as key: String? = nil,
    _ path: any (WritableKeyPath<MergeRecipe, Double> & Sendable), _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .number(range), place: Place(stage: stage, key: key ?? name),
      summary: summary, get: { .number($0[keyPath: path]) },
      set: { recipe, value in
        if case .number(let number) = value { recipe[keyPath: path] = number }
      })
  }

  /// A key for a number that need not be given.
  static func number(
    _ name: String, _ range: NumberRange, _ stage: String, as key: String? = nil,
    _ path: any (WritableKeyPath<MergeRecipe, Double?> & Sendable), _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .number(range), place: Place(stage: stage, key: key ?? name),
      summary: summary, get: { $0[keyPath: path].map { .number($0) } ?? .none },
      set: { recipe, value in
        if case .number(let number) = value { recipe[keyPath: path] = number }
      })
  }

  /// A key for one of the words of an enumeration that need not be given.
  static func word<Words: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ stage: String, as key: String? = nil,
    _ path: any (WritableKeyPath<MergeRecipe, Words?> & Sendable), _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .word(Words.allCases.map(\.rawValue)),
      place: Place(stage: stage, key: key ?? name), summary: summary,
      get: { $0[keyPath: path].map { .word($0.rawValue) } ?? .none },
      set: { recipe, value in
        if case .word(let text) = value, let word = Words(rawValue: text) {
          recipe[keyPath: path] = word
        }
      })
  }

  /// A key for what is on or off.
  static func toggle(
    _ name: String, _ stage: String,
    _ path: any (WritableKeyPath<MergeRecipe, Bool> & Sendable), _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .word(["on", "off"]), place: Place(stage: stage, key: name),
      summary: summary, get: { .word($0[keyPath: path] ? "on" : "off") },
      set: { recipe, value in
        if case .word(let word) = value { recipe[keyPath: path] = word == "on" }
      })
  }

  /// A key for one of the words of an enumeration.
  static func word<Words: RawRepresentable<String> & CaseIterable & Sendable>(
    _ name: String, _ stage: String, as key: String? = nil,
    _ path: any (WritableKeyPath<MergeRecipe, Words> & Sendable), _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .word(Words.allCases.map(\.rawValue)),
      place: Place(stage: stage, key: key ?? name), summary: summary,
      get: { .word($0[keyPath: path].rawValue) },
      set: { recipe, value in
        if case .word(let text) = value, let word = Words(rawValue: text) {
          recipe[keyPath: path] = word
        }
      })
  }

  /// A key for patterns.
  static func patterns(
    _ name: String, _ stage: String,
    _ path: any (WritableKeyPath<MergeRecipe, [String]> & Sendable),
    _ summary: String
  ) -> RecipeKey {
    RecipeKey(
      name: name, kind: .patterns, place: Place(stage: stage, key: name), summary: summary,
      get: { .patterns($0[keyPath: path]) },
      set: { recipe, value in
        if case .patterns(let patterns) = value { recipe[keyPath: path] = patterns }
      })
  }
}
